"""The drivers a process can be given by name. Each is only a hint: it may be late, early or twice."""

import asyncio
import contextlib
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, Self

from bot.drivers import Drain, Local

log = logging.getLogger(__name__)

NAMES = ("drain", "local", "hostile")
EVERY_S = 0.1  # between two drains; cron's minute would only make the tests long
HANDS = 8
LATEST_S = 0.8  # a hostile hand that nobody wakes looks by itself within so long


class Driver(Protocol):
    """What a process needs of its driver."""

    def wake(self) -> None: ...
    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exc: object) -> None: ...


class Beside(ABC):
    """Coroutines that run beside the program until it ends."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    def _hands(self) -> Sequence[Coroutine[Any, Any, None]]: ...

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(hand) for hand in self._hands()]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


class Cron(Beside):
    """`drain` over and over. Nobody wakes it, and one that fails is followed by the next."""

    def __init__(self, drain: Drain) -> None:
        super().__init__()
        self._drain = drain

    def wake(self) -> None:
        """Cron knows nothing of it."""

    def _hands(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._run()]

    async def _run(self) -> None:
        while True:
            try:
                await self._drain()
            except Exception:
                log.exception("this drain failed")
            await asyncio.sleep(EVERY_S)


class Hostile(Beside):
    """Drops, doubles and swaps: a wake is lost, comes twice, or comes in another's place; what it starts may be the
    wrong thing, and may be started twice at once."""

    def __init__(self, drain: Drain, dice: random.Random) -> None:
        super().__init__()
        self._drain, self._dice = drain, dice
        self._wakes: asyncio.Queue[None] = asyncio.Queue()
        self._kept = 0

    def wake(self) -> None:
        """Something was recorded; perhaps somebody hears of it."""
        match self._dice.choice(("drop", "double", "swap")):
            case "double":
                self._give(2 + self._kept)
                self._kept = 0
            case "swap":  # after the next one
                self._kept += 1

    def _give(self, count: int) -> None:
        for _ in range(min(count, HANDS)):
            self._wakes.put_nowait(None)

    def _hands(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._run() for _ in range(HANDS)]

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._dice.uniform(0, LATEST_S)):
                    await self._wakes.get()
            step = self._dice.choice((self._drain.one_work, self._drain.one_work, self._drain.one_message))
            done = await asyncio.gather(*(step() for _ in range(self._dice.choice((1, 2)))), return_exceptions=True)
            for each in done:
                if isinstance(each, Exception):
                    log.error("a step failed: %r", each)
            if any(isinstance(each, str) for each in done):
                self.wake()


def driver(name: str, drain: Drain, dice: random.Random) -> Driver:
    """By name, as `NAMES` lists them."""
    match name:
        case "drain":
            return Cron(drain)
        case "local":
            return Local(drain)
        case "hostile":
            return Hostile(drain, dice)
    raise ValueError(name)
