"""Both functions, called with recorded events in a fresh process, on PostgreSQL."""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from bot.clock import from_ms
from bot.render.ids import Button
from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.messages import with_copies
from bot.stores.schema import outbox, projects, work
from bot.stores.upsert import put
from deploy.sandbox.clock import SimClock
from deploy.sandbox.stage import SIGNING_SECRET, Stage
from handlers.signature import sign
from tests.deploy.processes import ROOT, clean

pytestmark = pytest.mark.functions

HEAVY = {"slack_bolt", "sqlalchemy", "httpx", "aiohttp", "aiosqlite", "alembic", "apscheduler", "starlette", "uvicorn",
         "structlog", "vl_convert", "typer"}  # fmt: skip
TEAM = "T0LEASEBOT"
DATA = ROOT / "tests/data/functiongraph"


@dataclass(frozen=True, slots=True)
class Told:
    """What the process said."""

    import_ms: float
    answers: list[dict[str, Any]]
    ms: list[float]
    modules: set[str]

    def body(self, index: int = 0) -> Any:
        raw = base64.b64decode(self.answers[index]["body"])
        return json.loads(raw) if raw else None


async def called(which: str, events: list[Mapping[str, Any]], on: Stage, url: str, **changes: str) -> Told:
    environment = on.environment(LEASEBOT_DATABASE_URL=url, **changes)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.deploy.function_process", which, cwd=ROOT, env=clean(environment, ROOT),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(json.dumps(events).encode())
    assert process.returncode == 0, err.decode()
    told = json.loads(out.splitlines()[-1])
    return Told(told["import_ms"], told["answers"], told["ms"], set(told["modules"]))


def recorded(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return read


def signed(body: bytes, *, secret: str = SIGNING_SECRET, content_type: str | None = None) -> dict[str, Any]:
    """The recorded event with this body, signed now; one header in capitals, as another gateway may send it."""
    event, at = recorded("apig"), str(SimClock().now_ms() // 1000)
    event["body"] = base64.b64encode(body).decode()
    event["headers"] |= {"X-Slack-Request-Timestamp": at, "x-slack-signature": sign(secret.encode(), at, body)}
    if content_type:
        event["headers"]["content-type"] = content_type
    return event


def command(text: str, on: Stage, user: str = "U0ANA") -> dict[str, Any]:
    fields = {"command": "/notebook", "text": text, "user_id": user, "team_id": TEAM, "channel_id": "C0RESEARCH",
              "trigger_id": on.slack.triggers.issue(user), "response_url": f"{on.slack.url}/hook/unused"}  # fmt: skip
    return signed(urlencode(fields).encode())


async def rows(url: str) -> list[Any]:
    db = Database(async_database_url(url))
    async with db.read() as tx:
        found = list(await tx.execute(select(work).order_by(work.c.created_at)))
    await db.dispose()
    return found


async def test_a_command_is_stored_before_it_is_acknowledged(on: Stage, postgres_url: str) -> None:
    told = await called("gateway", [command("list", on)], on, postgres_url)
    assert told.answers == [{"statusCode": 200, "headers": {}, "body": "", "isBase64Encoded": True}]
    (row,) = await rows(postgres_url)
    assert (row.kind, row.state, row.author, row.data["verb"]) == ("request", "open", "U0ANA", "list")
    assert "trigger_id" not in json.dumps(row.data)
    assert f"{on.slack.url}/hook" not in json.dumps(row.data)  # sealed


async def test_what_needs_no_work_is_answered_at_once(on: Stage, postgres_url: str) -> None:
    told = await called("gateway", [command("help", on), command("extnd a 2h", on), command("list", on)], on,
                        postgres_url)  # fmt: skip
    assert "extend NAME" in json.dumps(told.body(0))
    assert "extend" in told.body(1)["text"]
    assert len(await rows(postgres_url)) == 1


async def test_the_gateway_imports_only_what_it_must(
    on: Stage, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = await called("gateway", [command("list", on), command("list running", on)], on, postgres_url)
    assert told.modules & HEAVY == set()
    with capsys.disabled():
        print(f"\ngateway: import {told.import_ms:.0f} ms, requests {[round(ms) for ms in told.ms]} ms")
    assert told.import_ms < 3000


async def test_a_modal_is_opened_in_the_first_invocation(on: Stage, postgres_url: str) -> None:
    told = await called("gateway", [command("create", on)], on, postgres_url)
    assert told.answers[0]["statusCode"] == 200
    assert len(on.slack.calls("views.open")) == 1
    assert told.modules & HEAVY == set()
    (row,) = await rows(postgres_url)
    assert (row.data["verb"], row.data["args"]["callback"]) == ("fill_view", "notebook_create")


async def test_a_click_is_stored(on: Stage, postgres_url: str) -> None:
    payload = {"type": "block_actions", "user": {"id": "U0ANA", "team_id": TEAM}, "team": {"id": TEAM},
               "channel": {"id": "C0RESEARCH"}, "container": {"message_ts": "1.2", "channel_id": "C0RESEARCH"},
               "actions": [{"action_id": "notebook_why", "action_ts": "1.3",
                            "value": Button(cause="c", project="research", notebook="n").dump()}]}  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)}).encode()
    told = await called("gateway", [signed(body), signed(body)], on, postgres_url)
    assert [answer["statusCode"] for answer in told.answers] == [200, 200]
    assert [row.data["verb"] for row in await rows(postgres_url)] == ["why"]


