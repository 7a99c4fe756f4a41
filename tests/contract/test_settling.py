"""A request waits until exactly one caller moves it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.settings import async_database_url
from bot.stores import approvals
from bot.stores.database import Database
from bot.stores.migrate import upgrade

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
REQUEST = {"id": "a1", "project": "research", "kind": "extension", "requester": "U0ANA", "wish": {"by_s": 3600},
           "needs": "approver", "reason": "", "state": "pending", "facts": {}, "created_at": AT,
           "expires_at": AT + timedelta(hours=8)}  # fmt: skip


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(database_url))
    await upgrade(made)
    async with made.begin() as tx:
        await approvals.add(tx, REQUEST)
    yield made
    await made.dispose()


async def settle(db: Database, state: str, by: str) -> bool:
    async with db.begin() as tx:
        return await approvals.settle(tx, "a1", state, AT, decided_by=by)


async def test_only_one_of_two_clicks_wins(db: Database) -> None:
    won = await asyncio.gather(settle(db, "approved", "U1"), settle(db, "denied", "U2"))
    assert sorted(won) == [False, True]


async def test_what_was_settled_stays_as_it_was(db: Database) -> None:
    assert await settle(db, "approved", "U1")
    assert not await settle(db, "denied", "U2")
    async with db.read() as tx:
        row = await approvals.known(tx, "a1")
    assert (row.state, row.decided_by) == ("approved", "U1")
