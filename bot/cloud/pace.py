"""Time that passes while we wait: budgets, rates and breakers are measured with it, not with the wall clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[object]]


class Pace:
    """Seconds since some start. A `sleep` that returns early (a test's, a simulation's) counts as slept in full."""

    def __init__(self, sleep: Sleep = asyncio.sleep, ticks: Callable[[], float] = time.monotonic) -> None:
        self._sleep = sleep
        self._ticks = ticks
        self._skipped = 0.0

    def now(self) -> float:
        """Seconds, only meaningful as a difference."""
        return self._ticks() + self._skipped

    async def sleep(self, seconds: float) -> None:
        """Wait; afterwards `now()` is at least `seconds` later."""
        until = self.now() + seconds
        await self._sleep(seconds)
        self._skipped += max(0.0, until - self.now())
