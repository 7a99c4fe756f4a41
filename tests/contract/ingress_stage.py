"""The ingress on a real loopback port over a SQLite file, with a Slack that only takes notes."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select
from starlette.applications import Starlette

from bot.errors import SlackDown, SlackError
from bot.ids import RandomIds
from bot.render.context import Context
from bot.render.help import help_message
from bot.render.views import view as draw_view
from bot.secrets import Sealer
from bot.slack import Message, SlackPerson, View
from bot.stores.database import Database
from bot.stores.intake import Intake as Store
from bot.stores.schema import metadata, work
from deploy.sandbox.server import LocalServer
from handlers import register_all
from handlers.bolt import BoltDispatch, build_app
from handlers.direct import DirectDispatch
from handlers.http import slack_routes
from handlers.ingress import Ingress
from handlers.intake import Intake, Patience, Words
from handlers.ports import Dispatch
from handlers.signature import sign

SECRET, OLD_SECRET = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TEAM, ANA = "T0ACME", "U0ANA"
HOOK = "https://hooks.slack.com/commands/T0ACME/1/secretsecret"
FORM = "application/x-www-form-urlencoded"


class StillClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def push(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class NotingSlack:
    """Takes the three quick calls; `broken` makes them fail, `slow` makes them hang."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, View]] = []
        self.updated: list[tuple[str, View]] = []
        self.said: list[tuple[str, str]] = []
        self.zone: str | None = None
        self.broken: SlackError | None = None
        self.slow = asyncio.Event()
        self.slow.set()

    async def open_view(self, trigger_id: str, view: View) -> str:
        await self._ready()
        self.opened.append((trigger_id, view))
        return f"V{len(self.opened)}"

    async def update_view(self, view_id: str, view: View) -> None:
        await self._ready()
        self.updated.append((view_id, view))

    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None:
        await self._ready()
        self.said.append((url, message.text))

    async def person(self, user: str) -> SlackPerson:
        await self._ready()
        return SlackPerson(user, "T0LEASEBOT", "somebody", self.zone, False, False, False, False)

    async def _ready(self) -> None:
        await self.slow.wait()
        if self.broken:
            raise self.broken


@dataclass
class Stage:
    """Everything a test touches."""

    clock: StillClock
    db: Database
    slack: NotingSlack
    sealer: Sealer
    intake: Intake
    ingress: Ingress
    http: httpx.AsyncClient
    triggers: int = 0
    sent: list[str] = field(default_factory=list)

    async def rows(self) -> list[Any]:
        async with self.db.read() as db:
            return list((await db.execute(select(work).order_by(work.c.created_at, work.c.id))).all())

    async def only(self) -> Any:
        rows = await self.rows()
        assert len(rows) == 1, [row.data for row in rows]
        return rows[0]

    async def post(
        self,
        body: bytes | str,
        kind: str = FORM,
        *,
        secret: str = SECRET,
        age: float = 0,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        raw = body.encode() if isinstance(body, str) else body
        stamp = str(int((self.clock.now() - timedelta(seconds=age)).timestamp()))
        signed = {
            "content-type": kind,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(secret.encode(), stamp, raw),
        }
        return await self.http.post("/slack/events", content=raw, headers={**signed, **(headers or {})})

    def command_body(self, text: str, **changes: str) -> str:
        self.triggers += 1
        return urlencode(
            {
                "token": "verification-token",
                "team_id": TEAM,
                "team_domain": "acme",
                "channel_id": "C0RESEARCH",
                "channel_name": "payload",
                "user_id": ANA,
                "user_name": "ana",
                "command": "/notebook",
                "text": text,
                "api_app_id": "A0",
                "response_url": HOOK,
                "trigger_id": f"{self.triggers}.trigger",
                **changes,
            }
        )

    async def command(self, text: str, **changes: str) -> httpx.Response:
        return await self.post(self.command_body(text, **changes))

    async def interact(self, payload: Mapping[str, Any]) -> httpx.Response:
        return await self.post(urlencode({"payload": json.dumps(payload)}))

    async def click(self, action_id: str, value: str | None, **changes: Any) -> httpx.Response:
        return await self.interact(click(action_id, value, **changes))

    async def event(self, event: Mapping[str, Any], event_id: str = "Ev1", **changes: Any) -> httpx.Response:
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "token": "verification-token",
            "event_id": event_id,
            "event": dict(event),
            **changes,
        }
        return await self.post(json.dumps(body), "application/json")


def click(action_id: str, value: str | None, **changes: Any) -> dict[str, Any]:
    action = {"type": "button", "action_id": action_id, "block_id": "b", "action_ts": "1700000000.000100"}
    if value is not None:
        action["value"] = value
    return {
        "type": "block_actions",
        "token": "verification-token",
        "team": {"id": TEAM, "domain": "acme"},
        "user": {"id": ANA, "team_id": TEAM},
        "trigger_id": "9.trigger",
        "response_url": HOOK,
        "channel": {"id": "D0ANA"},
        "container": {"type": "message", "message_ts": "1700000000.0001", "channel_id": "D0ANA", "is_ephemeral": False},
        "actions": [action],
        **changes,
    }


def submission(callback: str, metadata: str, values: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """`values`: field -> the element's state, or plain text."""
    state = {
        name: {name: value if isinstance(value, dict) else {"type": "plain_text_input", "value": value}}
        for name, value in values.items()
    }
    return {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": {"id": ANA, "team_id": TEAM},
        "token": "verification-token",
        "trigger_id": "8.trigger",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": callback,
            "hash": "1.abc",
            "private_metadata": metadata,
            "state": {"values": state},
        },
        **changes,
    }


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    bolt: bool = True,
    store: Any = None,
    patience: Patience | None = None,
    teams: frozenset[str] = frozenset({TEAM}),
) -> AsyncIterator[Stage]:
    clock, slack, ids = StillClock(), NotingSlack(), RandomIds()
    db = Database(f"sqlite+aiosqlite:///{folder / 'store.db'}")
    async with db.engine.begin() as made:
        await made.run_sync(metadata.create_all)
    sealer = Sealer({"k1": b"0" * 32})
    intake = Intake(
        store or Store(db, ids),
        slack,
        sealer,
        clock,
        command="/notebook",
        teams=lambda: teams,
        zone=ZoneInfo("Europe/Berlin"),
        words=Words(help_message, _loading),
        patience=patience,
    )
    dispatch: Dispatch = DirectDispatch(intake)
    if bolt:
        app = build_app(AsyncWebClient("xoxb-sim"))
        register_all(app, intake, command="/notebook", ids=ids)
        dispatch = BoltDispatch(app)
    ingress = Ingress(clock, ids, [SECRET, OLD_SECRET], dispatch)
    site = Starlette(routes=[*slack_routes(ingress)])
    async with LocalServer(site) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield Stage(clock, db, slack, sealer, intake, ingress, client)
    await intake.close()
    await db.dispose()


def _loading(callback: str, title: str) -> View:
    return draw_view({"view": "loading", "callback": callback, "title": title}, NOW, Context())


SLACK_IS_DOWN = SlackDown("connection")
