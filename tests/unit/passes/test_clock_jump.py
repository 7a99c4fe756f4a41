"""Passes go on after the host's clock has jumped ahead and back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.ids import RandomIds
from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from bot.stores.schema import work
from scheduler.jobs import ask_passes

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
POLL = timedelta(minutes=1)
AHEAD = timedelta(hours=2)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(database_url))
    await upgrade(made)
    yield made
    await made.dispose()


async def end(db: Database, now: datetime) -> None:
    async with db.begin() as tx:
        await tx.execute(update(work).where(work.c.state == "open").values(state="done", due_at=None, updated_at=now))


async def passes(db: Database, *ends: datetime) -> int:
    """One pass asked for and ended at each of these instants; returns how many were asked for."""
    asked = 0
    for now in ends:
        asked += await ask_passes(db, RandomIds(), ["research"], now, POLL)
        await end(db, now)
    return asked


async def test_passes_go_on_at_once_when_the_clock_comes_back(db: Database) -> None:
    assert await passes(db, START, START + AHEAD) == 2
    back = [START + POLL * n for n in range(2, 8)]
    assert await passes(db, *back) == len(back)


async def test_a_pass_asked_for_ahead_of_time_does_not_wait_for_that_time(db: Database) -> None:
    await passes(db, START + AHEAD)
    await ask_passes(db, RandomIds(), ["research"], START + AHEAD, POLL)
    await ask_passes(db, RandomIds(), ["research"], START, POLL)
    async with db.read() as tx:
        row = (await tx.execute(select(work.c.due_at).where(work.c.state == "open"))).one()
    assert row.due_at == START + POLL
