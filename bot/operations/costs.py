"""Money as it is asked for: who ran what in a period, what it cost, what stops saved. Figures from usage intervals."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.operations.deps import Deps
from bot.rules import costs as rules
from bot.rules.costs import Total, format_money, total
from bot.stores import usage
from bot.stores.database import Tx


@dataclass(frozen=True, slots=True)
class Bill:
    """What a period cost: in all, and by row."""

    total: Total
    rows: tuple[dict[str, Any], ...]
    saved: Total
    stops: int
    wrong: int  # of the idle ones
    idle: int

    @property
    def unpriced(self) -> list[str]:
        """Flavors (and `disk`) without a price."""
        return sorted(self.total.unpriced)


Mine = Callable[[Any], bool]


async def bill(
    db: Tx,
    deps: Deps,
    projects: list[str],
    window: tuple[datetime, datetime],
    now: datetime,
    *,
    mine: Mine = lambda _row: True,
    owners: Collection[str] | None = None,
    by: Callable[[Any], str] | None = None,
) -> Bill:
    """Add up usage in the window, of `owners` alone if given: by notebook, or by what `by` says of an interval.

    `mine` picks intervals and stops.
    """
    parts: dict[str, list[tuple[Total, Decimal]]] = {}
    ran = [row for row in await usage.between(db, projects, *window, owners) if mine(row)]
    label = by or _by_notebook(ran)
    for row in ran:
        parts.setdefault(label(row), []).append(_cost(deps, row, window, now))
    stops = [s for s in await usage.stops_between(db, projects, *window) if mine(s) and s.cause != "shadow"]
    saved = total(_saving(stop, now) for stop in stops)
    idle = [stop for stop in stops if stop.cause == "idle"]
    rows = [_row(deps, label, costs) for label, costs in parts.items()]
    rows.sort(key=lambda row: (-row["value"], row["label"]))
    return Bill(
        total(cost for costs in parts.values() for cost, _hours in costs),
        tuple(rows),
        saved,
        sum(1 for stop in stops if stop.wrong_at is None and stop.would_end is not None),
        sum(1 for stop in idle if stop.wrong_at is not None),
        len(idle),
    )


def _by_notebook(ran: Iterable[Any]) -> Callable[[Any], str]:
    """A notebook's last name, and the beginning of its id where several have that name."""
    names = {(row.project, row.notebook_id): str(row.notebook_name) for row in ran}
    shared = {name for name, count in Counter(names.values()).items() if count > 1}

    def label(row: Any) -> str:
        name = names[row.project, row.notebook_id]
        return f"{name} ({row.notebook_id[:8]})" if name in shared else name

    return label


def _cost(deps: Deps, row: Any, window: tuple[datetime, datetime], now: datetime) -> tuple[Total, Decimal]:
    """One interval's cost inside the window, and its running hours."""
    if row.kind == "disk":
        start, end = max(row.from_at, window[0]), min(row.to_at or now, window[1], now)
        return rules.disk_cost(row.disk_gb, row.price, start, end, deps.config.timezone), Decimal(0)
    length = rules.overlap(row.from_at, row.to_at, window, now)
    return rules.run_cost(row.price, length, row.flavor), rules.hours(length)


def _row(deps: Deps, label: str, costs: list[tuple[Total, Decimal]]) -> dict[str, Any]:
    amount, ran = total(cost for cost, _hours in costs), sum((hours for _cost, hours in costs), Decimal(0))
    return {
        "label": label,
        "hours": f"{ran:.1f} h" if ran else "disk only",
        "cost": amount.said(deps.config.prices.currency),
        "value": float(amount.amount),
    }


def _saving(stop: Any, now: datetime) -> Total:
    return rules.saving(
        rules.Stop(stop.at, stop.would_end, stop.until, stop.price, stop.flavor, stop.wrong_at is not None), now
    )


def saved(deps: Deps, at: datetime, would_end: datetime | None, price: Decimal | None) -> str | None:
    """What a stop saves if nobody starts it again before its lease would have ended; None if that is not known."""
    if would_end is None or price is None or would_end <= at:
        return None
    return format_money(rules.hours(would_end - at) * price, deps.config.prices.currency)
