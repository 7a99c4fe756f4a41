"""The simulated Slack refuses, by Slack's own names, what Slack refuses."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack import Channel, SimSlack
from deploy.sandbox.slack.workspace import Message

SCOPES = {
    "chat:write", "im:write", "im:history", "channels:history", "channels:read", "users:read", "usergroups:read",
    "files:write", "reactions:write", "users:read.email", "im:read",
}  # fmt: skip


class Time:
    """The host's monotonic time, pushed by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def slack(time: Time) -> AsyncIterator[SimSlack]:
    clock = SimClock(1_767_225_600_000, running=False)
    sim = SimSlack(clock, signing_secret="s", bot_token="xoxb-sim", app_token="xapp-sim", scopes=SCOPES, monotonic=time)
    sim.seed_default().workspace.users["U0BEN"].deleted = True
    sim.workspace.channels["C0OLD"] = Channel("C0OLD", "old", "channel", ["U0ANA", "U0LEASEBOT"], is_archived=True)
    sim.workspace.channels["G0SECRET"] = Channel("G0SECRET", "secret", "group", ["U0ANA"])
    async with sim.serving():
        yield sim


@pytest.fixture
def client(slack: SimSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, timeout=5)


async def refusal(client: AsyncWebClient, method: str, **args: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, json=args)
    return str(caught.value.response["error"])


def text(words: str = "x", kind: str = "plain_text") -> dict[str, Any]:
    return {"type": kind, "text": words}


def section(words: str = "x") -> dict[str, Any]:
    return {"type": "section", "text": text(words, "mrkdwn")}


def modal(**changes: Any) -> dict[str, Any]:
    return {"type": "modal", "title": text(), "blocks": [section()], **changes}


META: dict[str, Any] = {"event_type": "operation", "event_payload": {"key": "k"}}

