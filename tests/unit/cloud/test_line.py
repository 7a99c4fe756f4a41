"""The server's clock as it is heard, and `Retry-After` as it is read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import http_date
from bot.cloud.line import ServerClock, retry_after

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Host:
    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def test_before_the_first_answer_it_is_our_own() -> None:
    clock = ServerClock(Host())
    assert clock.now() == NOW
    assert not clock.seen


@given(
    skew_ms=st.integers(-10_000_000, 10_000_000),
    answers=st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 3_000)), min_size=1, max_size=8),
)
def test_it_is_never_further_off_than_the_answers_allow(skew_ms: int, answers: list[tuple[int, int]]) -> None:
    """Between answers time passes; each answer was on its way for a while; `Date` is cut to the second."""
    host, skew = Host(), timedelta(milliseconds=skew_ms)
    clock = ServerClock(host)
    for passed, travelled in answers:
        host.at += timedelta(milliseconds=passed)
        sent = host.at
        true = sent + skew
        host.at += timedelta(milliseconds=travelled)
        clock.heard(true.replace(microsecond=0), sent, precision=SECOND)
        assert abs(clock.now() - (host.at + skew)) <= SECOND + timedelta(milliseconds=travelled)
    assert clock.seen


def test_a_clock_that_was_pushed_while_the_call_was_under_way_is_believed() -> None:
    host = Host()
    clock = ServerClock(host)
    host.at = NOW + timedelta(hours=5)
    clock.heard(NOW, NOW, precision=SECOND)
    assert clock.skew == timedelta(0)


@pytest.mark.parametrize("at", [datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_nonsense_is_not_heard(at: datetime) -> None:
    clock = ServerClock(Host())
    clock.heard(at, NOW, precision=SECOND)
    assert clock.now() == NOW


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("7", 7), (" 7 ", 7), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("٧", None),
        ("999999999", None), ("Mon, 23 Nov 2026 08:00:30 GMT", 30), ("Mon, 23 Nov 2026 07:00:00 GMT", 0),
        ("Monday, 23-Nov-26 08:00:30 GMT", 30), ("99999999", 3600), ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ],
)  # fmt: skip
def test_retry_after(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after({"retry-after": text}, NOW) == expected


@given(text=st.text(max_size=40))
def test_any_header_is_a_date_or_none(text: str) -> None:
    read: Any = http_date(text)
    assert read is None or read.tzinfo is UTC
    retry_after({"retry-after": text}, NOW)
