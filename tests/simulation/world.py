"""One run: the simulators, the replicas, the people and the troubles, from one seed."""

import asyncio
import base64
import logging
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.config.load import load_text
from bot.operations.deps import BRIEF_FROM
from bot.settings import async_database_url, load_settings
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from bot.stores.schema import projects
from deploy.sandbox.cloud.world import SimCloud
from deploy.sandbox.links import link_people
from deploy.sandbox.slack.sim import SimSlack
from deploy.sandbox.stage import TEMPLATE
from handlers.ports import Answer
from tests.simulation.loop import SimLoop, run_simulated
from tests.simulation.memory import Memory
from tests.simulation.points import Incarnation, OnPostgres, OnSqlite, Points, SimDatabase, Trace
from tests.simulation.replica import Replica, Stage
from tests.simulation.stagehands import sim_slack
from tests.simulation.witness import Witness

MONDAY_MS = 1_763_971_200_000  # 2025-11-24 08:00 UTC
SPRING_MS = 1_774_684_800_000  # Saturday, 2026-03-28 08:00 UTC: at night Berlin leaves out an hour
AUTUMN_MS = 1_761_379_200_000  # Saturday, 2025-10-25 08:00 UTC: at night Berlin has an hour twice
LATE_AUTUMN_MS = 1_761_984_000_000  # Saturday, 2025-11-01 08:00 UTC: then New York has
STARTS = (MONDAY_MS, MONDAY_MS, SPRING_MS, AUTUMN_MS, LATE_AUTUMN_MS)
POLLS_S = (300, 600, 900, *(1200,) * 3, *(1800,) * 12, *(3600,) * 22)
GPU_FLAVOR = "modelarts.vm.gpu.tnt004"
ODD_FLAVOR, UNLISTED_FLAVOR = "pool.t4.large", "pool.v100.private"  # GPUs, whose names do not say so
QUIET = (20, 8)  # o'clock, where the runs have quiet hours
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
CLOUD_URL, PROJECT = "http://127.0.0.1:1", "research"
_PAUSED = select(projects.c.paused).where(projects.c.name == PROJECT)
CALM_MS = 5 * HOUR_MS  # at the end nobody does anything and nothing fails


@dataclass(frozen=True)
class Options:
    """What a run is made of. `until_ms` cuts it short, `without` leaves out actors by name: for shrinking."""

    seed: int
    days: float = 1.0
    notebooks: int = 5
    people: bool = True
    troubles: bool = True
    deaths: bool = True
    replicas: int | None = None  # None: from the seed
    database: str | None = None  # None: SQLite in memory
    trace: bool = False
    until_ms: int | None = None
    without: frozenset[str] = frozenset()
    poll_s: int | None = None
    quiet: bool | None = None  # whether the policy has quiet hours; None: from the seed
    bot: bool = True  # False: nobody is there; such a run must fail

    @property
    def charts(self) -> bool:
        """Whether pictures are drawn, which takes as long as a hundred transactions: in one seed of twenty."""
        return self.seed % 20 == 0

    @property
    def brief_from(self) -> int:
        """In every other seed passes list only what runs wherever they may, however few are at rest."""
        return BRIEF_FROM if self.seed % 2 else 0

    @property
    def start_ms(self) -> int:
        """When it begins: the seeds go round the days on which clocks change."""
        return STARTS[self.seed % len(STARTS)]


@dataclass
class Findings:
    """What was noticed while it ran."""

    errors: list[str] = field(default_factory=list)  # the product logged an exception it did not expect
    counts: Counter[str] = field(default_factory=Counter)


