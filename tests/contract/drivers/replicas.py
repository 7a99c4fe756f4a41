"""Whole replicas as processes on the sandbox's stage, one store, and what can be seen of them from outside."""

import asyncio
import contextlib
import itertools
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from bot.settings import async_database_url
from bot.stores.database import Database
from deploy.compose import bot, greet
from deploy.sandbox.links import link_people
from deploy.sandbox.stage import Stage, stage
from tests.contract.drivers.crew import PATIENCE_S
from tests.deploy.processes import clean


@dataclass(slots=True)
class Replica:
    """One that accepts requests."""

    process: Process
    url: str

    async def kill(self) -> None:
        """`kill -9`."""
        await self._end(signal.SIGKILL)

    async def end(self) -> int | None:
        """SIGTERM; returns its exit code."""
        await self._end(signal.SIGTERM)
        return self.process.returncode

    async def _end(self, how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it may have just ended by itself
            self.process.send_signal(how)
        async with asyncio.timeout(PATIENCE_S):
            await self.process.wait()


@dataclass(slots=True)
class Troupe:
    """Replicas under one driver. `pass_time` puts the stage's clock ahead; replicas that start later share it."""

    on: Stage
    db: Database
    driver: str
    environment: dict[str, str]
    started: list[Replica] = field(default_factory=list)
    ahead: timedelta = timedelta(0)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def start(self, count: int) -> list[Replica]:
        """So many more, at once."""
        return list(await asyncio.gather(*(self._start() for _ in range(count))))

    async def _start(self) -> Replica:
        ahead = str(int(self.ahead.total_seconds()))
        log = self.on.folder / f"replica-{next(self.numbers)}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "error::ResourceWarning", "-m", "tests.contract.drivers.replica",
                "--driver", self.driver, "--ahead", ahead,
                cwd=self.on.folder, env=clean(self.environment, self.on.folder), stdin=DEVNULL, stdout=PIPE,
                stderr=stderr,
            )  # fmt: skip
        replica = Replica(process, "")
        self.started.append(replica)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stdout.readline()
        assert line, log.read_text(encoding="utf-8")
        replica.url = str(json.loads(line)["url"])
        return replica

    def hear(self, replica: Replica) -> None:
        """Slack's requests go there from now on."""
        self.on.slack.bot_url = f"{replica.url}/slack/events"

    async def kill_all(self) -> None:
        """Nobody is left."""
        for replica in self.started:
            await replica.kill()

    def pass_time(self, span: timedelta) -> None:
        """While nobody is there."""
        self.ahead += span
        self.on.clock.advance_ms(span // timedelta(milliseconds=1))

    async def rows(self, table: Table, **where: Any) -> list[Any]:
        """Of the store they share."""
        wanted = [table.c[name] == value for name, value in where.items()]
        async with self.db.read() as db:
            return list(await db.execute(select(table).where(*wanted)))

    async def link(self) -> None:
        """The sandbox's people have linked."""
        settings, config = self.on.settled(**self.environment)
        async with bot(settings, config, clock=self.on.clock) as running:
            await greet(running)
            for project in config.projects:
                await link_people(running.parts.deps, project)


@asynccontextmanager
async def troupe_on(url: str, driver: str, folder: Path, policy: str) -> AsyncIterator[Troupe]:
    """Nobody has started yet; whoever does is ended at the end. A pass each second."""
    async with stage(folder=folder, policy=policy) as on:
        changes = {"LEASEBOT_DATABASE_URL": url, "LEASEBOT_POLL_SECONDS": "1"}
        db = Database(async_database_url(url))
        made = Troupe(on, db, driver, on.environment(**changes))
        try:
            yield made
        finally:
            await made.kill_all()
            await db.dispose()
