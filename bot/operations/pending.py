"""What requests that wait show of their notebook's lease: as it is now, whoever has renewed it meanwhile."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.model import Notebook
from bot.operations import approvals
from bot.operations.deps import Deps
from bot.operations.facts import ms, wish_of
from bot.operations.policies import policy_of
from bot.rules import lease
from bot.stores import approvals as store
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.schema import approvals as table


async def follow(db: Tx, deps: Deps, project: str, notebook: Notebook, now: datetime) -> None:
    """Its lease has another end than it had: every request to extend it that waits says so, on each copy."""
    of_it = table.c.project == project, table.c.notebook_id == notebook.id
    waits = table.c.state == "pending", table.c.kind == "extension"
    for row in list(await db.execute(select(table).where(*of_it, *waits))):
        facts = row.facts | await _lease_now(db, deps, row, notebook, now)
        if facts != row.facts:
            await store.note(db, row.id, facts=facts)
            await approvals.redraw_copies(deps, db, await store.known(db, row.id), now)


async def _lease_now(db: Tx, deps: Deps, row: Any, notebook: Notebook, now: datetime) -> dict[str, Any]:
    """When it ends now, where the wish would lead by now, which limit that is beyond, and what it costs."""
    end, server_now = notebook.lease_ends, notebook.server_now or now
    base = counted_from(row, end, server_now, set_end=bool(row.wish.get("set_end")))
    limits = (await policy_of(db, deps, row.project, notebook)).limits
    granted = lease.granted_end(server_now, base, end, wish_of(row.wish), limits)
    new_end = granted.new_end if isinstance(granted, lease.Write) else end
    seen = await notebooks.get(db, row.project, notebook.id)
    known = seen.running_since if seen else None
    since = known or notebook.created_at
    gate = lease.gated(new_end, base, known or notebook.updated_at, limits) if new_end else None
    return {
        "why_asked": gate.why if isinstance(gate, lease.AskApproval) else row.facts["why_asked"],
        "base_end_ms": ms(end),
        "new_end_ms": ms(new_end),
        "renewals": await store.renewals_since(db, row.project, notebook.id, since) if since else 0,
    } | (approvals.cost_between(deps, notebook.flavor, new_end - base) if new_end else {})


def counted_from(row: Any | None, end: datetime | None, server_now: datetime, *, set_end: bool = False) -> datetime:
    """What a granted length is added to: waiting for the approval eats nothing (contract 1)."""
    if row is not None and row.base_end is not None:
        return lease.request_base(row.base_end, end, row.held_until)
    return server_now if end is None or set_end else end
