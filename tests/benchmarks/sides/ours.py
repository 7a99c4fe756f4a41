"""leasebot as it is put together for `serve`, on a SQLite file, on a clock that stands still until it is pushed."""

import cProfile
import pstats
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, select, update

from bot.clock import to_ms
from bot.config.load import load
from bot.model import Status
from bot.settings import load_settings
from bot.stores.schema import identities, notebooks, people, work
from deploy.compose import Bot, bot, greet, settle_memory
from deploy.sandbox.clock import SimClock
from scheduler.jobs import ask_now
from tests.benchmarks.children import Cost, measured, peak_mb

PROJECT, TEAM = "research", "T0LEASEBOT"
DAY = timedelta(days=1)


class Ours:
    """leasebot's process."""

    def __init__(self, running: Bot, clock: SimClock) -> None:
        self._bot, self._clock = running, clock
        self.name, self.peak_mb = "leasebot", peak_mb

    async def know(self, owners: list[tuple[str, str]]) -> None:
        """Everybody who runs something has linked, and Slack has said who they are."""
        now, everyone = self._clock.now(), {f"U0P{number}": owner for number, (_id, owner) in enumerate(owners)}
        known = [{"team": TEAM, "slack": slack, "name": slack, "zone": "Europe/Berlin"} for slack in everyone]
        links = [{"team": TEAM, "slack": slack, "project": PROJECT, "cloud_user_id": owner, "cloud_user_name": owner,
                  "state": "active", "kind": "password", "secrets": {}, "linked_at": now}
                 for slack, owner in everyone.items()]  # fmt: skip
        async with self._bot.db.begin() as db:
            await db.execute(insert(identities), links)
            await db.execute(insert(people), known)

    async def quiet(self) -> None:
        """No evidence falls due by itself for a day, and Slack has said lately who everybody is."""
        async with self._bot.db.begin() as db:
            await db.execute(update(notebooks).values(poll_at=self._clock.now() + DAY))
            await db.execute(update(people).values(checked_at=self._clock.now()))

    async def look(self, ids: list[str]) -> None:
        """Evidence of these is due in the next pass; of none given: of everything that runs."""
        these = notebooks.c.id.in_(ids) if ids else notebooks.c.running_since.is_not(None)
        async with self._bot.db.begin() as db:
            await db.execute(update(notebooks).where(these).values(poll_at=self._clock.now()))

    async def listing(self) -> Cost:
        """Every page of what runs, parsed; nothing else."""
        return await measured(self._bot.parts.tokens.service(PROJECT).list_all(Status.RUNNING))

    async def sweep(self, profile: bool = False) -> Cost:
        """The pass: listing, adoption, decisions, their record; the stops are on order."""
        await ask_now(self._bot.db, self._bot.ids, [PROJECT], self._clock.now())
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        cost = await measured(self._bot.drain.one_work())
        if profile:
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
        return cost

    async def ordered(self) -> int:
        """How many stops wait to be carried out."""
        query = select(work.c.id).where(work.c.kind == "idle_stop", work.c.state == "open", work.c.step == "start")
        async with self._bot.db.read() as db:
            return len((await db.execute(query)).all())

    async def work(self) -> Cost:
        """Everything that is due now."""
        return await measured(self._bot.drain())

    def push(self, ms: int) -> None:
        self._clock.advance_ms(ms)


@asynccontextmanager
async def ours(environment: dict[str, str], start_ms: int, folder: str) -> AsyncIterator[Ours]:
    """In a process of its own, on a SQLite file."""
    environment = environment | {"LEASEBOT_DATABASE_URL": f"sqlite:///{Path(folder) / 'leasebot.sqlite3'}"}
    settings = load_settings({name: value for name, value in environment.items() if not name.startswith("SANDBOX")})
    clock = SimClock(start_ms, running=False)
    assert to_ms(clock.now()) == start_ms
    async with bot(settings, load(settings.config, environment), clock=clock) as running:
        await greet(running)
        settle_memory()
        yield Ours(running, clock)
