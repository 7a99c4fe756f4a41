"""Slash command -> acknowledgement in `leasebot serve` on SQLite, beside a bare handler that only checks the signature.

    python -m tests.benchmarks.bench_ack [requests per command]

Both run in processes of their own under the same server; their requests alternate, so that the ratio means something
on a busy machine. Each command is sent when the one before has been carried out, as people send them; at the end the
same once more without waiting. Before that: time and memory of `serve` until it accepts.
"""

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from bot.render.help import COMMANDS
from deploy.sandbox.clock import SimClock
from deploy.sandbox.seed import seed_notebooks
from deploy.sandbox.stage import SIGNING_SECRET, stage
from handlers.signature import sign
from tests.deploy.processes import ROOT, clean, server

REQUESTS = 60
TEAM = "T0LEASEBOT"
UNFINISHED = re.compile(rb'kind="request",state="open"|state="running"|leasebot_messages.*state="pending"')


# --- processes of their own ----------------------------------------------------------------------


async def outside() -> None:
    """Simulated Slack and cloud; the first line says how they are reached."""
    async with stage() as on:
        seed_notebooks(on.cloud.cloud)
        print(json.dumps(on.environment()), flush=True)
        await asyncio.Event().wait()


async def bare() -> None:
    """The least there can be: read the body, check the signature, answer 200."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from bot.clock import SystemClock
    from deploy.serving import server as uvicorn_server
    from handlers.signature import is_good

    secrets, clock = [SIGNING_SECRET.encode()], SystemClock()

    async def events(request: Request) -> Response:
        good = is_good(secrets, request.headers, await request.body(), clock.now())
        return Response(status_code=200 if good else 401)

    app = Starlette(routes=[Route("/slack/events", events, methods=["POST"])])
    await uvicorn_server(app, "127.0.0.1", 0).serve()


@asynccontextmanager
async def child(which: str) -> AsyncIterator[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.bench_ack", which, cwd=ROOT, env=clean({}, ROOT),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


# --- measuring -----------------------------------------------------------------------------------


class Line:
    """One kept connection; what is timed is written and read in one piece."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)

    async def open(self) -> "Line":
        self._in, self._out = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        return self

    async def post(self, body: bytes) -> float:
        """Milliseconds until the whole answer is there."""
        at = str(SimClock().now_ms() // 1000)
        head = (
            f"POST /slack/events HTTP/1.1\r\nHost: {self._parts.netloc}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {at}\r\n"
            f"X-Slack-Signature: {sign(SIGNING_SECRET.encode(), at, body)}\r\n\r\n"
        ).encode()
        began = time.perf_counter()
        await self._exchange(head + body)
        return (time.perf_counter() - began) * 1000

    async def quiet(self) -> None:
        """Wait until no request is under way."""
        asked = f"GET /metrics HTTP/1.1\r\nHost: {self._parts.netloc}\r\n\r\n".encode()
        while UNFINISHED.search(await self._exchange(asked)):
            await asyncio.sleep(0.002)

    async def _exchange(self, request: bytes) -> bytes:
        self._out.write(request)
        answer = await self._in.readuntil(b"\r\n\r\n")
        lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return await self._in.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)

    def close(self) -> None:
        self._out.close()


@dataclass(frozen=True, slots=True)
class Row:
    """Milliseconds of one command, sorted."""

    name: str
    bare: list[float]
    serve: list[float]

    def __str__(self) -> str:
        middle, floor = at(self.serve, 0.5), at(self.bare, 0.5)
        return (f"{self.name:<34}{floor:>9.2f}{at(self.bare, 0.99):>9.2f}{middle:>10.2f}{at(self.serve, 0.99):>9.2f}"
                f"{middle / floor:>8.1f}")  # fmt: skip


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def body_of(text: str, number: int, hook: str) -> bytes:
    """Each request is somebody else's: one person may send sixty a minute."""
    return urlencode({
        "command": "/notebook", "text": text, "user_id": f"U0BENCH{number}", "team_id": TEAM,
        "channel_id": "C0RESEARCH", "trigger_id": f"{number}.{text}", "response_url": hook,
    }).encode()  # fmt: skip


def texts() -> list[str]:
    """Every command of help, and `create` with and without its form."""
    shown = [each.examples[0] if each.examples else each.name for each in COMMANDS]
    return [*shown, "create a image=b flavor=c", "nonsense"]


async def measure(urls: tuple[str, str], hook: str, requests: int, *, wait: bool, first: int) -> list[Row]:
    floor, product = await Line(urls[0]).open(), await Line(urls[1]).open()
    rows, number = [], first
    for text in ["list", *texts()]:  # the first round warms up and is dropped
        found: tuple[list[float], list[float]] = ([], [])
        for _ in range(requests):
            number += 1
            body = body_of(text, number, hook)
            if wait:
                await product.quiet()
            found[0].append(await floor.post(body))
            found[1].append(await product.post(body))
        rows.append(Row(text[:32], sorted(found[0]), sorted(found[1])))
    floor.close()
    product.close()
    return rows[1:]


def together(name: str, rows: list[Row]) -> Row:
    return Row(name, sorted(ms for row in rows for ms in row.bare), sorted(ms for row in rows for ms in row.serve))


def memory_mb(pid: int) -> float:
    """Resident memory of a process, from /proc."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def main(requests: int) -> None:
    with tempfile.TemporaryDirectory(prefix="leasebot-bench-") as folder:
        async with child("outside") as environment, child("bare") as floor:
            environment["LEASEBOT_DATABASE_URL"] = f"sqlite:///{folder}/leasebot.sqlite3"
            for time_of in ("first start, schema made", "start"):
                began = time.perf_counter()
                async with server("serve", "--port", "0", folder=Path(folder), **environment) as running:
                    ready = time.perf_counter() - began
                    print(f"serve, {time_of}: ready after {ready:.2f} s, {memory_mb(running.pid):.0f} MB")
                    if time_of != "start":
                        continue
                    urls, hook = (floor["url"], running.url), environment["SLACK_API_URL"].replace("/api/", "/hook/x")
                    rows = await measure(urls, hook, requests, wait=True, first=0)
                    rest = await measure(urls, hook, requests, wait=False, first=1_000_000)
                    print(f"after {2 * requests * len(rows)} commands: {memory_mb(running.pid):.0f} MB\n")
    print(f"{f'milliseconds, {requests} of each':<34}{'bare p50':>9}{'p99':>9}{'serve p50':>10}{'p99':>9}{'ratio':>8}")
    for row in [*rows, together("all of them", rows), together("all, without waiting", rest)]:
        print(row)


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) > 1 else str(REQUESTS)
    asyncio.run({"outside": outside, "bare": bare}[asked]() if not asked.isdigit() else main(int(asked)))
