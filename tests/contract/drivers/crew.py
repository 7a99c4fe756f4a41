"""Several worker processes on one store, and what can be seen of them from outside."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from bot.stores.schema import work
from tests.contract.drivers.effects import Effects
from tests.contract.drivers.schema import metadata, recorded
from tests.deploy.processes import ROOT, clean

PATIENCE_S = 45.0
LOOK_EVERY_S = 0.02


async def until(done: Callable[[], object | Awaitable[object]], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for it. Fails with `what` if it does not come."""
    end = time.monotonic() + seconds
    while not await _said(done):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(LOOK_EVERY_S)


async def throughout(holds: Callable[[], object | Awaitable[object]], what: str, seconds: float) -> None:
    """Watch it for so long. Fails with `what` as soon as it does not hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert await _said(holds), what
        await asyncio.sleep(LOOK_EVERY_S)


async def _said(question: Callable[[], object | Awaitable[object]]) -> object:
    answer = question()
    return await answer if isinstance(answer, Awaitable) else answer


class Worker:
    """One process. `ask` may be called many times at once; the answers come when they come."""

    def __init__(self, process: Process, log: Path) -> None:
        self._log = log
        self._process, self._numbers = process, itertools.count()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pid = process.pid
        self._reader: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Until it has said so."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await self._process.stdout.readline(), self._log.read_text(encoding="utf-8")
        self._reader = asyncio.create_task(self._read(self._process.stdout))

    async def _read(self, said: asyncio.StreamReader) -> None:
        while line := await said.readline():
            answer = json.loads(line)
            self._answers.pop(answer["number"]).set_result(answer)

    async def ask(self, do: str, **words: Any) -> dict[str, Any]:
        """`stored` or `refused`."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.Future[dict[str, Any]]()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "number": number, **words}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return await answer

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """`kill -9`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        await self._process.wait()
        await self._closed()

    async def end(self) -> int:
        """Its input ends, and so does it; returns its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            code = await self._process.wait()
        await self._closed()
        return code

    async def _closed(self) -> None:
        if self._reader is not None:
            await self._reader
        for answer in self._answers.values():
            answer.cancel()


class Crew:
    """Worker processes under one driver; the store they share, and the file of their effects."""

    def __init__(self, url: str, driver: str, folder: Path) -> None:
        self.url, self.driver, self._folder = url, driver, folder
        self.db = Database(async_database_url(url))
        self.effects = Effects(folder / "effects")
        self.workers: list[Worker] = []
        self._numbers = itertools.count()

    async def start(self, *, claim: float | None = None, slack: str | None = None, driver: str | None = None) -> Worker:
        """One more process; its log is a file in the test's folder."""
        words = ["--url", self.url, "--effects", str(self._folder / "effects"), "--driver", driver or self.driver]
        words += ["--claim", str(claim)] if claim is not None else []
        words += ["--slack", slack] if slack is not None else []
        path = self._folder / f"worker-{next(self._numbers)}.log"
        with path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "error::ResourceWarning", "-m", "tests.contract.drivers.worker", *words,
                cwd=ROOT, env=clean({}, ROOT), stdin=PIPE, stdout=PIPE, stderr=log,
            )  # fmt: skip
        worker = Worker(process, path)
        self.workers.append(worker)
        await worker.ready()
        return worker

    async def start_two(self, **words: Any) -> tuple[Worker, Worker]:
        first, second = await asyncio.gather(self.start(**words), self.start(**words))
        return first, second

    async def enqueue(self, worker: Worker, *keys: str, seconds: float = 0.1, serial: str | None = None) -> None:
        """Calls to be made, in this order; each is on a notebook of its own unless `serial` names one."""
        for key in keys:
            answer = await worker.ask("enqueue", key=key, serial=serial or key, seconds=seconds)
            assert "stored" in answer, answer

    async def rows(self, table: Table) -> list[Any]:
        async with self.db.read() as db:
            return list(await db.execute(select(table)))

    async def recorded(self) -> Counter[str]:
        """How often each result was recorded."""
        return Counter(row.key for row in await self.rows(recorded))

    async def finished(self, count: int) -> bool:
        """Whether so many pieces of work are done."""
        return sum(str(row.state) == "done" for row in await self.rows(work)) == count

    async def close(self) -> None:
        for worker in self.workers:
            await worker.kill()
        self.effects.close()
        await self.db.dispose()


@asynccontextmanager
async def crew_on(url: str, driver: str, folder: Path) -> AsyncIterator[Crew]:
    """No process yet; those that are started are ended at the end."""
    made = Crew(url, driver, folder)
    try:
        await upgrade(made.db)
        async with made.db.begin() as db:
            await db.run_sync(metadata.create_all)
        yield made
    finally:
        await made.close()


def keys(count: int) -> list[str]:
    return [f"k{number:02}" for number in range(count)]
