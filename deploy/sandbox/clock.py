"""A clock that can be pushed: real time plus an offset, or frozen until it is pushed."""

import time
from datetime import datetime

from bot.clock import from_ms


class SimClock:
    """Shared by the simulators and, in the sandbox, by the bot.

    `start_ms` None means the host's time; `running` False freezes it between pushes (tests, the story).
    """

    def __init__(self, start_ms: int | None = None, *, running: bool = True) -> None:
        self._base = self._host_ms() if start_ms is None else start_ms
        self._since = time.monotonic_ns()
        self._running = running

    @staticmethod
    def _host_ms() -> int:
        return time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        passed = (time.monotonic_ns() - self._since) // 1_000_000 if self._running else 0
        return self._base + passed

    def now(self) -> datetime:
        """The current instant: aware, UTC, whole milliseconds."""
        return from_ms(self.now_ms())

    def advance_ms(self, ms: int) -> None:
        """Push the clock; negative values are accepted so that a jumping host can be played."""
        self._base += ms

    def set_ms(self, ms: int) -> None:
        """Set the clock to an instant; it goes on running from there if it runs."""
        self._base = ms
        self._since = time.monotonic_ns()
