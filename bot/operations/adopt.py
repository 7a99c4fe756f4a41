"""What was seen in the cloud becomes what we know: the same after a pass, a command or a poll."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select, update

from bot.model import Notebook, Status
from bot.operations.deps import Deps
from bot.rules import keys
from bot.stores import notebooks, usage
from bot.stores.database import Tx
from bot.stores.schema import decisions, projects

StopCause = Literal["ours", "lease", "outside"]
COMES_UP = timedelta(minutes=5)  # from the stamp of a start to RUNNING, at most
OVERTAKEN = timedelta(minutes=2)  # a row seen further in the future than this was seen by a clock that was wrong


@dataclass(frozen=True, slots=True)
class Seen:
    """One notebook before and after it was looked at."""

    before: Any | None  # the row, None when it is new to us
    notebook: Notebook
    started: bool = False
    restarted: bool = False  # it ran when it was last seen too, but has been stopped and started in between
    stopped: StopCause | None = None
    stopped_at: datetime | None = None
    stale: bool = False  # the answer is older than what we know: nothing was adopted

    @property
    def renewed(self) -> bool:
        """It goes on running and its lease has another end than when it was last seen."""
        return (
            not self.stale
            and self.before is not None
            and self.before.lease_end is not None
            and self.notebook.lease_ends is not None
            and self.before.lease_end != self.notebook.lease_ends
        )

    @property
    def stop_key(self) -> str:
        """Key of the `stopped` message about this stop."""
        return keys.stopped(self.notebook.id, self.stopped_at) if self.stopped_at else ""


async def adopt(db: Tx, deps: Deps, project: str, notebook: Notebook, now: datetime) -> Seen:
    """Take over what the cloud says of one notebook: its state, running time, usage and lease.

    `now` is an instant before the cloud was asked: what somebody else has read since is newer, and stays.
    """
    before = await notebooks.get(db, project, notebook.id, lock=True)
    if before is not None and _stale(before, notebook, now):
        return Seen(before, notebook, stale=True)
    if notebook.status is Status.UNKNOWN and before is not None:  # a word we do not know changes nothing we believe
        return Seen(before, notebook)
    ran = before is not None and Status(before.status).runs and before.deleted_at is None
    runs = notebook.status.runs
    values: dict[str, Any] = {"first_seen_at": before.first_seen_at if before else now}
    seen = Seen(before, notebook)
    if runs and not ran:
        seen = Seen(before, notebook, started=before is not None)
        values |= await _began(db, deps, project, notebook, now)
    elif before is not None and ran and runs and _restarted(before, notebook):
        seen = Seen(before, notebook, started=True, restarted=True)
        until = await _ran_until(db, before, notebook)
        await usage.close_interval(db, project, notebook.id, "run", max(until, before.running_since or until))
        values |= await _began(db, deps, project, notebook, now)
    elif ran and not runs:
        seen = _stopped(before, notebook, now)
        values |= await _ended(db, project, notebook, before, seen)
    if before is None or before.deleted_at is not None or _resized(before, notebook):
        values["deleted_at"] = None
        await usage.close_interval(db, project, notebook.id, "disk", now)
        price, since = deps.config.prices.disk_gb_month, _kept_since(before, notebook, now)
        await usage.open_interval(db, deps.ids, project, notebook, "disk", price, since)
    if before is None or before.lease_end != notebook.lease_ends:
        values["lease_seen_at"] = notebook.server_now or now  # what it is compared with is on the cloud's clock
    await notebooks.save(db, project, notebook, values, now)
    return seen


async def adopt_new(db: Tx, deps: Deps, project: str, found: Sequence[Notebook], now: datetime) -> None:
    """The same for many at once that were never seen before: nothing has ended, so nothing has to be told."""
    rows, intervals = [], []
    for notebook in found:
        since = (notebook.updated_at or now) if notebook.status.runs else None
        seen = {"first_seen_at": now, "lease_seen_at": notebook.server_now or now, "running_since": since}
        rows.append(notebooks.columns(project, notebook, now) | seen)
        price = deps.config.prices.disk_gb_month
        kept = notebook.created_at or now
        intervals.append(usage.interval(deps.ids, project, notebook, "disk", price, kept))
        if since is not None:
            price = deps.config.prices.per_hour(notebook.flavor)
            intervals.append(usage.interval(deps.ids, project, notebook, "run", price, since))
    await notebooks.add(db, rows)
    await usage.add(db, intervals)


def _stale(before: Any, notebook: Notebook, now: datetime) -> bool:
    """Whether we know something newer: it was seen since we asked, or its state or lease has changed since."""
    if timedelta(0) < before.seen_at - now < OVERTAKEN:
        return True
    if before.updated_at and notebook.updated_at and notebook.updated_at < before.updated_at:
        return True
    known = notebooks.load(before.snapshot).lease
    stamps = (known and known.stamped_at, notebook.lease and notebook.lease.stamped_at)
    return bool(stamps[0] and stamps[1] and stamps[1] < stamps[0])


def _restarted(before: Any, notebook: Notebook) -> bool:
    """A start stamps the lease and, once it runs, the notebook; a renewal or a rename only one of them."""
    known = notebooks.load(before.snapshot)
    if known.lease is None or notebook.lease is None or known.status is not notebook.status:
        return False
    moved, stamped = notebook.updated_at, notebook.lease.stamped_at
    if not (moved and stamped and known.updated_at and known.lease.stamped_at):
        return False
    return moved > known.updated_at and stamped > known.lease.stamped_at and timedelta(0) <= moved - stamped < COMES_UP


async def _ran_until(db: Tx, before: Any, notebook: Notebook) -> datetime:
    """When it was last seen in the run before this one.

    A pass writes nothing of what has not changed since: it confirms the decision about it, and that tells when.
    """
    of_it = decisions.c.project == before.project, decisions.c.notebook_id == before.id
    live = await db.execute(select(decisions.c.confirmed_at).where(*of_it, decisions.c.live))
    until: datetime = max([before.seen_at, *(row.confirmed_at for row in live)])
    return min(until, before.lease_end or until, notebook.updated_at or until)


def _resized(before: Any, notebook: Notebook) -> bool:
    """Its disk has grown: what it costs from here on is another interval."""
    known = before.snapshot.get("volume_gb")
    return bool(known and notebook.volume_gb and known != notebook.volume_gb)


def _kept_since(before: Any | None, notebook: Notebook, now: datetime) -> datetime:
    """From when its disk has cost what it costs now."""
    return notebook.created_at or now if before is None else now


async def gone(db: Tx, deps: Deps, row: Any, now: datetime) -> Seen | None:
    """It was confirmed to be deleted. Returns what was seen if it ran until then."""
    notebook = notebooks.load(row.snapshot)
    ran = Status(row.status).runs
    ended = min(now, row.lease_end) if row.lease_end else now  # later it cannot have run, whenever that was noticed
    await usage.close_interval(db, row.project, row.id, "run", ended)
    await usage.close_interval(db, row.project, row.id, "disk", now)
    await usage.end_saving(db, row.project, row.id, now)
    await notebooks.change(
        db,
        row.project,
        row.id,
        deleted_at=now,
        status=Status.DELETED.value,
        lease_end=None,
        running_since=None,
        keep_until=None,
    )
    mine = decisions.c.project == row.project, decisions.c.notebook_id == row.id
    await db.execute(update(decisions).where(*mine, decisions.c.live).values(live=False))
    if ran and row.stop_by:
        await _expected(db, row)
    return Seen(row, notebook, stopped="ours" if row.stop_by else "outside", stopped_at=now) if ran else None


async def _expected(db: Tx, row: Any) -> None:
    """A stop of ours takes the notebook out of the figure that a collapse is measured by (contract 8).

    Unless it has begun to run only after the listing that the figure is of.
    """
    listed = projects.c.name == row.project, projects.c.last_running > 0
    since = [projects.c.last_ok_at >= row.running_since] if row.running_since else []
    await db.execute(update(projects).where(*listed, *since).values(last_running=projects.c.last_running - 1))


async def _began(db: Tx, deps: Deps, project: str, notebook: Notebook, now: datetime) -> dict[str, Any]:
    """The change to RUNNING moved `update_at`, so it tells when, even if we look later."""
    since = notebook.updated_at or now
    price = deps.config.prices.per_hour(notebook.flavor)
    await usage.open_interval(db, deps.ids, project, notebook, "run", price, since)
    await usage.end_saving(db, project, notebook.id, since)
    return {
        "running_since": since,
        "stopped_at": None,
        "stop_by": None,
        "verdict": None,
        "poll_at": None,
        "keep_until": None,
        "keep_reason": None,
        "keep_by": None,
    }


def _stopped(before: Any, notebook: Notebook, now: datetime) -> Seen:
    """A stop the bot did not make is the lease's if it was seen at or after its end (contract 2)."""
    cause: StopCause = "outside"
    server_now = notebook.server_now or now
    if before.stop_by:
        cause = "ours"
    elif before.lease_end and server_now >= before.lease_end:
        cause = "lease"
    moved = notebook.updated_at if notebook.status is Status.STOPPED else None
    at = moved if moved and before.running_since and moved > before.running_since else now
    return Seen(before, notebook, stopped=cause, stopped_at=before.stopped_at or at)


async def _ended(db: Tx, project: str, notebook: Notebook, before: Any, seen: Seen) -> dict[str, Any]:
    at = seen.stopped_at or before.seen_at
    await usage.close_interval(db, project, notebook.id, "run", at)
    await usage.end_saving(db, project, notebook.id, at, "shadow")  # from here on it costs nothing in any case
    if seen.stopped == "ours":
        await _expected(db, before)
    return {
        "running_since": None,
        "stopped_at": seen.stopped_at,
        "verdict": None,
        "keep_until": None,
        "keep_reason": None,
        "keep_by": None,
    }
