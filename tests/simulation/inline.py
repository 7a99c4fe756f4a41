"""SQLite without threads: the same dialect, each statement run at once where it is awaited."""

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

PRAGMAS = ("journal_mode=WAL", "synchronous=OFF", "busy_timeout=0", "foreign_keys=ON")


def inline_engine(path: str) -> AsyncEngine:
    """An engine on the file at `path`. It relaxes what only a crash of the machine would need."""

    async def connect(*_arguments: Any, **_options: Any) -> "InlineConnection":
        return InlineConnection(path)

    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", async_creator=connect)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("leasebot_begin", "BEGIN"))


class InlineConnection:
    """What SQLAlchemy's aiosqlite dialect needs of a connection."""

    def __init__(self, path: str) -> None:
        self._conn = sqlite3.connect(path, check_same_thread=False)
        self._connection: sqlite3.Connection | None = self._conn
        self._tx = self

    def put_nowait(self, item: tuple[Any, Callable[[], Any]]) -> None:
        """The dialect's way to run something on aiosqlite's thread."""
        future, function = item
        future.set_result(function())

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level

    def cursor(self) -> "InlineCursor":
        return InlineCursor(self._conn.cursor())

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        self._conn.create_function(*arguments, **options)

    async def commit(self) -> None:
        self._conn.commit()

    async def rollback(self) -> None:
        self._conn.rollback()

    async def close(self) -> None:
        self._connection = None
        self._conn.close()

    def stop(self) -> None:
        self._connection = None
        self._conn.close()


class InlineCursor:
    """A cursor whose coroutines never wait."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def __aenter__(self) -> "InlineCursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> Any:
        return self._cursor.lastrowid

    @property
    def arraysize(self) -> int:
        return self._cursor.arraysize

    async def execute(self, *arguments: Any) -> None:
        self._cursor.execute(*arguments)

    async def executemany(self, *arguments: Any) -> None:
        self._cursor.executemany(*arguments)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()
