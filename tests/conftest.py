"""What all suites share: a database per test, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer

STORES = (pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole run (of this worker)."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with the schema in place."""
    url = postgres_server.new_database()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with nothing in it."""
    url = postgres_server.new_database(empty=True)
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """As `LEASEBOT_DATABASE_URL` takes it; each test runs once on SQLite and once on PostgreSQL.

    `-m "not postgres"` leaves the second out. `bot.settings.async_database_url` makes it SQLAlchemy's.
    """
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'leasebot.sqlite3'}"
