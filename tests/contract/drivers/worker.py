"""One process of many on one store: the product's workshop and postman under the driver it is told to use.

python -m tests.contract.drivers.worker --url URL --effects FILE --driver NAME [--claim S] [--slack URL]

Prints a ready line; then takes one JSON object per line (`enqueue`, `say`) and answers each by its number. Ends with
its input.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.claims import free_the_dead, owner_name
from bot.clock import SystemClock
from bot.drivers import Drain
from bot.errors import SlackError
from bot.ids import RandomIds
from bot.outbox import Postman, Say, say
from bot.settings import async_database_url
from bot.slack import Message, Posted
from bot.slackweb import SlackWeb
from bot.stores.database import Database, Tx
from bot.work import CLAIM, Claim, Done, Go, Item, Outcome, Workshop, record
from tests.contract.drivers.driving import NAMES, Driver, driver
from tests.contract.drivers.effects import Effects
from tests.contract.drivers.schema import recorded


class Call:
    """Kind `call`: the intent is committed, then one call outside that takes `seconds`, then its result is recorded.

    Whoever takes it over looks first whether it was made, as every operation does.
    """

    def __init__(self, effects: Effects) -> None:
        self._effects = effects

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        if claim.step == "start":
            return Go("call", claim.data)
        key = str(claim.data["key"])
        if claim.again and self._effects.all("act", key=key):
            self._effects.add("found", key)
        else:
            self._effects.add("begin", key)
            await asyncio.sleep(float(claim.data["seconds"]))
            self._effects.add("act", key)

        async def write(db: Tx) -> None:
            await db.execute(recorded.insert().values(key=key, pid=os.getpid()))

        return Done({"pid": os.getpid()}, write=write)


class Watched(Workshop):
    """Says when it has done with a claim, whatever came of it."""

    effects: Effects

    async def advance(self, claim: Claim) -> None:
        await super().advance(claim)
        self.effects.add("left", str(claim.data["key"]))


class Seen(Postman):
    """Says when it set out to find each message it sends: before it read the clock."""

    effects: Effects

    async def claim(self) -> Any | None:
        before = time.monotonic()
        row = await super().claim()
        if row is not None:
            self.effects.add("sets-out", row.key, before)
        return row


async def render(row: Any, now: datetime) -> Message:
    """A message says its key."""
    return Message(str(row.facts["key"]))


async def give_up(db: Tx, claim: Claim, error: BaseException, now: datetime) -> None:
    """Nothing here fails for good."""
    logging.error("given up: %s: %r", claim.cause, error)


class Counted:
    """Deliveries are recorded like other results."""

    def left(self, _row: Any, _now: Any) -> None:
        """Nothing is overtaken here."""

    async def left_out(self, *_words: Any) -> None:
        raise AssertionError

    async def delivered(self, db: Tx, row: Any, posted: Posted, now: datetime) -> None:
        await db.execute(recorded.insert().values(key=row.key, pid=os.getpid()))

    async def voided(self, db: Tx, row: Any, reason: str, now: datetime) -> None:
        logging.error("void: %s: %s", row.key, reason)

    async def undeliverable(self, db: Tx, row: Any, error: SlackError, now: datetime) -> None:
        logging.error("undeliverable: %s: %r", row.key, error)


@dataclass
class Desk:
    """What the process is asked for."""

    db: Database
    clock: SystemClock
    ids: RandomIds
    driver: Driver

    async def answer(self, asked: Mapping[str, Any]) -> None:
        """Stored, or refused: never neither."""
        try:
            told = {"stored": await self.db.at_once(lambda tx: self._store(tx, asked))}
        except Exception as error:
            told = {"refused": repr(error)}
        else:
            self.driver.wake()
        print(json.dumps({"number": asked["number"], **told}), flush=True)

    async def _store(self, db: Tx, asked: Mapping[str, Any]) -> str:
        now, key = self.clock.now(), str(asked["key"])
        if asked["do"] == "say":
            await say(
                db, self.ids, Say(key, "answer", "channel", asked["channel"], {"key": key}, asked["subject"]), now
            )
            return key
        item = Item("call", f"cause:{key}", asked["serial"], {"key": key, "seconds": asked["seconds"]})
        return (await record(db, self.ids, item, now))[0]


async def lines() -> asyncio.StreamReader:
    """What comes in."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main(given: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        effects, clock, ids = Effects(given.effects), SystemClock(), RandomIds()
        stack.callback(effects.close)
        db = Database(async_database_url(given.url))
        stack.push_async_callback(db.dispose)
        slack = await stack.enter_async_context(SlackWeb("xoxb-sandbox", clock, base_url=given.slack))
        owner = owner_name(ids.new()[:6])
        workshop = Watched(db, clock, ids, {"call": Call(effects)}, give_up, jitter=random.random, owner=owner,
                           claim_for=timedelta(seconds=given.claim))  # fmt: skip
        workshop.effects = effects
        postman = Seen(db, clock, slack, render, Counted(), jitter=random.random, owner=owner, open_url=str)
        postman.effects = effects
        await free_the_dead(db, clock.now())
        running = driver(given.driver, Drain(workshop, postman, clock), random.Random())
        await stack.enter_async_context(running)
        desk, answers, asked = Desk(db, clock, ids, running), set[asyncio.Task[None]](), await lines()
        print(json.dumps({"ready": True}), flush=True)
        while line := await asked.readline():
            task = asyncio.create_task(desk.answer(json.loads(line)))
            answers.add(task)
            task.add_done_callback(answers.discard)


def read(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--effects", type=Path, required=True)
    parser.add_argument("--driver", choices=NAMES, required=True)
    parser.add_argument("--claim", type=float, default=CLAIM.total_seconds())
    parser.add_argument("--slack", default="http://127.0.0.1:9/api/")
    return parser.parse_args(words)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(read(sys.argv[1:])))
