"""Bolt's own Socket Mode handler connects, is asked things and answers them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack import Answer, SimSlack


@pytest.fixture
async def slack() -> AsyncIterator[SimSlack]:
    sim = SimSlack(
        SimClock(), signing_secret="s", bot_token="xoxb-sim", app_token="xapp-sim", scopes={"chat:write", "commands"}
    )
    async with sim.seed_default().serving():
        yield sim


@pytest.fixture
def bolt(slack: SimSlack) -> AsyncApp:
    app = AsyncApp(client=AsyncWebClient("xoxb-sim", base_url=slack.api_url), signing_secret="s")

    @app.command("/notebook")
    async def command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(text=f"heard {body['text']}")

    @app.options("search")
    async def options(ack: AsyncAck) -> None:
        await ack(options=[{"text": {"type": "plain_text", "text": "one"}, "value": "1"}])

    @app.event("app_home_opened")
    async def home(event: dict[str, Any], client: AsyncWebClient) -> None:
        select = {"type": "external_select", "action_id": "search"}
        await client.views_publish(
            user_id=event["user"],
            view={"type": "home", "blocks": [{"type": "actions", "block_id": "b", "elements": [select]}]},
        )

    return app


@pytest.fixture
async def handler(bolt: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(bolt, "xapp-sim")
    await handler.connect_async()  # type: ignore[no-untyped-call]
    yield handler
    await handler.close_async()  # type: ignore[no-untyped-call]


async def test_commands_events_and_searches_go_over_the_socket(
    slack: SimSlack, handler: AsyncSocketModeHandler
) -> None:
    await slack.until(lambda: slack.sockets.connected)
    answer = await slack.command("U0ANA", "list payload")
    assert answer.body == {"text": "heard list payload"}
    assert [m.text for m in slack.ephemerals("U0ANA")] == ["heard list payload"]
    assert (await slack.open_home("U0ANA")).ok
    await slack.until(lambda: slack.home("U0ANA"))
    found = await slack.suggest("U0ANA", "home", "b", "search", "o")
    assert [option["value"] for option in found.body["options"]] == ["1"]


async def test_what_nobody_listens_to_is_not_acknowledged(slack: SimSlack, handler: AsyncSocketModeHandler) -> None:
    await slack.until(lambda: slack.sockets.connected)
    slack.ack_timeout_s = 0.1
    answer: Answer = await slack.event({"type": "app_uninstalled"})
    assert answer.note == "operation_timeout"
    retries = [entry["retry"] for entry in slack.log if entry.get("type") == "events_api"]
    assert retries == [None, (1, "http_timeout")]


async def test_a_bot_that_is_sent_away_comes_again(slack: SimSlack, handler: AsyncSocketModeHandler) -> None:
    await slack.until(lambda: slack.sockets.connected)
    await slack.sockets.disconnect()
    await slack.until(lambda: len(slack.calls("apps.connections.open")) == 2 and slack.sockets.connected)
    assert (await slack.command("U0ANA", "again")).body == {"text": "heard again"}


async def test_without_a_connection_nothing_is_reached(slack: SimSlack) -> None:
    assert (await slack.command("U0ANA", "list")).note == "dispatch_failed"
