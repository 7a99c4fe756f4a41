"""The engine: one SQLite file or a PostgreSQL server, by URL."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Tx = AsyncConnection

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")


class Database:
    """Transactions on the store. `begin` may write; `read` never does.

    On SQLite writers take the lock at once (`BEGIN IMMEDIATE`): a transaction that reads first and writes later
    would otherwise fail with "database is locked" whatever the time-out.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.sqlite:
            _private_file(make_url(url).database)
        self.engine = _engine(url, sqlite=self.sqlite)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction that commits at the end, or leaves no trace."""
        async with self.engine.connect() as db:
            await db.execution_options(leasebot_begin="BEGIN IMMEDIATE")
            async with db.begin():
                yield db

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A consistent view for reading."""
        async with self.engine.connect() as db:
            yield db

    async def dispose(self) -> None:
        """Close every connection; without it the process would not end (aiosqlite's threads)."""
        await self.engine.dispose()


def _private_file(path: str | None) -> None:
    """Create the file for this user alone before anything else opens it."""
    if path and path != ":memory:" and not Path(path).exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _engine(url: str, *, sqlite: bool) -> AsyncEngine:
    if not sqlite:
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, pool_timeout=5)
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


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("leasebot_begin", "BEGIN"))
