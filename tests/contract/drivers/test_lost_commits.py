"""A commit whose answer was lost has happened: its claim is not left lying, and its result is recorded once."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.ids import RandomIds
from bot.outbox import Postman, Say, say
from bot.settings import async_database_url
from bot.slack import Message, Posted
from bot.slackweb import SlackWeb
from bot.stores.database import Database, Tx
from bot.stores.migrate import upgrade
from bot.work import Claim, Done, Item, Outcome, Workshop, record
from deploy.sandbox.slack.sim import SimSlack
from deploy.sandbox.stage import BOT_TOKEN
from tests.contract.drivers.schema import metadata as extra
from tests.contract.drivers.schema import recorded
from tests.contract.drivers.worker import Counted, give_up, render


class Lossy(Database):
    """Commits, and then the connection breaks: the next so many times."""

    lose = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        async with super().begin() as db:
            yield db
        if self.lose:
            self.lose -= 1
            raise ConnectionResetError("the answer to this commit is lost")


class Posting(SlackWeb):
    """The next commit after a post is lost."""

    db: Lossy

    async def post(self, channel: str, message: Message, metadata: Mapping[str, Any]) -> Posted:
        posted = await super().post(channel, message, metadata)
        self.db.lose = 1
        return posted


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Lossy]:
    made = Lossy(async_database_url(database_url))
    await upgrade(made)
    async with made.begin() as tx:
        await tx.run_sync(extra.create_all)
    yield made
    await made.dispose()


async def noted(claim: Claim, now: datetime) -> Outcome:
    """A result that is counted."""

    async def write(db: Tx) -> None:
        await db.execute(recorded.insert().values(key=claim.cause, pid=0))

    return Done(write=write)


async def count(db: Database) -> int:
    async with db.read() as tx:
        return len(list(await tx.execute(recorded.select())))


async def shop(db: Lossy) -> Workshop:
    """With one piece of work to do."""
    async with db.begin() as tx:
        await record(tx, RandomIds(), Item("k", "c", "s", {}), SystemClock().now())
    return Workshop(db, SystemClock(), RandomIds(), {"k": noted}, give_up, jitter=lambda: 1.0, owner="one")


async def test_a_claim_that_was_committed_unheard_is_put_back_and_taken_at_once(db: Lossy) -> None:
    workshop = await shop(db)
    db.lose = 1
    with pytest.raises(ConnectionResetError):
        await workshop.claim()
    claim = await workshop.claim()
    assert claim is not None
    assert not claim.again, "nothing of it was begun"
    assert await workshop.claim() is None, "it is taken once"


async def test_a_result_that_was_committed_unheard_is_recorded_once(db: Lossy) -> None:
    workshop = await shop(db)
    claim = await workshop.claim()
    assert claim is not None
    db.lose = 1
    await workshop.advance(claim)
    assert await count(db) == 1


async def test_a_delivery_that_was_committed_unheard_is_recorded_once(db: Lossy, slack: SimSlack) -> None:
    clock, ids = SystemClock(), RandomIds()
    async with db.begin() as tx:
        await say(tx, ids, Say("m", "answer", "channel", "C0RESEARCH", {"key": "m"}, "m"), clock.now())
    async with Posting(BOT_TOKEN, clock, base_url=slack.api_url) as web:
        web.db = db
        postman = Postman(db, clock, web, render, Counted(), jitter=lambda: 1.0, owner="one", open_url=str)
        await postman.deliver(await postman.claim())
    assert await count(db) == 1
    assert len(slack.messages("C0RESEARCH")) == 1
