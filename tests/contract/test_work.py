"""Work: one contract for every driver on both databases. The engine is a hint; the row is the truth."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.drivers import Drain, Local
from bot.errors import CloudDown, NotAllowed
from bot.ids import RandomIds
from bot.settings import async_database_url
from bot.stores.database import Database, Tx
from bot.stores.migrate import upgrade
from bot.stores.schema import projects, work
from bot.stores.upsert import put
from bot.work import CLAIM, HOLD, Claim, Done, Go, Held, Item, Outcome, Workshop, record, release_held

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here: nothing after this line runs."""


@dataclass
class StillClock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def push(self, span: timedelta) -> None:
        self.at += span


@dataclass
class World:
    """The outside: what was done to it, in order; and where the process is to die."""

    done: list[str] = field(default_factory=list)
    die_at: str = ""
    fail: list[BaseException] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    overlaps: int = 0
    busy: set[str] = field(default_factory=set)

    def pass_by(self, point: str) -> None:
        if self.die_at == point:
            self.die_at = ""
            raise Killed(point)


class NoPostman:
    """Nothing to deliver."""

    taken = 0

    async def claim(self) -> Any | None:
        return None

    async def next_due(self) -> datetime | None:
        return None


class Renewal:
    """A two-step operation with one effect outside, looked up before it is ever made again."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        world = self.world
        if claim.serial in world.busy:
            world.overlaps += 1
        world.busy.add(claim.serial)
        try:
            await asyncio.sleep(0)
            return await self._step(claim)
        finally:
            world.busy.discard(claim.serial)

    async def _step(self, claim: Claim) -> Outcome:
        world = self.world
        if claim.step == "start":
            world.pass_by("before intent")
            return Go("effect", claim.data)
        if claim.again and claim.id in world.done:
            return self._finished(claim)
        world.pass_by("before effect")
        if world.fail:
            raise world.fail.pop()
        world.done.append(claim.id)
        world.pass_by("after effect")
        return self._finished(claim)

    def _finished(self, claim: Claim) -> Outcome:
        async def write(db: Tx) -> None:
            await put(db, projects, {"name": claim.id, "last_error": "told"})

        return Done({"ok": True}, write=write)


@dataclass
class Bench:
    """One incarnation after another on the same database."""

    db: Database
    clock: StillClock
    world: World
    ids: RandomIds = field(default_factory=RandomIds)
    extra: dict[str, Any] = field(default_factory=dict)

    def workshop(self, owner: str = "one", claim_for: timedelta = CLAIM) -> Workshop:
        async def give_up(db: Tx, claim: Claim, error: BaseException, now: datetime) -> None:
            self.world.told.append(f"{claim.id}:{type(error).__name__}")

        handlers = {"renewal": Renewal(self.world), **self.extra}
        return Workshop(
            self.db, self.clock, self.ids, handlers, give_up, jitter=lambda: 1.0, owner=owner, claim_for=claim_for
        )

    def drain(self, owner: str = "one") -> Drain:
        return Drain(self.workshop(owner), NoPostman(), self.clock)  # type: ignore[arg-type]

    async def add(self, cause: str = "c1", serial: str = "n1", kind: str = "renewal", **data: Any) -> str:
        async with self.db.begin() as db:
            work_id, _new = await record(db, self.ids, Item(kind, cause, serial, data, author="U1"), self.clock.now())
        return work_id

    async def rows(self) -> list[Any]:
        async with self.db.read() as db:
            return list(await db.execute(select(work).order_by(work.c.created_at, work.c.cause)))

    async def told(self) -> int:
        async with self.db.read() as db:
            return len(list(await db.execute(select(projects))))


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    db = Database(async_database_url(database_url))
    await upgrade(db)
    yield Bench(db, StillClock(), World())
    await db.dispose()


async def test_the_same_cause_twice_is_one_piece_of_work(bench: Bench) -> None:
    first = await bench.add("click:1")
    again = await asyncio.gather(*(bench.add("click:1") for _ in range(5)))
    assert set(again) == {first}
    await bench.drain()()
    assert len(bench.world.done) == 1


@pytest.mark.parametrize("point", ["before intent", "before effect", "after effect"])
async def test_killed_anywhere_it_is_finished_once_by_the_next_incarnation(bench: Bench, point: str) -> None:
    await bench.add()
    bench.world.die_at = point
    with pytest.raises(Killed):
        await bench.drain("first")()
    await bench.drain("second")()
    assert len(bench.world.done) == (1 if point == "after effect" else 0), "the claim has not run out yet"
    bench.clock.push(CLAIM)
    await bench.drain("second")()
    assert len(bench.world.done) == 1
    assert await bench.told() == 1
    assert [row.state for row in await bench.rows()] == ["done"]


async def test_a_runner_that_was_overtaken_writes_nothing(bench: Bench) -> None:
    await bench.add()
    frozen = bench.workshop("frozen")
    claim = await frozen.claim()
    assert claim is not None
    bench.clock.push(CLAIM)
    await bench.drain("other")()
    before = await bench.rows()
    await frozen.advance(claim)  # it wakes up and goes on as if nothing had happened
    assert await bench.rows() == before
    assert await bench.told() == 1


async def test_a_step_that_goes_on_keeps_its_claim_and_one_that_has_lost_it_does_not(bench: Bench) -> None:
    """A pass over many notebooks in a slow cloud takes longer than a claim lasts: nobody else begins it meanwhile."""
    short, taken = timedelta(seconds=0.3), []

    async def kept(beyond: datetime) -> bool:
        (row,) = await bench.rows()
        return bool(row.claim_until > beyond)

    async def slow(claim: Claim, now: datetime) -> Outcome:
        bench.clock.push(short)
        async with asyncio.timeout(20):
            while not await kept(bench.clock.now()):
                await asyncio.sleep(0.01)
        taken.append(await bench.workshop("other").claim())
        bench.clock.push(short)
        taken.append(await bench.workshop("other").claim())  # as if this process had been frozen
        return Done()

    bench.extra["slow"] = slow
    await bench.add(kind="slow")
    mine = bench.workshop("mine", short)
    claim = await mine.claim()
    assert claim is not None
    await mine.advance(claim)
    kept_from_others, overtaken = taken
    assert kept_from_others is None
    assert overtaken is not None
    (row,) = await bench.rows()
    assert (row.state, row.owner, row.fence) == ("running", "other", overtaken.fence)


async def test_work_on_one_notebook_goes_one_piece_at_a_time(bench: Bench) -> None:
    for number in range(8):
        await bench.add(f"c{number}", serial=f"n{number % 2}")
    await asyncio.gather(*(bench.drain(f"runner {n}")() for n in range(4)))
    while any(row.state != "done" for row in await bench.rows()):
        await bench.drain()()
    assert bench.world.overlaps == 0
    assert len(bench.world.done) == 8


@pytest.mark.postgres
async def test_what_another_runner_is_just_taking_is_not_overtaken(postgres_url: str) -> None:
    """Its row is locked and still says open; PostgreSQL then passes over it to what comes after it."""
    db = Database(async_database_url(postgres_url))
    bench = Bench(db, StillClock(), World())
    first = await bench.add("first")
    bench.clock.push(timedelta(seconds=1))
    await bench.add("second")
    async with db.begin() as other:
        await other.execute(select(work).where(work.c.id == first).with_for_update())
        assert await bench.workshop().claim() is None
    claim = await bench.workshop().claim()
    await db.dispose()
    assert claim is not None
    assert claim.cause == "first"


async def test_what_passes_is_tried_again_later_and_later(bench: Bench) -> None:
    await bench.add()
    bench.world.fail = [CloudDown("no answer"), CloudDown("no answer")]
    waits = []
    for _ in range(2):
        await bench.drain()()
        row = (await bench.rows())[0]
        waits.append((row.due_at - bench.clock.now()).total_seconds())
        assert row.error_code == "CloudDown"
        bench.clock.at = row.due_at
    await bench.drain()()
    assert waits == [2.0, 4.0]
    assert len(bench.world.done) == 1


async def test_what_cannot_help_fails_at_once_and_its_author_is_told_once(bench: Bench) -> None:
    work_id = await bench.add()
    bench.world.fail = [NotAllowed("no")]
    await bench.drain()()
    await bench.drain()()
    assert bench.world.told == [f"{work_id}:NotAllowed"]
    assert [(row.state, row.error_text) for row in await bench.rows()] == [("failed", "no")]


async def test_an_unexpected_error_leaves_no_text_of_its_own_in_the_row(bench: Bench) -> None:
    await bench.add()
    bench.world.fail = [RuntimeError("password=hunter2")]
    await bench.drain()()
    row = (await bench.rows())[0]
    assert (row.state, row.error_code, row.error_text) == ("open", "RuntimeError", "unexpected")


async def test_a_report_that_cannot_be_written_takes_the_result_with_it(bench: Bench) -> None:
    """State and report are one transaction: neither is there without the other."""

    async def broken(claim: Claim, now: datetime) -> Outcome:
        async def write(db: Tx) -> None:
            raise RuntimeError("the report fails")

        return Done(write=write)

    bench.extra["broken"] = broken
    await bench.add(kind="broken")
    await bench.drain()()
    assert [row.state for row in await bench.rows()] == ["open"]


async def test_held_work_goes_on_when_it_is_released(bench: Bench) -> None:
    seen = []

    async def holding(claim: Claim, now: datetime) -> Outcome:
        seen.append(claim.step)
        return Done() if len(seen) > 1 else Held("link again")

    bench.extra["holding"] = holding
    await bench.add(kind="holding", project="research")
    await bench.drain()()
    bench.clock.push(timedelta(hours=1))
    await bench.drain()()
    assert seen == ["start"]
    async with bench.db.begin() as db:
        assert await release_held(db, "U1", "research", bench.clock.now()) == 1
    await bench.drain()()
    assert [row.state for row in await bench.rows()] == ["done"]


async def test_a_link_elsewhere_holds_nothing_for_longer(bench: Bench) -> None:
    async def holding(claim: Claim, now: datetime) -> Outcome:
        return Held("link again")

    bench.extra["holding"] = holding
    work_id = await bench.add(kind="holding", project="research")
    await bench.drain()()
    bench.clock.push(HOLD - timedelta(minutes=1))
    async with bench.db.begin() as db:
        assert await release_held(db, "U1", "vision", bench.clock.now()) == 0
    await bench.drain()()
    bench.clock.push(timedelta(minutes=1))
    await bench.drain()()
    assert bench.world.told == [f"{work_id}:NotLinked"]


async def test_held_work_is_given_up_after_a_day_and_its_author_is_told(bench: Bench) -> None:
    async def holding(claim: Claim, now: datetime) -> Outcome:
        return Held("link again")

    bench.extra["holding"] = holding
    work_id = await bench.add(kind="holding")
    await bench.drain()()
    bench.clock.push(HOLD)
    await bench.drain()()
    assert bench.world.told == [f"{work_id}:NotLinked"]
    assert [row.state for row in await bench.rows()] == ["failed"]


async def test_nothing_is_begun_before_it_is_due(bench: Bench) -> None:
    async with bench.db.begin() as db:
        item = Item("renewal", "later", "n1", {}, due=START + timedelta(minutes=5))
        await record(db, bench.ids, item, START)
    await bench.drain()()
    assert bench.world.done == []
    assert await bench.drain().next_due() == START + timedelta(minutes=5)
    bench.clock.push(timedelta(minutes=5))
    await bench.drain()()
    assert len(bench.world.done) == 1


@pytest.mark.parametrize("died", [False, True], ids=["put off", "claimed"])
async def test_what_a_clock_that_was_ahead_has_put_off_is_done_once_it_goes_right(bench: Bench, died: bool) -> None:
    bench.clock.at = START + timedelta(hours=2)
    await bench.add()
    if died:
        assert await bench.workshop("first").claim() is not None
    else:
        bench.world.fail = [CloudDown("no answer")]
        await bench.drain()()
    bench.clock.at = START
    await bench.drain()()
    assert [row.state for row in await bench.rows()] == ["done"]
    assert len(bench.world.done) == 1


async def hostile(bench: Bench, dice: random.Random) -> None:
    """Wakes are lost, doubled, delayed and run at once: only lateness may follow."""
    while any(row.state != "done" for row in await bench.rows()):
        hands = [bench.drain(f"hand {n}").one_work() for n in range(dice.choice([0, 1, 2, 5]))]
        await asyncio.gather(*hands)
        if dice.random() < 0.3:
            bench.clock.push(CLAIM / 3)


async def local(bench: Bench, _dice: random.Random) -> None:
    """Several hands in one process, woken."""
    async with Local(bench.drain(), hands=4, couriers=1) as driver, asyncio.timeout(20):
        driver.wake()
        while any(row.state != "done" for row in await bench.rows()):
            await asyncio.sleep(0.01)


async def drain(bench: Bench, _dice: random.Random) -> None:
    await bench.drain()()


@pytest.mark.parametrize("driver", [drain, local, hostile])
async def test_every_driver_does_everything_once(bench: Bench, driver: Callable[..., Any]) -> None:
    causes = [f"c{number}" for number in range(12)]
    ids = [await bench.add(cause, serial=f"n{place % 3}") for place, cause in enumerate(causes)]
    await driver(bench, random.Random(7))
    assert sorted(bench.world.done) == sorted(ids)
    assert bench.world.overlaps == 0
    assert await bench.told() == len(ids)
