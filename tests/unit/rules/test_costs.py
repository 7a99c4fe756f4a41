"""Money is exact inside and rounded once, for display; what has no price says so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.costs import (
    SAVING_METHOD,
    Prices,
    Stop,
    Total,
    budget_gate,
    committed,
    day_of,
    disk_cost,
    format_money,
    format_rate,
    hours,
    month_of,
    overlap,
    run_cost,
    saving,
    total,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
H, M = timedelta(hours=1), timedelta(minutes=1)
BERLIN, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")
D = Decimal


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("2.04", "EUR", "2.04 EUR"),
        ("2.045", "EUR", "2.05 EUR"),
        ("2.0449", "EUR", "2.04 EUR"),
        ("12345.6", "USD", "12345.60 USD"),
        ("0", "CHF", "0.00 CHF"),
        ("1234.5", "JPY", "1235 JPY"),
    ],
)
def test_money_is_written_with_its_iso_code(amount: str, currency: str, text: str) -> None:
    assert format_money(D(amount), currency) == text


def test_rates_keep_the_policy_files_digits() -> None:
    assert format_rate(D("0.17"), "EUR", "x") == "0.17 EUR per hour"
    assert format_rate(D(3), "EUR", "x") == "3.00 EUR per hour"
    assert format_rate(D("0.0125"), "EUR", "x") == "0.0125 EUR per hour"
    assert format_rate(None, "EUR", "x") == "no price for x"


def test_totals_say_what_they_do_not_hold() -> None:
    parts = [run_cost(D("0.17"), 12 * H, "cpu"), run_cost(None, H, "gpu"), run_cost(None, H, "npu")]
    assert total(parts).said("EUR") == "≥ 2.04 EUR (no price for gpu, npu)"
    assert total(parts[:1]).said("EUR") == "2.04 EUR"
    assert run_cost(None, 0 * H, "gpu") == Total()
    assert parts[0] + parts[1] == Total(D("2.04"), frozenset({"gpu"}))


def test_a_flavor_that_is_not_named_has_no_price() -> None:
    assert Prices(flavors={"a": D(1)}).per_hour("b") is None


@given(st.lists(st.integers(0, 10**9), max_size=20))
def test_parts_add_up_to_the_whole_to_the_millisecond(parts: list[int]) -> None:
    spans = [timedelta(milliseconds=each) for each in parts]
    apart = total(run_cost(D("3.6"), each, "x") for each in spans).amount
    assert abs(apart - D(sum(parts)) / 1_000_000) < D("1e-18")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(-H, H, H), (H, 2 * H, H), (-2 * H, -H, 0 * H), (H, None, 2 * H), (2 * H, 9 * H, H), (5 * H, 6 * H, 0 * H)],
)
def test_only_what_lies_in_the_window_and_the_past_counts(
    start: timedelta, end: timedelta | None, expected: timedelta
) -> None:
    window = (NOW, NOW + 5 * H)
    assert overlap(NOW + start, None if end is None else NOW + end, window, NOW + 3 * H) == expected


def test_a_disk_costs_its_share_of_each_month() -> None:
    first, after = month_of(NOW, BERLIN)
    assert disk_cost(50, D("0.05"), first, after, BERLIN).amount == D("2.5")
    long = disk_cost(50, D("0.05"), first, month_of(after, BERLIN)[1], BERLIN)
    assert long.amount == D(5)
    assert disk_cost(50, None, first, after, BERLIN).unpriced == {"disk"}
    assert disk_cost(None, D(1), first, after, BERLIN) == Total()


@given(st.integers(1, 10**10), st.integers(1, 10**10))
def test_a_disk_costs_the_same_in_two_pieces(one: int, two: int) -> None:
    a, b = NOW + timedelta(milliseconds=one), NOW + timedelta(milliseconds=one + two)
    whole = disk_cost(50, D("0.05"), NOW, b, BERLIN)
    pieces = disk_cost(50, D("0.05"), NOW, a, BERLIN) + disk_cost(50, D("0.05"), a, b, BERLIN)
    assert abs(whole.amount - pieces.amount) < D("1e-20")


@pytest.mark.parametrize(
    ("would_end", "until", "now", "wrong", "saved"),
    [
        pytest.param(3 * H, None, 9 * H, False, 3, id="to the end it would have had"),
        pytest.param(3 * H, H, 9 * H, False, 1, id="to the next start or deletion"),
        pytest.param(3 * H, None, 2 * H, False, 2, id="so far, never potential"),
        pytest.param(None, H, 9 * H, False, 0, id="no timed end: none"),
        pytest.param(3 * H, None, 9 * H, True, 0, id="marked wrong: none"),
        pytest.param(-H, None, 9 * H, False, 0, id="never negative"),
    ],
)
def test_savings(would_end: timedelta | None, until: timedelta | None, now: timedelta, wrong: bool, saved: int) -> None:
    end = None if would_end is None else NOW + would_end
    stop = Stop(NOW, end, None if until is None else NOW + until, D(2), "gpu", wrong)
    assert saving(stop, NOW + now).amount == 2 * saved


def test_a_saving_without_a_price_says_so_and_the_method_is_stated() -> None:
    assert saving(Stop(NOW, NOW + H, None, None, "gpu"), NOW + H).said("EUR") == "≥ 0.00 EUR (no price for gpu)"
    assert "times the flavor's price" in SAVING_METHOD


@pytest.mark.parametrize(
    ("zone", "at", "first", "after"),
    [
        (BERLIN, "2026-10-15T12:00", "2026-09-30T22:00", "2026-10-31T23:00"),  # 31 days and an hour
        (BERLIN, "2026-10-31T22:59", "2026-09-30T22:00", "2026-10-31T23:00"),
        (BERLIN, "2026-10-31T23:00", "2026-10-31T23:00", "2026-11-30T23:00"),
        (KIRITIMATI, "2026-10-31T10:00", "2026-10-31T10:00", "2026-11-30T10:00"),
    ],
)
def test_months_are_those_of_the_zone(zone: ZoneInfo, at: str, first: str, after: str) -> None:
    instants = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (at, first, after)]
    assert month_of(instants[0], zone) == (instants[1], instants[2])


def test_days_are_those_of_the_zone() -> None:
    start, end = day_of(datetime(2026, 10, 25, 12, tzinfo=UTC), BERLIN)
    assert end - start == 25 * H
    assert day_of(NOW, KIRITIMATI, days=7) == (
        datetime(2026, 11, 17, 10, tzinfo=UTC), datetime(2026, 11, 24, 10, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "spent", "wanted", "over"),
    [(None, 999, 1, None), (400, 390, 10, None), (400, 390, 11, 1), (400, 500, 1, 101), (0, 0, 1, 1)],
)
def test_a_budget_is_a_gate(limit: int | None, spent: int, wanted: int, over: int | None) -> None:
    found = budget_gate("per_person_month", None if limit is None else D(limit), D(spent), D(wanted), "EUR")
    assert (found.by if found else None) == over


def test_what_has_no_price_cannot_pass_a_budget_unseen() -> None:
    assert committed(None, H) is None
    found = budget_gate("per_project_month", D(400), D(0), committed(None, H), "EUR")
    assert found is not None
    assert found.by is None
    assert budget_gate("per_project_month", None, D(0), None, "EUR") is None


def test_a_lease_commits_its_whole_length() -> None:
    assert committed(D("0.17"), 12 * H) == D("2.04")
    assert hours(-H) == 0
