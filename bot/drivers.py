"""What makes due work happen: `Drain` does all that is due and returns, `Local` keeps doing so in one process.

A driver is only a hint: it may be late, early or twice, and only lateness may follow from it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.outbox import Postman
from bot.work import Workshop

log = logging.getLogger(__name__)

LOOK_AGAIN = 1.0  # seconds between looks when nobody wakes us
STORE_TROUBLE = 2.0


@dataclass(slots=True)
class Counts:
    """What a drain did."""

    advanced: int = 0
    delivered: int = 0


class Drain:
    """Advance everything that is due, deliver everything that may go, then return."""

    def __init__(self, workshop: Workshop, postman: Postman, clock: Clock) -> None:
        self._workshop, self._postman, self._clock = workshop, postman, clock
        self.listeners: list[Callable[[str], None]] = []  # told the kind of each piece of work that was advanced

    async def __call__(self, most: int = 100_000) -> Counts:
        """Until nothing is due now; `most` steps bound a drain that feeds itself."""
        counts, tried, taken = Counts(), 0, self._postman.taken
        while counts.advanced + tried < most:
            worked = await self.one_work() or await self.one_message()
            if worked is None:
                break
            if worked == "work":
                counts.advanced += 1
            else:
                tried += 1
        counts.delivered = self._postman.taken - taken  # what was tried in vain does not count
        return counts

    async def one_work(self) -> str | None:
        """Advance the piece of work that is due longest."""
        claim = await self._workshop.claim()
        if claim is None:
            return None
        await self._workshop.advance(claim)
        for listener in self.listeners:
            listener(claim.kind)
        return "work"

    async def one_message(self) -> str | None:
        """Deliver the message that is due first."""
        row = await self._postman.claim()
        if row is None:
            return None
        await self._postman.deliver(row)
        return "message"

    async def settle(self, patience: timedelta) -> Counts:
        """Drain, and wait for what falls due within `patience` (a `Retry-After`, the pace of a channel)."""
        total, until = await self(), self._clock.now() + patience
        while (due := await self.next_due()) is not None and due <= until and self._clock.now() < until:
            await asyncio.sleep(min(max(0.02, (due - self._clock.now()).total_seconds()), 1.0))
            more = await self()
            total.advanced, total.delivered = total.advanced + more.advanced, total.delivered + more.delivered
        return total

    async def next_due(self) -> datetime | None:
        """When something falls due next; None if nothing waits."""
        dues = [due for due in (await self._workshop.next_due(), await self._postman.next_due()) if due]
        return min(dues, default=None)


class Local:
    """Drains on wake-ups inside the process and on a short timer, with several hands at once."""

    def __init__(self, drain: Drain, *, hands: int = 6, couriers: int = 3) -> None:
        self._drain = drain
        self._wakes = [asyncio.Event() for _ in range(hands + couriers)]
        self._hands = hands
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Something was recorded that may be due."""
        for event in self._wakes:
            event.set()

    async def __aenter__(self) -> "Local":
        for number, event in enumerate(self._wakes):
            self._tasks.append(asyncio.create_task(self._run(event, courier=number >= self._hands)))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, event: asyncio.Event, *, courier: bool) -> None:
        step = self._drain.one_message if courier else self._drain.one_work
        while True:
            try:
                event.clear()
                while await step():
                    self.wake()
                await self._sleep(event)
            except Exception:
                log.exception("the store does not answer; looking again")
                await asyncio.sleep(STORE_TROUBLE)

    async def _sleep(self, event: asyncio.Event) -> None:
        """Not by `wait_for`: until Python 3.12 it forgets that it was cancelled when the event comes just then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN):
                await event.wait()
