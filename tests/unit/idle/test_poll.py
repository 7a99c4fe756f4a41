"""When evidence is read next (design 4.3)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.idle.poll import due, first_poll, interval, next_poll
from bot.model import NotebookId

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE


@pytest.mark.parametrize(("idle_after", "expected"), [(10, 5), (30, 5), (60, 10), (120, 20), (24 * 60, 240)])
def test_the_usual_interval(idle_after: int, expected: int) -> None:
    assert interval(idle_after * MINUTE) == expected * MINUTE
    assert next_poll(NOW, idle_after * MINUTE) == NOW + expected * MINUTE


def test_it_is_brought_forward_to_when_the_idle_time_is_up() -> None:
    assert next_poll(NOW, HOUR, idle_since=NOW - 57 * MINUTE) == NOW + 3 * MINUTE
    assert next_poll(NOW, HOUR, idle_since=NOW - 5 * MINUTE) == NOW + 10 * MINUTE
    assert next_poll(NOW, HOUR, idle_since=NOW - 90 * MINUTE) == NOW + 10 * MINUTE


def test_the_second_idle_result_in_a_row_is_not_waited_for_an_interval() -> None:
    assert next_poll(NOW, HOUR, idle_since=NOW - 61 * MINUTE, confirm=True) == NOW + MINUTE


def test_an_announced_stop_is_decided_on_fresh_data() -> None:
    assert next_poll(NOW, HOUR, stop_at=NOW + 6 * MINUTE) == NOW + 5 * MINUTE
    assert next_poll(NOW, HOUR, stop_at=NOW + 15 * MINUTE) == NOW + 10 * MINUTE
    assert next_poll(NOW, HOUR, stop_at=NOW + timedelta(seconds=30)) == NOW + MINUTE


@given(
    idle_after=st.timedeltas(MINUTE, 72 * HOUR),
    idle_since=st.none() | st.integers(-1440, 1440).map(lambda minutes: NOW + minutes * MINUTE),
    stop_at=st.none() | st.integers(-1440, 1440).map(lambda minutes: NOW + minutes * MINUTE),
    confirm=st.booleans(),
)
def test_never_later_than_the_interval_and_never_within_a_minute(
    idle_after: timedelta,
    idle_since: datetime | None,
    stop_at: datetime | None,
    confirm: bool,
) -> None:
    due = next_poll(NOW, idle_after, idle_since=idle_since, stop_at=stop_at, confirm=confirm)
    assert NOW + MINUTE <= due <= NOW + interval(idle_after)


def test_a_pass_that_comes_as_often_as_readings_does_not_just_miss_each() -> None:
    pass_at, read_at = NOW, NOW + timedelta(seconds=3)
    for _ in range(20):
        pass_at += timedelta(minutes=10)
        assert due(next_poll(read_at, timedelta(minutes=60)), pass_at, timedelta(minutes=60))
        read_at = pass_at + timedelta(seconds=3)
    assert not due(pass_at + timedelta(minutes=2), pass_at, timedelta(minutes=60))


def test_first_readings_are_spread_over_one_interval() -> None:
    due = [first_poll(NotebookId(f"n{number}"), NOW, HOUR) - NOW for number in range(1000)]
    assert all(timedelta() <= each < interval(HOUR) for each in due)
    per_minute = [sum(minute * MINUTE <= each < (minute + 1) * MINUTE for each in due) for minute in range(10)]
    assert max(per_minute) < 150
    assert due[0] == first_poll(NotebookId("n0"), NOW, HOUR) - NOW
