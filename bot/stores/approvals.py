"""Requests that wait for somebody, and who settled them. Exactly one caller moves one out of `pending`."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update

from bot.stores.database import Tx
from bot.stores.schema import approvals, audit

_PENDING = (
    select(approvals)
    .where(approvals.c.state == "pending", approvals.c.project.in_(bindparam("of_projects", expanding=True)))
    .order_by(approvals.c.created_at)
)


async def get(db: Tx, approval_id: str) -> Any | None:
    """The row, or None."""
    return (await db.execute(select(approvals).where(approvals.c.id == approval_id))).first()


async def known(db: Tx, approval_id: str) -> Any:
    """The row of a request that is known to exist."""
    return (await db.execute(select(approvals).where(approvals.c.id == approval_id))).one()


async def add(db: Tx, values: dict[str, Any]) -> None:
    """A new request."""
    await db.execute(approvals.insert().values(**values))


async def pending(db: Tx, projects: list[str]) -> list[Any]:
    """Every request that waits in these projects, oldest first."""
    return list(await db.execute(_PENDING, {"of_projects": projects}))


async def waiting_for(db: Tx, project: str, notebook_id: str, kind: str, now: datetime) -> Any | None:
    """The request of this kind that waits for this notebook, whoever asked; one that nobody can answer any more does
    not.
    """
    return (
        await db.execute(
            select(approvals).where(
                approvals.c.state == "pending",
                approvals.c.project == project,
                approvals.c.notebook_id == notebook_id,
                approvals.c.kind == kind,
                approvals.c.expires_at > now,
            )
        )
    ).first()


async def bridged(db: Tx, project: str, notebook_id: str, end: datetime) -> Any | None:
    """The request whose hold has left this end, to within a second: what it was asked at lies before."""
    of_it = approvals.c.project == project, approvals.c.notebook_id == notebook_id
    second = timedelta(seconds=1)
    left = approvals.c.held_until > end - second, approvals.c.held_until < end + second
    newest = select(approvals).where(*of_it, *left).order_by(approvals.c.created_at.desc())
    return (await db.execute(newest.limit(1))).first()


async def lock(db: Tx, project: str, notebook_id: str) -> None:
    """Hold what waits for this notebook still: first of all, as whoever decides on it does, and then audits."""
    mine = approvals.c.project == project, approvals.c.notebook_id == notebook_id
    waits = select(approvals.c.id).where(*mine, approvals.c.state == "pending").order_by(approvals.c.id)
    await db.execute(waits.with_for_update())


async def settle(db: Tx, approval_id: str, state: str, now: datetime, **values: Any) -> bool:
    """Move pending -> `state`; True only for the one caller that moved it."""
    change = (
        update(approvals)
        .where(approvals.c.id == approval_id, approvals.c.state == "pending")
        .values(state=state, decided_at=now, **values)
    )
    return bool((await db.execute(change)).rowcount == 1)


async def note(db: Tx, approval_id: str, **values: Any) -> None:
    """Set columns that do not decide it: outcome, hold, escalation."""
    await db.execute(update(approvals).where(approvals.c.id == approval_id).values(**values))


async def renewals_since(db: Tx, project: str, notebook_id: str, since: datetime) -> int:
    """How often this notebook was extended since then, within policy or granted."""
    extended = select(func.count()).where(
        audit.c.project == project,
        audit.c.notebook_id == notebook_id,
        audit.c.action.in_(("extend", "renew")),
        audit.c.at >= since,
    )
    return int((await db.execute(extended)).scalar_one())