TABLE: list[tuple[str, dict[str, Any], str]] = [
    ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "G0SECRET", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0RANDOM", "text": "x"}, "not_in_channel"),
    ("chat.postMessage", {"channel": "C0OLD", "text": "x"}, "is_archived"),
    ("chat.postMessage", {"channel": "C0RESEARCH"}, "no_text"),
    ("chat.postMessage", {"channel": "U0BEN", "text": "x"}, "user_disabled"),
    ("chat.postMessage", {"channel": "U0LEASEBOT", "text": "x"}, "cannot_dm_bot"),
    ("chat.postMessage", {"channel": "C0RESEARCH", "text": "x", "blocks": [{"type": "none"}]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "C0RESEARCH", "text": "x", "blocks": "[oops"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": "C0RESEARCH", "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
    ("chat.postMessage", {"channel": "C0RESEARCH", "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
    (
        "chat.postMessage",
        {"channel": "C0RESEARCH", "text": "x", "metadata": {"event_type": "a"}},
        "invalid_metadata_format",
    ),
    (
        "chat.postMessage",
        {"channel": "C0RESEARCH", "text": "x", "metadata": {**META, "event_payload": {"a": {"b": 1}}}},
        "invalid_metadata_schema",
    ),
    (
        "chat.postMessage",
        {"channel": "C0RESEARCH", "text": "x", "metadata": {**META, "event_payload": {"a": "b" * 17_000}}},
        "metadata_too_large",
    ),
    ("chat.update", {"channel": "C0RESEARCH", "ts": "1.000000", "text": "x"}, "message_not_found"),
    ("chat.update", {"channel": "U0ANA", "ts": "1.000000", "text": "x"}, "channel_not_found"),
    ("chat.update", {"channel": "C0RESEARCH", "ts": "9.000000", "text": "x"}, "cant_update_message"),
    ("chat.delete", {"channel": "C0RESEARCH", "ts": "9.000000"}, "cant_delete_message"),
    ("chat.delete", {"channel": "C0RESEARCH", "ts": "1.000000"}, "message_not_found"),
    ("chat.postEphemeral", {"channel": "C0RESEARCH", "user": "U0STRANGER", "text": "x"}, "user_not_in_channel"),
    ("chat.postEphemeral", {"channel": "C0RESEARCH", "user": "U0BEN", "text": "x"}, "user_not_in_channel"),
    ("chat.postEphemeral", {"channel": "C0RANDOM", "user": "U0ANA", "text": "x"}, "not_in_channel"),
    ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
    ("conversations.open", {"users": "U0BEN"}, "user_disabled"),
    ("conversations.open", {"users": "U0LEASEBOT"}, "cannot_dm_bot"),
    ("conversations.open", {"users": "U0ANA,U0DORA"}, "missing_scope"),
    ("conversations.info", {"channel": "G0SECRET"}, "missing_scope"),
    ("conversations.members", {"channel": "C0NOWHERE"}, "channel_not_found"),
    ("conversations.members", {"channel": "C0RESEARCH", "cursor": "other"}, "invalid_cursor"),
    ("conversations.history", {"channel": "C0RANDOM"}, "not_in_channel"),
    ("conversations.history", {"channel": "C0RESEARCH", "oldest": "yesterday"}, "invalid_ts_oldest"),
    ("conversations.replies", {"channel": "C0RESEARCH", "ts": "1.000000"}, "thread_not_found"),
    ("conversations.join", {"channel": "C0RANDOM"}, "missing_scope"),
    ("views.open", {"trigger_id": "1.2.3", "view": modal()}, "invalid_trigger_id"),
    ("views.open", {"view": modal()}, "invalid_arguments"),
    ("views.update", {"view_id": "V0NOWHERE", "view": modal()}, "not_found"),
    ("views.publish", {"user_id": "U0ANA", "view": modal()}, "invalid_arguments"),
    ("views.publish", {"user_id": "U0NOBODY", "view": {"type": "home", "blocks": []}}, "user_not_found"),
    (
        "views.publish",
        {"user_id": "U0ANA", "view": {"type": "home", "blocks": [section("x" * 3000)] * 90}},
        "view_too_large",
    ),
    ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
    ("users.lookupByEmail", {"email": "nobody@example.com"}, "users_not_found"),
    ("usergroups.users.list", {"usergroup": "S0NOBODY"}, "no_such_subteam"),
    ("dnd.info", {"user": "U0ANA"}, "missing_scope"),
    ("team.info", {}, "missing_scope"),
    ("reactions.add", {"channel": "C0RESEARCH", "timestamp": "9.000000", "name": ":eyes:"}, "invalid_name"),
    ("reactions.remove", {"channel": "C0RESEARCH", "timestamp": "9.000000", "name": "eyes"}, "no_reaction"),
    ("reactions.add", {"channel": "C0RESEARCH", "timestamp": "1.000000", "name": "eyes"}, "message_not_found"),
    ("files.getUploadURLExternal", {"filename": "a.png", "length": 0}, "missing_argument"),
    ("files.completeUploadExternal", {"files": [{"id": "F0NONE"}]}, "file_not_found"),
    ("apps.connections.open", {}, "not_allowed_token_type"),
    ("chat.postMassage", {}, "unknown_method"),
    ("blocks.validate", {"blocks": [{"type": "none"}]}, "invalid_blocks"),
]


@pytest.mark.parametrize(("method", "args", "error"), TABLE, ids=[f"{m}-{e}-{i}" for i, (m, _, e) in enumerate(TABLE)])
async def test_refused(slack: SimSlack, client: AsyncWebClient, method: str, args: dict[str, Any], error: str) -> None:
    slack.workspace.channels["C0RESEARCH"].messages.append(Message("9.000000", "U0ANA", "hello", 9_000))
    assert await refusal(client, method, **args) == error


async def test_tokens_are_checked(slack: SimSlack) -> None:
    wrong = AsyncWebClient("xoxb-other", base_url=slack.api_url)
    assert await refusal(wrong, "auth.test") == "invalid_auth"
    assert await refusal(AsyncWebClient(base_url=slack.api_url), "auth.test") == "not_authed"
    app = AsyncWebClient("xapp-sim", base_url=slack.api_url)
    assert await refusal(app, "auth.test") == "not_allowed_token_type"


async def test_missing_scope_says_what_is_needed_and_what_there_is(slack: SimSlack, client: AsyncWebClient) -> None:
    slack.scopes = {"users:read"}
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0RESEARCH", text="x")
    assert (caught.value.response["needed"], caught.value.response["provided"]) == ("chat:write", "users:read")


async def test_a_trigger_lives_three_seconds_of_real_time_and_once(
    slack: SimSlack, client: AsyncWebClient, time: Time
) -> None:
    first, second = slack.triggers.issue("U0ANA"), slack.triggers.issue("U0ANA")
    slack.clock.advance_ms(3_600_000)
    time.now += 3.0
    assert (await client.views_open(trigger_id=first, view=modal()))["view"]["id"].startswith("V")
    assert await refusal(client, "views.open", trigger_id=first, view=modal()) == "exchanged_trigger_id"
    time.now += 0.1
    assert await refusal(client, "views.open", trigger_id=second, view=modal()) == "expired_trigger_id"


async def test_three_modals_are_the_most(slack: SimSlack, client: AsyncWebClient) -> None:
    opened = await client.views_open(trigger_id=slack.triggers.issue("U0ANA"), view=modal())
    root = opened["view"]["id"]
    for _ in range(2):
        pushed = await client.views_push(trigger_id=slack.triggers.issue("U0ANA", root), view=modal())
        assert pushed["view"]["root_view_id"] == root
    trigger = slack.triggers.issue("U0ANA", root)
    assert await refusal(client, "views.push", trigger_id=trigger, view=modal()) == "push_limit_reached"


async def test_a_view_changes_only_for_who_knows_its_hash_and_while_it_is_open(
    slack: SimSlack, client: AsyncWebClient
) -> None:
    view = (await client.views_open(trigger_id=slack.triggers.issue("U0ANA"), view=modal(external_id="one")))["view"]
    changed = await client.views_update(external_id="one", hash=view["hash"], view=modal(external_id="one"))
    assert changed["view"]["hash"] != view["hash"]
    stale = {"view_id": view["id"], "hash": view["hash"], "view": modal()}
    assert await refusal(client, "views.update", **stale) == "hash_conflict"
    trigger = slack.triggers.issue("U0DORA")
    error = await refusal(client, "views.open", trigger_id=trigger, view=modal(external_id="one"))
    assert error == "duplicate_external_id"
    await slack.close_view("U0ANA")
    assert await refusal(client, "views.update", view_id=view["id"], view=modal()) == "not_found"


async def test_what_was_typed_survives_an_update_where_the_ids_stay(slack: SimSlack, client: AsyncWebClient) -> None:
    def form(block_id: str) -> dict[str, Any]:
        element = {"type": "plain_text_input", "action_id": "text"}
        block = {"type": "input", "block_id": block_id, "label": text(), "element": element}
        return modal(blocks=[block, {"type": "actions", "elements": [button()]}], submit=text("OK"))

    def button() -> dict[str, Any]:
        return {"type": "button", "action_id": "more", "text": text()}

    view = (await client.views_open(trigger_id=slack.triggers.issue("U0ANA"), view=form("a")))["view"]
    await slack.click("U0ANA", "more", view=view["id"], state={"a": {"text": "typed"}})
    same = await client.views_update(view_id=view["id"], view=form("a"))
    assert same["view"]["state"]["values"]["a"]["text"]["value"] == "typed"
    other = await client.views_update(view_id=view["id"], view=form("b"))
    assert other["view"]["state"]["values"] == {"b": {"text": {"type": "plain_text_input", "value": None}}}


async def test_the_home_tab_may_be_off_and_keeps_its_hash(slack: SimSlack, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [section()]}
    first = await client.views_publish(user_id="U0ANA", view=home)
    await client.views_publish(user_id="U0ANA", view=home, hash=first["view"]["hash"])
    conflict = await refusal(client, "views.publish", user_id="U0ANA", view=home, hash=first["view"]["hash"])
    slack.home_enabled = False
    assert conflict == "hash_conflict"
    assert await refusal(client, "views.publish", user_id="U0ANA", view=home) == "not_enabled"


async def test_updates_are_shorter_than_posts_and_may_have_a_deadline(slack: SimSlack, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0RESEARCH", text="x" * 4001)
    place = {"channel": "C0RESEARCH", "ts": posted["ts"]}
    assert await refusal(client, "chat.update", **place, text="x" * 4001) == "msg_too_long"
    slack.edit_window_s = 60
    slack.clock.advance_ms(60_001)
    assert await refusal(client, "chat.update", **place, text="x") == "edit_window_closed"


async def test_an_ephemeral_message_cannot_be_updated_deleted_or_found(slack: SimSlack, client: AsyncWebClient) -> None:
    shown = await client.chat_postEphemeral(channel="C0RESEARCH", user="U0ANA", text="psst")
    place = {"channel": "C0RESEARCH", "ts": shown["message_ts"]}
    assert await refusal(client, "chat.update", **place, text="x") == "message_not_found"
    assert await refusal(client, "chat.delete", **place) == "message_not_found"
    assert (await client.conversations_history(channel="C0RESEARCH"))["messages"] == []


async def test_an_invalid_block_is_refused_with_its_pointer(slack: SimSlack, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0RESEARCH", text="x", blocks=[section("x" * 3001)])
    messages = caught.value.response["response_metadata"]["messages"]
    assert messages == ["[ERROR] must be less than 3001 characters [3001] [json-pointer:/blocks/0/text/text]"]
    assert slack.findings[-1]["pointer"] == "/blocks/0/text/text"


async def test_blocks_without_text_are_taken_and_regretted(slack: SimSlack, client: AsyncWebClient) -> None:
    answer = await client.api_call("chat.postMessage", json={"channel": "C0RESEARCH", "blocks": [section()]})
    assert answer["warning"] == "missing_text_in_message"
    assert slack.findings[-1] | {"at_ms": 0} == {
        "at_ms": 0,
        "where": "chat.postMessage",
        "severity": "warning",
        "code": "missing_text",
        "message": "no top-level text: screen readers and notifications say nothing",
        "pointer": "/text",
    }
