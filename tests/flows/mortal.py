"""Every moment at which a process can die, tried: the world is forked there, and the child's process is dead.

Everything runs in one thread: the simulators, the bot on a database in memory, simulated time. A moment lies before,
inside and after each transaction, and before and after each outside call; the parent goes on to the next one, the
child lets another incarnation come and says what it found.
"""

import asyncio
import base64
import gc
import logging
import os
import random
import signal
import sqlite3
import traceback
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

from bot.config.load import load_text
from bot.config.model import Config
from bot.settings import Settings, load_settings
from bot.stores.database import Tx
from bot.stores.migrate import LATEST
from bot.stores.schema import metadata
from deploy.compose import Outside, bot, greet
from deploy.front import intake_of
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud.serve import CloudServer
from deploy.sandbox.cloud.world import SimCloud
from deploy.sandbox.links import link_people
from deploy.sandbox.play import Play
from deploy.sandbox.stage import Stage
from handlers.direct import DirectDispatch
from handlers.ports import Answer
from tests.flows.scene import START_MS, Scene, policy_text
from tests.simulation.loop import SimLoop, run_simulated
from tests.simulation.memory import Memory
from tests.simulation.points import CallInTransaction, Incarnation, Killed, OnSqlite, Points, Trace, inside
from tests.simulation.ports import CloudTransport, InProcessSlack
from tests.simulation.stagehands import sim_slack

CLOUD_URL = "http://127.0.0.1:1"
CHILD_MAY_TAKE = 100  # seconds, on a busy machine
FINE = "fine"
BEFORE = ("db.begin", " before")  # leaves the same world as the moment after whatever came last

Part = Callable[[Scene], Awaitable[None]]
Doubt = str | None  # the outside call that was made and not recorded when the process died
After = Callable[[Scene, Doubt], Awaitable[None]]


@dataclass
class Death:
    """One moment, and what became of the world in which the process died there."""

    moment: int
    name: str
    verdict: str


class Moments(Points):
    """Counts moments while it is armed, and forks the world at each; in the child this incarnation is dead."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__(random.Random(0), clock, Trace(clock))
        self.armed: Incarnation | None = None
        self.count = 0
        self.deaths: list[Death] = []
        self.verdict: int | None = None  # in a child: where the verdict goes
        self.doubt: Doubt = None

    async def at(self, who: Incarnation, name: str) -> None:
        """Go on, or die."""
        if not who.alive:
            raise Killed
        if inside.get() and not name.startswith("db."):
            raise CallInTransaction(name)
        if self.armed is who and name != "db.read":
            self._remember(name)
            if not (self.deaths and name.endswith(BEFORE)):
                self._moment(who, name)

    def _remember(self, name: str) -> None:
        self.count += 1
        call, _, end = name.rpartition(" ")
        if end == "after":
            self.doubt = call
        elif name == "db.committed":
            self.doubt = None

    def _moment(self, who: Incarnation, name: str) -> None:
        loop, (reading, writing) = asyncio.get_running_loop(), os.pipe()
        with warnings.catch_warnings():  # from 3.12 on: only this thread lives on in the child, and it needs no other
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            asyncio._set_running_loop(loop)  # asyncio forgets it in a child
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(CHILD_MAY_TAKE)
            self.verdict, self.armed, who.alive = writing, None, False
            raise Killed
        os.close(writing)
        with open(reading, encoding="utf-8") as told:
            verdict = told.read()
        os.waitpid(child, 0)
        self.deaths.append(Death(self.count, name, verdict))

    def told(self, verdict: str) -> None:
        """In a child: tell the parent and be gone. Nothing in the parent."""
        if self.verdict is not None:
            try:
                os.write(self.verdict, verdict.encode()[-60_000:])
            finally:
                os._exit(0)


class MortalMemory(OnSqlite):
    """The database in memory, with a moment at which everything is written and nothing committed."""

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Tx]:
        async with super()._writing() as db:
            yield db
            await self._points.at(self._who, "db.inside")


class Complaints(logging.Handler):
    """What the product did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class World:
    """The simulators and one database; incarnations come and go."""

    loop: SimLoop
    policy: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock, self.moments = self.loop.clock, Moments(self.loop.clock)
        self.memory, self.complaints = Memory(schema()), Complaints()
        cloud = SimCloud(self.clock)
        cloud.base_url = CLOUD_URL
        cloud.seed_default()
        slack = sim_slack(self.clock, self.loop.time, self._dispatch)
        self.stage = Stage(self.clock, CloudServer(cloud, cast("Any", None)), slack, Path(),
                           policy_text(dict(self.policy)))  # fmt: skip
        self._spare: tuple[Incarnation, Outside] | None = None
        self._ingress: DirectDispatch | None = None
        self._linked = False

    async def _dispatch(self, body: Mapping[str, Any]) -> Answer:
        assert self._ingress is not None
        return await self._ingress(body, {})

    def _ports(self) -> tuple[Incarnation, Outside]:
        who = Incarnation("bot")
        return who, Outside(
            MortalMemory(who, self.moments, self.memory),
            InProcessSlack(self.stage.slack, who, self.moments, self.clock),
            httpx.AsyncClient(transport=CloudTransport(self.stage.cloud.cloud.app, who, self.moments)),
            self.loop.time,
        )

    def spare(self) -> None:
        """Open the ports of the next process ahead: each child would spend half its time on it."""
        self._spare = self._ports()

    @asynccontextmanager
    async def incarnation(self) -> AsyncIterator[tuple[Scene, Incarnation]]:
        """Another process on the same database."""
        (who, outside), self._spare = self._spare or self._ports(), None
        settings, config = configured(self.stage)
        async with bot(settings, config, clock=self.clock, jitter=lambda: 0.0, outside=outside) as running:
            await greet(running)
            self._ingress = DirectDispatch(intake_of(running))
            if not self._linked:
                await link_people(running.parts.deps, "research")
                self._linked = True
            yield Scene(self.stage, Play(self.stage, running, "")), who