@pytest.mark.parametrize(("spoil", "status"), [
    pytest.param({"secret": "another"}, 401, id="another secret"),
    pytest.param({"content_type": "text/plain"}, 400, id="another content type"),
])  # fmt: skip
async def test_what_slack_did_not_send_is_refused(
    on: Stage, postgres_url: str, spoil: dict[str, str], status: int
) -> None:
    told = await called("gateway", [signed(b"command=%2Fnotebook&text=list", **spoil)], on, postgres_url)
    assert (told.answers[0]["statusCode"], told.answers[0]["headers"]) == (status, {"x-slack-no-retry": "1"})
    assert await rows(postgres_url) == []


async def test_a_body_that_is_not_base64_is_refused(on: Stage, postgres_url: str) -> None:
    event = command("list", on) | {"body": "%%%"}
    told = await called("gateway", [event, command("list", on) | {"httpMethod": "GET"}], on, postgres_url)
    assert [answer["statusCode"] for answer in told.answers] == [400, 405]


async def test_other_workspaces_are_refused(on: Stage, postgres_url: str) -> None:
    fields = {"command": "/notebook", "text": "list", "user_id": "U9", "team_id": "T9", "trigger_id": "x"}
    told = await called("gateway", [signed(urlencode(fields).encode())], on, postgres_url)
    assert "workspace" in told.body()["text"]
    assert await rows(postgres_url) == []


async def test_a_time_of_day_is_read_in_the_persons_own_zone(on: Stage, postgres_url: str) -> None:
    told = await called("gateway", [command("extend a until 18:00", on, "U0BEN")], on, postgres_url)
    assert told.answers[0]["statusCode"] == 200
    (row,) = await rows(postgres_url)
    until = from_ms(row.data["args"]["until_ms"]).astimezone(ZoneInfo("America/New_York"))
    assert (until.hour, until.minute) == (18, 0)
    assert told.modules & HEAVY == set()


async def no_pass_since(url: str, span: timedelta) -> None:
    db = Database(async_database_url(url))
    async with db.begin() as tx:
        await put(tx, projects, {"name": "research", "last_pass_at": from_ms(SimClock().now_ms()) - span})
    await db.dispose()


async def changed(url: str, statement: Any) -> None:
    db = Database(async_database_url(url))
    async with db.begin() as tx:
        await tx.execute(statement)
    await db.dispose()


