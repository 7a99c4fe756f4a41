"""Whether shadow mode would have been right: was the notebook used within the hour after the stop that was not made."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select, update

from bot.rules.idle import Verdict
from bot.stores.database import Tx
from bot.stores.schema import stops

WITHIN = timedelta(hours=1)
LAG = timedelta(minutes=15)  # sources tell of an instant this much later


async def score(db: Tx, project: str, verdicts: Mapping[str, Verdict], now: datetime) -> None:
    """Put on record, for each such stop that is young enough, what the new evidence says of the hour after it."""
    waiting = await db.execute(
        select(stops.c.id, stops.c.notebook_id, stops.c.at).where(
            stops.c.project == project,
            stops.c.cause == "shadow",
            stops.c.active_later.is_(None),
            stops.c.at > now - WITHIN * 6,
            stops.c.notebook_id.in_(list(verdicts)),
        )
    )
    for row in list(waiting):
        said = judged(row.at, verdicts[row.notebook_id], now)
        if said is not None:
            await db.execute(update(stops).where(stops.c.id == row.id).values(active_later=said))


def judged(stop_at: datetime, verdict: Verdict, now: datetime) -> bool | None:
    """True: it was used within the hour. False: the hour is over and it was not. None: that cannot be told (yet)."""
    uses = [reading.since or now for reading in verdict.readings if reading.state == "active"]
    if any(stop_at < use <= stop_at + WITHIN for use in uses):
        return True
    if now < stop_at + WITHIN + LAG or verdict.state == "unknown":
        return None
    return False if verdict.state == "idle" or all(use > stop_at + WITHIN for use in uses) else None
