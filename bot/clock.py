"""The only reading of the wall clock."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
SKEW = timedelta(seconds=120)  # what was stamped further ahead than this was stamped by a clock that was wrong


class Clock(Protocol):
    """Whoever needs the time asks one of these once and passes the value on."""

    def now(self) -> datetime:
        """The current instant: aware, UTC, whole milliseconds."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        return floor_ms(datetime.now(UTC))  # noqa: TID251 - the one place that may


def floor_ms(at: datetime) -> datetime:
    """`at` without what is below a millisecond, the unit of the cloud and of the store."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def to_ms(at: datetime) -> int:
    """Milliseconds since the epoch, exact (no float on the way)."""
    return (at - EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The UTC instant `ms` milliseconds after the epoch, exact."""
    return EPOCH + ms * _MS  # asked for every point of a series: by keyword it takes twice as long


@lru_cache(maxsize=64)  # many answers come within one second
def http_date(text: str) -> datetime | None:
    """An HTTP date as an instant, None if it is none."""
    if not text:
        return None
    try:
        read = parsedate_to_datetime(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
