"""Durations and instants as people type them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BadInput
from bot.rules.durations import (
    compact,
    format_duration,
    parse_clock,
    parse_duration,
    parse_instant,
    parse_policy_duration,
    resolve,
)

H, M = timedelta(hours=1), timedelta(minutes=1)
BERLIN, KIRITIMATI, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/New_York")
ZONES = st.sampled_from([BERLIN, KIRITIMATI, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "length"),
    [("1m", M), ("90m", 90 * M), ("4h", 4 * H), ("1h30m", 90 * M), ("3d", 72 * H), ("1d2h3m", 26 * H + 3 * M),
     ("72h", 72 * H), (" 4H ", 4 * H)],
)  # fmt: skip
def test_durations_are_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("4", "did you mean 4h?"),
        ("72", "did you mean 72h?"),
        ("90", "did you mean 90m?"),
        ("1h30", "did you mean 1h30m?"),
        ("1h 30m", "did you mean 1h30m?"),
        ("2 hours", "did you mean 2h?"),
        ("1.5h", "did you mean 1h30m?"),
        ("", "is not a duration"),
        ("soon", "write it like"),
        ("h", "write it like"),
        ("-1h", "write it like"),
        ("٤h", "write it like"),
        ("30m1h", "write it like"),
        ("0m", "from 1m to 72h"),
        ("73h", "from 1m to 72h"),
        ("4d", "from 1m to 72h"),
        ("999999999999d", "write it like"),
    ],
)
def test_other_durations_are_refused_with_what_was_meant(text: str, says: str) -> None:
    with pytest.raises(BadInput, match="^.*" + says.replace("?", r"\?")):
        parse_duration(text)


def test_a_policy_may_speak_of_longer_times() -> None:
    assert parse_policy_duration("90d") == timedelta(days=90)


@given(st.integers(1, 72 * 60))
def test_what_is_typed_back_reads_the_same(minutes: int) -> None:
    assert parse_duration(compact(minutes * M)) == minutes * M


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 min"),
        (-H, "0 min"),
        (timedelta(seconds=20), "under 1 min"),
        (59 * M + timedelta(seconds=59), "1 h"),
        (90 * M, "1 h 30 min"),
        (72 * H, "72 h"),
        (74 * H, "3 d 2 h"),
        (timedelta(days=90), "90 d"),
    ],
)
def test_lengths_are_said_shortly(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # a Monday, 16:00 in Berlin


@pytest.mark.parametrize(
    ("text", "zone", "local"),
    [
        ("18:00", BERLIN, "2026-11-23 18:00"),
        ("16:00", BERLIN, "2026-11-24 16:00"),  # now itself is not the next one
        ("8:05", BERLIN, "2026-11-24 08:05"),
        ("today 18:00", BERLIN, "2026-11-23 18:00"),
        ("tomorrow 18:00", BERLIN, "2026-11-24 18:00"),
        ("Mon 18:00", BERLIN, "2026-11-23 18:00"),
        ("mon 15:00", BERLIN, "2026-11-30 15:00"),
        ("sun 00:00", BERLIN, "2026-11-29 00:00"),
        ("friday 09:00", BERLIN, "2026-11-27 09:00"),
        ("2026-11-25 18:00", BERLIN, "2026-11-25 18:00"),
        ("today 18:00", KIRITIMATI, "2026-11-24 18:00"),  # it is Tuesday 05:00 there
        ("tue 06:00", KIRITIMATI, "2026-11-24 06:00"),
        ("mon 18:00", KIRITIMATI, "2026-11-30 18:00"),
    ],
)
def test_instants_are_read_on_the_persons_clock(text: str, zone: ZoneInfo, local: str) -> None:
    at = parse_instant(text, NOW, zone)
    assert at.tzinfo is UTC
    assert f"{at.astimezone(zone):%Y-%m-%d %H:%M}" == local


@pytest.mark.parametrize(
    "text",
    ["", "6pm", "25:00", "18:60", "today 15:00", "2026-11-22 18:00", "2026-02-30 18:00", "someday 18:00", "today",
     "fri fri 18:00", "2026-11-25"],
)  # fmt: skip
def test_other_instants_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_instant(text, NOW, BERLIN)


@pytest.mark.parametrize(
    ("now", "utc"),
    [
        # 29 March 2026, Berlin: 02:00 to 03:00 does not exist
        pytest.param("2026-03-29T00:30", "2026-03-29T01:00", id="the gap: the first instant after it"),
        pytest.param("2026-03-29T01:10", "2026-03-30T00:30", id="after the gap: tomorrow"),
        # 25 October 2026, Berlin: 02:00 to 03:00 exists twice
        pytest.param("2026-10-25T00:10", "2026-10-25T01:30", id="the fold: the later one"),
        pytest.param("2026-10-25T00:45", "2026-10-25T01:30", id="between the two: the later one is ahead"),
        pytest.param("2026-10-25T01:40", "2026-10-26T01:30", id="after both: tomorrow"),
    ],
)
def test_half_past_two_on_the_nights_the_clock_changes(now: str, utc: str) -> None:
    at = parse_instant("02:30", datetime.fromisoformat(now).replace(tzinfo=UTC), BERLIN)
    assert at == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_half_an_hours_change_and_a_day_that_does_not_exist() -> None:
    lord_howe, apia = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")
    assert resolve(date(2026, 10, 4), time(2, 10), lord_howe) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)
    assert resolve(date(2011, 12, 30), time(12, 0), apia) == datetime(2011, 12, 30, 10, 0, tzinfo=UTC)


@given(INSTANTS, ZONES, st.times())
def test_the_next_one_is_ahead_and_within_two_days(now: datetime, zone: ZoneInfo, clock: time) -> None:
    at = parse_instant(f"{clock:%H:%M}", now, zone)
    assert now < at <= now + timedelta(days=2)


@given(INSTANTS, ZONES)
def test_a_clocks_own_reading_leads_back_to_it_or_to_its_twin(at: datetime, zone: ZoneInfo) -> None:
    local = at.astimezone(zone)
    again = resolve(local.date(), local.time().replace(fold=0), zone)
    assert again - at in (timedelta(0), timedelta(minutes=30), H)
    assert again.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)


@pytest.mark.parametrize("text", ["24:00", "1800", "-1:00", "aa:bb", "1:5"])
def test_a_time_of_day_has_two_parts(text: str) -> None:
    with pytest.raises(BadInput):
        parse_clock(text)


@pytest.mark.parametrize(("text", "zone"), [("0001-01-01 00:00", BERLIN), ("9999-12-31 23:30", NEW_YORK)])
def test_an_instant_beyond_the_calendar_is_a_slip_like_any_other(text: str, zone: ZoneInfo) -> None:
    with pytest.raises(BadInput, match="is not a date"):
        parse_instant(text, datetime(2025, 11, 24, 9, tzinfo=UTC), zone)
