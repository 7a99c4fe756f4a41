"""The Web API client against the simulated Slack: what is sent, and what each kind of trouble is called."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import SlackAnswerLost, SlackBusy, SlackContent, SlackDown, SlackError, SlackUnreachable
from bot.slack import Message, Posted
from bot.slackcodes import error_for
from bot.slackweb import SlackWeb
from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack import SimSlack

SCOPES = {
    "commands",
    "chat:write",
    "im:write",
    "im:history",
    "channels:history",
    "channels:read",
    "users:read",
    "usergroups:read",
    "files:write",
}
BLOCKS = ({"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}},)
HELLO = Message("hello", BLOCKS)


def metadata(key: str = "operation:1", **more: str) -> dict[str, Any]:
    return {"event_type": "operation", "event_payload": {"key": key, "notebook_id": "n", **more}}


@pytest.fixture
async def slack() -> AsyncIterator[SimSlack]:
    sim = SimSlack(SimClock(1_767_225_600_000, running=False), signing_secret="s", bot_token="xoxb-sim", scopes=SCOPES)
    async with sim.seed_default().serving():
        yield sim


@pytest.fixture
async def web(slack: SimSlack) -> AsyncIterator[SlackWeb]:
    async with SlackWeb("xoxb-sim", slack.clock, base_url=slack.api_url, timeout_s=1) as made:
        yield made


async def test_a_message_is_posted_with_its_metadata_and_nothing_unfurled(slack: SimSlack, web: SlackWeb) -> None:
    posted = await web.post("C0RESEARCH", HELLO, metadata())
    (call,) = slack.calls("chat.postMessage")
    assert call["args"]["metadata"] == metadata()
    assert (call["args"]["unfurl_links"], call["args"]["unfurl_media"]) == (False, False)
    assert posted == Posted("C0RESEARCH", call["answer"]["ts"])


async def test_an_update_without_blocks_takes_the_old_ones_off(slack: SimSlack, web: SlackWeb) -> None:
    posted = await web.post("C0RESEARCH", HELLO, metadata())
    await web.update(posted.channel, posted.ts, Message("bye"), metadata())
    message = slack.workspace.channels["C0RESEARCH"].message(posted.ts)
    assert message is not None
    assert (message.text, message.blocks) == ("bye", [])


async def test_a_direct_message_goes_through_its_conversation(web: SlackWeb) -> None:
    channel = await web.open_dm("U0ANA")
    assert channel.startswith("D")
    assert (await web.post(channel, HELLO, metadata())).channel == channel


Ask = Callable[[SlackWeb], Awaitable[Any]]


def post(web: SlackWeb) -> Awaitable[Any]:
    return web.post("C0RESEARCH", HELLO, metadata())


def person(web: SlackWeb) -> Awaitable[Any]:
    return web.person("U0ANA")


@pytest.mark.parametrize(
    ("ask", "fault", "kind"),
    [
        pytest.param(post, {"effect": "reset"}, SlackAnswerLost, id="post: dropped"),
        pytest.param(post, {"effect": "lost"}, SlackAnswerLost, id="post: done, answer lost"),
        pytest.param(post, {"effect": "hang"}, SlackAnswerLost, id="post: no answer"),
        pytest.param(post, {"effect": "status", "status": 500}, SlackAnswerLost, id="post: 500"),
        pytest.param(post, {"effect": "status", "status": 503}, SlackAnswerLost, id="post: 503"),
        pytest.param(post, {"effect": "error", "error": "fatal_error"}, SlackAnswerLost, id="post: fatal_error"),
        pytest.param(post, {"effect": "error", "error": "internal_error"}, SlackAnswerLost, id="post: internal_error"),
        pytest.param(post, {"effect": "error", "error": "not_in_channel"}, SlackUnreachable, id="post: not in channel"),
        pytest.param(post, {"effect": "error", "error": "is_archived"}, SlackUnreachable, id="post: archived"),
        pytest.param(post, {"effect": "error", "error": "msg_too_long"}, SlackContent, id="post: too long"),
        pytest.param(post, {"effect": "error", "error": "metadata_too_large"}, SlackContent, id="post: metadata"),
        pytest.param(post, {"effect": "error", "error": "token_revoked"}, SlackDown, id="post: token"),
        pytest.param(person, {"effect": "reset", "count": 2}, SlackDown, id="read: dropped, and once more"),
        pytest.param(person, {"effect": "hang"}, SlackDown, id="read: no answer"),
        pytest.param(person, {"effect": "status", "status": 502}, SlackDown, id="read: 502"),
        pytest.param(person, {"effect": "error", "error": "user_not_found"}, SlackUnreachable, id="read: nobody"),
    ],
)
async def test_trouble_has_its_class(slack: SimSlack, web: SlackWeb, ask: Ask, fault: dict, kind: type) -> None:
    slack.fault("*", **fault)
    with pytest.raises(SlackError) as error:
        await ask(web)
    assert type(error.value) is kind
    await ask(web)  # and it works again


async def test_too_many_requests_say_how_long_to_wait(slack: SimSlack, web: SlackWeb) -> None:
    slack.fault("chat.postMessage", "ratelimited", retry_after=17)
    with pytest.raises(SlackBusy) as error:
        await post(web)
    assert error.value.retry_after == timedelta(seconds=17)
    assert len(slack.calls("chat.postMessage")) == 1  # the outbox waits, the client does not try again


async def test_nobody_listening_means_that_nothing_was_posted(slack: SimSlack) -> None:
    async with SlackWeb("xoxb-sim", slack.clock, base_url="http://127.0.0.1:1/api/", timeout_s=1) as web:
        for ask in (post(web), web.respond("http://127.0.0.1:1/hook", HELLO)):
            with pytest.raises(SlackDown) as error:
                await ask
            assert type(error.value) is SlackDown


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *(
            (code, SlackError)
            for code in (
                "missing_scope",
                "no_permission",
                "restricted_action",
                "restricted_action_read_only_channel",
                "access_denied",
                "expired_trigger_id",
                "exchanged_trigger_id",
                "invalid_trigger_id",
                "trigger_expired",
                "hash_conflict",
                "not_found",
                "message_not_found",
                "cant_update_message",
                "never_heard_of",
            )
        ),
        *(
            (code, SlackUnreachable)
            for code in (
                "channel_not_found",
                "not_in_channel",
                "is_archived",
                "user_not_found",
                "user_disabled",
                "user_not_in_channel",
                "cannot_dm_bot",
                "messages_tab_disabled",
                "expired_url",
                "used_url",
            )
        ),
        *(
            (code, SlackContent)
            for code in (
                "invalid_blocks",
                "invalid_blocks_format",
                "msg_too_long",
                "msg_blocks_too_long",
                "no_text",
                "too_many_attachments",
                "view_too_large",
                "invalid_arguments",
                "metadata_too_large",
                "invalid_metadata_format",
            )
        ),
        *((code, SlackBusy) for code in ("ratelimited", "rate_limited")),
        *((code, SlackDown) for code in ("internal_error", "fatal_error", "service_unavailable", "request_timeout")),
        *((code, SlackDown) for code in ("invalid_auth", "not_authed", "token_expired", "token_revoked")),
        *((code, SlackDown) for code in ("account_inactive", "org_login_required", "team_access_not_granted")),
    ],
)
def test_every_code_has_its_class(code: str, kind: type) -> None:
    error = error_for(code, 200, {}, writes=False, said={"needed": "chat:write"})
    assert (type(error), error.code) == (kind, code)
    assert str(error)


async def test_refused_blocks_say_what_is_wrong(web: SlackWeb) -> None:
    with pytest.raises(SlackContent) as error:
        await web.post("C0RESEARCH", Message("x", ({"type": "section"},)), metadata())
    assert error.value.code == "invalid_blocks"
    assert error.value.detail


async def test_a_missing_scope_is_named(slack: SimSlack, web: SlackWeb) -> None:
    slack.scopes.discard("chat:write")
    with pytest.raises(SlackError) as error:
        await post(web)
    assert (error.value.code, error.value.needed) == ("missing_scope", "chat:write")


async def test_a_message_whose_answer_was_lost_is_found_by_its_key(slack: SimSlack, web: SlackWeb) -> None:
    since = slack.clock.now()
    slack.fault("chat.postMessage", "lost")
    keys = "lease_warning:a:1:2,lease_warning:b:1:2"
    with pytest.raises(SlackAnswerLost):
        await web.post("C0RESEARCH", HELLO, metadata("lease_warning:a:1:2", keys=keys))
    message = slack.workspace.channels["C0RESEARCH"].messages[-1]
    for key in ("lease_warning:a:1:2", "lease_warning:b:1:2", "lease_warning:a:1:2@C0RESEARCH"):
        assert await web.find("C0RESEARCH", key, since) == message.ts
    assert await web.find("C0RESEARCH", "lease_warning:c:1:2", since) is None
    slack.clock.advance_ms(60_000)
    assert await web.find("C0RESEARCH", "lease_warning:a:1:2", slack.clock.now()) is None


async def test_a_key_is_found_behind_many_messages(slack: SimSlack, web: SlackWeb) -> None:
    since = slack.clock.now()
    first = await web.post("C0RESEARCH", HELLO, metadata("operation:first"))
    for n in range(230):
        await web.post("C0RESEARCH", Message("noise"), metadata(f"operation:{n}"))
    assert await web.find("C0RESEARCH", "operation:first", since) == first.ts


@pytest.mark.parametrize("ahead_s", [-90, -20, 20, 90])
async def test_a_lost_message_is_found_although_our_clock_is_off(slack: SimSlack, ahead_s: int) -> None:
    """Slack stamps messages by its own clock; up to two minutes between the clocks trip no brake."""
    ours = SimClock(slack.clock.now_ms() + ahead_s * 1000, running=False)
    async with SlackWeb("xoxb-sim", ours, base_url=slack.api_url, timeout_s=1) as web:
        channel = await web.open_dm("U0ANA")  # the answer tells Slack's clock
        slack.fault("chat.postMessage", "lost")
        attempted = ours.now()
        with pytest.raises(SlackAnswerLost):
            await web.post(channel, HELLO, metadata("operation:lost"))
        (message,) = slack.messages("U0ANA")
        assert await web.find(channel, "operation:lost", attempted - timedelta(seconds=5)) == message.ts


async def test_people_are_read_as_they_are(web: SlackWeb) -> None:
    ana = await web.person("U0ANA")
    assert (ana.id, ana.zone, ana.guest, ana.stranger, ana.deleted, ana.bot) == (
        "U0ANA",
        "Europe/Berlin",
        False,
        False,
        False,
        False,
    )
    assert (await web.person("U0GUEST")).guest
    stranger = await web.person("U0STRANGER")
    assert (stranger.stranger, stranger.team) == (True, "T0OTHER")
    assert (await web.person("U0LEASEBOT")).bot


async def test_a_group_is_remembered_for_five_minutes(slack: SimSlack, web: SlackWeb) -> None:
    assert await web.group("S0APPROVERS") == {"U0CARLA", "U0DORA"}
    slack.workspace.groups["S0APPROVERS"].users.remove("U0DORA")
    slack.clock.advance_ms(299_999)
    assert await web.group("S0APPROVERS") == {"U0CARLA", "U0DORA"}
    slack.clock.advance_ms(1)
    assert await web.group("S0APPROVERS") == {"U0CARLA"}
    slack.clock.advance_ms(300_000)
    slack.fault("usergroups.users.list", "error", error="no_such_subteam")
    with pytest.raises(SlackError):  # a group that cannot be read means no, not what it was
        await web.group("S0APPROVERS")


async def test_members_of_a_channel(web: SlackWeb) -> None:
    assert {"U0ANA", "U0BEN"} <= await web.members("C0RESEARCH")


async def test_whoami_tells_the_scopes_as_granted(web: SlackWeb) -> None:
    me = await web.whoami()
    assert me["scopes"] == SCOPES
    assert me["user_id"] == "U0LEASEBOT"
    assert me["team_id"]


async def test_a_picture_goes_into_the_thread(slack: SimSlack, web: SlackWeb) -> None:
    posted = await post(web)
    await web.upload("C0RESEARCH", posted.ts, b"\x89PNG picture", title="Cost", alt="Cost per day")
    (call,) = slack.calls("files.completeUploadExternal")
    assert (call["args"]["channel_id"], call["args"]["thread_ts"]) == ("C0RESEARCH", posted.ts)


async def test_a_view_needs_a_fresh_trigger(web: SlackWeb) -> None:
    title = {"type": "plain_text", "text": "x"}
    with pytest.raises(SlackError) as error:
        await web.open_view("1.2.expired", {"type": "modal", "title": title, "blocks": []})
    assert "trigger" in error.value.code


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.example/commands/1",
        "https://evil.example/hooks.slack.com",
        "http://hooks.slack.com/commands/1",
        "https://hooks.slack.com:8443/x",
        "https://user@hooks.slack.com/x",
        "https://hooks.slack.com@evil.example/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
        "::",
        "https://[::1]/",
        "//hooks.slack.com/x",
        "https://hooks.slack.com\\@evil.example/",
    ],
)
async def test_a_forged_response_url_is_never_called(web: SlackWeb, url: str) -> None:
    with pytest.raises(SlackError) as error:
        await web.respond(url, HELLO)
    assert error.value.code == "forbidden_url"


async def test_a_response_url_is_used_up_and_never_logged(
    slack: SimSlack, web: SlackWeb, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secret = slack.response_urls.issue(slack.clock.now_ms(), "U0ANA", "C0RESEARCH")
    url = f"{slack.url}/response/{secret}"
    for _ in range(5):
        await web.respond(url, HELLO)
    with pytest.raises(SlackUnreachable):
        await web.respond(url, HELLO)
    assert secret not in caplog.text


async def test_a_closed_session_is_made_anew(slack: SimSlack, web: SlackWeb) -> None:
    await post(web)
    await web.client.session.close()
    await post(web)
    assert len(slack.calls("chat.postMessage")) == 2


async def test_a_proxy_does_not_stand_between_us_and_loopback(slack: SimSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with SlackWeb("xoxb-sim", slack.clock, base_url=slack.api_url) as web:
        await post(web)
        secret = slack.response_urls.issue(slack.clock.now_ms(), "U0ANA", "C0RESEARCH")
        await web.respond(f"{slack.url}/response/{secret}", HELLO)
    assert len(slack.calls("chat.postMessage")) == 1
