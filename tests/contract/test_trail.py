"""The audit trail: append-only, one chain per project, a rewrite shows, keys may be rotated."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.secrets import SealBroken, Sealer
from bot.settings import async_database_url
from bot.stores import trail
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from bot.stores.vault import audit_key, reseal

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
KEY = b"k" * 32


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(database_url))
    await upgrade(made)
    yield made
    await made.dispose()


async def add(db: Database, project: str = "research", action: str = "extend") -> None:
    async with db.begin() as tx:
        await trail.append(tx, KEY, trail.Entry(project, "U0ANA", action, "n1", data={"after_ms": 5}), AT)


async def test_each_project_has_a_chain_that_verifies(db: Database) -> None:
    for project in ("research", "vision", "research"):
        await add(db, project)
    async with db.read() as tx:
        assert (await trail.head(tx, "research"))[0] == 2
        assert [await trail.broken_at(tx, KEY, project) for project in ("research", "vision")] == [None, None]


async def test_writers_at_once_make_one_chain(db: Database) -> None:
    await asyncio.gather(*(add(db) for _ in range(10)))
    async with db.read() as tx:
        assert (await trail.head(tx, "research"))[0] == 10
        assert await trail.broken_at(tx, KEY, "research") is None


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'U0EVE'", "DELETE FROM audit"])
async def test_what_is_written_cannot_be_changed(db: Database, change: str) -> None:
    await add(db)
    with pytest.raises(DBAPIError, match="append-only"):
        async with db.begin() as tx:
            await tx.execute(text(change))


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        pytest.param("UPDATE audit SET actor = 'U0EVE' WHERE seq = 2", 2, id="an entry altered"),
        pytest.param("DELETE FROM audit WHERE seq = 2", 3, id="an entry taken out"),
        pytest.param("UPDATE audit SET data = '{}' WHERE seq = 3", 3, id="the last one altered"),
    ],
)
async def test_a_rewrite_by_whoever_owns_the_database_shows(db: Database, change: str, broken: int) -> None:
    for _ in range(3):
        await add(db)
    async with db.begin() as tx:
        if db.sqlite:
            for verb in ("UPDATE", "DELETE"):
                await tx.execute(text(f"DROP TRIGGER audit_no_{verb}"))
        else:
            await tx.execute(text("DROP TRIGGER audit_append_only ON audit"))
        await tx.execute(text(change))
    async with db.read() as tx:
        assert await trail.broken_at(tx, KEY, "research") == broken


async def test_the_chains_key_survives_rotation_and_is_nothing_without_the_ring(db: Database) -> None:
    old, new = os.urandom(32), os.urandom(32)
    key = await audit_key(db, Sealer({"old": old}))
    assert await audit_key(db, Sealer({"old": old})) == key
    async with db.begin() as tx:
        assert await reseal(tx, Sealer({"new": new, "old": old})) == 1
    assert await audit_key(db, Sealer({"new": new})) == key
    with pytest.raises(SealBroken):
        await audit_key(db, Sealer({"old": old}))
