"""Slack's own SDK works against the simulator, and trouble arrives as the SDK knows it."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack import Channel, SimSlack

SCOPES = {
    "chat:write", "im:write", "im:history", "im:read", "channels:history", "channels:read", "groups:read",
    "users:read", "users:read.email", "usergroups:read", "files:write", "reactions:write", "dnd:read", "team:read",
    "mpim:write", "channels:join",
}  # fmt: skip
START = 1_767_225_600_000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture
async def slack() -> AsyncIterator[SimSlack]:
    sim = SimSlack(SimClock(START, running=False), signing_secret="s", bot_token="xoxb-sim", scopes=SCOPES)
    async with sim.seed_default().serving():
        yield sim


@pytest.fixture
def client(slack: SimSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, timeout=5)


async def test_auth_test_names_the_bot_and_its_scopes(slack: SimSlack, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0LEASEBOT", "B0LEASEBOT", "T0LEASEBOT")
    assert set(answer.headers["X-OAuth-Scopes"].split(",")) == SCOPES
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == START / 1000


async def test_a_post_to_a_person_lands_in_their_direct_conversation(slack: SimSlack, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="U0ANA", text="hello")
    opened = await client.conversations_open(users=["U0ANA"])
    assert posted["channel"] == opened["channel"]["id"] == slack.dm("U0ANA").id
    assert posted["channel"].startswith("D")
    assert [m.text for m in slack.messages("U0ANA", user="U0ANA")] == ["hello"]
    assert slack.messages(user="U0BEN") == []


async def test_ts_increases_even_if_the_clock_stands_or_goes_back(slack: SimSlack, client: AsyncWebClient) -> None:
    seen = []
    for push in (0, 0, -60_000, 60_000):
        slack.clock.advance_ms(push)
        seen.append((await client.chat_postMessage(channel="C0RESEARCH", text="x"))["ts"])
    assert seen == sorted(set(seen))
    assert seen[0] == f"{START // 1000}.000000"


async def test_history_finds_a_message_by_its_metadata(slack: SimSlack, client: AsyncWebClient) -> None:
    keys = [f"operation:{n}" for n in range(5)]
    for key in keys:
        slack.clock.advance_ms(1000)
        metadata = {"event_type": "operation", "event_payload": {"key": key}}
        await client.chat_postMessage(channel="U0ANA", text=key, metadata=metadata)
    channel, oldest = slack.dm("U0ANA").id, f"{START // 1000 + 2}.000000"
    found, cursor = [], None
    while cursor != "":
        page = await client.conversations_history(
            channel=channel, oldest=oldest, inclusive=True, limit=2, cursor=cursor, include_all_metadata=True
        )
        found += [message["metadata"]["event_payload"]["key"] for message in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
    assert found == keys[:0:-1]
    exclusive = await client.conversations_history(channel=channel, oldest=oldest)
    assert [message["text"] for message in exclusive["messages"]] == keys[:1:-1]
    assert "metadata" not in exclusive["messages"][0]


async def test_update_keeps_metadata_and_text_alone_takes_the_blocks_off(
    slack: SimSlack, client: AsyncWebClient
) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]
    metadata = {"event_type": "operation", "event_payload": {"key": "k"}}
    posted = await client.chat_postMessage(channel="C0RESEARCH", text="x", blocks=blocks, metadata=metadata)
    changed = await client.chat_update(channel="C0RESEARCH", ts=posted["ts"], text="y")
    assert "blocks" not in changed["message"]
    assert changed["message"]["metadata"] == metadata
    assert changed["message"]["edited"]["user"] == "U0LEASEBOT"
    with_blocks = await client.chat_update(channel="C0RESEARCH", ts=posted["ts"], text="y", blocks=blocks, metadata={})
    assert "metadata" not in with_blocks["message"]
    await client.chat_delete(channel="C0RESEARCH", ts=posted["ts"])
    assert slack.messages("C0RESEARCH") == []


async def test_replies_are_in_the_thread_and_not_in_the_history(slack: SimSlack, client: AsyncWebClient) -> None:
    first = await client.chat_postMessage(channel="C0RESEARCH", text="first")
    await client.chat_postMessage(channel="C0RESEARCH", text="reply", thread_ts=first["ts"])
    history = await client.conversations_history(channel="C0RESEARCH")
    replies = await client.conversations_replies(channel="C0RESEARCH", ts=first["ts"])
    assert [message["text"] for message in history["messages"]] == ["first"]
    assert [message["text"] for message in replies["messages"]] == ["first", "reply"]


async def test_conversations_say_who_is_in(slack: SimSlack, client: AsyncWebClient) -> None:
    info = {c: (await client.conversations_info(channel=c))["channel"] for c in ("C0RESEARCH", "C0RANDOM", "C0SHARED")}
    assert [info[c]["is_member"] for c in info] == [True, False, True]
    assert [info[c]["is_ext_shared"] for c in info] == [False, False, True]
    people, cursor = [], None
    while cursor != "":
        page = await client.conversations_members(channel="C0RESEARCH", limit=2, cursor=cursor)
        people += page["members"]
        cursor = page["response_metadata"]["next_cursor"]
    assert people == slack.workspace.channels["C0RESEARCH"].members
    await client.conversations_join(channel="C0RANDOM")
    assert (await client.conversations_info(channel="C0RANDOM"))["channel"]["is_member"]
    listed = await client.conversations_list(types="public_channel,im")
    assert {channel["id"] for channel in listed["channels"]} >= {"C0RESEARCH", "C0RANDOM", "C0SHARED"}


async def test_a_private_channel_needs_its_own_scope_and_the_bot_inside(
    slack: SimSlack, client: AsyncWebClient
) -> None:
    slack.workspace.channels["G0SECRET"] = Channel("G0SECRET", "secret", "group", ["U0ANA", "U0LEASEBOT"])
    assert (await client.conversations_info(channel="G0SECRET"))["channel"]["is_private"]
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.conversations_history(channel="G0SECRET")


async def test_people_have_zones_and_standing(client: AsyncWebClient) -> None:
    ana = (await client.users_info(user="U0ANA", include_locale=True))["user"]
    assert (ana["tz"], ana["tz_offset"], ana["deleted"], ana["locale"]) == ("Europe/Berlin", 3600, False, "en-GB")
    assert (await client.users_info(user="U0BEN"))["user"]["tz_offset"] == -18_000
    assert (await client.users_info(user="U0GUEST"))["user"]["is_restricted"]
    stranger = (await client.users_info(user="U0STRANGER"))["user"]
    assert (stranger["is_stranger"], stranger["team_id"]) == (True, "T0OTHER")
    assert (await client.users_lookupByEmail(email="ana@example.com"))["user"]["id"] == "U0ANA"
    assert (await client.dnd_info(user="U0ANA"))["dnd_enabled"] is False
    assert (await client.team_info())["team"]["id"] == "T0LEASEBOT"


async def test_groups_name_their_members(client: AsyncWebClient) -> None:
    assert (await client.usergroups_users_list(usergroup="S0APPROVERS"))["users"] == ["U0CARLA", "U0DORA"]
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert {group["id"]: group["users"] for group in groups}["S0ADMINS"] == ["U0DORA"]


async def test_reactions_come_and_go(slack: SimSlack, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0RESEARCH", text="x")
    place: dict[str, Any] = {"channel": "C0RESEARCH", "timestamp": posted["ts"], "name": "eyes"}
    await client.reactions_add(**place)
    with pytest.raises(SlackApiError, match="already_reacted"):
        await client.reactions_add(**place)
    await client.reactions_remove(**place)
    assert slack.messages("C0RESEARCH")[0].reactions == {}


async def test_a_picture_is_uploaded_in_three_steps_and_served_back(slack: SimSlack, client: AsyncWebClient) -> None:
    first = await client.chat_postMessage(channel="U0ANA", text="Your costs")
    answer = await client.files_upload_v2(
        channel=slack.dm("U0ANA").id, thread_ts=first["ts"], content=PNG, filename="cost.png", title="Costs",
        alt_txt="Costs by day",
    )  # fmt: skip
    shown = slack.messages("U0ANA")[-1]
    assert (shown.thread_ts, shown.files[0].title, shown.files[0].alt) == (first["ts"], "Costs", "Costs by day")
    async with httpx.AsyncClient(trust_env=False) as http:
        picture = await http.get(answer["file"]["url_private"])
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")


async def test_an_upload_of_another_length_is_refused(slack: SimSlack, client: AsyncWebClient) -> None:
    url = await client.files_getUploadURLExternal(filename="cost.png", length=len(PNG))
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(url["upload_url"], content=PNG[:-1])).status_code == 400
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": url["file_id"]}], channel_id="C0RESEARCH")


async def test_all_three_places_of_arguments_count(slack: SimSlack) -> None:
    bearer = {"Authorization": "Bearer xoxb-sim"}
    async with httpx.AsyncClient(trust_env=False, base_url=slack.api_url, headers=bearer) as http:
        answers = [
            await http.get("users.info", params={"user": "U0ANA"}),
            await http.post("users.info", data={"user": "U0ANA"}),
            await http.post("users.info", json={"user": "U0ANA"}),
            await http.post("users.info?user=U0ANA"),
        ]
    assert [answer.json()["user"]["id"] for answer in answers] == ["U0ANA"] * 4


async def test_rate_limits_come_with_their_seconds_for_that_method_only(
    slack: SimSlack, client: AsyncWebClient
) -> None:
    slack.fault("chat.*", "ratelimited", nth=2, retry_after=7)
    await client.chat_postMessage(channel="C0RESEARCH", text="1")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0RESEARCH", text="2")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    await client.users_info(user="U0ANA")
    await client.chat_postMessage(channel="C0RESEARCH", text="3")
    assert [m.text for m in slack.messages("C0RESEARCH")] == ["1", "3"]


async def test_named_errors_and_broken_servers(slack: SimSlack, client: AsyncWebClient) -> None:
    slack.fault("users.info", "error", error="token_revoked")
    slack.fault("users.info", "status", nth=2, status=503)
    with pytest.raises(SlackApiError, match="token_revoked"):
        await client.users_info(user="U0ANA")
    with pytest.raises(SlackApiError) as caught:
        await client.users_info(user="U0ANA")
    assert caught.value.response.status_code == 503
    assert (await client.users_info(user="U0ANA"))["ok"]


@pytest.mark.parametrize(("effect", "posted"), [("reset", 0), ("lost", 1)])
async def test_a_dropped_connection_may_have_posted(slack: SimSlack, effect: str, posted: int) -> None:
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, timeout=5)
    client.retry_handlers = []
    slack.fault("chat.postMessage", effect)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0RESEARCH", text="x")
    assert len(slack.messages("C0RESEARCH")) == posted
    assert slack.calls("chat.postMessage")[-1]["fault"] == effect


async def test_a_hanging_answer_ends_when_the_caller_gives_up(slack: SimSlack) -> None:
    slack.fault("chat.postMessage", "hang")
    async with httpx.AsyncClient(trust_env=False, timeout=0.1, headers={"Authorization": "Bearer xoxb-sim"}) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(slack.api_url + "chat.postMessage", json={"channel": "C0RESEARCH", "text": "x"})
    assert len(slack.messages("C0RESEARCH")) == 1


async def test_slow_is_only_slow(slack: SimSlack, client: AsyncWebClient) -> None:
    slack.fault("chat.postMessage", "slow", seconds=0.02)
    slow, fast = await asyncio.gather(
        client.chat_postMessage(channel="C0RESEARCH", text="slow"), client.users_info(user="U0ANA")
    )
    assert slow["ok"]
    assert fast["ok"]


async def test_slack_can_be_down_until_it_is_up(slack: SimSlack, client: AsyncWebClient) -> None:
    slack.fault("*", "status", count=None, status=503)
    for _ in range(3):
        with pytest.raises(SlackApiError):
            await client.chat_postMessage(channel="C0RESEARCH", text="x")
    slack.faults.clear()
    assert (await client.chat_postMessage(channel="C0RESEARCH", text="x"))["ok"]


async def test_the_sdks_webhook_client_answers_a_response_url(slack: SimSlack) -> None:
    await slack.command("U0ANA", "list", channel="C0RESEARCH")
    url = slack.sender.sent[-1].payload["response_url"]
    answer = await AsyncWebhookClient(url).send(text="public", response_type="in_channel")
    assert (answer.status_code, answer.body) == (200, "ok")
    shown = slack.messages("C0RESEARCH", user="U0BEN")
    assert [(m.text, m.via_response_url) for m in shown] == [("public", True)]
    refused = await AsyncWebhookClient(url).send(text="x", blocks=[{"type": "none"}])
    assert (refused.status_code, "invalid_blocks" in refused.body) == (400, True)
