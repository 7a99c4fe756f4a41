"""Insert once, insert or update, change, find: statements of plain values, put together once per shape.

Putting a statement together costs more than running it; what a click waits for is mostly these.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.stores.database import Tx


@cache
def _insert(dialect: str, table: Table) -> Any:
    return (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)


@cache
def _once(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _put(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    keys = [column.name for column in table.primary_key]
    statement = _insert(dialect, table)
    rest = {name: statement.excluded[name] for name in names if name not in keys}
    if not rest:
        return _once(dialect, table)
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


@cache
def _change(table: Table, where: tuple[str, ...], names: tuple[str, ...]) -> Any:
    there = [table.c[name] == bindparam(f"at_{name}") for name in where]
    return update(table).where(*there).values({name: bindparam(f"to_{name}") for name in names})


@cache
def _drop(table: Table, where: tuple[str, ...], column: str) -> Any:
    there = [table.c[name] == bindparam(f"at_{name}") for name in where]
    return delete(table).where(*there, table.c[column] < bindparam("before"))


@cache
def _find(table: Table, where: tuple[str, ...]) -> Any:
    return select(table).where(*(table.c[name] == bindparam(f"at_{name}") for name in where))


async def insert_once(db: Tx, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is taken; True if it was inserted."""
    done = await db.execute(_once(db.dialect.name, table), dict(values))
    return bool(done.rowcount == 1)


async def insert_missing(db: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those rows of which no unique key is taken; all have the same columns."""
    if rows:
        await db.execute(_once(db.dialect.name, table), [dict(row) for row in rows])


async def put(db: Tx, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row, or set every given column of the one with the same primary key."""
    await db.execute(_put(db.dialect.name, table, tuple(values)), dict(values))


async def put_all(db: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same for rows that all have the same columns."""
    if rows:
        await db.execute(_put(db.dialect.name, table, tuple(rows[0])), [dict(row) for row in rows])


async def change(db: Tx, table: Table, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Set columns of the rows in which these columns have these values (not None); True if there was just one."""
    given = {f"at_{name}": value for name, value in where.items()} | {f"to_{n}": v for n, v in values.items()}
    done = await db.execute(_change(table, tuple(where), tuple(values)), given)
    return bool(done.rowcount == 1)


async def find_all(db: Tx, table: Table, **where: Any) -> list[Any]:
    """Every row in which these columns have these values (not None)."""
    given = {f"at_{name}": value for name, value in where.items()}
    return list(await db.execute(_find(table, tuple(where)), given))


async def known(db: Tx, table: Table, **where: Any) -> Any:
    """The one row in which these columns have these values. Raises where it is not the only one."""
    given = {f"at_{name}": value for name, value in where.items()}
    return (await db.execute(_find(table, tuple(where)), given)).one()


async def find(db: Tx, table: Table, **where: Any) -> Any | None:
    """The row in which these columns have these values (not None); the first if there are several."""
    given = {f"at_{name}": value for name, value in where.items()}
    return (await db.execute(_find(table, tuple(where)), given)).first()


async def drop(db: Tx, table: Table, column: str, before: Any, **where: Any) -> None:
    """Delete the rows in which `column` is less than `before` and these columns have these values."""
    given = {f"at_{name}": value for name, value in where.items()} | {"before": before}
    await db.execute(_drop(table, tuple(where), column), given)
