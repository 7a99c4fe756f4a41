"""The function's store keeps every promise of the intake's: the same suite, on PostgreSQL through asyncpg alone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.errors import StoreDown
from bot.ids import RandomIds
from bot.settings import async_database_url
from bot.slack import SlackPerson
from bot.stores.database import Database
from bot.stores.people import save
from deploy.functiongraph.pgstore import PgStore
from handlers.ports import Gate
from tests.contract import test_ingress_store as suite
from tests.contract.test_ingress_store import NOW, entry

pytestmark = pytest.mark.postgres

for _name in [name for name in vars(suite) if name.startswith("test_")]:
    globals()[_name] = getattr(suite, _name)


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    made = Database(async_database_url(postgres_url))
    yield made
    await made.dispose()


@pytest.fixture
def store(postgres_url: str) -> PgStore:
    return PgStore(postgres_url, RandomIds())


async def test_the_workspace_is_known_once_the_worker_has_met_somebody(store: PgStore, db: Database) -> None:
    assert await store.team() is None
    async with db.begin() as tx:
        await save(tx, "T0ACME", SlackPerson("U1", "T0ACME", "Ana", None, False, False, False, False), NOW)
    assert await store.team() == "T0ACME"


async def test_a_database_that_is_not_there_is_told_as_such() -> None:
    with pytest.raises(StoreDown):
        await PgStore("postgresql://nobody@127.0.0.1:1/none", RandomIds()).keep(entry("a"), NOW, Gate())


def test_it_is_the_whole_suite() -> None:
    taken: dict[str, Any] = globals()
    assert all(name in taken for name in vars(suite) if name.startswith("test_"))
    assert len([name for name in taken if name.startswith("test_")]) > 10
