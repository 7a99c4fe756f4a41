"""The simulated Slack signs, times and shows what a bot answers, and refuses what people could not do."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.clock import SimClock
from deploy.sandbox.server import LocalServer
from deploy.sandbox.slack import NotThere, SimSlack
from deploy.sandbox.slack.signing import sign

SECRET = "0123456789abcdef0123456789abcdef"
START = 1_767_225_600_000
SCOPES = {"commands", "chat:write", "im:write", "im:history", "channels:history", "channels:read", "users:read"}

Listener = Callable[[dict[str, Any]], Awaitable[Response]]


class Bot:
    """A bot of a few lines: `listen` decides what each payload is answered with."""

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.listen: Listener | None = None
        self.app = Starlette(routes=[Route("/slack/events", self.serve, methods=["POST"])])

    async def serve(self, request: Request) -> Response:
        body = await request.body()
        stamp, signature = request.headers["x-slack-request-timestamp"], request.headers["x-slack-signature"]
        assert int(stamp) == self.clock.now_ms() // 1000
        assert SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body) == signature
        if request.headers["content-type"] == "application/json":
            payload = json.loads(body)
        else:
            form = {key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            payload = json.loads(form["payload"]) if "payload" in form else form
        self.heard.append(payload)
        self.headers.append(dict(request.headers))
        return await self.listen(payload) if self.listen else Response()


@pytest.fixture
def clock() -> SimClock:
    return SimClock(START, running=False)


@pytest.fixture
def bot(clock: SimClock) -> Bot:
    return Bot(clock)


@pytest.fixture
async def slack(clock: SimClock, bot: Bot) -> AsyncIterator[SimSlack]:
    sim = SimSlack(clock, signing_secret=SECRET, bot_token="xoxb-sim", scopes=SCOPES).seed_default()
    async with LocalServer(bot.app) as server, sim.serving():
        sim.bot_url = server.url + "/slack/events"
        yield sim


def button(action_id: str, value: str = "v") -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": "Go"}, "value": value}


def row(*action_ids: str) -> dict[str, Any]:
    return {"type": "actions", "elements": [button(action_id) for action_id in action_ids]}


def modal(**changes: Any) -> dict[str, Any]:
    name = {"type": "plain_text_input", "action_id": "text", "min_length": 2}
    field = {"type": "input", "block_id": "name", "label": {"type": "plain_text", "text": "Name"}, "element": name}
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "Form"},
        "submit": {"type": "plain_text", "text": "OK"},
        "blocks": [field],
        **changes,
    }


async def api(slack: SimSlack, method: str, **args: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            slack.api_url + method, json=args, headers={"Authorization": f"Bearer {slack.bot_token}"}
        )
    result: dict[str, Any] = answer.json()
    return result


@pytest.mark.parametrize(
    ("secret", "stamp", "body", "signature"),
    [
        (
            SECRET,
            "1700000000",
            b"command=%2Fnb&text=status&user_id=U012ABCDEF&team_id=T012ABCDEF",
            "v0=85c5538aa4185f85841344b6d97e7688a4bfffb04d07f312941ad0a4bb5ed441",
        ),
        (
            SECRET,
            "1700000000",
            b'{"type":"url_verification","challenge":"abc123"}',
            "v0=5219fa4ea682ef76fd622ee6e20473895b648e18dbdc108b21e18e0377ed1d7a",
        ),
        (SECRET, "1700000000", b"", "v0=a5b43b014ed473febe5f6cc6ec6d9feed6b12bd87f831b83d37733c38cf4c51c"),
    ],
)
def test_signatures_are_slacks(secret: str, stamp: str, body: bytes, signature: str) -> None:
    assert sign(secret, stamp, body) == signature


def test_a_real_looking_token_is_refused(clock: SimClock) -> None:
    with pytest.raises(ValueError, match="real"):
        SimSlack(clock, signing_secret=SECRET, bot_token="xoxb-1234-abc", scopes=set())


async def test_a_command_arrives_signed_and_its_answer_is_shown_to_its_author_alone(slack: SimSlack, bot: Bot) -> None:
    async def listen(_: dict[str, Any]) -> Response:
        return JSONResponse({"response_type": "ephemeral", "text": "You have none"})

    bot.listen = listen
    answer = await slack.command("U0ANA", "list payload & @ben #random https://x.y/?a&b.", channel="C0RESEARCH")
    assert (answer.status, answer.note) == (200, None)
    heard = bot.heard[0]
    assert heard["text"] == "list payload &amp; <@U0BEN> <#C0RANDOM|random> <https://x.y/?a&amp;b>."
    assert (heard["command"], heard["user_id"], heard["team_id"]) == ("/notebook", "U0ANA", "T0LEASEBOT")
    assert [m.text for m in slack.ephemerals("U0ANA")] == ["You have none"]
    assert slack.messages("C0RESEARCH", user="U0BEN") == []


async def test_commands_work_where_the_bot_is_not_a_member_but_not_where_the_person_is_not(slack: SimSlack) -> None:
    assert (await slack.command("U0ANA", "help", channel="C0RANDOM")).ok
    with pytest.raises(NotThere):
        await slack.command("U0STRANGER", "help", channel="C0RANDOM")


async def test_an_answer_that_is_not_200_or_does_not_come_is_the_line_slack_shows(slack: SimSlack, bot: Bot) -> None:
    async def listen(_: dict[str, Any]) -> Response:
        return Response(status_code=500)

    bot.listen = listen
    assert (await slack.command("U0ANA", "list")).note == "dispatch_failed"
    slack.bot_url = "http://127.0.0.1:9/slack/events"
    assert (await slack.command("U0ANA", "list")).note == "dispatch_failed"


async def test_a_late_answer_is_operation_timeout(slack: SimSlack, bot: Bot) -> None:
    gate = asyncio.Event()

    async def listen(_: dict[str, Any]) -> Response:
        await gate.wait()
        return Response()

    bot.listen, slack.ack_timeout_s = listen, 0.05
    answer = await slack.command("U0ANA", "list")
    gate.set()
    assert (answer.status, answer.note) == (0, "operation_timeout")


async def test_a_click_carries_the_button_its_message_and_a_response_url(slack: SimSlack, bot: Bot) -> None:
    posted = await api(slack, "chat.postMessage", channel="U0ANA", text="Warn", blocks=[row("extend:1h", "stop")])
    answer = await slack.click("U0ANA", "extend")
    assert answer.ok
    heard = bot.heard[-1]
    assert heard["actions"][0] | {"action_ts": "", "block_id": ""} == {
        "action_id": "extend:1h",
        "block_id": "",
        "type": "button",
        "action_ts": "",
        "value": "v",
        "text": {"type": "plain_text", "text": "Go"},
    }
    assert heard["container"]["message_ts"] == heard["message"]["ts"] == posted["ts"]
    assert heard["response_url"].startswith(slack.url + "/response/")


async def test_people_press_only_what_they_see(slack: SimSlack) -> None:
    posted = await api(slack, "chat.postMessage", channel="U0ANA", text="Warn", blocks=[row("stop")])
    with pytest.raises(NotThere):
        await slack.click("U0BEN", "stop")
    await api(slack, "chat.update", channel=posted["channel"], ts=posted["ts"], text="Stopped")
    with pytest.raises(NotThere):
        await slack.click("U0ANA", "stop")
    assert (await slack.click("U0ANA", "stop", stale=True)).ok


async def test_a_modal_opens_once_per_trigger_is_checked_by_its_form_and_submitted(slack: SimSlack, bot: Bot) -> None:
    async def listen(payload: dict[str, Any]) -> Response:
        if "command" in payload:
            trigger = payload["trigger_id"]
            assert (await api(slack, "views.open", trigger_id=trigger, view=modal()))["ok"]
            again = await api(slack, "views.open", trigger_id=trigger, view=modal())
            assert again["error"] == "exchanged_trigger_id"
            return Response()
        text = payload["view"]["state"]["values"]["name"]["text"]["value"]
        if text == "taken":
            return JSONResponse({"response_action": "errors", "errors": {"name": "already there"}})
        return Response()

    bot.listen = listen
    await slack.command("U0ANA", "create")
    refused = await slack.submit("U0ANA", None, {"name": "x"})
    assert (refused.note, list(refused.body["errors"])) == ("form", ["name"])
    assert len(bot.heard) == 1
    await slack.submit("U0ANA", None, {"name": {"text": "taken"}})
    view = slack.modal("U0ANA")
    assert view is not None
    assert view.errors == {"name": "already there"}
    await slack.submit("U0ANA", view.id, {"name": {"text": {"type": "plain_text_input", "value": "fresh"}}})
    assert slack.modal("U0ANA") is None


async def test_events_are_repeated_three_times_and_then_dropped(slack: SimSlack, bot: Bot, clock: SimClock) -> None:
    async def listen(_: dict[str, Any]) -> Response:
        return Response(status_code=503)

    bot.listen = listen
    await slack.open_home("U0ANA")
    assert len(bot.heard) == 2
    await slack.push_clock(60_000)
    await slack.push_clock(299_000)
    assert len(bot.heard) == 3
    await slack.push_clock(1_000)
    await slack.push_clock(3_600_000)
    assert [h.get("x-slack-retry-num") for h in bot.headers] == [None, "1", "2", "3"]
    assert {h.get("x-slack-retry-reason") for h in bot.headers[1:]} == {"http_error"}
    assert len({payload["event_id"] for payload in bot.heard}) == 1


async def test_no_retry_is_respected(slack: SimSlack, bot: Bot) -> None:
    async def listen(_: dict[str, Any]) -> Response:
        return Response(status_code=401, headers={"X-Slack-No-Retry": "1"})

    bot.listen = listen
    await slack.open_home("U0ANA")
    assert len(bot.heard) == 1


async def test_a_response_url_takes_five_posts_within_half_an_hour(slack: SimSlack, bot: Bot, clock: SimClock) -> None:
    await slack.command("U0ANA", "list")
    await slack.command("U0ANA", "list")
    async with httpx.AsyncClient(trust_env=False) as http:
        first, second = (heard["response_url"] for heard in bot.heard)
        statuses = [(await http.post(first, json={"text": str(n)})).status_code for n in range(6)]
        assert statuses == [200] * 5 + [404]
        clock.advance_ms(30 * 60_000 + 1)
        late = await http.post(second, json={"text": "late"})
    assert (late.status_code, late.json()["error"]) == (404, "expired_url")
    assert [m.text for m in slack.ephemerals("U0ANA")] == list("01234")


async def test_a_response_url_replaces_or_removes_the_pressed_message(slack: SimSlack, bot: Bot) -> None:
    await api(slack, "chat.postEphemeral", channel="C0RESEARCH", user="U0ANA", text="Sure?", blocks=[row("stop")])
    await slack.click("U0ANA", "stop")
    assert "message" not in bot.heard[-1]
    async with httpx.AsyncClient(trust_env=False) as http:
        url = bot.heard[-1]["response_url"]
        await http.post(url, json={"text": "Stopped", "replace_original": True})
        assert [m.text for m in slack.ephemerals("U0ANA")] == ["Stopped"]
        await http.post(url, json={"delete_original": True})
    assert slack.ephemerals("U0ANA") == []


async def test_a_request_can_be_delivered_twice(slack: SimSlack, bot: Bot) -> None:
    await slack.command("U0ANA", "list")
    assert (await slack.replay()).ok
    assert bot.heard[0] == bot.heard[1]


async def test_people_of_other_teams_are_shown_as_such_and_have_no_dm(slack: SimSlack, bot: Bot) -> None:
    await api(slack, "chat.postMessage", channel="C0SHARED", text="x", blocks=[row("stop")])
    await slack.command("U0STRANGER", "list")
    await slack.click("U0STRANGER", "stop")
    command, press = bot.heard
    assert (command["team_id"], command["channel_id"]) == ("T0OTHER", "C0SHARED")
    assert (press["team"]["id"], press["user"]["team_id"]) == ("T0LEASEBOT", "T0OTHER")


async def test_menus_carry_what_was_chosen(slack: SimSlack, bot: Bot) -> None:
    options = [{"text": {"type": "plain_text", "text": word}, "value": word} for word in ("one", "two")]
    elements = [
        {"type": "static_select", "action_id": "pick", "options": options},
        {"type": "overflow", "action_id": "more", "options": options},
        {"type": "datepicker", "action_id": "day"},
        {"type": "external_select", "action_id": "search", "min_query_length": 0},
    ]
    block = {"type": "actions", "block_id": "row", "elements": elements}
    posted = await api(slack, "chat.postMessage", channel="U0ANA", text="x", blocks=[block])
    for action_id, chosen in (("pick", "two"), ("more", "one"), ("day", "2026-01-31")):
        await slack.click("U0ANA", action_id, selected=chosen)
    pick, more, day = (heard["actions"][0] for heard in bot.heard)
    assert pick["selected_option"] == options[1]
    assert bot.heard[0]["state"]["values"]["row"]["pick"]["selected_option"] == options[1]
    assert more["selected_option"] == options[0]
    assert day["selected_date"] == "2026-01-31"
    await slack.suggest("U0ANA", None, "row", "search", "o", channel=posted["channel"], ts=posted["ts"])
    assert (bot.heard[-1]["type"], bot.heard[-1]["value"]) == ("block_suggestion", "o")


async def test_answers_to_a_submission_update_push_and_clear(slack: SimSlack, bot: Bot) -> None:
    answers: list[dict[str, Any]] = [
        {"response_action": "push", "view": modal(callback_id="second")},
        {"response_action": "update", "view": modal(callback_id="third")},
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": {**modal(), "title": {"type": "plain_text", "text": "x" * 25}}},
        {"response_action": "clear"},
    ]

    async def listen(payload: dict[str, Any]) -> Response:
        if "command" in payload:
            await api(slack, "views.open", trigger_id=payload["trigger_id"], view=modal(callback_id="first"))
            return Response()
        return JSONResponse(answers.pop(0))

    bot.listen = listen
    await slack.command("U0ANA", "create")
    shown = []
    for _ in range(5):
        await slack.submit("U0ANA", None, {"name": "abc"})
        view = slack.modal("U0ANA")
        shown.append(view.body["callback_id"] if view else None)
    assert shown == ["second", "third", "third", "third", None]
    assert [finding["code"] for finding in slack.findings] == ["invalid_errors", "too_long", "invalid_arguments"]


async def test_closing_is_told_only_if_asked_for(slack: SimSlack, bot: Bot) -> None:
    for changes in ({}, {"notify_on_close": True}):
        await api(slack, "views.open", trigger_id=slack.triggers.issue("U0ANA"), view=modal(**changes))
        await slack.close_view("U0ANA", everything=bool(changes))
        assert slack.modal("U0ANA") is None
    assert [(heard["type"], heard["is_cleared"]) for heard in bot.heard] == [("view_closed", True)]


async def test_a_test_can_wait_for_what_a_bot_does_later(slack: SimSlack) -> None:
    metadata = {"event_type": "operation", "event_payload": {"key": "operation:1"}}
    waiting = asyncio.create_task(slack.until(lambda: slack.notices("operation", user="U0ANA")))
    await api(slack, "chat.postMessage", channel="U0ANA", text="x", metadata=metadata)
    await waiting
    assert slack.notices("operation", user="U0BEN") == []
    with pytest.raises(TimeoutError):
        await slack.until(lambda: slack.notices("digest"), seconds=0.01)
