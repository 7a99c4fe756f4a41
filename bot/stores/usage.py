"""Usage intervals: what ran (and what disk was kept) from when to when, at which price."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, or_, select, update

from bot.ids import Ids
from bot.model import Notebook
from bot.rules.costs import Prices
from bot.stores.database import Tx
from bot.stores.schema import stops, usage
from bot.stores.upsert import insert_once


async def open_interval(
    db: Tx, ids: Ids, project: str, notebook: Notebook, kind: str, price: Decimal | None, since: datetime
) -> None:
    """Begin an interval unless one is open."""
    known = await db.execute(select(usage.c.id).where(_open(project, notebook.id, kind)))
    if known.first() is None:
        await add(db, [interval(ids, project, notebook, kind, price, since)])


def interval(
    ids: Ids, project: str, notebook: Notebook, kind: str, price: Decimal | None, since: datetime
) -> dict[str, Any]:
    """An interval that begins, as a row."""
    return {
        "id": ids.new(),
        "project": project,
        "notebook_id": notebook.id,
        "notebook_name": notebook.name,
        "owner_id": notebook.owner_id,
        "kind": kind,
        "flavor": notebook.flavor,
        "price": price,
        "disk_gb": notebook.volume_gb,
        "from_at": since,
        "to_at": None,
    }


async def add(db: Tx, rows: list[dict[str, Any]]) -> None:
    """Keep many intervals."""
    if rows:
        await db.execute(insert(usage), rows)


async def reprice(db: Tx, ids: Ids, project: str, prices: Prices, now: datetime) -> int:
    """Prices have changed: what goes on is another interval from here on; returns how many."""
    going_on = list(await db.execute(select(usage).where(usage.c.project == project, usage.c.to_at.is_(None))))
    fresh = []
    for row in going_on:
        price = prices.disk_gb_month if row.kind == "disk" else prices.per_hour(row.flavor)
        if price != row.price:
            await db.execute(update(usage).where(usage.c.id == row.id).values(to_at=max(now, row.from_at)))
            fresh.append({**row._mapping, "id": ids.new(), "price": price, "from_at": max(now, row.from_at)})
    await add(db, fresh)
    return len(fresh)


async def close_interval(db: Tx, project: str, notebook_id: str, kind: str, at: datetime) -> None:
    """End the open interval, never before it began."""
    rows = list(await db.execute(select(usage.c.id, usage.c.from_at).where(_open(project, notebook_id, kind))))
    for row in rows:
        await db.execute(update(usage).where(usage.c.id == row.id).values(to_at=max(at, row.from_at)))


async def between(
    db: Tx, projects: list[str], start: datetime, end: datetime, owners: Collection[str] | None = None
) -> list[Any]:
    """Every interval that touches [start, end). `owners`: only theirs, by cloud user id."""
    of_them = [] if owners is None else [usage.c.owner_id.in_(owners)]
    touches = usage.c.from_at < end, or_(usage.c.to_at.is_(None), usage.c.to_at > start)
    rows = await db.execute(
        select(usage).where(usage.c.project.in_(projects), *touches, *of_them).order_by(usage.c.from_at)
    )
    return list(rows)


async def of_notebook(db: Tx, project: str, notebook_id: str) -> list[Any]:
    """Every interval of one notebook."""
    return list(await db.execute(select(usage).where(usage.c.project == project, usage.c.notebook_id == notebook_id)))


async def record_stop(db: Tx, ids: Ids, values: dict[str, Any]) -> bool:
    """A stop the bot made (or, in shadow mode, would have made); once per `key`."""
    return await insert_once(db, stops, {"id": ids.new()} | values)


async def stops_between(db: Tx, projects: list[str], start: datetime, end: datetime) -> list[Any]:
    """Stops made in [start, end)."""
    return list(
        await db.execute(
            select(stops)
            .where(stops.c.project.in_(projects), stops.c.at >= start, stops.c.at < end)
            .order_by(stops.c.at)
        )
    )


async def end_saving(db: Tx, project: str, notebook_id: str, at: datetime, cause: str | None = None) -> None:
    """It runs again, or is gone: no stop before (of that cause) saves anything from here on."""
    mine = stops.c.project == project, stops.c.notebook_id == notebook_id, stops.c.until.is_(None), stops.c.at < at
    which = mine if cause is None else (*mine, stops.c.cause == cause)
    await db.execute(update(stops).where(*which).values(until=at))


async def mark_wrong(db: Tx, key: str, now: datetime) -> bool:
    """Somebody says that this stop was wrong; True the first time."""
    change = update(stops).where(stops.c.key == key, stops.c.wrong_at.is_(None)).values(wrong_at=now)
    return bool((await db.execute(change)).rowcount == 1)


def _open(project: str, notebook_id: str, kind: str) -> Any:
    return (
        (usage.c.project == project)
        & (usage.c.notebook_id == notebook_id)
        & (usage.c.kind == kind)
        & usage.c.to_at.is_(None)
    )
