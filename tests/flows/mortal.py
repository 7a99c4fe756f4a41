"""A bot that can be killed at any moment: before, inside or after any transaction.

Outside calls lie between two transactions, so that these are the moments before and after every call as well.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.stores.database import Database, Tx


class Killed(BaseException):
    """The process is gone; nothing that catches errors catches this."""


class MortalDatabase(Database):
    """Counts moments from `arm` on, three for each transaction, and dies at the one chosen; then it stays dead."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._left: int | None = None
        self.dead = False

    def arm(self, moment: int) -> None:
        """Die at that moment from now on, counted from 0."""
        self._left = moment

    def _tick(self) -> None:
        if self.dead:
            raise Killed
        if self._left is None:
            return
        if self._left == 0:
            self.dead = True
            raise Killed
        self._left -= 1

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        self._tick()
        async with super().begin() as db:
            yield db
            self._tick()  # nothing of it is committed
        self._tick()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        if self.dead:
            raise Killed
        async with super().read() as db:
            yield db
