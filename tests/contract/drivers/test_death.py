"""Processes are killed, started again, frozen and thawed: nothing is lost, and no result is recorded twice."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from sqlalchemy import text

from bot.stores.schema import work
from tests.contract.drivers.crew import Crew, Worker, keys, until

OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND state <> 'idle'"
)
CLAIM_S = 2.0
PROMPT_S = 20.0  # until all is done: far from the product's two minutes of a claim
LATE_S = 60.0


def under_way(crew: Crew, worker: Worker) -> set[str]:
    """What this process has begun and not done."""
    return {*crew.effects.keys("begin", pid=worker.pid)} - {*crew.effects.keys("act", pid=worker.pid)}


def in_the_middle(crew: Crew, worker: Worker, done: int = 4) -> bool:
    """It has something behind it, and something in its hands."""
    return len(crew.effects.keys("act", pid=worker.pid)) >= done and bool(under_way(crew, worker))


async def test_with_one_of_two_killed_the_other_finishes_everything_and_repeats_nothing(crew: Crew) -> None:
    first, second = await crew.start_two(claim=CLAIM_S)
    wanted = keys(40)
    await crew.enqueue(first, *wanted)
    await until(lambda: in_the_middle(crew, first), "the first is in the middle of its work")
    await first.kill()
    assert (left := under_way(crew, first))
    await until(lambda: crew.finished(40), "the second has finished all forty", CLAIM_S + PROMPT_S)
    once = Counter(dict.fromkeys(wanted, 1))
    assert await crew.recorded() == once
    assert Counter(crew.effects.keys("act")) == once, "a call that was made is made again"
    assert left <= {*crew.effects.keys("act", pid=second.pid)}


async def test_a_killed_process_that_starts_again_goes_on_at_once(crew: Crew) -> None:
    """With the claims as long as the product's: a dead process of this host is known to be dead."""
    first, wanted = await crew.start(), keys(12)
    await crew.enqueue(first, *wanted)
    await until(lambda: in_the_middle(crew, first), "it is in the middle of its work")
    await first.kill()
    assert (left := under_way(crew, first))
    again = await crew.start()
    await until(lambda: crew.finished(12), "all twelve are done", PROMPT_S)
    once = Counter(dict.fromkeys(wanted, 1))
    assert await crew.recorded() == once
    assert Counter(crew.effects.keys("act")) == once
    assert left <= {*crew.effects.keys("act", pid=again.pid)}


async def freeze_between_transactions(crew: Crew, worker: Worker) -> None:
    """In the middle of its call, and not with the one lock of an SQLite file in its hands."""

    async def frozen() -> bool:
        worker.freeze()
        if await free(crew):
            return True
        worker.thaw()
        return False

    await until(frozen, "it is frozen between two transactions")


async def free(crew: Crew) -> bool:
    """Whether no other process is in a transaction."""
    if crew.db.sqlite:
        with closing(sqlite3.connect(crew.url.removeprefix("sqlite:///"), timeout=0.1, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True
    async with crew.db.read() as db:
        return not (await db.execute(OTHERS)).scalar_one()


@pytest.mark.parametrize("thawed", ["while the other is at it", "when the other is done"])
async def test_a_process_that_was_frozen_over_its_claim_records_nothing(crew: Crew, thawed: str) -> None:
    frozen = await crew.start(claim=CLAIM_S / 2)
    await crew.enqueue(frozen, "k", seconds=1.5)
    await until(lambda: crew.effects.keys("begin"), "the call has begun")
    await freeze_between_transactions(crew, frozen)
    other = await crew.start(claim=LATE_S)
    if thawed == "while the other is at it":
        await until(lambda: crew.effects.keys("begin", pid=other.pid), "the other has taken it over")
    else:
        await until(lambda: crew.finished(1), "the other has done it")
    frozen.thaw()
    await until(lambda: "k" in crew.effects.keys("left", pid=frozen.pid)[1:], "the frozen one has come to its end")
    await until(lambda: crew.finished(1), "it is done")
    (row,) = await crew.rows(work)
    assert row.result == {"pid": other.pid}
    assert await crew.recorded() == {"k": 1}
    if thawed == "while the other is at it":
        assert crew.effects.all("left", pid=frozen.pid)[-1].at < crew.effects.all("act", pid=other.pid)[-1].at
    assert await frozen.end() == await other.end() == 0
