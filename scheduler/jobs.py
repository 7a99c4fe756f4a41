"""What is started by the clock: one pass per project, named by its time so that two runners make it one."""

from datetime import datetime, timedelta

from sqlalchemy import select

from bot.clock import to_ms
from bot.ids import Ids
from bot.stores.database import Database, Tx
from bot.stores.schema import work
from bot.work import Item, record


def pass_item(project: str, name: str) -> Item:
    """One pass of one project."""
    return Item("pass", f"pass:{project}:{name}", f"project:{project}", {"project": project})


async def ask_passes(db: Database, ids: Ids, projects: list[str], now: datetime, poll: timedelta) -> int:
    """Record the pass of this interval for each project, unless one still waits or runs; returns how many."""
    tick = to_ms(now) // (poll // timedelta(milliseconds=1))
    asked = 0
    async with db.begin() as tx:
        for project in projects:
            if not await _under_way(tx, project):
                _id, new = await record(tx, ids, pass_item(project, str(tick)), now)
                asked += new
    return asked


async def ask_now(db: Database, ids: Ids, projects: list[str], now: datetime) -> list[str]:
    """Record one pass per project whatever the time (`tick`); one that waits already is joined."""
    async with db.begin() as tx:
        return [
            await _waiting(tx, project) or (await record(tx, ids, pass_item(project, ids.new()), now))[0]
            for project in projects
        ]


async def _under_way(tx: Tx, project: str) -> bool:
    row = await tx.execute(
        select(work.c.id)
        .where(work.c.serial == f"project:{project}", work.c.kind == "pass", work.c.state.in_(("open", "running")))
        .limit(1)
    )
    return row.first() is not None


async def _waiting(tx: Tx, project: str) -> str | None:
    row = (
        await tx.execute(
            select(work.c.id)
            .where(work.c.serial == f"project:{project}", work.c.kind == "pass", work.c.state == "open")
            .limit(1)
        )
    ).first()
    return str(row.id) if row else None
