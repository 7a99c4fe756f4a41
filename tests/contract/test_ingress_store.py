"""The intake's one transaction, on SQLite and on PostgreSQL: kept once, joined, slowed down, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.schema import DropTable

from bot.errors import StoreDown
from bot.ids import RandomIds
from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.intake import Intake
from bot.stores.schema import catalogues, metadata, notebooks, people, work
from bot.stores.upsert import put
from handlers.ports import Entry, Gate

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(database_url))
    if made.sqlite:  # PostgreSQL comes with its schema
        async with made.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
    yield made
    await made.dispose()


@pytest.fixture
def store(db: Database) -> Intake:
    return Intake(db, RandomIds())


def entry(cause: str, author: str = "U1", *, text: str | None = None, counted: bool = True, **data: Any) -> Entry:
    return Entry(cause, author, "T1", {"verb": "list", "text": text, **data}, text, counted)


async def kept(store: Intake, *entries: Entry, now: datetime = NOW) -> list[str]:
    return [(await store.keep(each, now, Gate()))[0] for each in entries]


async def count(db: Database) -> int:
    async with db.read() as read:
        return len((await read.execute(select(work.c.id))).all())


async def test_one_cause_is_kept_once(store: Intake, db: Database) -> None:
    first, new = await store.keep(entry("a"), NOW, Gate()), await store.keep(entry("a"), NOW, Gate())
    assert (first[0], new[0]) == ("new", "again")
    assert first[1] == new[1]
    assert await count(db) == 1


async def test_what_was_kept_is_what_was_given(store: Intake, db: Database) -> None:
    await kept(store, entry("a", text="x", args={"reason": '<!channel> "\\ 训练 \u0001'}))
    async with db.read() as read:
        row = (await read.execute(select(work))).one()
    assert (row.kind, row.cause, row.serial, row.author, row.state, row.due_at) == (
        "request",
        "a",
        "request:a",
        "U1",
        "open",
        NOW,
    )
    assert row.data["args"] == {"reason": '<!channel> "\\ 训练 \u0001'}


@pytest.mark.parametrize("text", ["list", 'show "a%_/\\b" 训练', "extend a 2h 100% it's", "show \u0001\n"])
async def test_the_same_text_joins_and_another_does_not(store: Intake, text: str) -> None:
    assert await kept(
        store,
        entry("a", text=text),
        entry("b", text=text),
        entry("c", text=text + "x"),
        entry("d", text=text.upper() + "y"),
        entry("e", "U2", text=text),
    ) == ["new", "joined", "new", "new", "new"]
    assert await kept(store, entry("f", text=text), now=NOW + timedelta(days=4)) == ["new"]


async def test_many_at_once_of_one_person(store: Intake, db: Database) -> None:
    """The rate and the joining hold when they all come at the same instant."""
    told = await asyncio.gather(*(store.keep(entry(f"c{n}"), NOW, Gate()) for n in range(24)))
    assert sorted(outcome for outcome, _ in told) == ["new"] * 20 + ["too_fast"] * 4
    twins = await asyncio.gather(*(store.keep(entry(f"t{n}", "U2", text="same"), NOW, Gate()) for n in range(5)))
    assert sorted(outcome for outcome, _ in twins) == ["joined"] * 4 + ["new"]
    assert len({id_ for _, id_ in twins}) == 1
    same = await asyncio.gather(*(store.keep(entry("s", "U3"), NOW, Gate()) for n in range(5)))
    assert sorted(outcome for outcome, _ in same) == ["again"] * 4 + ["new"]
    assert await count(db) == 22


async def test_the_rate_refills_by_one_a_second(store: Intake) -> None:
    assert await kept(store, *(entry(f"a{n}") for n in range(21))) == ["new"] * 20 + ["too_fast"]
    assert await kept(store, entry("b1"), entry("b2"), now=NOW + timedelta(milliseconds=1500)) == ["new", "too_fast"]
    assert await kept(store, entry("c"), now=NOW - timedelta(hours=1)) == ["too_fast"]  # a clock that went back
    assert await kept(store, *(entry(f"d{n}") for n in range(21)), now=NOW + timedelta(hours=1)) == (
        ["new"] * 20 + ["too_fast"]
    )


async def test_a_replay_takes_nothing_from_the_rate(store: Intake) -> None:
    assert await kept(store, *(entry("a") for _ in range(40))) == ["new"] + ["again"] * 39
    assert await kept(store, *(entry(f"b{n}") for n in range(20))) == ["new"] * 19 + ["too_fast"]


async def test_what_is_answered_at_once_is_counted_and_not_kept(store: Intake, db: Database) -> None:
    asked = [Entry(f"a{n}", "U1", "T1", {}, kept=False) for n in range(21)]
    assert await kept(store, *asked) == ["counted"] * 20 + ["too_fast"]
    assert await count(db) == 0


async def test_what_is_not_counted_is_never_too_fast(store: Intake) -> None:
    assert set(await kept(store, *(entry(f"a{n}", counted=False) for n in range(30)))) == {"new"}


@pytest.mark.parametrize("fact", ["guest", "stranger", "deleted"])
async def test_a_known_guest_is_refused(store: Intake, db: Database, fact: str) -> None:
    async with db.begin() as tx:
        await put(
            tx,
            people,
            {
                "team": "T1",
                "slack": "U1",
                "name": "",
                "deleted": False,
                "guest": False,
                "stranger": False,
                "checked_at": NOW,
                "zone": "Asia/Tokyo",
                fact: True,
            },
        )
    assert await kept(store, entry("a")) == ["refused"]
    assert await kept(store, entry("b"), now=NOW + timedelta(hours=2)) == ["new"]
    assert (await store.zone("T1", "U1"), await store.zone("T1", "U2")) == ("Asia/Tokyo", None)


async def test_nothing_is_kept_once_it_was_given_up(store: Intake, db: Database) -> None:
    gate = Gate()
    gate.given_up = True
    with pytest.raises(StoreDown):
        await store.keep(entry("a"), NOW, gate)
    assert await count(db) == 0
    assert await kept(store, *(entry(f"b{n}") for n in range(20))) == ["new"] * 20  # nor taken from the rate


async def test_a_store_that_fails_says_so_in_our_words(store: Intake, db: Database) -> None:
    async with db.begin() as tx:
        for table in (work, people, catalogues, notebooks):
            await tx.execute(DropTable(table))
    for asked in (
        store.keep(entry("a"), NOW, Gate()),
        store.zone("T", "U"),
        store.catalogue(None, "images"),
        store.notebook_name("p", "n"),
    ):
        with pytest.raises(StoreDown):
            await asked
