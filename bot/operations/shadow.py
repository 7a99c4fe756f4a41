"""Whether shadow mode would have been right: was the notebook used within the hour after the stop that was not made."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from bot.idle import poll
from bot.rules.idle import SourceReading, Verdict
from bot.stores.database import Tx
from bot.stores.schema import stops
from bot.stores.upsert import change

WITHIN = timedelta(hours=1)
LAG = timedelta(minutes=15)  # sources tell of an instant this much later
SAME = timedelta(minutes=1)  # what two readings tell of one and the same quiet may differ by less than this

_WAITING = select(stops.c.id, stops.c.notebook_id, stops.c.at).where(
    stops.c.project == bindparam("of_project"), stops.c.cause == "shadow", stops.c.active_later.is_(None),
    stops.c.at > bindparam("young"), stops.c.notebook_id.in_(bindparam("ids", expanding=True)),
)  # fmt: skip


async def score(db: Tx, project: str, verdicts: Mapping[str, Verdict], now: datetime) -> dict[str, datetime]:
    """Put on record, for each such stop that is young enough, what the new evidence says of the hour after it.

    Returns when each of those was, of which it cannot be told yet.
    """
    young = {"of_project": project, "young": now - WITHIN * 6, "ids": list(verdicts)}
    unsaid: dict[str, datetime] = {}
    for row in list(await db.execute(_WAITING, young)):
        said = judged(row.at, verdicts[row.notebook_id])
        if said is None:
            unsaid[row.notebook_id] = max(row.at, unsaid.get(row.notebook_id, row.at))
        else:
            await change(db, stops, {"id": row.id}, {"active_later": said})
    return unsaid


def judged(stop_at: datetime, verdict: Verdict) -> bool | None:
    """True: it was used within the hour. False: it was not, all of the hour was seen. None: it cannot be told (yet).

    Use is told of by its end. What began to be used unseen and goes on beyond the hour may have begun within it.
    """
    end = stop_at + WITHIN
    if any(stop_at < use <= end for reading in verdict.readings for use in _uses(reading)):
        return True
    quiet = [reading for reading in verdict.readings if reading.state == "idle"]
    seen = all(_at_rest(reading, stop_at, end) for reading in quiet)
    return False if verdict.state == "idle" and quiet and seen else None


def _uses(reading: SourceReading) -> Iterator[datetime]:
    if reading.used is not None:
        yield reading.used
    if reading.state == "active" and reading.since is not None:
        yield reading.since


def _at_rest(reading: SourceReading, start: datetime, end: datetime) -> bool:
    """Whether this source saw quiet from `start` to `end`."""
    since, newest = reading.since, reading.newest
    return since is not None and newest is not None and since <= start + SAME and newest >= end


def look_at(stop_at: datetime, now: datetime, idle_after: timedelta, passes: timedelta) -> datetime | None:
    """The `poll_at` at which evidence is read next for the score: right before the hour ends, and when all of it is
    known; None after that. `passes`: the time between two.
    """
    early = poll.interval(idle_after) / 10  # what is due is read so much before its time
    looks = (stop_at + WITHIN - passes, stop_at + WITHIN + LAG)
    return next((at + early for at in looks if now < at), None)
