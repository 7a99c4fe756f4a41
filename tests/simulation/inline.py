"""SQLite without threads: the product's statements on a synchronous connection, each run where it is awaited."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection

# Relaxed to what a crash of the process needs; a crash of the machine is not played here.
PRAGMAS = ("journal_mode=WAL", "synchronous=OFF", "busy_timeout=0", "foreign_keys=ON")


def inline_engine(path: str) -> Engine:
    """An engine on the file at `path`, with the product's way to begin."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("leasebot_begin", "BEGIN"))


class InlineTx:
    """What the product awaits of a connection; it never waits."""

    def __init__(self, db: Connection) -> None:
        self._db, self.dialect = db, db.dialect

    async def execute(self, *words: Any) -> Any:
        return self._db.execute(*words)

    async def scalar(self, *words: Any) -> Any:
        return self._db.scalar(*words)

    async def run_sync(self, work: Callable[..., Any], *words: Any) -> Any:
        return work(self._db, *words)
