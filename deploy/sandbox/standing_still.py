"""Time is pushed only while nothing is under way: work that began before a push would seem to have hung for hours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.drivers import Drain, Local


class Gate:
    """Many pass at once, or one holds it shut."""

    def __init__(self) -> None:
        self._inside = 0
        self._open, self._empty = asyncio.Event(), asyncio.Event()
        self._open.set()
        self._empty.set()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """Waits while it is shut."""
        while not self._open.is_set():
            await self._open.wait()
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def shut(self) -> AsyncIterator[None]:
        """Begins once everybody inside is through. One at a time."""
        self._open.clear()
        try:
            await self._empty.wait()
            yield
        finally:
            self._open.set()


class _Gated(Drain):
    """The same drain, each step through the gate."""

    def __init__(self, inner: Drain, gate: Gate) -> None:
        self._inner, self._gate = inner, gate

    async def one_work(self) -> str | None:
        async with self._gate.passing():
            return await self._inner.one_work()

    async def one_message(self) -> str | None:
        async with self._gate.passing():
            return await self._inner.one_message()


def gated(drain: Drain, gate: Gate) -> Local:
    """The driver of one process, which rests while the gate is shut."""
    return Local(_Gated(drain, gate))
