"""Budgets are gates that open an approval. What is accepted is reserved at once, so that no two at once overshoot."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select, update

from bot.operations.base import Operation
from bot.operations.costs import bill
from bot.operations.deps import Deps
from bot.rules.costs import OverBudget, budget_gate, committed, hours, month_of
from bot.stores import identities
from bot.stores.database import Tx
from bot.stores.identities import Place
from bot.stores.locks import lock
from bot.stores.schema import notebooks, reservations, work
from bot.stores.upsert import put
from bot.work import Claim

UNFINISHED = ("open", "running", "held")
KEEP = timedelta(days=4)  # longer than any lease
COMES_UP = timedelta(hours=1)  # from a reservation to the run that it is for, at most


async def reserve(
    op: Operation, claim: Claim, flavor: str, lease: timedelta, now: datetime, notebook: Any | None = None
) -> OverBudget | None:
    """Reserve what this create or start commits to, or say which budget it does not fit into any more.

    With an approval it is reserved in any case. The same work asks twice without counting twice.
    """
    deps, project = op.deps, str(claim.data["project"])
    amount = committed(deps.config.prices.per_hour(flavor), lease)
    async with deps.db.begin() as db:
        await lock(db, "budget")  # a person's counts over all projects
        asker = await _cloud_user(db, deps, str(claim.data["user"]), project)
        owner = notebook.owner_id if notebook is not None else asker
        if not claim.data.get("granted") and (over := await _over(db, deps, claim.id, project, owner, amount, now)):
            return over
        values = {"project": project, "owner_id": owner, "amount": amount or Decimal(0), "at": now}
        mine = {"work_id": claim.id, "notebook_id": notebook.id if notebook is not None else None}
        await put(db, reservations, mine | values)
        await db.execute(delete(reservations).where(reservations.c.at < now - KEEP))
    return None


async def made(db: Tx, work_id: str, notebook_id: str) -> None:
    """It has become this notebook: once that runs, its own lease says what it commits to."""
    await db.execute(
        update(reservations).where(reservations.c.work_id == work_id).values(notebook_id=notebook_id)
    )  # fmt: skip


async def made_by_another(db: Tx, work_id: str, notebook_id: str) -> bool:
    """Whether this notebook is what another create has become."""
    creates = select(work.c.id).join(reservations, reservations.c.work_id == work.c.id).where(work.c.kind == "create")
    of_it = creates.where(reservations.c.notebook_id == notebook_id, work.c.id != work_id)
    return (await db.execute(of_it.limit(1))).first() is not None


async def _cloud_user(db: Tx, deps: Deps, user: str, project: str) -> str | None:
    link = await identities.get(db, Place(deps.team, user, project))
    return link.cloud_user_id if link is not None else None


async def _over(
    db: Tx, deps: Deps, work_id: str, project: str, owner: str | None, amount: Decimal | None, now: datetime
) -> OverBudget | None:
    limits, currency = deps.config.budgets, deps.config.prices.currency
    if limits.per_person_month is not None:
        whose = await _same_person(db, owner)
        spent = await spent_and_promised(db, deps, list(deps.config.projects), now, whose=whose, without=work_id)
        if over := budget_gate("per_person_month", limits.per_person_month, spent, amount, currency):
            return over
    if limits.per_project_month is None:
        return None
    spent = await spent_and_promised(db, deps, [project], now, without=work_id)
    return budget_gate("per_project_month", limits.per_project_month, spent, amount, currency)


async def _same_person(db: Tx, owner: str | None) -> frozenset[str | None]:
    """Every cloud user of whoever is linked to this one: in another project they may have another."""
    linked = await identities.linked(db)
    people = {row.slack for row in linked if row.cloud_user_id == owner}
    return frozenset({owner}) | {row.cloud_user_id for row in linked if row.slack in people}


async def spent_and_promised(
    db: Tx,
    deps: Deps,
    projects: list[str],
    now: datetime,
    *,
    whose: frozenset[str | None] | None = None,
    without: str = "",
) -> Decimal:
    """This month's cost so far, the rest of every running lease, and what is reserved. `whose` None: everybody's."""

    def mine(row: Any) -> bool:
        return whose is None or row.owner_id in whose

    month = month_of(now, deps.config.timezone)
    owners = None if whose is None or None in whose else [each for each in whose if each]
    spent = (await bill(db, deps, projects, month, now, mine=mine, owners=owners)).total.amount
    there = notebooks.c.project.in_(projects), notebooks.c.deleted_at.is_(None)
    running = [row for row in await db.execute(
        select(
            notebooks.c.id, notebooks.c.owner_id, notebooks.c.flavor, notebooks.c.lease_end, notebooks.c.running_since
        ).where(*there, notebooks.c.running_since.is_not(None))
    ) if mine(row)]  # fmt: skip
    reserved = list(await db.execute(
        select(reservations, work.c.state)
        .join(work, work.c.id == reservations.c.work_id)
        .where(reservations.c.project.in_(projects), reservations.c.work_id != without)
    ))  # fmt: skip
    for row in running:
        price = deps.config.prices.per_hour(row.flavor)
        if price is not None and row.lease_end is not None:
            spent += price * hours(row.lease_end - now)
        elif price is not None:
            spent += max(Decimal(0), _promised(row, reserved) - price * hours(now - row.running_since))
    runs = {row.id for row in running}
    waits = (r for r in reserved if r.state in UNFINISHED and mine(r) and r.notebook_id not in runs)
    return spent + sum((r.amount for r in waits), Decimal(0))


def _promised(run: Any, reserved: list[Any]) -> Decimal:
    """What a run without a timed end was accepted for: its lease says nothing, so what was reserved counts on."""
    of_it = (r for r in reserved if r.notebook_id == run.id)
    return max((r.amount for r in of_it if abs(run.running_since - r.at) < COMES_UP), default=Decimal(0))
