"""Named points: where coroutines wait for their turn, where incarnations die, and where it is counted what was seen."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from bot.stores.database import Database, Tx
from deploy.sandbox.clock import SimClock
from tests.simulation.memory import Memory
from tests.simulation.server import ServerTx

T = TypeVar("T")
_AT_ONCE = 500  # lines
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
        self._fresh: list[str] = []  # not in the digest yet
        self.lines: list[str] = []
        self.count = 0

    def __call__(self, line: str) -> None:
        text = f"{(self._clock.now_ms() - self._began) / 1000:.3f} {line}"
        self.count += 1
        self._fresh.append(text)
        if len(self._fresh) == _AT_ONCE:
            self._digest_fresh()
        if self._keep:
            self.lines.append(text)

    def _digest_fresh(self) -> None:
        self._digest.update("".join([f"{line}\n" for line in self._fresh]).encode())
        self._fresh.clear()

    def digest(self) -> str:
        """Of every line so far."""
        self._digest_fresh()
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
    moved: int = 0  # transactions that may have changed when something falls due

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
        chosen = ready[int(self.rng.random() * len(ready))] if len(ready) > 1 else ready[0]
        self.parked.remove(chosen)
        self.trace(f"{chosen.who.name} {chosen.name}")
        if not chosen.turn.done():
            chosen.turn.set_result(None)
        return True


class SimDatabase(Database):
    """The product's transactions, with a point before and after each; nothing waits inside one."""

    def __init__(self, who: Incarnation, points: Points, *, sqlite: bool) -> None:
        self.sqlite, self._who, self._points = sqlite, who, points

    def begin(self) -> AbstractAsyncContextManager[Tx]:
        return _Turn(self._who, self._points, "db.begin", self._writing(), "db.committed")

    def read(self) -> AbstractAsyncContextManager[Tx]:
        return _Turn(self._who, self._points, "db.read", self._reading())

    async def at_once(self, work: Callable[[Tx], Coroutine[Any, Any, T]]) -> T:
        async with self.begin() as db:
            return await work(db)

    def peek(self) -> AbstractAsyncContextManager[Tx]:
        """The harness looks: no point, no turn."""
        return self._reading()

    async def least(self, statement: str, ahead: int) -> tuple[int | None, int | None]:
        """The two numbers that a statement of the harness finds."""
        raise NotImplementedError

    def _writing(self) -> AbstractAsyncContextManager[Tx]:
        raise NotImplementedError

    def _reading(self) -> AbstractAsyncContextManager[Tx]:
        raise NotImplementedError


class _Turn:
    """A transaction between its points."""

    def __init__(
        self, who: Incarnation, points: Points, before: str, transaction: AbstractAsyncContextManager[Tx],
        after: str | None = None,
    ) -> None:  # fmt: skip
        self._who, self._points, self._transaction = who, points, transaction
        self._before, self._after = before, after
        self._tx: Any = None

    async def __aenter__(self) -> Tx:
        await self._points.at(self._who, self._before)
        inside.set(inside.get() + 1)
        try:
            self._tx = tx = await self._transaction.__aenter__()
            self._tx.moved_dues = False
            return tx
        except BaseException:
            inside.set(inside.get() - 1)
            raise

    async def __aexit__(self, *error: Any) -> bool | None:
        try:
            swallowed = await self._transaction.__aexit__(*error)
        finally:
            inside.set(inside.get() - 1)
        if self._after is not None and error[0] is None:
            self._points.moved += self._tx.moved_dues
            await self._points.at(self._who, self._after)
        return swallowed


class OnSqlite(SimDatabase):
    """In memory, without threads."""

    def __init__(self, who: Incarnation, points: Points, memory: Memory) -> None:
        super().__init__(who, points, sqlite=True)
        self._memory = memory

    def _writing(self) -> AbstractAsyncContextManager[Tx]:
        return _Held(self._memory, writes=True)

    def _reading(self) -> AbstractAsyncContextManager[Tx]:
        return _Held(self._memory, writes=False)

    async def least(self, statement: str, ahead: int) -> tuple[int | None, int | None]:
        return self._memory.least(statement, ahead)

    async def dispose(self) -> None:
        """The memory outlives each incarnation."""


class _Held:
    """The memory, for one transaction. Reading needs none: nobody else runs meanwhile."""

    def __init__(self, memory: Memory, *, writes: bool) -> None:
        self._memory, self._writes = memory, writes

    async def __aenter__(self) -> Tx:
        if self._writes:
            if inside.get() > 1:
                raise CallInTransaction("another transaction")
            self._memory.run("BEGIN IMMEDIATE")
        return cast("Tx", self._memory.tx)

    async def __aexit__(self, kind: type[BaseException] | None, *_rest: Any) -> None:
        if self._writes:
            self._memory.run("COMMIT" if kind is None else "ROLLBACK")


class OnPostgres(SimDatabase):
    """On a real server; `entered` is told when one begins (+1) or ends (-1) to wait for it. `free` is the run's own."""

    def __init__(
        self, who: Incarnation, points: Points, url: str, entered: Callable[[int], None], free: asyncio.Lock
    ) -> None:
        super().__init__(who, points, sqlite=False)
        self._tx, self._entered, self._free = ServerTx(url), entered, free

    def _writing(self) -> AbstractAsyncContextManager[Tx]:
        return _Entered(self._tx, self._entered, self._free, writes=True)

    def _reading(self) -> AbstractAsyncContextManager[Tx]:
        return _Entered(self._tx, self._entered, self._free, writes=False)

    async def least(self, statement: str, ahead: int) -> tuple[int | None, int | None]:
        async with self.peek() as db:
            return await cast("ServerTx", db).least(statement, ahead)

    async def dispose(self) -> None:
        self._entered(+1)
        try:
            await self._tx.close()
        finally:
            self._entered(-1)


class _Entered:
    """The connection, for one transaction, of which the loop is told that it waits for a real server.

    Whoever peeks waits for no turn, so that several may want to at once, or while somebody is within a transaction:
    they come one after the other, or the order of the server's answers would show in the trace.
    """

    def __init__(self, tx: ServerTx, entered: Callable[[int], None], free: asyncio.Lock, *, writes: bool) -> None:
        self._tx, self._entered, self._free, self._writes = tx, entered, free, writes

    async def __aenter__(self) -> Tx:
        if self._writes and inside.get() > 1:
            raise CallInTransaction("another transaction")
        await self._free.acquire()
        self._entered(+1)
        return cast("Tx", self._tx)

    async def __aexit__(self, kind: type[BaseException] | None, *_rest: Any) -> None:
        try:
            await self._tx.end(kept=kind is None, written=self._writes)
        finally:
            self._entered(-1)
            self._free.release()
