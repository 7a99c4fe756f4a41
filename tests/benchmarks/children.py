"""Processes of their own that do what they are told over a pipe, and what an action costs the process that does it."""

import asyncio
import importlib
import multiprocessing
import resource
import time
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, seconds of CPU of the whole process (threads included)."""

    wall: float
    cpu: float

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.wall - other.wall, self.cpu - other.cpu)


async def measured(work: Awaitable[Any]) -> Cost:
    """What it costs this process to await `work`."""
    wall, cpu = time.perf_counter(), _cpu()
    await work
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """The most memory that was resident at once. Not `ru_maxrss`: that remembers the process we were forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Child:
    """The other end: `await child("method", *arguments)`."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    async def __call__(self, name: str, *arguments: Any) -> Any:
        self._pipe.send((name, arguments))
        return await self.said()

    async def said(self) -> Any:
        good, value = await asyncio.get_running_loop().run_in_executor(None, self._pipe.recv)
        if not good:
            raise RuntimeError(value)
        return value


@asynccontextmanager
async def child(where: str, *arguments: Any) -> AsyncIterator[Child]:
    """A process in which the context `where` (`module:name`) is open; its methods are called one at a time.

    Nothing else is imported there, so that its memory is its own.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_live, args=(theirs, where, arguments), daemon=True)
    process.start()
    try:
        made = Child(ours)
        await made.said()
        yield made
    finally:
        process.terminate()
        process.join(10)


def _live(pipe: Connection, where: str, arguments: tuple[Any, ...]) -> None:
    try:
        asyncio.run(_obey(pipe, where, arguments))
    except Exception:
        pipe.send((False, traceback.format_exc()))


async def _obey(pipe: Connection, where: str, arguments: tuple[Any, ...]) -> None:
    loop, (module, _colon, name) = asyncio.get_running_loop(), where.partition(":")
    async with getattr(importlib.import_module(module), name)(*arguments) as told:
        pipe.send((True, None))
        while True:
            method, values = await loop.run_in_executor(None, pipe.recv)
            answer = getattr(told, method)(*values)
            pipe.send((True, await answer if asyncio.iscoroutine(answer) else answer))
