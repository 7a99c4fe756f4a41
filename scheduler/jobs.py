"""What is started by the clock: one pass per project, named by its time so that two runners make it one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from bot.ids import Ids
from bot.stores.database import Database, Tx
from bot.stores.schema import work
from bot.stores.types import word
from bot.work import Item, record

# So old a replica's `now` may be once the store lets it in; only what is due later still stems from a clock ahead.
STALE = timedelta(seconds=15)


def pass_item(project: str, name: str) -> Item:
    """One pass of one project."""
    return Item("pass", f"pass:{project}:{name}", f"project:{project}", {"project": project})


async def ask_passes(db: Database, ids: Ids, projects: list[str], now: datetime, poll: timedelta) -> int:
    """Record the next pass of each project, unless one still waits or runs; returns how many.

    It is due `poll` after the last one has ended, and named after it, so that two replicas ask for the same one.
    """
    asked = 0
    async with db.begin() as tx:
        for project in projects:
            last = await _last(tx, project)
            if last is not None and last.state in ("open", "running"):
                await _not_late(tx, last.id, now, poll)
                continue
            due = now if last is None else max(now, last.updated_at + poll)
            if due > now + poll + STALE:
                due = now + poll
            item = pass_item(project, f"after:{last.id if last else 'none'}")
            _id, new = await record(tx, ids, replace(item, due=due), now)
            asked += new
    return asked


async def ask_now(db: Database, ids: Ids, projects: list[str], now: datetime) -> list[str]:
    """Record one pass per project whatever the time (`tick`); one that waits already is joined."""
    async with db.begin() as tx:
        return [
            await _waiting(tx, project, now) or (await record(tx, ids, pass_item(project, ids.new()), now))[0]
            for project in projects
        ]


_PASSES = select(work.c.id, work.c.state, work.c.updated_at).where(
    work.c.serial == bindparam("of_serial"), work.c.kind == word("pass")
)
_WAITS = _PASSES.where((work.c.state == word("open")) | (work.c.state == word("running"))).limit(1)
_LATEST = _PASSES.order_by(work.c.updated_at.desc(), work.c.id).limit(1)
_AFTER = _PASSES.where(work.c.cause == bindparam("of_cause"))


async def _last(tx: Tx, project: str) -> Any | None:
    """The pass that waits or runs, else the one that ended last.

    Ends are stamped by a clock that may have jumped ahead and back; each pass is named after the one before, so the
    names tell which was the last in truth.
    """
    mine = {"of_serial": f"project:{project}"}
    waits = (await tx.execute(_WAITS, mine)).first()
    if waits is not None:
        return waits
    last = (await tx.execute(_LATEST, mine)).first()
    while last is not None:
        after = (await tx.execute(_AFTER, mine | {"of_cause": f"pass:{project}:after:{last.id}"})).first()
        if after is None:
            break
        last = after
    return last


async def _not_late(tx: Tx, work_id: str, now: datetime, poll: timedelta) -> None:
    """A pass that was asked for while the clock stood ahead does not wait until it stands there again."""
    late = (work.c.id == work_id) & (work.c.state == "open") & (work.c.due_at > now + poll + STALE)
    await tx.execute(update(work).where(late).values(due_at=now + poll))


async def _waiting(tx: Tx, project: str, now: datetime) -> str | None:
    """The pass that waits, brought forward to now."""
    row = (
        await tx.execute(
            select(work.c.id)
            .where(work.c.serial == f"project:{project}", work.c.kind == "pass", work.c.state == "open")
            .limit(1)
        )
    ).first()
    if row is None:
        return None
    await tx.execute(update(work).where(work.c.id == row.id, work.c.due_at > now).values(due_at=now))
    return str(row.id)