async def copies(url: str, key: str) -> list[str]:
    """As the workers find them."""
    db = Database(async_database_url(url))
    async with db.read() as tx:
        found = [row.key for row in await with_copies(tx, key)]
    await db.dispose()
    return found


def alerts(on: Stage) -> list[Any]:
    return [m for m in on.slack.messages("U0DORA") if (m.metadata or {}).get("event_type") == "alert"]


async def test_admins_are_told_once_that_the_workers_timer_does_not_run(on: Stage, postgres_url: str) -> None:
    await no_pass_since(postgres_url, timedelta(minutes=11))
    for _ in range(2):
        told = await called("gateway", [command("list", on)], on, postgres_url)
        assert told.answers[0]["statusCode"] == 200
    assert told.modules & HEAVY == set()
    (alert,) = alerts(on)
    assert "no pass of research since" in alert.text
    key = alert.metadata["event_payload"]["key"]
    assert key.startswith("alert:scheduler_dead:research:")
    assert await copies(postgres_url, key) == [f"{key}@U0DORA"]
    await called("worker", [recorded("timer")], on, postgres_url)
    assert len(alerts(on)) == 1, "when the worker runs again it has nothing to send"


async def test_while_passes_are_made_the_gateway_alerts_nobody(on: Stage, postgres_url: str) -> None:
    await no_pass_since(postgres_url, timedelta(minutes=9))
    await called("gateway", [command("list", on), command("list all", on)], on, postgres_url)
    assert alerts(on) == []


async def test_a_timer_that_was_never_set_up_is_noticed_by_what_waits(on: Stage, postgres_url: str) -> None:
    await called("gateway", [command("list", on)], on, postgres_url)
    assert alerts(on) == []
    long_ago = from_ms(SimClock().now_ms()) - timedelta(minutes=11)
    await changed(postgres_url, update(work).values(created_at=long_ago))
    await called("gateway", [command("list all", on)], on, postgres_url)
    assert ["no pass of research yet" in alert.text for alert in alerts(on)] == [True]


async def test_an_alert_that_slack_did_not_take_is_left_to_the_worker(on: Stage, postgres_url: str) -> None:
    await no_pass_since(postgres_url, timedelta(minutes=11))
    on.slack.fault("chat.postMessage", "error", count=1)
    await called("gateway", [command("list", on)], on, postgres_url)
    assert alerts(on) == []
    await changed(postgres_url, update(outbox).values(claim_until=from_ms(SimClock().now_ms())))
    await called("worker", [recorded("timer")], on, postgres_url)
    assert len(alerts(on)) == 1


async def test_without_its_store_the_gateway_says_that_nothing_was_done(on: Stage) -> None:
    told = await called("gateway", [command("list", on)], on, "postgresql://nobody@127.0.0.1:9/none")
    assert told.answers[0]["statusCode"] == 200
    assert "nothing was done" in told.body()["text"].lower()


@pytest.mark.parametrize("which", ["gateway", "worker"])
async def test_sqlite_is_refused(on: Stage, which: str) -> None:
    event = recorded("timer") if which == "worker" else command("list", on)
    told = await called(which, [event], on, "sqlite:///leasebot.sqlite3")
    assert told.answers[0]["raised"] == "SettingsError"
    assert "postgresql" in told.answers[0]["text"]


async def test_the_worker_carries_out_what_the_gateway_has_stored(on: Stage, postgres_url: str) -> None:
    await called("gateway", [command("whoami", on)], on, postgres_url)
    told = await called("worker", [recorded("timer"), recorded("timer")], on, postgres_url)
    assert [answer["missed"] for answer in told.answers] == [[], []]
    found = {row.kind: row.state for row in await rows(postgres_url)}
    assert (found["request"], found["pass"]) == ("done", "done")


async def test_the_worker_takes_no_other_trigger(on: Stage, postgres_url: str) -> None:
    told = await called("worker", [{"trigger_type": "APIG"}], on, postgres_url)
    assert told.answers[0]["raised"] == "SettingsError"
