"""Schema versions: SQLite migrates itself at start, PostgreSQL waits for `leasebot db upgrade`."""

from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from bot.errors import SettingsError
from bot.stores.database import Database

LATEST = "0004"
USE_THE_LATER_ONE = "start the version of leasebot that brought it there, or put back a copy from before"


async def version(db: Database) -> str | None:
    """The schema's version; None of an empty database. Does not import alembic: it is slow to."""
    async with db.read() as connection:
        return await connection.run_sync(_version)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row else None


async def upgrade(db: Database) -> None:
    """Bring the schema to the latest version. Raises SettingsError where a later program has already gone beyond."""
    if (found := await version(db)) == LATEST:
        return
    _not_later(found)
    async with db.begin() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_config(connection), "head")


def downgrade(connection: Connection, to: str = "base") -> None:
    """Go back to that version; `base`: take everything away again."""
    from alembic import command

    command.downgrade(_config(connection), to)


def _config(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


async def ready(db: Database) -> None:
    """At start. Raises SettingsError where the schema must be brought up by hand first."""
    if db.sqlite:
        await upgrade(db)
    elif (found := await version(db)) != LATEST:
        _not_later(found)
        raise SettingsError(
            f"the database's schema is at {found or 'nothing'}, this program needs {LATEST}: run leasebot db upgrade"
        )


def is_later(found: str | None) -> bool:
    """Whether a later program has brought the schema there; this one would not understand all of it."""
    return found is not None and found > LATEST


def _not_later(found: str | None) -> None:
    if is_later(found):
        raise SettingsError(f"the database's schema is at {found}, later than {LATEST}, the last this program knows: "
                            f"{USE_THE_LATER_ONE}")  # fmt: skip
