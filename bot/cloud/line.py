"""What all calls to one project share: rate limit, breaker, the server's clock, counters."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.clock import Clock, http_date
from bot.cloud.breaker import Breaker
from bot.cloud.limiter import Limiter
from bot.cloud.pace import Pace

_ZERO = timedelta(0)
_SECOND = timedelta(seconds=1)
_NONSENSE = timedelta(days=3650)
_LONGEST_REST = timedelta(hours=1)


class ServerClock:
    """The server's clock, carried on by ours between answers.

    An answer only says that the server's time lay between two instants (`Date` has whole seconds, and the answer
    travelled); our own is moved no further than it must be, so that a host in step keeps its milliseconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.skew = _ZERO  # server minus host
        self.seen = False

    def now(self) -> datetime:
        """The server's instant, as far as we know; the host's own before the first answer."""
        return self._clock.now() + self.skew

    def heard(self, at: datetime, sent: datetime, *, precision: timedelta = _ZERO) -> None:
        """An answer to a call sent at `sent` (host) carried the server's instant `at`, cut off to `precision`."""
        host = self._clock.now()
        if abs(at - host) > _NONSENSE:
            return
        travelled = max(_ZERO, host - sent)
        low, high = at - host, at + precision + travelled - host
        self.skew = min(max(self.skew, low), high)
        self.seen = True


class Line:
    """The shared state of all calls to one service of a project; `clock` is shared by its services."""

    def __init__(self, name: str, rate: float, clock: ServerClock, pace: Pace) -> None:
        """`name` says in logs whose line it is, `rate` is in requests per second."""
        self.name = name
        self.clock = clock
        self.limiter = Limiter(rate, pace)
        self.breaker = Breaker(pace)
        self.calls = 0
        self.repeats = 0
        self.throttled = 0

    def heard(self, headers: Mapping[str, str], sent: datetime) -> None:
        """Take the time from an answer's `Date`."""
        if (at := http_date(headers.get("date", ""))) is not None:
            self.clock.heard(at, sent, precision=_SECOND)

    def health(self) -> dict[str, object]:
        """JSON-able state for health and metrics; durations in seconds, rates in requests per second."""
        return {
            "breaker": self.breaker.state,
            "failures": self.breaker.failures,
            "rests_for_s": round(self.breaker.rests_for.total_seconds(), 1),
            "rate": _finite(self.limiter.rate),
            "nominal_rate": _finite(self.limiter.nominal),
            "waiting": self.limiter.waiting,
            "calls": self.calls,
            "repeats": self.repeats,
            "throttled": self.throttled,
            "skew_s": round(self.clock.skew.total_seconds(), 3) if self.clock.seen else None,
        }


def _finite(rate: float) -> float | None:
    """None for no limit: JSON has no infinity."""
    return None if math.isinf(rate) else round(rate, 2)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """`Retry-After` in either form, counted from the server's `now`; None if absent or unreadable.

    At most an hour: then it is asked again. An odd figure must not keep what somebody waits for away for days.
    """
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    if said.isascii() and said.isdigit() and len(said) <= 8:
        return min(_LONGEST_REST, timedelta(seconds=int(said)))
    at = http_date(said)
    return min(_LONGEST_REST, max(_ZERO, at - now)) if at is not None else None
