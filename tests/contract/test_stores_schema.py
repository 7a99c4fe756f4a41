"""Both databases come up with the same schema, and refuse what they must refuse."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select
from sqlalchemy.engine import Connection

from bot.errors import SettingsError
from bot.ids import RandomIds
from bot.outbox import NOTICE, Say, say
from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.migrate import LATEST, downgrade, ready, upgrade, version
from bot.stores.schema import metadata, outbox

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _columns(connection: Connection) -> dict[str, set[str]]:
    found = inspect(connection)
    return {table: {str(column["name"]) for column in found.get_columns(table)} for table in found.get_table_names()}


async def test_the_migrated_schema_is_the_declared_one(database_url: str) -> None:
    db = Database(async_database_url(database_url))
    await ready(db)
    async with db.read() as tx:
        there = await tx.run_sync(_columns)
    assert await version(db) == LATEST
    await db.dispose()
    there.pop("alembic_version")
    assert there == {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}


async def test_processes_that_make_the_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """Where another one looks into it just then, SQLite refuses to change its mode and waits for nothing."""
    path = tmp_path / "leasebot.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("CREATE TABLE something (a)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM something").fetchall()
        starting = pool.submit(Database, f"sqlite+aiosqlite:///{path}")
        assert not wait([starting], timeout=0.2).done, "it is neither refused nor through"
        other.execute("COMMIT")
        db = starting.result(timeout=5)
    async with db.read() as tx:
        assert (await tx.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
    await db.dispose()


async def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    db = Database(async_database_url(database_url))
    await upgrade(db)
    await upgrade(db)
    assert await version(db) == LATEST
    await db.dispose()


@pytest.mark.postgres
async def test_an_empty_postgres_is_refused_until_it_is_upgraded_by_hand(empty_postgres_url: str) -> None:
    db = Database(async_database_url(empty_postgres_url))
    with pytest.raises(SettingsError, match="run leasebot db upgrade"):
        await ready(db)
    await upgrade(db)
    await ready(db)
    await db.dispose()


async def test_what_a_later_program_has_brought_up_is_left_to_it(database_url: str) -> None:
    """After a way back, or while an old process still runs: its own advice must not lead into a traceback."""
    db = Database(async_database_url(database_url))
    await upgrade(db)
    async with db.begin() as tx:
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9001'")
    for act in (ready, upgrade):
        with pytest.raises(SettingsError, match=r"at 9001, later than .* start the version of leasebot that"):
            await act(db)
    assert await version(db) == "9001"
    await db.dispose()


async def test_the_migrations_say_all_that_the_schema_declares(database_url: str) -> None:
    """Types, defaults and indexes too, as alembic sees them."""
    db = Database(async_database_url(database_url))
    await upgrade(db)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with db.read() as tx:
        assert await tx.run_sync(differences) == []
    await db.dispose()


async def test_messages_written_before_copies_had_a_base_get_theirs(database_url: str) -> None:
    """Of a database as the version before left it."""
    db = Database(async_database_url(database_url))
    await upgrade(db)
    keys = ("operation:1", "lease_warning:n:1:60@U1", "lease_warning:n:1:60")
    async with db.begin() as tx:
        for key in keys:
            await say(tx, RandomIds(), Say(key, "alert", "dm", "U1", {}, key, NOTICE), NOW)
    async with db.begin() as tx:
        await tx.run_sync(downgrade, "0002")
    assert await version(db) == "0002"
    await upgrade(db)
    async with db.read() as tx:
        found = {row.key: row.base for row in await tx.execute(select(outbox.c.key, outbox.c.base))}
    await db.dispose()
    assert found == {key: key.partition("@")[0] for key in keys}


async def test_a_downgrade_leaves_nothing_behind(database_url: str) -> None:
    db = Database(async_database_url(database_url))
    await upgrade(db)
    async with db.begin() as tx:
        await tx.run_sync(downgrade)
    async with db.read() as tx:
        assert set(await tx.run_sync(_columns)) <= {"alembic_version"}
    await db.dispose()
