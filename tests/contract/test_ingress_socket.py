"""Over Socket Mode everything is as over HTTP: the same dispatch, the same rows, the same answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.ids import RandomIds
from bot.render import ids
from bot.render.context import Context
from bot.render.help import help_message
from bot.render.ids import Button
from bot.render.views import view as draw_view
from bot.secrets import RESPONSE_PLACE, Sealer
from bot.slack import Message
from bot.slackweb import SlackWeb
from bot.stores.database import Database
from bot.stores.intake import Intake as Store
from bot.stores.schema import metadata, work
from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack import SimSlack
from handlers import register_all
from handlers.bolt import BoltDispatch, build_app
from handlers.intake import Intake, Words
from handlers.socket import SocketIngress

SCOPES = {"commands", "chat:write", "im:write", "im:history", "users:read"}


@pytest.fixture
async def slack() -> AsyncIterator[SimSlack]:
    sim = SimSlack(SimClock(), signing_secret="s", bot_token="xoxb-sim", app_token="xapp-sim", scopes=SCOPES)
    async with sim.seed_default().serving():
        yield sim


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite+aiosqlite:///{tmp_path / 'store.db'}")
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.dispose()


@pytest.fixture
async def web(slack: SimSlack) -> AsyncIterator[SlackWeb]:
    async with SlackWeb("xoxb-sim", slack.clock, base_url=slack.api_url) as made:
        yield made


@pytest.fixture
async def socket(slack: SimSlack, db: Database, web: SlackWeb) -> AsyncIterator[SocketIngress]:
    me = await web.whoami()
    made = RandomIds()
    intake = Intake(
        Store(db, made),
        web,
        Sealer({"k": b"0" * 32}),
        slack.clock,
        command="/notebook",
        teams=lambda: frozenset({str(me["team_id"])}),
        zone=ZoneInfo("Europe/Berlin"),
        words=Words(
            help_message,
            lambda callback, title: draw_view(
                {"view": "loading", "callback": callback, "title": title}, slack.clock.now(), Context()
            ),
        ),
    )
    app = build_app(web.client)
    register_all(app, intake, command="/notebook", ids=made)
    handler = SocketIngress(app, "xapp-sim", BoltDispatch(app), made)
    await handler.connect_async()
    await slack.until(lambda: slack.sockets.connected)
    yield handler
    await handler.close_async()


async def rows(db: Database) -> list:
    async with db.read() as read:
        return [row.data for row in await read.execute(select(work).order_by(work.c.created_at))]


async def test_commands_are_kept_and_help_is_answered(slack: SimSlack, socket: SocketIngress, db: Database) -> None:
    answer = await slack.command("U0ANA", "start payload-test for 4h")
    assert (answer.status, answer.body) == (200, None)
    helped = await slack.command("U0ANA", "help")
    assert "one of these" in helped.body["text"]
    (row,) = await rows(db)
    assert (row["verb"], row["args"]) == ("start", {"name": "payload-test", "for_s": 14400})
    assert Sealer({"k": b"0" * 32}).open(row["reply"], bound_to=RESPONSE_PLACE).startswith(slack.url)
    assert await socket.is_connected()


async def test_a_form_is_opened_with_the_commands_own_trigger(
    slack: SimSlack, socket: SocketIngress, db: Database
) -> None:
    await slack.command("U0ANA", "create")
    view = slack.workspace.top_view("U0ANA")
    assert view is not None
    (row,) = await rows(db)
    assert row["args"] == {"callback": ids.VIEW_CREATE, "view": view.id}


async def test_clicks_and_homes_are_kept(slack: SimSlack, socket: SocketIngress, web: SlackWeb, db: Database) -> None:
    value = Button(cause="c", project="p", notebook="n").dump()
    stop = {"type": "button", "action_id": ids.STOP, "text": {"type": "plain_text", "text": "Stop"}, "value": value}
    channel = await web.open_dm("U0ANA")
    posted = await web.post(
        channel,
        Message("stop?", ({"type": "actions", "elements": [stop]},)),
        {"event_type": "operation", "event_payload": {"key": "k", "notebook_id": "n"}},
    )
    await slack.click("U0ANA", channel=channel, ts=posted.ts, action_id=ids.STOP)
    await slack.open_home("U0ANA")
    assert [row["verb"] for row in await rows(db)] == ["stop", "home"]
    assert (await rows(db))[0]["message"] == {"channel": channel, "ts": posted.ts, "ephemeral": False}


async def test_an_event_that_cannot_be_stored_is_sent_again(
    slack: SimSlack, socket: SocketIngress, db: Database
) -> None:
    async with db.engine.begin() as connection:
        await connection.run_sync(work.drop)
    slack.ack_timeout_s = 0.5
    answer = await slack.open_home("U0ANA")
    assert answer.status != 200
