"""A stand on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from tests.unit.passes.stand import Stand, a_stand


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A store with its schema."""
    made = Database(async_database_url(database_url))
    await upgrade(made)
    yield made
    await made.dispose()


@pytest.fixture
def stand(db: Database) -> Stand:
    return a_stand(db)
