"""SQLite for the simulation: one database in memory, and the product's statements on it with little in between.

Transactions never overlap (one coroutine runs at a time and none waits inside one), so that all replicas share one
connection. Statements are compiled by SQLAlchemy, kept, and then handed to `sqlite3` itself: its engine would spend
most of a run on what a single connection does not need.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import Row
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

Processor = Callable[[Any], Any]
_DIALECT = pysqlite.dialect()  # type: ignore[no-untyped-call]
_COMPILED: dict[Any, Any] = {}
_SHAPES: dict[Any, "_Shape"] = {}


class Memory:
    """The database of one run. `begin` and `commit` are up to whoever holds it."""

    def __init__(self, template: bytes) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None)
        self.raw.deserialize(template)
        self.raw.execute("PRAGMA foreign_keys=ON")
        self.tx = MemoryTx(self.raw)

    def close(self) -> None:
        self.raw.close()

    def least(self, statement: str) -> int | None:
        """The one number that a statement of the harness finds."""
        found: int | None = self.raw.execute(statement).fetchone()[0]
        return found


class MemoryTx:
    """What the product awaits of a connection; it never waits."""

    dialect = _DIALECT

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._cursor = raw.cursor()
        self._engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)

    async def execute(self, statement: Any, given: Any = None) -> "Result":
        return self.run(statement, given)

    async def scalar(self, statement: Any, given: Any = None) -> Any:
        return self.run(statement, given).scalar()

    async def run_sync(self, work: Callable[[Any], Any]) -> Any:
        """For what looks at the schema."""
        with self._engine.connect() as db:
            return work(db)

    def run(self, statement: Any, given: Any = None) -> "Result":
        """Raises what SQLAlchemy would raise of a broken constraint."""
        many = isinstance(given, list | tuple)
        first: dict[str, Any] = (given[0] if many else given) or {}
        compiled, extracted, _params, _hit = statement._compile_w_cache(
            _DIALECT, compiled_cache=_COMPILED, column_keys=sorted(first), for_executemany=many
        )
        try:
            if many:
                rows = [_bound(compiled, extracted, each)[1] for each in given]
                self._cursor.executemany(compiled.string, rows)
                return Result([], self._cursor.rowcount)
            self._cursor.execute(*_bound(compiled, extracted, first))
        except sqlite3.IntegrityError as error:
            raise IntegrityError(compiled.string, None, error) from error
        if self._cursor.description is None:
            return Result([], self._cursor.rowcount)
        shape = _SHAPES.get(compiled)
        if shape is None:
            shape = _SHAPES[compiled] = _Shape(compiled)
        return Result([shape.row(each) for each in self._cursor.fetchall()], -1)


def _bound(compiled: Any, extracted: Any, given: Any) -> tuple[str, list[Any]]:
    """The statement's text and its parameters in order."""
    values = compiled.construct_params(given, extracted_parameters=extracted, escape_names=False)
    if compiled.insert_prefetch or compiled.update_prefetch:
        for column in (*compiled.insert_prefetch, *compiled.update_prefetch):
            values[column.key] = column.default.arg
    text, order, processors = compiled.string, compiled.positiontup, compiled._bind_processors
    if compiled.literal_execute_params or compiled.post_compile_params:
        expanded = compiled._process_parameters_for_postcompile(values)
        text, order, processors = expanded.statement, expanded.positiontup, processors | expanded.processors
    return text, [processors[name](values[name]) if name in processors else values[name] for name in order]


class _Shape:
    """How a compiled statement's rows are read."""

    def __init__(self, compiled: Any) -> None:
        columns = compiled._result_columns
        self._processors: list[Processor | None] = [
            each.type._cached_result_processor(_DIALECT, None) for each in columns
        ]
        self._metadata = SimpleResultMetaData([each.keyname for each in columns])

    def row(self, data: Sequence[Any]) -> Row[Any]:
        return Row(self._metadata, self._processors, self._metadata._key_to_index, data)


class Result:
    """All rows of one statement, or how many it changed."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        return self.one() if self._rows else None

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        return self.scalar_one() if self._rows else None

    def scalars(self) -> list[Any]:
        return [row[0] for row in self._rows]
