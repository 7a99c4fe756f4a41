"""A notebook's row in the store -> a row in a list, in `show` and on App Home."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.clock import to_ms
from bot.model import Person, Status
from bot.operations.deps import Deps
from bot.operations.facts import money, ms, run_cost
from bot.operations.report import price_text
from bot.operations.resolve import owns
from bot.operations.whose import owner_of
from bot.render.answer_facts import NotebookRow, RowAction
from bot.stores import notebooks
from bot.stores.database import Tx

_STARTABLE = (Status.STOPPED, Status.START_FAILED)
_DELETABLE = (*_STARTABLE, Status.ERROR, Status.CREATE_FAILED, Status.DELETE_FAILED)


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks, and in which projects they may act on the notebooks of others (leads and admins)."""

    person: Person
    powers: frozenset[str] = frozenset()
    several: bool = False  # projects are named on each row

    def may_act(self, row: Any) -> bool:
        """Owner, or lead or admin of its project."""
        return owns(self.person, row) or row.project in self.powers


async def row_facts(db: Tx, deps: Deps, row: Any, looker: Looker, now: datetime) -> NotebookRow:
    """Everything a row shows, as the looker may see it."""
    facts: dict[str, Any] = {
        "notebook_id": row.id,
        "name": row.name,
        "project": row.project,
        "status": row.status,
        "flavor": row.flavor,
        "end_ms": ms(row.lease_end),
        "price": price_text(deps, row.flavor),
        "cost": await run_cost(db, deps, row, now),
        "disk_cost": disk_cost(deps, row),
        "idle_since_ms": idle_since(row),
        "keep_until_ms": to_ms(row.keep_until) if row.keep_until and row.keep_until > now else None,
        "keep_reason": row.keep_reason if row.keep_until and row.keep_until > now else None,
        "stopped_ms": ms(row.stopped_at),
        "actions": actions(row, looker),
        "owner": None if owns(looker.person, row) else await owner_name(db, deps, row),
    }
    if looker.several:
        facts["project_shown"] = True
    return _given(facts)


def _given(facts: dict[str, Any]) -> NotebookRow:
    return {key: value for key, value in facts.items() if value is not None}  # type: ignore[return-value]


def actions(row: Any, looker: Looker) -> list[RowAction]:
    """What the looker may do with it in this state; whoever may do nothing may still ask why."""
    status, found = Status(row.status), list[RowAction]()
    if looker.may_act(row):
        if status.runs:
            found += ["open"] if owns(looker.person, row) and status is Status.RUNNING else []
            found += ["extend", "stop"]
        found += ["start"] if status in _STARTABLE else []
        found += ["delete"] if status in _DELETABLE else []
    elif status.runs:
        found += ["why"]
    return found


async def owner_name(db: Tx, deps: Deps, row: Any) -> str:
    """A Slack id where one is known, else `cloud user NAME`."""
    owner = await owner_of(db, deps, row.project, notebooks.load(row.snapshot))
    return owner or f"cloud user {row.owner_name or row.owner_id or 'unknown'}"


def disk_cost(deps: Deps, row: Any) -> str | None:
    """`2.50 EUR per month`; None without a price or a disk of a known size."""
    price, size = deps.config.prices.disk_gb_month, row.snapshot.get("volume_gb")
    return None if price is None or not size else f"{money(deps, price * size)} per month"


def disk(row: Any) -> str | None:
    """`50 GB EFS`."""
    size = row.snapshot.get("volume_gb")
    return f"{size} GB {row.snapshot.get('volume_category') or ''}".strip() if size else None


def idle_since(row: Any) -> int | None:
    """Since when the evidence says idle, if it does."""
    verdict = row.verdict or {}
    return verdict.get("idle_since") if verdict.get("state") == "idle" else None
