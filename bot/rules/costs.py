"""Money (contract 9): Decimal throughout, rounded for display only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from bot.rules.durations import resolve

SAVING_METHOD = (
    "For every stop by leasebot: from the stop to the earliest of the end its lease would have had, its next start, "
    "its deletion and now, times the flavor's price. Nothing without a timed end, nothing for stops marked wrong."
)
_MILLISECOND = timedelta(milliseconds=1)
_MS_PER_HOUR = Decimal(3_600_000)
_WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})


@dataclass(frozen=True, slots=True)
class Prices:
    """What the policy file says things cost; what it does not name has no known price."""

    currency: str = "EUR"
    disk_gb_month: Decimal | None = None
    flavors: Mapping[str, Decimal] = field(default_factory=dict)  # flavor id -> per hour

    def per_hour(self, flavor: str) -> Decimal | None:
        """Price of one running hour; None when the file names none."""
        return self.flavors.get(flavor)


def format_money(amount: Decimal, currency: str) -> str:
    """`2.04 EUR`: the ISO code, no grouping, half up; whole units for currencies that have no cents."""
    step = Decimal(1) if currency in _WITHOUT_CENTS else Decimal("0.01")
    return f"{amount.quantize(step, ROUND_HALF_UP)} {currency}"


def format_rate(price: Decimal | None, currency: str, flavor: str) -> str:
    """`0.17 EUR per hour`, as exact as the policy file says it; `no price for X` when it does not."""
    if price is None:
        return f"no price for {flavor}"
    cents = price.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{format_money(price, currency) if cents == price else f'{price.normalize():f} {currency}'} per hour"


@dataclass(frozen=True, slots=True)
class Total:
    """A sum, and what could not be counted because the policy file has no price for it."""

    amount: Decimal = Decimal(0)
    unpriced: frozenset[str] = frozenset()

    def __add__(self, other: "Total") -> "Total":
        return Total(self.amount + other.amount, self.unpriced | other.unpriced)

    def said(self, currency: str) -> str:
        """`2.04 EUR`, or `≥ 2.04 EUR (no price for X)`."""
        money = format_money(self.amount, currency)
        if not self.unpriced:
            return money
        return f"≥ {money} (no price for {', '.join(sorted(self.unpriced))})"


def total(parts: Iterable[Total]) -> Total:
    """All of them."""
    amount, unpriced = Decimal(0), frozenset[str]()
    for part in parts:
        amount, unpriced = amount + part.amount, unpriced | part.unpriced
    return Total(amount, unpriced)


def hours(length: timedelta) -> Decimal:
    """Exact to the millisecond; nothing for a negative length."""
    return max(Decimal(0), Decimal(length // _MILLISECOND) / _MS_PER_HOUR)


def overlap(start: datetime, end: datetime | None, within: tuple[datetime, datetime], now: datetime) -> timedelta:
    """How much of [start, end) lies in the window; an interval that goes on has lasted until `now`."""
    from_, to = max(start, within[0]), min(end or now, now, within[1])
    return max(timedelta(0), to - from_)


def run_cost(price: Decimal | None, length: timedelta, flavor: str) -> Total:
    """Running time times the price per hour."""
    if length <= timedelta(0):
        return Total()
    return Total(unpriced=frozenset({flavor})) if price is None else Total(hours(length) * price)


def disk_cost(gb: int | None, price: Decimal | None, start: datetime, end: datetime, zone: ZoneInfo) -> Total:
    """A kept disk: GB times the price per GB and month, each month in `zone` by its share. Raises nothing."""
    if not gb or end <= start:
        return Total()
    if price is None:
        return Total(unpriced=frozenset({"disk"}))
    amount = Decimal(0)
    at = start
    while at < end:
        first, after = month_of(at, zone)
        upto = min(end, after)
        amount += Decimal(gb) * price * Decimal((upto - at) // _MILLISECOND) / Decimal((after - first) // _MILLISECOND)
        at = upto
    return Total(amount)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that leasebot made. `would_end`: the timed end it would have had; `until`: next start or deletion."""

    at: datetime
    would_end: datetime | None
    until: datetime | None
    price: Decimal | None
    flavor: str
    wrong: bool = False


def saving(stop: Stop, now: datetime) -> Total:
    """(min(end it would have had, next start, deletion, now) - stop) x price: what was saved so far, never potential.

    None without a timed end or when marked wrong.
    """
    if stop.would_end is None or stop.wrong:
        return Total()
    saved_until = min(at for at in (stop.would_end, stop.until, now) if at is not None)
    return run_cost(stop.price, saved_until - stop.at, stop.flavor)


# --- calendar ----------------------------------------------------------------------------------


def month_of(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """[first instant, first instant of the next) of the calendar month in `zone`, in UTC."""
    first = at.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    midnight = datetime.min.time()
    return resolve(first, midnight, zone), resolve(following, midnight, zone)


def day_of(at: datetime, zone: ZoneInfo, days: int = 1) -> tuple[datetime, datetime]:
    """[first instant, end) of the last `days` calendar days in `zone` up to and including the day of `at`, in UTC."""
    today = at.astimezone(zone).date()
    midnight = datetime.min.time()
    return resolve(today - timedelta(days=days - 1), midnight, zone), resolve(today + timedelta(days=1), midnight, zone)


# --- budgets -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OverBudget:
    """It takes an approval. `by` is None when it cannot be counted."""

    budget: Literal["per_person_month", "per_project_month"]
    by: Decimal | None
    why: str


def committed(price: Decimal | None, lease: timedelta) -> Decimal | None:
    """What a lease commits to: price x lease; None when there is no price."""
    return None if price is None else price * hours(lease)


def budget_gate(
    budget: Literal["per_person_month", "per_project_month"],
    limit: Decimal | None,
    spent: Decimal,
    wanted: Decimal | None,
    currency: str,
) -> OverBudget | None:
    """Whether a create or start fits. `spent` holds this month's cost and what others have reserved already.

    Equality passes. Without a price it cannot be held against the budget, so it takes an approval.
    """
    if limit is None:
        return None
    if wanted is None:
        return OverBudget(budget, None, f"there is no price for it to hold against {budget}")
    over = spent + wanted - limit
    if over <= 0:
        return None
    left = format_money(max(Decimal(0), limit - spent), currency)
    return OverBudget(budget, over, f"it commits {format_money(wanted, currency)}; {left} of {budget} are left")
