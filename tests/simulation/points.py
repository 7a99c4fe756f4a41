"""Named points: where coroutines wait for their turn, where incarnations die, and where it is counted what was seen."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.stores.database import Database, Tx
from deploy.sandbox.clock import SimClock

inside: ContextVar[int] = ContextVar("inside", default=0)  # how deep in transactions this coroutine is


class Killed(BaseException):
    """The process is gone. No `finally` of it reaches anything any more: each port raises this again."""


class CallInTransaction(AssertionError):
    """Something outside was called while a transaction was open."""


class Trace:
    """Everything in the order in which it happened. `lines` are kept only where somebody wants to read them."""

    def __init__(self, clock: SimClock, *, keep: bool = False) -> None:
        self._clock, self._began, self._keep = clock, clock.now_ms(), keep
        self._digest = hashlib.sha256()
        self.lines: list[str] = []
        self.count = 0

    def __call__(self, line: str) -> None:
        text = f"{(self._clock.now_ms() - self._began) / 1000:.3f} {line}"
        self.count += 1
        self._digest.update(text.encode() + b"\n")
        if self._keep:
            self.lines.append(text)

    def digest(self) -> str:
        """Of every line so far."""
        return self._digest.hexdigest()


@dataclass(eq=False)
class Incarnation:
    """One life of one replica."""

    name: str
    alive: bool = True
    frozen: bool = False
    mortal: bool = True


@dataclass(eq=False)
class Parked:
    """A coroutine that waits for its turn."""

    who: Incarnation
    name: str
    turn: "asyncio.Future[None]"


@dataclass
class Points:
    """Lets one coroutine run at a time. `death(who, name)` says whether the incarnation dies at this point."""

    rng: random.Random
    clock: SimClock
    trace: Trace
    death: Callable[[Incarnation, str], bool] = lambda _who, _name: False
    died: Callable[[Incarnation], None] = lambda _who: None
    dawdle: float = 0.1  # how often a little time passes although somebody could run
    seen: Counter[str] = field(default_factory=Counter)
    parked: list[Parked] = field(default_factory=list)

    async def at(self, who: Incarnation, name: str) -> None:
        """Wait here for one's turn. Raises Killed if the incarnation is or goes dead."""
        self.seen[name] += 1
        if not who.alive:
            raise Killed
        if inside.get():
            if not name.startswith("db."):
                raise CallInTransaction(name)
            return
        if who.mortal and self.death(who, name):
            self.seen[f"death at {name}"] += 1
            self.kill(who)
            raise Killed
        waiting = Parked(who, name, asyncio.get_running_loop().create_future())
        self.parked.append(waiting)
        await waiting.turn
        if not who.alive:
            raise Killed

    def kill(self, who: Incarnation) -> None:
        """From here on it does nothing more; whoever waits in it learns so."""
        who.alive = False
        self.trace(f"{who.name} dies")
        for waiting in [each for each in self.parked if each.who is who]:
            self.parked.remove(waiting)
            if not waiting.turn.done():
                waiting.turn.set_result(None)
        self.died(who)

    def quiet(self) -> bool:
        """Nothing runs: give somebody the turn. False: let time pass."""
        ready = [each for each in self.parked if not each.who.frozen]
        if not ready:
            return False
        if self.rng.random() < self.dawdle:
            self.clock.advance_ms(self.rng.randint(1, 40))
        chosen = ready[self.rng.randrange(len(ready))]
        self.parked.remove(chosen)
        self.trace(f"{chosen.who.name} {chosen.name}")
        if not chosen.turn.done():
            chosen.turn.set_result(None)
        return True


class SimDatabase(Database):
    """The product's transactions, with a point before and after each; nothing waits inside one."""

    def __init__(
        self, engine: AsyncEngine, who: Incarnation, points: Points, entered: Callable[[int], None], *, sqlite: bool
    ) -> None:
        self.engine, self.sqlite = engine, sqlite
        self._who, self._points, self._entered = who, points, entered

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        await self._points.at(self._who, "db.begin")
        async with self._inside(), Database.begin(self) as db:
            yield db
        await self._points.at(self._who, "db.committed")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        await self._points.at(self._who, "db.read")
        async with self._inside(), Database.read(self) as db:
            yield db

    @asynccontextmanager
    async def _inside(self) -> AsyncIterator[None]:
        inside.set(inside.get() + 1)
        self._entered(+1)
        try:
            yield
        finally:
            self._entered(-1)
            inside.set(inside.get() - 1)

    @asynccontextmanager
    async def peek(self) -> AsyncIterator[Tx]:
        """The harness looks: no point, no turn."""
        async with self._inside(), Database.read(self) as db:
            yield db

    async def close(self) -> None:
        """Let go of every connection; what was not committed is gone."""
        self._entered(+1)
        try:
            await self.engine.dispose()
        finally:
            self._entered(-1)