def configured(on: Stage) -> tuple[Settings, Config]:
    """What each process reads at its start."""
    settings = load_settings({
        "SLACK_BOT_TOKEN": "xoxb-sandbox", "SLACK_SIGNING_SECRET": "-", "SLACK_API_URL": on.slack.api_url,
        "LEASEBOT_ENCRYPTION_KEYS": "sandbox:" + base64.urlsafe_b64encode(b"s" * 32).decode(),
    })  # fmt: skip
    policy = on.policy.replace("{cloud}", CLOUD_URL)
    return settings, load_text(policy, "leasebot.toml", {"SANDBOX_BOT_PASSWORD": "sandbox-notebook-bot"})


@cache
def schema() -> bytes:
    """An empty database with the schema in place."""
    raw = sqlite3.connect(":memory:")
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    with engine.begin() as db:
        metadata.create_all(db)
        db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        db.execute(text("INSERT INTO alembic_version VALUES (:latest)"), {"latest": LATEST})
    content = raw.serialize()
    raw.close()
    return content


def live(part: Part, policy: Mapping[str, str] | None = None) -> None:
    """One life in which nobody dies."""

    async def main(loop: SimLoop) -> None:
        async with World(loop, policy or {}).incarnation() as (scene, _who):
            await part(scene)
            assert scene.slack.findings == []

    run_simulated(SimClock(START_MS, running=False), main)


def die_everywhere(before: Part, deed: Part, after: After, policy: Mapping[str, str] | None = None) -> list[Death]:
    """Carry out `deed`, dying at every moment of it; each time another incarnation comes, and `after` says what
    must be so then. Also after a life in which nobody died: that is the last of the deaths returned.
    """
    clock = SimClock(START_MS, running=False)

    async def main(loop: SimLoop) -> list[Death]:
        world = World(loop, policy or {})
        logging.getLogger().addHandler(world.complaints)
        try:
            return await _deaths(world, before, deed, after)
        finally:
            logging.getLogger().removeHandler(world.complaints)

    found: list[Death] = run_simulated(clock, main)
    return found


async def _deaths(world: World, before: Part, deed: Part, after: After) -> list[Death]:
    moments = world.moments
    async with AsyncExitStack() as stack:
        scene, who = await stack.enter_async_context(world.incarnation())
        await before(scene)
        world.spare()
        gc.collect()
        gc.freeze()  # the children would copy every page that a collection touches
        moments.armed = who
        try:
            await deed(scene)
            moments.told("it lived on")
        except Killed:
            await _told(world, after)
        except BaseException:
            moments.told(traceback.format_exc())
            raise
        moments.armed = None
    gc.unfreeze()
    async with world.incarnation() as (scene, _who):
        moments.deaths.append(Death(0, "nobody died", await _verdict(world, scene, after)))
    return moments.deaths


async def _told(world: World, after: After) -> None:
    """In a child: the next incarnation lives, and the parent hears what it found."""
    try:
        async with world.incarnation() as (scene, _who):
            world.moments.told(await _verdict(world, scene, after))
    except BaseException:
        world.moments.told(traceback.format_exc())
        raise


async def _verdict(world: World, scene: Scene, after: After) -> str:
    try:
        await after(scene, world.moments.doubt)
        assert world.stage.slack.findings == []
        assert world.complaints.lines == []
    except BaseException:
        return traceback.format_exc()
    return FINE
