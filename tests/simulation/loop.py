"""An event loop in simulated time: when nothing can run, whoever waits at a named point goes on, or the clock jumps."""

import asyncio
import math
import selectors
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from deploy.sandbox.clock import SimClock

Quiet = Callable[[], bool]
PATIENCE_S = 20.0  # of the host, for an answer of a real database


class Stuck(Exception):
    """Nothing can run, nothing waits for a time, and the run is not over."""


class QuietSelector(selectors.SelectSelector):
    """Asked to wait, it lets `quiet` release somebody; else it moves the clock to the next timer."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__()
        self._clock = clock
        self.quiet: Quiet = lambda: False
        self.in_database = 0  # transactions that wait for a real server

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0) if self.in_database else []
        if self.in_database:
            if not (ready := super().select(PATIENCE_S)):
                raise Stuck("the database does not answer")
            return ready
        if self.quiet():
            return []
        if timeout is None:
            raise Stuck("nothing can run any more")
        self._clock.advance_ms(max(1, math.ceil(timeout * 1000 - 1e-6)))
        return []


class SimLoop(asyncio.SelectorEventLoop):
    """`time()` is simulated; threads and name look-ups happen inline, so that the order is always the same."""

    def __init__(self, clock: SimClock) -> None:
        self.clock, self._began = clock, clock.now_ms()
        self.quiet_selector = QuietSelector(clock)
        super().__init__(self.quiet_selector)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return (self.clock.now_ms() - self._began) / 1000

    get_debug = staticmethod(bool)  # False, asked for each future; a Python function takes ten times as long

    def call_later(  # type: ignore[override]
        self, delay: float, *arguments: Any, **options: Any
    ) -> asyncio.TimerHandle:
        """At least a millisecond, the clock's unit: shorter waits would never end on a clock that stands still."""
        return super().call_later(max(delay, 0.001), *arguments, **options)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """At once, here."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def getaddrinfo(self, host: Any, port: Any, **_options: Any) -> Any:
        """Everybody lives on this machine."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def run_simulated(clock: SimClock, main: Callable[[SimLoop], Awaitable[Any]]) -> Any:
    """Run `main` to its end in simulated time."""
    loop = SimLoop(clock)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_awaited(main(loop)))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _awaited(main: Awaitable[Any]) -> Any:
    return await main
