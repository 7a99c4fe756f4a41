"""Rows of the outbox: the copies of a message are found by its key alone, and a revision counts."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.ids import RandomIds
from bot.outbox import NOTICE, Say, say
from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.messages import revise, with_copies
from bot.stores.migrate import upgrade
from bot.stores.schema import outbox
from bot.stores.upsert import drop, find_all, known

KEYS = (
    "a_b:n1", "a_b:n1@U1", "a_b:n1@C1", "a_b:n12", "a_b:n12@U1", "axb:n1@U1", "A_B:n1@U1", "50%/x", "50%/x@U1",
)  # fmt: skip
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(database_url))
    await upgrade(made)
    async with made.begin() as tx:
        for key in KEYS:
            await say(tx, RandomIds(), Say(key, "alert", "dm", "U1", {"cause": key}, key, NOTICE), NOW)
    yield made
    await made.dispose()


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("a_b:n1", ["a_b:n1", "a_b:n1@C1", "a_b:n1@U1"]),
        ("a_b:n12", ["a_b:n12", "a_b:n12@U1"]),
        ("axb:n1", ["axb:n1@U1"]),  # the owner was never told: there are only copies
        ("50%/x", ["50%/x", "50%/x@U1"]),
        ("nothing", []),
    ],
)
async def test_the_copies_of_one_message_and_of_no_other(db: Database, key: str, found: list[str]) -> None:
    async with db.read() as tx:
        assert sorted(row.key for row in await with_copies(tx, key)) == found


async def test_a_revision_changes_one_message_and_counts(db: Database) -> None:
    async with db.begin() as tx:
        row = await known(tx, outbox, key="a_b:n1")
        await revise(tx, row.id, {"facts": {"cause": "other"}})
    async with db.read() as tx:
        changed = {row.key: row.facts["cause"] for row in await find_all(tx, outbox, rev=2)}
    assert changed == {"a_b:n1": "other"}


async def test_only_what_is_older_is_dropped(db: Database) -> None:
    async with db.begin() as tx:
        await drop(tx, outbox, "seq", 3, kind="alert")
        await drop(tx, outbox, "seq", 100, kind="digest")
    async with db.read() as tx:
        assert min(row.seq for row in await find_all(tx, outbox, kind="alert")) == 3
