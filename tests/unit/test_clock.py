"""The one reading of the wall clock: aware, UTC, whole milliseconds; exact to and fro."""

from datetime import UTC, datetime, timedelta

from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import SystemClock, floor_ms, from_ms, to_ms


def test_the_hosts_clock_is_read_in_utc_and_whole_milliseconds() -> None:
    with freeze_time("2026-03-29 02:30:00.123987", real_asyncio=True):
        now = SystemClock().now()
    assert now == datetime(2026, 3, 29, 2, 30, 0, 123_000, tzinfo=UTC)
    assert now.utcoffset() == timedelta(0)


@given(st.integers(-(10**12), 10**14))
def test_milliseconds_come_back_exactly(ms: int) -> None:
    assert to_ms(from_ms(ms)) == ms


@given(st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_what_is_below_a_millisecond_is_cut_off_never_rounded_up(at: datetime) -> None:
    cut = floor_ms(at)
    assert cut <= at < cut + timedelta(milliseconds=1)
    assert from_ms(to_ms(at)) == cut
