"""What a pass costs beside the cloud's own time: listing, adoption, decisions and their transaction, as is.

    python -m tests.benchmarks.bench_pass [--sizes 1000,10000] [--stopped 0] [--rounds 5] [--store sqlite|postgres|both]

The listing is handed over as values, so nothing of the network or of parsing is in the figures. Between two passes a
minute goes by and one notebook in five hundred is renewed in the console. Wall time is the median, CPU the process's.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from bot.model import Status
from bot.rules import idle
from bot.rules.idle import SourceReading, Verdict
from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from bot.stores.schema import notebooks
from tests.postgres import PostgresServer
from tests.unit.passes.stand import NOW, Stand, a_notebook, a_stand

MINUTE = timedelta(minutes=1)


def filled(stand: Stand, running: int, stopped: int) -> None:
    """So many notebooks of two hundred people."""
    for number in range(running + stopped):
        status = Status.RUNNING if number < running else Status.STOPPED
        since = NOW - timedelta(minutes=number % 600)
        stand.cloud.add(a_notebook(number, status=status, owner=f"user-{number % 200}", since=since))


async def judged(stand: Stand) -> None:
    """Each has a verdict as evidence leaves it."""
    readings = tuple(
        SourceReading(name, "active", NOW, "it has worked lately, as far as can be told", NOW, {"kernels": "2"})
        for name in ("jupyter", "metrics")
    )
    verdict = idle.encode(Verdict("active", None, "jupyter: a kernel is busy", readings))
    await stand.write(update(notebooks).values(verdict=verdict))


def some_renewed(stand: Stand, round_: int, one_in: int) -> None:
    """One in so many has a new lease end; 0: none has."""
    for number, (known, notebook) in enumerate(list(stand.cloud.notebooks.items())):
        lease = notebook.lease
        if one_in and number % one_in == round_ % one_in and notebook.status is Status.RUNNING and lease:
            renewed = replace(lease, duration=lease.duration + timedelta(hours=1), stamped_at=stand.clock.now())
            stand.cloud.change(known, lease=renewed)


async def measured(stand: Stand, args: argparse.Namespace) -> dict[str, Any]:
    first = time.perf_counter()
    await stand.sweep()
    first = time.perf_counter() - first
    await judged(stand)
    await stand.sweep(MINUTE)
    walls, cpus = [], []
    profiler = cProfile.Profile()
    for round_ in range(args.rounds):
        some_renewed(stand, round_, args.renewed)
        wall, cpu = time.perf_counter(), time.process_time()
        if args.profile:
            profiler.enable()
        await stand.sweep(MINUTE)
        profiler.disable()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    if args.profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
    figures = {"first_s": first, "wall_s": statistics.median(walls), "cpu_s": statistics.median(cpus)}
    return {name: round(value, 3) for name, value in figures.items()}


async def on_store(url: str, running: int, args: argparse.Namespace) -> dict[str, Any]:
    db = Database(async_database_url(url))
    await upgrade(db)
    stand = a_stand(db)
    filled(stand, running, args.stopped)
    figures = await measured(stand, args)
    await db.dispose()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--stopped", type=int, default=0)
    parser.add_argument("--renewed", type=int, default=500, help="one in so many is renewed between passes; 0: none")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    server = PostgresServer() if args.store != "sqlite" else None
    for size in map(int, args.sizes.split(",")):
        if args.store != "postgres":
            with tempfile.TemporaryDirectory() as folder:
                report("sqlite", size, args, f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        if server:
            report("postgres", size, args, server.new_database())
    if server:
        server.stop()


def report(store: str, size: int, args: argparse.Namespace, url: str) -> None:
    figures = asyncio.run(on_store(url, size, args))
    print(json.dumps({"store": store, "running": size, "stopped": args.stopped} | figures), flush=True)


if __name__ == "__main__":
    main()
