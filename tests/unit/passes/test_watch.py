"""A dead scheduler, unlike replicas and the watchdog."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot.errors import CloudDown
from bot.http import Client
from bot.rules.brakes import late_after
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


async def test_a_scheduler_that_dies_again_on_the_same_day_is_told_of_again(stand: Stand) -> None:
    seen = watch(stand)
    for _ in range(2):
        await stand.sweep()
        for _ in range(3):
            stand.clock.at += late_after(MINUTE)
            await seen.look()
    assert await alerts(stand) == ["scheduler_dead"] * 2


@pytest.mark.parametrize("ever", [True, False], ids=["after a pass", "before any pass"])
async def test_every_replica_that_notices_a_death_tells_of_the_same_one(stand: Stand, db: Database, ever: bool) -> None:
    if ever:
        await stand.sweep()
    mine = watch(stand)
    stand.clock.at += timedelta(seconds=5)
    theirs = await other(db, stand)
    stand.clock.at += late_after(MINUTE) + MINUTE
    for seen in (mine, theirs):
        await seen.look()
    assert await alerts(stand) == ["scheduler_dead"]


async def test_a_store_that_hangs_does_not_keep_a_request_waiting(stand: Stand) -> None:
    """The request has been answered that nothing was stored, within what Slack allows."""

    @asynccontextmanager
    async def hang() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    hanging: Any = SimpleNamespace(read=hang, begin=hang)
    seen = Watch(replace(stand.parts, deps=replace(stand.parts.deps, db=hanging)), load_settings({}))
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        await seen.look()
    assert asyncio.get_running_loop().time() - began < 1


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
