"""Idle stops that passes have ordered: which are under way, and which came to nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from bot.operations.base import serial
from bot.stores.database import Tx
from bot.stores.notebooks import chunks
from bot.stores.schema import work


@dataclass(slots=True)
class Orders:
    """By notebook: how many have ended although it still runs; and those of which one is under way."""

    ended: Counter[str] = field(default_factory=Counter)
    under_way: set[str] = field(default_factory=set)


async def earlier_stops(db: Tx, project: str, due: Sequence[tuple[str, datetime]]) -> Orders:
    """What was ordered for each of these notebooks since its notice was delivered."""
    orders, since = Orders(), dict(due)
    ids = {serial(project, notebook_id): notebook_id for notebook_id in since}
    for some in chunks(list(ids)):
        of_these = work.c.kind == "idle_stop", work.c.serial.in_(some)
        for row in await db.execute(select(work.c.serial, work.c.state, work.c.created_at).where(*of_these)):
            notebook_id = ids[row.serial]
            if row.state not in ("done", "failed"):
                orders.under_way.add(notebook_id)
            elif row.created_at >= since[notebook_id]:
                orders.ended[notebook_id] += 1
    return orders
