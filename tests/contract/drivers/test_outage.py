"""The database goes away in the middle and comes back: nothing is lost, nothing is done again, nobody gives up."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.sandbox.slack.sim import SimSlack
from tests.conftest import STORES
from tests.contract.drivers.crew import Crew, Worker, crew_on, keys, throughout, until
from tests.postgres import PostgresServer

DOWN_S = 3.0
PROMPT_S = 20.0  # from the database's return until all is done: far from the product's two minutes of a claim


class Sqlite:
    """A file, which another program may lock."""

    def __init__(self, path: Path) -> None:
        self._path, self.url = path, f"sqlite:///{path}"

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")


class Postgres:
    """A server of our own, which breaks off and recovers."""

    def __init__(self, server: PostgresServer) -> None:
        self._server, self.url = server, server.new_database()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._server.crash)
        yield
        await asyncio.to_thread(self._server.start_again)


@pytest.fixture(scope="module")
def mortal_server() -> Iterator[PostgresServer]:
    server = PostgresServer(durable=True)
    yield server
    server.stop()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Sqlite | Postgres:
    if request.param == "postgres":
        return Postgres(request.getfixturevalue("mortal_server"))
    return Sqlite(tmp_path / "leasebot.sqlite3")


@pytest.fixture
async def crew(store: Sqlite | Postgres, driver: str, tmp_path: Path) -> AsyncIterator[Crew]:
    async with crew_on(store.url, driver, tmp_path) as made:
        yield made


async def ask(worker: Worker, key: str) -> tuple[str, bool]:
    """Whether it was stored."""
    answer = await worker.ask("enqueue", key=key, serial=key, seconds=0.05)
    return key, "stored" in answer


async def test_work_outlives_an_outage_of_the_database(crew: Crew, store: Sqlite | Postgres) -> None:
    """With the claims as long as the product's: what was in hand is not left until they have run out."""
    two, before, meanwhile = await crew.start_two(), keys(30), [f"m{n}" for n in range(10)]
    await crew.enqueue(two[0], *before, seconds=0.2)
    await until(lambda: len(crew.effects.keys("act")) >= 5, "they are in the middle")
    async with store.down():
        asked = [asyncio.create_task(ask(two[n % 2], key)) for n, key in enumerate(meanwhile)]
        await throughout(lambda: all(worker.alive for worker in two), "a worker has given up", DOWN_S)
    stored = {key for key, kept in await asyncio.gather(*asked) if kept}
    await until(lambda: done(crew, {*before, *stored}), "everything that was accepted is done", PROMPT_S)
    assert set((await crew.recorded()).values()) == {1}, "a result is recorded twice"
    assert set(Counter(crew.effects.keys("act")).values()) == {1}, "a call that was made is made again"
    assert await two[0].end() == await two[1].end() == 0


async def test_a_message_that_arrived_while_the_database_was_away_is_not_sent_again(
    crew: Crew, store: Sqlite | Postgres, slack: SimSlack
) -> None:
    """Slack's answer comes into the outage; a claim on a message is a minute long, which nobody waits here."""
    worker = await crew.start(slack=slack.api_url)
    post = slack.fault("chat.postMessage", "slow", seconds=1.0)
    assert "stored" in await worker.ask("say", key="m", channel="C0RESEARCH", subject="m")
    await until(lambda: post.seen, "it is on its way")
    async with store.down():
        await until(lambda: slack.messages("C0RESEARCH"), "it is there")
        await throughout(lambda: worker.alive, "the worker has given up", 1.0)
    await until(lambda: done(crew, {"m"}), "its delivery is recorded", PROMPT_S)
    assert await crew.recorded() == {"m": 1}
    assert len(slack.messages("C0RESEARCH")) == len(slack.calls("chat.postMessage")) == 1
    assert await worker.end() == 0


async def done(crew: Crew, wanted: set[str]) -> bool:
    return wanted <= set(await crew.recorded())


async def test_a_process_that_freezes_in_a_transaction_does_not_hold_its_locks_for_ever(postgres_crew: Crew) -> None:
    """Not longer than a claim on a message lasts."""
    async with postgres_crew.db.read() as db:
        said = (await db.execute(text("SELECT current_setting('idle_in_transaction_session_timeout')"))).scalar_one()
    assert said == "30s"


@pytest.fixture
async def postgres_crew(postgres_url: str, tmp_path: Path) -> AsyncIterator[Crew]:
    async with crew_on(postgres_url, "local", tmp_path) as made:
        yield made
