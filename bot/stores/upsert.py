"""Insert once, or insert and otherwise update: the two statements the dialects spell alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from bot.stores.database import Tx


def _insert(db: Tx, table: Table) -> Any:
    return (sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert)(table)


async def insert_once(db: Tx, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is taken; True if it was inserted."""
    done = await db.execute(_insert(db, table).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


async def insert_missing(db: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those rows of which no unique key is taken; all have the same columns."""
    if rows:
        await db.execute(_insert(db, table).on_conflict_do_nothing(), rows)


async def put(db: Tx, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row, or set every given column of the one with the same primary key."""
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in values.items() if name not in keys}
    statement = _insert(db, table).values(**values)
    if rest:
        await db.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))
    else:
        await db.execute(statement.on_conflict_do_nothing())
