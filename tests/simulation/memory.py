"""SQLite for the simulation: one database in memory, and the product's statements on it with little in between.

Transactions never overlap (one coroutine runs at a time and none waits inside one), so that all replicas share one
connection.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from tests.simulation.statements import Result, Statements

_DIALECT = pysqlite.dialect()  # type: ignore[no-untyped-call]
_STATEMENTS = Statements(_DIALECT)


class Memory:
    """The database of one run. `begin` and `commit` are up to whoever holds it."""

    def __init__(self, template: bytes) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1000)
        self.raw.deserialize(template)
        self.raw.execute("PRAGMA foreign_keys=ON")
        self.tx = MemoryTx(self.raw)
        self.run: Callable[[str], Any] = self.raw.cursor().execute

    def close(self) -> None:
        self.raw.close()

    def least(self, statement: str, ahead: int) -> tuple[int | None, int | None]:
        """The two numbers that a statement of the harness finds."""
        found: tuple[int | None, int | None] = self.raw.execute(statement, {"ahead": ahead}).fetchone()
        return found


class MemoryTx:
    """What the product awaits of a connection; it never waits."""

    dialect = _DIALECT

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._cursor = raw.cursor()
        self.moved_dues = False  # what is due when may have changed since this was last set
        self._engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)

    async def execute(self, statement: Any, given: Any = None) -> Result:
        return self.run(statement, given)

    async def scalar(self, statement: Any, given: Any = None) -> Any:
        return self.run(statement, given).scalar()

    async def run_sync(self, work: Callable[[Any], Any]) -> Any:
        """For what looks at the schema."""
        with self._engine.connect() as db:
            return work(db)

    def run(self, statement: Any, given: Any = None) -> Result:
        """Raises what SQLAlchemy would raise of a broken constraint."""
        many = isinstance(given, list | tuple)
        first = (given[0] if many else given) or {}
        asked = _STATEMENTS(statement, first, many=many)
        plan = asked.plan
        self.moved_dues = self.moved_dues or plan.moves_dues
        try:
            if many:
                self._cursor.executemany(plan.text, [asked.bound(each)[1] for each in given])
                return Result([], self._cursor.rowcount)
            self._cursor.execute(*asked.bound(first))
        except sqlite3.IntegrityError as error:
            raise IntegrityError(plan.text, None, error) from error
        if self._cursor.description is None:
            return Result([], self._cursor.rowcount)
        return Result(plan.rows(self._cursor.fetchall()), -1)
