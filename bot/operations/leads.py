"""Each lead of each lease end ends on record: as a delivered warning, or as a void with its reason (design 2, 1)."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from bot.clock import to_ms
from bot.config.policy import effective
from bot.model import Notebook, Status
from bot.operations.adopt import Seen
from bot.operations.deps import Deps
from bot.operations.notices import settle
from bot.operations.policies import policy_of
from bot.rules import keys
from bot.rules.plan import ENDED, NO_TIMED_END, RENEWED
from bot.rules.warnings import OVER
from bot.stores.database import Tx
from bot.stores.notebooks import load
from bot.stores.schema import notices, outbox
from bot.stores.upsert import insert_missing


async def end_changed(db: Tx, deps: Deps, project: str, seen: Seen, words: str, now: datetime) -> None:
    """The end that was known is past: nothing more comes of it. The new one, whatever it is, is warned of anew."""
    before, notebook = seen.before, seen.notebook
    if before is None or before.lease_end == notebook.lease_ends or notebook.status is Status.UNKNOWN:
        return  # nothing is believed of a state that is a word we do not know
    if before.lease_end is not None:
        await _record(db, deps, project, notebook, before.lease_end, why(seen, now), now)
        if await _any_open(db, project, notebook.id):
            if notebook.status.runs:
                said = _said(before.lease_end, notebook.lease_ends, words)
                await settle(db, project, notebook.id, said, now, ("lease_warning",))
            await _over(db, project, notebook.id, now, run_too=not notebook.status.runs)
    if notebook.lease_ends is not None:
        await _rearm(db, project, notebook.id, notebook.lease_ends)


def _said(before: datetime, end: datetime | None, words: str) -> str:
    """What has become of the end that was warned of; `words` where it is a later one."""
    if end is None:
        return "It has no timed end any more."
    return words if end > before else "Its lease was shortened."


async def gone(db: Tx, deps: Deps, row: Any, now: datetime) -> None:
    """It ran when it was last seen and is deleted: nothing more comes of its lease."""
    if row.lease_end is not None:
        notebook = load(row.snapshot)
        await _record(db, deps, row.project, notebook, row.lease_end, ENDED, now)


async def _any_open(db: Tx, project: str, notebook_id: str) -> bool:
    """Whether anything was written that still counts."""
    of_it = notices.c.project == project, notices.c.notebook_id == notebook_id, notices.c.over_at.is_(None)
    return (await db.execute(select(notices.c.key).where(*of_it).limit(1))).first() is not None


def why(seen: Seen, now: datetime) -> str:
    """Why the end that was known is past."""
    before, notebook = seen.before, seen.notebook
    if notebook.status.runs:
        return RENEWED if notebook.lease_ends else NO_TIMED_END
    server_now = notebook.server_now or now
    return OVER if before is not None and before.lease_end and server_now >= before.lease_end else ENDED


async def _record(
    db: Tx, deps: Deps, project: str, notebook: Notebook, end: datetime, reason: str, now: datetime
) -> None:
    """Leads of which nothing was ever written."""
    common: dict[str, Any] = {
        "kind": "lease_warning",
        "project": project,
        "notebook_id": notebook.id,
        "state": "void",
        "reason": reason,
        "created_at": now,
        "voided_at": now,
        "over_at": now,
    }
    leads = await _warnings(db, deps, project, notebook)
    await insert_missing(db, notices, [{"key": keys.lease_warning(notebook.id, end, lead)} | common for lead in leads])


async def _warnings(db: Tx, deps: Deps, project: str, notebook: Notebook) -> tuple[timedelta, ...]:
    """The policy's leads; where no rule differs, without looking up what the rules depend on."""
    if any("warnings" in rule.settings for rule in deps.config.rules):
        return (await policy_of(db, deps, project, notebook)).warnings
    return effective(deps.config, project).warnings


async def run_over(db: Tx, project: str, notebook_id: str, now: datetime) -> None:
    """Idle warnings of a run that has ended unseen."""
    await _over(db, project, notebook_id, now, run_too=True)


async def _over(db: Tx, project: str, notebook_id: str, now: datetime, *, run_too: bool) -> None:
    """No pass reads them any more; with the run, idle warnings are over too."""
    kinds = ("lease_warning", "idle_warning") if run_too else ("lease_warning",)
    await db.execute(
        update(notices)
        .where(
            notices.c.project == project,
            notices.c.notebook_id == notebook_id,
            notices.c.kind.in_(kinds),
            notices.c.state != "pending",
            notices.c.over_at.is_(None),
        )
        .values(over_at=now)
    )


async def _rearm(db: Tx, project: str, notebook_id: str, end: datetime) -> None:
    """An end that comes back (renewed and cut again) is an end like any other: what was void of it is forgotten."""
    prefix = f"lease_warning:{notebook_id}:{to_ms(end)}:"
    of_it = notices.c.project == project, notices.c.notebook_id == notebook_id, notices.c.over_at.is_not(None)
    found = await db.execute(select(notices.c.key, notices.c.state).where(*of_it, notices.c.key.startswith(prefix)))
    for row in list(found):
        if row.state == "void":
            await db.execute(delete(notices).where(notices.c.key == row.key))
            unsent = outbox.c.key == row.key, outbox.c.state == "void", outbox.c.sent_rev == 0
            await db.execute(delete(outbox).where(*unsent))
        else:
            await db.execute(update(notices).where(notices.c.key == row.key).values(over_at=None))
