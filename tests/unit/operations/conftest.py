"""One stage per test, on a file of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import load_text
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from tests.unit.operations.stage import POLICY, Stage, put_together


def _url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the whole schema, to be copied."""
    path = tmp_path_factory.mktemp("schema") / "bot.db"

    async def make() -> None:
        db = Database(_url(path))
        await upgrade(db)
        async with db.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        await db.dispose()

    asyncio.run(make())
    return path


@pytest.fixture
def policy() -> str:
    """The policy file; a test may parametrize it."""
    return POLICY


@pytest.fixture
async def stage(tmp_path: Path, empty: Path, policy: str) -> AsyncIterator[Stage]:
    path = tmp_path / "bot.db"
    shutil.copyfile(empty, path)
    db = Database(_url(path))
    yield put_together(db, load_text(policy, "leasebot.toml", {"ROBOT": "right"}))
    await db.dispose()