class World:
    """Everything of one run."""

    def __init__(self, options: Options, loop: SimLoop) -> None:
        self.options, self.loop, self.clock = options, loop, loop.clock
        self.rng = random.Random(f"{options.seed} world")
        self.trace = Trace(self.clock, keep=options.trace)
        self.points = Points(random.Random(f"{options.seed} turns"), self.clock, self.trace)
        self.findings = Findings()
        self.cloud = SimCloud(self.clock)
        self.cloud.base_url, self.cloud.log_limit = CLOUD_URL, None
        self.cloud.seed_default()
        for odd in (ODD_FLAVOR, UNLISTED_FLAVOR):
            self.cloud.catalog.flavors.append(self.cloud.catalog.flavor(GPU_FLAVOR) | {"id": odd})
        self.cloud.settings.unlisted = (UNLISTED_FLAVOR,)
        self.witness = Witness(self.cloud)
        self.slack: SimSlack = sim_slack(self.clock, loop.time, self._dispatch)
        self.poll_s = options.poll_s or self.rng.choice(POLLS_S)
        self.quiet = self.rng.random() < 0.4 if options.quiet is None else options.quiet
        self.start_ms = options.start_ms
        self.end_ms = self.start_ms + int(options.days * 24 * HOUR_MS)
        if options.until_ms is not None:
            self.end_ms = min(self.end_ms, self.start_ms + options.until_ms)
        self.calm_ms = max(self.start_ms, self.end_ms - CALM_MS)  # from here on nobody acts and nothing fails
        self.unsettled: list[str] = []
        self._opened: list[SimDatabase] = []
        self.unread = asyncio.Event()  # nobody can say who is in a user group
        self.brakes: list[tuple[int, bool]] = []  # looked at now and then: whether stops were paused
        self.replicas: list[Replica] = []
        self.memory: Memory | None = None
        loop.quiet_selector.quiet = self.points.quiet
        self.points.died = self._died

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    # --- building ------------------------------------------------------------------------------

    def stage(self) -> Stage:
        """What the replicas stand on."""
        environ = {
            "SLACK_BOT_TOKEN": "xoxb-sandbox", "SLACK_SIGNING_SECRET": "-", "SLACK_API_URL": self.slack.api_url,
            "LEASEBOT_POLL_SECONDS": str(self.poll_s),
            "LEASEBOT_ENCRYPTION_KEYS": "sim:" + base64.urlsafe_b64encode(b"s" * 32).decode(),
        }  # fmt: skip
        text = TEMPLATE.read_text("utf-8").replace("{cloud}", CLOUD_URL)
        text = text.replace('escalate_to = ["U0CARLA"]', 'escalate_to = ["U0DORA"]')  # she decides as one of a group
        if self.quiet:
            text = text.replace("[policy]", f'[policy]\nquiet_hours = "{QUIET[0]:02}:00-{QUIET[1]:02}:00"', 1)
        config = load_text(text, "leasebot.toml", {"SANDBOX_BOT_PASSWORD": "sandbox-notebook-bot"})
        rng = random.Random(f"{self.options.seed} ids")
        make = self._open_database()

        def opened(who: Incarnation) -> SimDatabase:
            database = make(who)
            self._opened.append(database)
            return database

        self.open_database = opened
        return Stage(self.clock, self.cloud, self.slack, self.points, load_settings(environ), config,
                     self.open_database, rng, random.Random(f"{self.options.seed} drivers"),
                     brief_from=self.options.brief_from)  # fmt: skip

    def _open_database(self) -> Callable[[Incarnation], SimDatabase]:
        if self.options.database is None:
            memory = self.memory = Memory(_template())
            return lambda who: OnSqlite(who, self.points, memory)
        url = async_database_url(self.options.database)
        selector = self.loop.quiet_selector

        def entered(change: int) -> None:
            selector.in_database += change

        free = asyncio.Lock()
        return lambda who: OnPostgres(who, self.points, url, entered, free)

    async def _dispatch(self, body: Mapping[str, Any]) -> Answer:
        """Slack's request goes to one of those that are up."""
        up = [replica for replica in self.replicas if replica.up]
        if not up:
            raise OSError("connection refused")
        return await up[self.rng.randrange(len(up))].dispatch(body)

    def _died(self, who: Incarnation) -> None:
        for replica in self.replicas:
            if replica.who is who:
                replica.died()

    # --- running -------------------------------------------------------------------------------

    async def set_up(self, stage: Stage) -> None:
        """Replicas come up; the people are linked."""
        count = self.options.replicas or self.rng.choice((1, 1, 2))
        for number in range(count):
            replica = Replica("ab"[number], stage, lambda: self.rng.uniform(1, 300), 3 - count)
            replica.mortal = False
            self.replicas.append(replica)
            self.loop.create_task(replica.live())
        first = self.replicas[0]
        await first.ready.wait()
        assert first.bot is not None
        await link_people(first.bot.parts.deps, PROJECT)
        self.loop.create_task(self.watch_brakes())

    async def watch_brakes(self) -> None:
        """Note whether the project is paused: an excuse for not stopping, and counted as one."""
        database = self.open_database(Incarnation("watch"))
        while True:
            async with database.peek() as db:
                row = (await db.execute(_PAUSED)).first()
            self.brakes.append((self.now_ms, bool(row and row.paused)))
            await asyncio.sleep(600)

    def braked(self, start: int, end: int) -> bool:
        """Whether stops were paused at some time between."""
        return any(paused for at, paused in self.brakes if start - 600_000 <= at <= end + 600_000)

    async def sleep_until(self, ms: int) -> None:
        """Return at that instant, or at once if it has passed."""
        await asyncio.sleep(max(0.0, (ms - self.now_ms) / 1000))

    async def close(self) -> None:
        """Take the connections away."""
        for database in self._opened:
            await database.dispose()
        if self.memory is not None:
            self.memory.close()


@cache
def _template() -> bytes:
    """An empty database with the schema in place, made once per process."""
    with tempfile.TemporaryDirectory(prefix="leasebot-sim-") as folder:
        path = str(Path(folder) / "template.sqlite3")

        async def make() -> None:
            database = Database(f"sqlite+aiosqlite:///{path}")
            await upgrade(database)
            await database.dispose()

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, make()).result()
        made = sqlite3.connect(path)
        made.execute("PRAGMA journal_mode=DELETE")  # memory knows no write-ahead log
        content = made.serialize()
        made.close()
        return content


class Complaints(logging.Handler):
    """Keeps what the product did not expect."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(logging.WARNING)
        self._findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        self._findings.counts[f"log {record.levelname}"] += 1
        if record.exc_info and record.exc_info[1] is not None:
            text = logging.Formatter().formatException(record.exc_info)
            self._findings.errors.append(f"{record.getMessage()}\n{text}")


__all__ = ["CALM_MS", "HOUR_MS", "MINUTE_MS", "PROJECT", "QUIET", "Complaints", "Findings", "Options", "World",
           "run_simulated"]  # fmt: skip
