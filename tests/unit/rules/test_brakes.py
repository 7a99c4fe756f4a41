"""Brakes trip at their figures, and only there."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.rules.brakes import clock_off, collapse, jump

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "now", "complete", "trips"),
    [
        (20, 9, True, True),
        (20, 10, True, False),  # exactly half
        (9, 4, True, True),  # five fewer and under half
        (8, 3, True, True),
        (7, 3, True, False),  # only four fewer
        (20, 0, False, False),  # an incomplete listing proves no absence
        (None, 0, True, False),  # nothing to compare with
        (0, 0, True, False),
    ],
)
def test_collapse(before: int | None, now: int, complete: bool, trips: bool) -> None:
    assert (collapse(before, now, complete) is not None) is trips


@pytest.mark.parametrize(
    ("due", "running", "trips"),
    [(11, 11, True), (10, 10, False), (11, 13, True), (12, 15, False), (13, 16, True), (0, 0, False), (81, 100, True)],
)
def test_jump(due: int, running: int, trips: bool) -> None:
    assert (jump(due, running) is not None) is trips


@pytest.mark.parametrize(("off", "trips"), [(120, False), (121, True), (-120, False), (-121, True), (0, False)])
def test_clock(off: int, trips: bool) -> None:
    assert (clock_off(NOW, NOW + timedelta(seconds=off)) is not None) is trips
    assert clock_off(NOW, None) is None
