"""A notebook's row, as messages show it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.clock import from_ms, to_ms
from bot.operations.deps import Deps
from bot.rules import lease
from bot.rules.costs import format_money, hours
from bot.stores import usage
from bot.stores.database import Tx

HOUR = timedelta(hours=1)

__all__ = ["HOUR", "hours", "money", "ms", "run_cost", "total_cost", "wish_of"]


async def run_cost(db: Tx, deps: Deps, row: Any, now: datetime) -> str | None:
    """What this run has cost so far; None without a price."""
    price = deps.config.prices.per_hour(row.flavor)
    if price is None or row.running_since is None:
        return None
    return money(deps, price * hours(now - row.running_since))


async def total_cost(db: Tx, deps: Deps, row: Any, now: datetime) -> str | None:
    """What every run of it has cost; None if a price is missing."""
    total = Decimal(0)
    for span in await usage.of_notebook(db, row.project, row.id):
        if span.kind != "run":
            continue
        if span.price is None:
            return None
        total += span.price * hours((span.to_at or now) - span.from_at)
    return money(deps, total)


def money(deps: Deps, amount: Decimal) -> str:
    """`2.04 EUR`."""
    return format_money(amount, deps.config.prices.currency)


def ms(at: datetime | None) -> int | None:
    """For facts."""
    return None if at is None else to_ms(at)


def wish_of(data: Mapping[str, Any]) -> lease.Wish:
    """The wish as it was asked."""
    if data.get("until_ms") is not None:
        return lease.ExtendUntil(from_ms(data["until_ms"]))
    return lease.ExtendBy(timedelta(seconds=data["by_s"]))
