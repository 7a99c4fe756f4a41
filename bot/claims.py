"""Claims of processes that died on this host are free at once; those of other hosts run out by themselves.

A step that goes on keeps its claim. All this only saves time: the fence and the second look of every step keep the
promises, whoever is believed to be dead.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import Table, select, update

from bot.clock import Clock
from bot.stores.database import Database, Tx
from bot.stores.schema import outbox, work
from bot.stores.upsert import change

log = logging.getLogger(__name__)

HOST_MOST = 40
KEPT_MOST_S = 1800.0  # a step that has not come to its end by then hangs; somebody else may try


@asynccontextmanager
async def kept(db: Database, clock: Clock, ours: Mapping[str, Any], claim_for: timedelta) -> AsyncIterator[None]:
    """While the body runs, the claim that `ours` tells from all others does not run out, unless the process stands.

    A pass over thousands of notebooks takes minutes where the cloud is slow; begun again from the start whenever
    `claim_for` is over, it would never come to its end.
    """
    over, loop, keepers = asyncio.Event(), asyncio.get_running_loop(), list[asyncio.Task[None]]()
    every_s = claim_for.total_seconds() / 3

    async def keep() -> None:
        until_s = loop.time() + KEPT_MOST_S
        while not over.is_set() and loop.time() < until_s:
            await _renew(db, clock, ours, claim_for)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await over.wait()

    timer = loop.call_later(every_s, lambda: keepers.append(loop.create_task(keep())))  # most steps end before it
    try:
        yield
    finally:
        timer.cancel()
        over.set()
        for keeper in keepers:
            await keeper  # never left in the middle of a transaction


async def _renew(db: Database, clock: Clock, ours: Mapping[str, Any], claim_for: timedelta) -> None:
    now = clock.now()
    try:
        async with db.begin() as tx:
            await change(tx, work, ours, {"claim_until": now + claim_for, "updated_at": now})
    except Exception as error:
        log.warning("a claim could not be kept (%s); trying again", type(error).__name__)


def host_name(name: str | None = None) -> str:
    """This host (or `name`), in at most 40 characters: a column of the store takes it with what tells processes apart.

    The end of a long name is replaced by a digest of all of it: orchestrators tell their hosts apart by the end.
    """
    whole = name or socket.gethostname()
    if len(whole) <= HOST_MOST:
        return whole
    return whole[: HOST_MOST - 17] + "-" + blake2b(whole.encode(), digest_size=8).hexdigest()


def owner_name(nonce: str) -> str:
    """Who holds a claim: this host, this process, and something that no later process shares."""
    return f"{host_name()}:{os.getpid()}:{nonce}"


def is_dead(owner: str) -> bool:
    """Whether this is a process of this host that is no more. Asked by one that has claimed nothing yet."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != host_name() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():  # one before us had our number: in a container that starts again it always has
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


async def free_the_dead(db: Database, now: datetime) -> int:
    """At start: let what dead processes had begun be taken over now; returns how many claims."""
    async with db.begin() as tx:
        return sum([await _free(tx, table, now) for table in (work, outbox)])


async def _free(tx: Tx, table: Table, now: datetime) -> int:
    rows = await tx.execute(
        select(table.c.owner).where(table.c.claim_until > now, table.c.owner.is_not(None)).distinct()
    )
    dead = [row.owner for row in rows if is_dead(row.owner)]
    if not dead:
        return 0
    change = update(table).where(table.c.owner.in_(dead), table.c.claim_until > now).values(claim_until=now)
    return int((await tx.execute(change)).rowcount)
