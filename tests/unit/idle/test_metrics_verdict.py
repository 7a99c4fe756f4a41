"""What measurements say: any point above its limit vetoes; missing, stale and thin data is unknown."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import to_ms
from bot.idle.metrics_facts import Point
from bot.idle.metrics_verdict import Measured, judge
from bot.idle.ports import Evidence, Subject
from bot.idle.series import DEFAULT_SERIES, MetricsPolicy

from .jupyter_answers import MINUTE, NOW, a_subject

HOUR = 60 * MINUTE
LAG = 8  # minutes the service is behind
KINDS = {each.kind: each for each in DEFAULT_SERIES}


def quiet(
    kind: str,
    *,
    first: int = 75,
    last: int = LAG,
    value: float = 0.2,
    without: Iterable[int] = (),
    now: datetime = NOW,
    **at: float,
) -> Measured:
    """Points a minute from `first` to `last` minutes ago; `m17=64.0` sets the one 17 min ago, `without` drops some."""
    values = {ago: value for ago in range(first, last - 1, -1) if ago not in set(without)}
    values |= {int(name[1:]): other for name, other in at.items()}
    return Measured(KINDS[kind], tuple(Point(now - ago * MINUTE, values[ago]) for ago in sorted(values, reverse=True)))


def read(*measured: Measured, now: datetime = NOW, **changes: Any) -> Evidence:
    asked = MetricsPolicy().asked(changes.get("category", "CPU"))
    given = {each.series.kind: each for each in measured}
    full = [given.get(each.kind, Measured(each, ())) for each in asked]
    return judge(full, MINUTE, a_subject(**changes), now)


def test_a_quiet_window_is_idle_since_its_start() -> None:
    told = read(quiet("cpu")).reading
    assert (told.source, told.state) == ("metrics", "idle")
    assert told.since == NOW - HOUR
    assert told.newest == NOW - LAG * MINUTE
    assert told.details == {"cpu": "at most 0.2 %", "missing": "network", "coverage": "87%", "lag_s": "480"}


@pytest.mark.parametrize(
    ("category", "loud"),
    [
        ("CPU", quiet("cpu", m30=5.01)),
        ("GPU", quiet("gpu", m30=1.01)),
        ("ASCEND", quiet("npu", m30=1.01)),
        ("CPU", quiet("network", m30=1.61)),
        ("GPU", quiet("network", m30=1.61)),
        ("GPU", quiet("cpu", m30=5.01)),
        ("CPU", quiet("network", first=30, last=30, value=2)),
    ],
)
def test_one_point_above_its_limit_vetoes(category: str, loud: Measured) -> None:
    rest = [quiet(kind) for kind in ("cpu", "gpu", "npu") if kind != loud.series.kind]
    told = read(*rest, loud, category=category).reading
    assert (told.state, told.since) == ("active", NOW - 30 * MINUTE)
    assert told.reason.startswith(loud.series.kind.upper())


@pytest.mark.parametrize(("kind", "limit"), [("cpu", 5), ("gpu", 1), ("network", 1.6)])
def test_a_point_at_the_limit_does_not_veto(kind: str, limit: float) -> None:
    given = {"cpu": quiet("cpu"), "gpu": quiet("gpu")} | {kind: quiet(kind, m30=limit)}
    assert read(*given.values(), category="GPU").reading.state == "idle"


@pytest.mark.parametrize(
    "measured",
    [
        pytest.param([quiet("network", m30=9)], id="no CPU at all"),
        pytest.param([quiet("cpu", first=70, last=40, m50=64)], id="stale"),
        pytest.param([quiet("cpu", without=range(20, 60), m15=64)], id="thin"),
    ],
)
def test_a_veto_needs_nothing_else(measured: list[Measured]) -> None:
    assert read(*measured).reading.state == "active"


def test_load_before_the_window_is_over() -> None:
    assert read(quiet("cpu", m60=64)).reading.state == "idle"
    assert read(quiet("cpu", m59=64)).reading.state == "active"


def test_a_service_too_far_behind_is_judged_by_as_long_a_window_before_its_newest_point() -> None:
    half = 30 * MINUTE  # 8 min of lag leave 22 of its 30 points, not four fifths
    assert read(quiet("cpu"), idle_after=half).reading.since == NOW - 38 * MINUTE
    assert read(quiet("cpu", m38=64), idle_after=half).reading.state == "idle"
    assert read(quiet("cpu", m37=64), idle_after=half).reading.state == "active"


@pytest.mark.parametrize(
    ("category", "missing"),
    [("CPU", "cpu"), ("GPU", "cpu"), ("GPU", "gpu"), ("ASCEND", "cpu"), ("ASCEND", "npu")],
)
def test_what_the_category_needs_must_be_there(category: str, missing: str) -> None:
    told = read(*(quiet(kind) for kind in ("cpu", "gpu", "npu") if kind != missing), category=category).reading
    assert (told.state, told.reason) == ("unknown", f"no {missing.upper()} measurements")


def test_the_absence_of_other_series_proves_nothing() -> None:
    assert read(quiet("cpu"), category="CPU").reading.state == "idle"
    assert read(quiet("cpu"), quiet("gpu"), category="GPU").reading.state == "idle"
    assert read(quiet("cpu"), quiet("npu"), quiet("network"), category="ASCEND").reading.state == "idle"


@pytest.mark.parametrize("category", ["", "TPU", "unknown"])
def test_a_category_we_do_not_know_is_never_idle(category: str) -> None:
    assert read(quiet("cpu"), quiet("gpu"), quiet("npu"), category=category).reading.state == "unknown"


def test_a_series_that_is_not_asked_for_is_not_taken_as_quiet() -> None:
    told = judge([quiet("cpu")], MINUTE, a_subject(category="GPU"), NOW).reading
    assert (told.state, told.reason) == ("unknown", "not all needed measurements are asked for")


@pytest.mark.parametrize(("age", "state"), [(15, "idle"), (16, "unknown")])
def test_the_newest_point_is_at_most_idle_fresh_old(age: int, state: str) -> None:
    told = read(quiet("cpu", first=90, last=age)).reading
    assert told.state == state
    assert state == "idle" or told.reason == "the newest CPU measurement is 16 min old"


@pytest.mark.parametrize(("dropped", "state"), [(4, "idle"), (12, "idle"), (13, "unknown")])
def test_four_fifths_of_the_windows_points_must_be_there(dropped: int, state: str) -> None:
    told = read(quiet("cpu", without=range(20, 20 + dropped))).reading
    assert told.state == state
    assert state == "idle" or told.reason == "only 78% of the CPU measurements are there"


def test_doubled_points_do_not_make_up_for_missing_ones() -> None:
    thin = quiet("cpu", without=range(20, 50))
    doubled = [Point(point.at + timedelta(seconds=20), point.value) for point in thin.points]
    both = Measured(thin.series, tuple(sorted([*thin.points, *doubled], key=lambda point: point.at)))
    assert read(both).reading.state == "unknown"


def test_start_up_and_earlier_runs_do_not_count() -> None:
    since = NOW - 40 * MINUTE
    told = read(quiet("cpu", m41=90.0, m50=90.0), running_since=since).reading
    assert (told.state, told.since) == ("idle", since)


def test_a_notebook_that_runs_for_less_than_the_lag_is_unknown() -> None:
    assert read(quiet("cpu"), running_since=NOW - 5 * MINUTE).reading.reason == "no CPU measurements"
    assert read(quiet("cpu"), running_since=NOW - LAG * MINUTE).reading.state == "unknown"


def test_points_ahead_of_our_clock_are_a_contradiction() -> None:
    told = read(quiet("cpu", last=-3)).reading
    assert (told.state, told.reason) == ("unknown", "measurements bear times ahead of our clock")


def advance(told: Evidence, minutes: int, **kept: Any) -> Evidence:
    now = NOW + minutes * MINUTE
    return read(quiet("cpu", now=now, **kept), now=now, memory=told.memory)


def test_idle_since_stays_where_it_was_while_the_window_moves_on() -> None:
    first = read(quiet("cpu"))
    told = first
    for minutes in range(10, 100, 10):
        told = advance(told, minutes)
        assert (told.reading.state, told.reading.since) == ("idle", first.reading.since)


def test_idle_begins_after_the_last_load_that_was_seen() -> None:
    told = read(quiet("cpu", m10=80.0))
    assert told.reading.state == "active"
    states = []
    for minutes in range(10, 70, 10):
        told = advance(told, minutes, **({f"m{minutes + 10}": 80.0}))
        states.append(told.reading.state)
    assert states == ["active"] * 4 + ["idle"] * 2
    assert told.reading.since == NOW - 9 * MINUTE


def test_after_a_gap_that_nobody_watched_idleness_begins_with_the_window() -> None:
    told = advance(read(quiet("cpu")), 180)
    assert told.reading.since == NOW + 120 * MINUTE


@pytest.mark.parametrize(("run", "since"), [(NOW - 8 * HOUR, NOW - 3 * HOUR), (NOW - 9 * HOUR, NOW - HOUR)])
def test_only_the_same_run_is_remembered(run: datetime, since: datetime) -> None:
    memory = {"run": to_ms(run), "newest": to_ms(NOW - 20 * MINUTE), "quiet_from": to_ms(NOW - 3 * HOUR)}
    assert read(quiet("cpu"), memory=memory, running_since=NOW - 8 * HOUR).reading.since == since


@pytest.mark.parametrize("memory", [{}, {"run": "x"}, {"run": []}, {"run": 1, "newest": None}])
def test_a_memory_that_cannot_be_read_is_no_memory(memory: Any) -> None:
    assert read(quiet("cpu"), memory=memory).reading.since == NOW - HOUR


def test_an_unknown_reading_keeps_the_memory() -> None:
    assert read(quiet("network"), memory={"kept": 1}).memory == {"kept": 1}


@given(
    values=st.lists(st.none() | st.floats(0, 100), min_size=76, max_size=76),
    lag=st.integers(0, 40),
    run=st.integers(0, 120),
)
def test_idle_is_said_only_for_a_fresh_covered_and_quiet_window(
    values: list[float | None],
    lag: int,
    run: int,
) -> None:
    points = [Point(NOW - (ago + lag) * MINUTE, value) for ago, value in enumerate(values) if value is not None]
    subject: Subject = a_subject(running_since=NOW - run * MINUTE)
    told = judge([Measured(KINDS["cpu"], tuple(reversed(points)))], MINUTE, subject, NOW).reading
    if told.state == "idle":
        assert told.newest is not None
        assert told.since is not None
        assert NOW - told.newest <= 15 * MINUTE
        judged = [point for point in points if point.at > told.since]
        assert all(point.value <= 5 for point in judged)
        assert len(judged) >= 0.8 * ((told.newest - told.since) / MINUTE)
        assert told.since >= subject.running_since
