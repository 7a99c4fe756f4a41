"""A stop that was seen is told to the owner: once, whoever saw it first."""

from datetime import datetime
from typing import Any

from bot.clock import to_ms
from bot.model import Notebook, Status
from bot.operations import leads, pending
from bot.operations.adopt import Seen, adopt, gone
from bot.operations.deps import Deps
from bot.operations.notices import WARNINGS, settle
from bot.operations.policies import policy_of
from bot.operations.whose import owner_of
from bot.outbox import NOTICE, Say, say
from bot.render.facts import STARTED_AGAIN
from bot.stores import people
from bot.stores.database import Tx

MUTABLE = {  # notices that warn of nothing and undo nothing; all others always come
    "stopped_lease": "A lease of mine has ended",
    "stopped_outside": "A notebook of mine was stopped outside leasebot",
}
RENEWED = "Its lease was renewed."


async def observe(
    db: Tx, deps: Deps, project: str, notebook: Notebook, now: datetime, *, renewed: str = RENEWED
) -> Seen:
    """Adopt what was seen; a stop that the bot did not make is told, and every warning about the run is settled.

    Warnings of a lease whose end has moved are settled with the words of `renewed`, whoever moved it; of one that has
    no end any more, with that.
    """
    seen = await adopt(db, deps, project, notebook, now)
    if seen.stopped in ("lease", "outside"):
        await _tell(db, deps, project, seen, now)
    if not seen.stale:
        await leads.end_changed(db, deps, project, seen, renewed, now)
    if seen.renewed:
        await pending.follow(db, deps, project, notebook, now)
    if seen.restarted:  # what was told of the run before counts no more
        await settle(db, project, notebook.id, "It was started again meanwhile.", now, ("idle_warning",))
        await leads.run_over(db, project, notebook.id, now)
    if seen.started:
        await settle(db, project, notebook.id, STARTED_AGAIN, now, ("stopped",))
    return seen


async def deleted(db: Tx, deps: Deps, row: Any, now: datetime) -> None:
    """It was confirmed to be gone: nothing more comes of its lease, and every message about it says so."""
    await leads.gone(db, deps, row, now)
    await gone(db, deps, row, now)
    await settle(db, row.project, row.id, "Deleted.", now, (*WARNINGS, "stopped"))


async def _tell(db: Tx, deps: Deps, project: str, seen: Seen, now: datetime) -> None:
    words = "Its lease ended and the platform stopped it." if seen.stopped == "lease" else "It was stopped meanwhile."
    if seen.notebook.status is Status.ERROR:
        words = "It failed meanwhile."
    await settle(db, project, seen.notebook.id, words, now, at=seen.stopped_at)
    owner = await owner_of(db, deps, project, seen.notebook)
    if owner is None or f"stopped_{seen.stopped}" in (await people.settings(db, deps.team, owner)).get("muted", ()):
        return
    await say_stopped(
        db,
        deps,
        project,
        seen.notebook,
        seen.stop_key,
        owner,
        now,
        reason=str(seen.stopped),
        at_ms=to_ms(seen.stopped_at or now),
        failed=(seen.notebook.fail_reason or "no reason given") if seen.notebook.status is Status.ERROR else None,
    )


async def say_stopped(
    db: Tx, deps: Deps, project: str, notebook: Notebook, key: str, owner: str, now: datetime, **facts: Any
) -> None:
    """`stopped`, to the owner's DM."""
    policy = await policy_of(db, deps, project, notebook)
    shown = {
        "cause": key,
        "project": project,
        "notebook_id": notebook.id,
        "name": notebook.name,
        "flavor": notebook.flavor,
        "start_s": int(policy.lease.total_seconds()),
    }
    await say(
        db,
        deps.ids,
        Say(
            key,
            "stopped",
            "dm",
            owner,
            shown | {k: v for k, v in facts.items() if v is not None},
            f"notebook:{notebook.id}",
            NOTICE,
            project,
        ),
        now,
    )
