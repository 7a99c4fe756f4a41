"""Listing through the adapter, against bare httpx + json.loads and against the vendor's SDK. One run, as ratios.

    python -m tests.benchmarks.bench_listing [--sizes 1000,10000] [--rounds 5]

The simulated cloud runs in a process of its own, so that only the client's time and memory are measured. Time is the
best of several rounds, alternating; CPU is the process's own; memory is the peak of Python's allocations.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import httpx
import uvloop

from bot.clock import SystemClock
from bot.cloud.client import HttpClouds
from bot.model import Endpoint, KeyCredentials, PasswordCredentials

PAGE = 50
Run = Callable[[], Awaitable[int]]


def _serve(size: int, pipe: Connection) -> None:
    uvloop.run(_serve_until_told(size, pipe))


async def _serve_until_told(size: int, pipe: Connection) -> None:
    from deploy.sandbox.cloud.serve import run

    server = await run()
    for number in range(size):
        server.cloud.console.create("ana", f"experiment-{number:05d}", description="a run of some length")
    server.cloud.identity.users["ana"].account_admin = True
    pipe.send(server.ready_line("ana"))
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    await server.stop()


async def bare(ready: dict[str, Any]) -> tuple[Run, Callable[[], Awaitable[None]]]:
    """(a) the same pages with httpx + json.loads alone."""
    client = httpx.AsyncClient(base_url=ready["url"])
    user = {"name": ready["user"], "password": ready["password"], "domain": {"name": ready["domain"]}}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": ready["project_id"]}},
        }
    }
    answer = await client.post("/v3/auth/tokens?nocatalog=true", json=body)
    headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}

    async def once() -> int:
        kept: list[Any] = []
        while True:
            query = {"limit": PAGE, "offset": len(kept)}
            page = await client.get(f"/v1/{ready['project_id']}/notebooks", params=query, headers=headers)
            data = json.loads(page.content)["data"]
            kept += data
            if len(data) < PAGE:
                return len(kept)

    return once, client.aclose


async def adapter(ready: dict[str, Any]) -> tuple[Run, Callable[[], Awaitable[None]]]:
    """Ours: login, limits, overlap, last look and typed values included."""
    url = ready["url"]
    endpoint = Endpoint("bench", "otc", "eu-de", url, url, url, "eu-de", ready["project_id"], rate=float("inf"))
    clouds = HttpClouds(SystemClock())
    cloud = clouds.connect(endpoint, PasswordCredentials(ready["domain"], ready["user"], ready["password"]))
    await cloud.whoami()

    async def once() -> int:
        listing = await cloud.list_own()
        if not listing.complete:
            raise RuntimeError("the listing is not complete")
        return len(listing.notebooks)

    return once, clouds.aclose


async def adapter_signed(ready: dict[str, Any]) -> tuple[Run, Callable[[], Awaitable[None]]]:
    """Ours with AK/SK, as the vendor's SDK works."""
    url = ready["url"]
    endpoint = Endpoint("bench", "otc", "eu-de", url, url, url, "eu-de", ready["project_id"], rate=float("inf"))
    clouds = HttpClouds(SystemClock())
    cloud = clouds.connect(endpoint, KeyCredentials(ready["access_key"], ready["secret_key"]))

    async def once() -> int:
        return len((await cloud.list_own()).notebooks)

    return once, clouds.aclose


async def vendor(ready: dict[str, Any]) -> tuple[Run, Callable[[], Awaitable[None]]]:
    """(b) `huaweicloudsdkmodelarts`, page by page."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkmodelarts.v1 import ListNotebooksRequest, ModelArtsClient

    keys = BasicCredentials(ready["access_key"], ready["secret_key"], ready["project_id"])
    client = ModelArtsClient.new_builder().with_credentials(keys).with_endpoints([ready["url"]]).build()

    def walk() -> int:
        kept: list[Any] = []
        while True:
            page = client.list_notebooks(ListNotebooksRequest(limit=PAGE, offset=len(kept)))
            kept += page.data or []
            if len(page.data or []) < PAGE:
                return len(kept)

    async def once() -> int:
        return await asyncio.to_thread(walk)

    async def done() -> None:
        return None

    return once, done


CONTENDERS = {"httpx + json.loads": bare, "adapter": adapter, "adapter, AK/SK": adapter_signed, "vendor SDK": vendor}


async def _measure(ready: dict[str, Any], size: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    made = {name: await build(ready) for name, build in CONTENDERS.items()}
    wall: dict[str, list[float]] = {name: [] for name in made}
    cpu: dict[str, list[float]] = {name: [] for name in made}
    memory: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, (once, _) in made.items():
            at, busy = time.perf_counter(), time.process_time()
            count = await once()
            if count != size:
                raise RuntimeError(f"{name} saw {count} of {size}")
            if turn:  # the first round warms up
                wall[name].append(time.perf_counter() - at)
                cpu[name].append(time.process_time() - busy)
    for name, (once, _) in made.items():
        tracemalloc.start()
        await once()
        memory[name] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    for _, done in made.values():
        await done()
    return {name: (min(wall[name]), min(cpu[name]), memory[name]) for name in made}


def _print(size: int, found: dict[str, tuple[float, float, float]]) -> None:
    base = found["httpx + json.loads"]
    print(f"\n{size} notebooks, pages of {PAGE} ({datetime.now(UTC):%Y-%m-%d})")  # noqa: TID251 - a report's date
    print(f"{'':20}{'wall s':>9}{'ratio':>7}{'CPU s':>9}{'ratio':>7}{'peak MB':>9}{'ratio':>7}")
    for name, values in found.items():
        cells = "".join(f"{value:9.3f}{value / first:7.2f}" for value, first in zip(values, base, strict=True))
        print(f"{name:20}{cells}")


def main() -> None:
    """Print one table per size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", default="1000,10000")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    context = multiprocessing.get_context("spawn")
    for size in map(int, chosen.sizes.split(",")):
        ours, theirs = context.Pipe()
        server = context.Process(target=_serve, args=(size, theirs))
        server.start()
        try:
            _print(size, asyncio.run(_measure(ours.recv(), size, chosen.rounds)))
        finally:
            ours.send("stop")
            server.join(10)


if __name__ == "__main__":
    main()
