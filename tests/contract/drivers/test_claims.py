"""Whose claims are free when a process starts: those of processes of its own host that are no more."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest

from bot.claims import free_the_dead, host_name, owner_name
from bot.clock import SystemClock
from bot.ids import RandomIds
from bot.settings import async_database_url
from bot.stores.database import Database, Tx
from bot.stores.migrate import upgrade
from bot.work import Claim, Item, Outcome, Workshop, record

HERE = host_name()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(database_url))
    await upgrade(made)
    yield made
    await made.dispose()


async def nothing(claim: Claim, now: datetime) -> Outcome:
    raise AssertionError("nothing is advanced here")


async def give_up(db: Tx, claim: Claim, error: BaseException, now: datetime) -> None:
    raise AssertionError("nothing fails here")


def shop(db: Database, owner: str) -> Workshop:
    return Workshop(db, SystemClock(), RandomIds(), {"k": nothing}, give_up, jitter=lambda: 1.0, owner=owner)


def ended() -> int:
    """The number of a process that was."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("owner", "free"),
    [
        pytest.param(lambda: f"{HERE}:{ended()}:one", True, id="a process that ended"),
        pytest.param(lambda: f"{HERE}:{os.getpid()}:one", True, id="one before us with our number: a container's"),
        pytest.param(lambda: f"{HERE}:{os.getppid()}:one", False, id="a process that is there"),
        pytest.param(lambda: f"elsewhere:{ended()}:one", False, id="a process of another host"),
        pytest.param(lambda: "one", False, id="who knows"),
    ],
)
async def test_only_claims_of_dead_processes_of_this_host_are_free_at_once(
    db: Database, owner: Callable[[], str], free: bool
) -> None:
    clock, ids = SystemClock(), RandomIds()
    async with db.begin() as tx:
        await record(tx, ids, Item("k", "c", "s", {}), clock.now())
    assert await shop(db, owner()).claim() is not None
    after = shop(db, owner_name("two"))
    assert await free_the_dead(db, clock.now()) == int(free)
    taken = await after.claim()
    assert (taken is not None) == free
    if taken is not None:
        assert taken.again, "whoever takes it over looks first"
