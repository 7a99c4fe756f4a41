"""`leasebot` as people start it: a process of its own, with nothing but an environment."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def clean(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of a machine on which nothing of leasebot is set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "LEASEBOT_", "SANDBOX_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PWD": str(folder), **environment}


async def _begun(arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error::ResourceWarning", "-m", "deploy.cli", *arguments, cwd=folder,
        env=clean(environment, folder), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def leasebot(*arguments: str, folder: Path, **environment: str) -> Ended:
    """Run a command to its end."""
    process = await _begun(arguments, environment, folder)
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@dataclass(slots=True)
class Server:
    """A server that accepts. `told` is its ready line; `end` how it ended, once it has."""

    told: dict[str, Any]
    pid: int
    end: Ended | None = None

    @property
    def url(self) -> str:
        return str(self.told["url"])


@asynccontextmanager
async def server(*arguments: str, folder: Path, **environment: str) -> AsyncIterator[Server]:
    """Start a server, wait for its ready line, end it with SIGTERM."""
    process = await _begun(arguments, environment, folder)
    assert process.stdout is not None
    assert process.stderr is not None
    said: asyncio.Task[bytes] = asyncio.create_task(process.stderr.read())
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stdout.readline()
        if not line:
            raise AssertionError((await said).decode())
        running = Server(json.loads(line), process.pid)
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            rest, err = await asyncio.gather(process.stdout.read(), said)
            code = await process.wait()
    running.end = Ended(code, rest.decode(), err.decode())
