"""Claims of processes that died on this host are free at once; those of other hosts run out by themselves.

Only a shortcut: the fence and the second look of every step keep the promises, whoever is believed to be dead.
"""

import os
import socket
from datetime import datetime

from sqlalchemy import Table, select, update

from bot.stores.database import Database, Tx
from bot.stores.schema import outbox, work


def owner_name(nonce: str) -> str:
    """Who holds a claim: this host, this process, and something that no later process shares."""
    return f"{socket.gethostname()}:{os.getpid()}:{nonce}"


def is_dead(owner: str) -> bool:
    """Whether this is a process of this host that is no more. Asked by one that has claimed nothing yet."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit():
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
