"""A dead scheduler, unlike replicas and the watchdog."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import select

from bot.errors import CloudDown
from bot.http import Client
from bot.operations.housekeeping import late_after
from bot.settings import load_settings
from bot.stores.database import Database
from bot.stores.schema import outbox
from deploy.watch import Watch
from tests.unit.passes.stand import Stand, a_notebook, a_stand

MINUTE = timedelta(minutes=1)


def watch(stand: Stand, **environ: str) -> Watch:
    return Watch(stand.parts, load_settings(environ))


async def alerts(stand: Stand) -> list[str]:
    return [row.facts["kind"] for row in await stand.rows(select(outbox).where(outbox.c.kind == "alert"))]


async def test_a_request_notices_that_no_pass_was_made(stand: Stand) -> None:
    seen = watch(stand)
    await seen.look()
    assert await alerts(stand) == []
    stand.clock.at += late_after(MINUTE) + MINUTE
    await seen.look()
    stand.clock.at += 5 * MINUTE
    await seen.look()
    assert await alerts(stand) == ["scheduler_dead"]


async def test_while_passes_are_made_nothing_is_said(stand: Stand) -> None:
    seen = watch(stand)
    for _ in range(4):
        await stand.sweep(5 * MINUTE)
        await seen.look()
    assert await alerts(stand) == []


async def test_a_pass_that_the_cloud_refused_is_still_a_pass(stand: Stand) -> None:
    stand.cloud.failure = CloudDown("down")
    seen = watch(stand)
    for _ in range(4):
        await stand.sweep(5 * MINUTE)
        await seen.look()
    assert set(await alerts(stand)) == {"pass_fails"}


async def other(db: Database, stand: Stand, policy: str = "another") -> Watch:
    """A second replica on the same store and clock, with another policy file."""
    beside = a_stand(db)
    config = beside.parts.deps.config
    object.__setattr__(config, "file_hash", policy)
    made = Watch(replace(beside.parts, deps=replace(beside.parts.deps, clock=stand.clock)), load_settings({}))
    made.replica = "other"
    return made


async def test_replicas_with_different_policies_raise_an_alert(stand: Stand, db: Database) -> None:
    mine, theirs = watch(stand), await other(db, stand)
    for _ in range(3):
        stand.clock.at += MINUTE
        await mine.note()
        await theirs.note()
    assert await alerts(stand) == ["policies_differ"]


async def test_one_that_was_replaced_does_not(stand: Stand, db: Database) -> None:
    theirs = await other(db, stand)
    await theirs.note()
    stand.clock.at += timedelta(seconds=1)
    mine = watch(stand)
    for _ in range(5):
        await mine.note()
        stand.clock.at += MINUTE
    assert await alerts(stand) == []


def answering(calls: list[str]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(200)

    return answer


async def test_the_watchdog_is_called_once_after_each_pass(stand: Stand) -> None:
    calls: list[str] = []
    made: Any = watch(stand, LEASEBOT_HEARTBEAT_URL="https://watchdog.example/beat")
    stand.cloud.add(a_notebook(1))
    async with Client(transport=httpx.MockTransport(answering(calls))) as client:
        await made.beat(client)
        assert calls == []
        await stand.sweep()
        await made.beat(client)
        await made.beat(client)
        assert len(calls) == 1
        await stand.sweep(MINUTE)
        await made.beat(client)
    assert calls == ["https://watchdog.example/beat"] * 2
