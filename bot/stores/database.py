"""The engine: one SQLite file or a PostgreSQL server, by URL."""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

Tx = AsyncConnection
T = TypeVar("T")

# A process that freezes within a transaction would hold its locks for ever; no transaction waits for anything outside.
_IDLE_MOST = "SET idle_in_transaction_session_timeout = '30s'"
_PRAGMAS = ("busy_timeout=10000", "synchronous=FULL", "foreign_keys=ON")
_WAL_MOST_S, _WAL_AGAIN_S = 10.0, 0.01


class Database:
    """Transactions on the store. `begin` may write; `read` never does.

    On SQLite writers take the lock at once (`BEGIN IMMEDIATE`): a transaction that reads first and writes later
    would otherwise fail with "database is locked" whatever the time-out.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.sqlite:
            _prepare(make_url(url).database)
        self.engine = _engine(url, sqlite=self.sqlite)
        self._direct = _Direct(url) if self.sqlite else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction that commits at the end, or leaves no trace."""
        async with self.engine.connect() as db:
            await db.execution_options(leasebot_begin="BEGIN IMMEDIATE")
            async with db.begin():
                yield db

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """For reading: on SQLite one view of it all; PostgreSQL gives each statement its own, transaction or not."""
        async with self.engine.connect() as db:
            if not self.sqlite:  # two round trips less
                await db.execution_options(isolation_level="AUTOCOMMIT")
            yield db

    async def at_once(self, work: Callable[[Tx], Coroutine[Any, Any, T]]) -> T:
        """`work` in one writing transaction of its own; it may await nothing but its statements.

        On SQLite it runs from begin to commit in one go on one thread: a dozen hand-overs between threads would take
        longer than the statements. That is what an acknowledgement waits for.
        """
        if self._direct is None:
            async with self.begin() as db:
                return await work(db)
        return await self._direct.run(work)

    async def dispose(self) -> None:
        """Close every connection; without it the process would not end (aiosqlite's threads)."""
        await self.engine.dispose()
        if self._direct is not None:
            self._direct.close()


class _Direct:
    """One thread with one synchronous connection to the SQLite file."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(make_url(url).set(drivername="sqlite"), poolclass=StaticPool,
                                     connect_args={"check_same_thread": False})  # fmt: skip
        event.listen(self._engine, "connect", _on_connect)
        event.listen(self._engine, "begin", _on_begin)
        self._thread = ThreadPoolExecutor(1, "store")

    async def run(self, work: Callable[[Tx], Coroutine[Any, Any, T]]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Tx], Coroutine[Any, Any, T]]) -> T:
        with self._engine.connect().execution_options(leasebot_begin="BEGIN IMMEDIATE") as db, db.begin():
            return _finished(work(cast("Tx", _Awaitable(db))))

    def close(self) -> None:
        self._thread.submit(self._engine.dispose)
        self._thread.shutdown(wait=True)


class _Awaitable:
    """A synchronous connection that can be awaited, and never waits."""

    def __init__(self, db: Connection) -> None:
        self._db, self.dialect = db, db.dialect

    async def execute(self, *words: Any) -> Any:
        return self._db.execute(*words)


def _finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    raise RuntimeError("only statements may be awaited here")


def _prepare(path: str | None) -> None:
    """Create the file for this user alone before anything else opens it, and set it to write ahead.

    The file remembers that mode. SQLite gives it to one process at a time and lets no other wait, whatever the
    time-out: so it is asked again here, once per process, and no connection has to.
    """
    if not path or path == ":memory:":
        return
    if not Path(path).exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    until = time.monotonic() + _WAL_MOST_S
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        while True:
            try:
                db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(_WAL_AGAIN_S)


def _engine(url: str, *, sqlite: bool) -> AsyncEngine:
    if not sqlite:
        engine = create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, pool_timeout=5)
        event.listen(engine.sync_engine, "connect", _on_connect_to_server)
        return engine
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_connect_to_server(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(_IDLE_MOST)
    cursor.close()
    connection.commit()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("leasebot_begin", "BEGIN"))
