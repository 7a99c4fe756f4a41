"""A pass of leasebot beside a pass of `jupyterhub-idle-culler`, in one run.

    python -m tests.benchmarks.bench_culler [--notebooks 10000] [--running 2000] [--stops 40] [--rounds 5] [--profile]

The culler (with pycurl, as it recommends) asks a stub of a hub; leasebot, as `serve` puts it together and on SQLite,
asks the sandbox's cloud and Slack. Each of the four is a process of its own and they meet over loopback HTTP; CPU is
that of culler and leasebot alone. Passes alternate; ratios are worked out within a round.

What is in the figures: the culler lists what runs, and its pass ends with its 40 stops asked for. leasebot's pass lists
what runs and ends with its decisions recorded and its stops ordered; once an hour it lists everything, five times as
much, which is a row of its own. So are that each notebook is looked at again and its evidence read afresh before it is
stopped, what follows once it has stopped (savings, audit, message to the owner), and reading evidence, which the hub
does for the culler.
"""

import argparse
import asyncio
import tempfile
from contextlib import AbstractAsyncContextManager
from statistics import median
from typing import Any

from tests.benchmarks.children import Child, Cost, child

MOMENT_MS, MINUTE_MS = 1_000, 60_000
IDLE_MS, SECOND_LOOK_MS, GRACE_MS, STOPPING_MS = (minutes * MINUTE_MS for minutes in (64, 2, 15, 4))
HOUR_MS = 60 * MINUTE_MS
POLL_MS = 10 * MINUTE_MS  # how often evidence is read: idle_after / 6
TELLING = 4  # minutes until all are told
Row = tuple[Cost, int]
CULLER, LISTING, SWEEP, STOPS, AFTER, POLL = (
    "culler: list what runs, stop", "leasebot: list what runs", "leasebot: the whole pass",
    "leasebot: look again and stop", "leasebot: see it stopped, tell", "leasebot: evidence of all, per 10 min",
)  # fmt: skip
DECIDE, HOURLY = "leasebot: the pass but listing", "leasebot: the pass that lists all, hourly"


async def their_round(server: Child, client: Child, names: list[str]) -> dict[str, Row]:
    await server("due", names)
    cost = await client("once")
    requests, stopped = await server("seen")
    if stopped != len(names):
        raise RuntimeError(f"the culler stopped {stopped} of {len(names)}")
    return {CULLER: (cost, requests)}


async def our_round(world: Child, bot: Child, ids: list[str], profile: bool) -> dict[str, Row]:
    """One pass from which so many stops follow, and all that follows from them."""
    await warned(world, bot, ids)
    await world("requests")
    found: dict[str, Row] = {}

    async def noted(name: str, *call: Any) -> None:
        found[name] = (await bot(*call), await world("requests"))

    await noted(LISTING, "listing")
    await noted(SWEEP, "sweep", profile)
    if (ordered := await bot("ordered")) != len(ids):
        raise RuntimeError(f"leasebot ordered {ordered} stops of {len(ids)}")
    await noted(STOPS, "work")
    await pushed(world, bot, STOPPING_MS)
    if (stopped := await world("stopped")) != len(ids):
        raise RuntimeError(f"leasebot stopped {stopped} of {len(ids)}")
    await noted(AFTER, "work")
    await world("run_again", ids)
    return found


async def warned(world: Child, bot: Child, ids: list[str]) -> None:
    """These have been idle, their owners were told, and the grace is over; whatever is left to do is done."""
    await world("unused", ids)
    await pushed(world, bot, IDLE_MS)
    await through(world, bot)
    await bot("quiet")
    await bot("look", ids)
    await through(world, bot)
    await pushed(world, bot, SECOND_LOOK_MS)
    await bot("work")
    await pushed(world, bot, MINUTE_MS)
    await through(world, bot)
    for _minute in range(TELLING):  # Slack takes so many messages a minute
        await pushed(world, bot, MINUTE_MS)
        await bot("work")
    await pushed(world, bot, GRACE_MS)
    await bot("quiet")


async def through(world: Child, bot: Child) -> Row:
    """A pass, and a moment later what it gave to do: the cost of that."""
    await bot("sweep")
    await pushed(world, bot, MOMENT_MS)
    await world("requests")
    return await bot("work"), await world("requests")


async def hourly(world: Child, bot: Child) -> Row:
    """A pass from which nothing follows, an hour after the last listing of everything."""
    await pushed(world, bot, HOUR_MS)
    await bot("quiet")
    await world("requests")
    return await bot("sweep"), await world("requests")


async def pushed(world: Child, bot: Child, ms: int) -> None:
    await world("push", ms)
    await bot("push", ms)


async def measure(args: argparse.Namespace, folder: str) -> tuple[list[dict[str, Row]], dict[str, float], str]:
    """(figures of each round, most memory in MB, what it was measured against)."""
    async with side("hub:hub", args.running) as server, side("outside:outside", args.notebooks, args.running) as world:
        environment, now, running = await world("told")
        async with (
            side("culler:culler", await server("address")) as client,
            side("ours:ours", environment, now, folder) as bot,
        ):
            await bot("know", running)
            await through(world, bot)
            rounds = []
            for turn in range(args.rounds + 1):  # the first one warms up
                due = range(turn * args.stops, (turn + 1) * args.stops)
                theirs = await their_round(server, client, [f"person-{number}" for number in due])
                last = turn == args.rounds
                mine = await our_round(world, bot, [running[number][0] for number in due], args.profile and last)
                rounds.append(theirs | mine)
            rounds[-1][HOURLY] = await hourly(world, bot)
            for _time in range(2):  # the first brings it up to date, the second is measured
                await pushed(world, bot, POLL_MS)
                await bot("look", [])
                rounds[-1][POLL] = await through(world, bot)
            peaks = {"culler": await client("peak_mb"), "leasebot": await bot("peak_mb")}
            return rounds[1:], peaks, await client("name")


def side(where: str, *arguments: Any) -> AbstractAsyncContextManager[Child]:
    return child(f"tests.benchmarks.sides.{where}", *arguments)


def with_difference(each: dict[str, Row]) -> dict[str, Row]:
    """What the pass costs beside its listing, within one round."""
    (listing, asked), (whole, all_asked) = each[LISTING], each[SWEEP]
    return each | {DECIDE: (whole - listing, all_asked - asked)}


def line(name: str, rounds: list[dict[str, Row]], running: int) -> str:
    """Medians; ratios are worked out within each round, where both met the same load."""
    told = [(each[name], each[CULLER][0]) for each in rounds if name in each]
    wall, cpu = median(cost.wall for (cost, _n), _base in told), median(cost.cpu for (cost, _n), _base in told)
    times = median(cost.wall / base.wall for (cost, _n), base in told)
    loads = median(cost.cpu / base.cpu for (cost, _n), base in told)
    requests = min(asked for (_cost, asked), _base in told)
    return f"{name:42}{wall:9.3f}{times:7.2f}{cpu:9.3f}{loads:7.2f}{cpu / running * 1e6:12.0f}{requests:10}"


def show(args: argparse.Namespace, rounds: list[dict[str, Row]], peaks: dict[str, float], name: str) -> None:
    print(f"{args.notebooks} notebooks, {args.running} running, {args.stops} to stop; {name}; medians of {args.rounds}")
    print(f"{'':42}{'wall s':>9}{'ratio':>7}{'CPU s':>9}{'ratio':>7}{'us/running':>12}{'requests':>10}")
    rounds = [with_difference(each) for each in rounds]
    for row in (CULLER, LISTING, DECIDE, SWEEP, HOURLY, STOPS, AFTER, POLL):
        print(line(row, rounds, args.running))
    print(f"most memory: culler {peaks['culler']:.0f} MB, leasebot {peaks['leasebot']:.0f} MB")


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--notebooks", type=int, default=10_000)
    options.add_argument("--running", type=int, default=2_000)
    options.add_argument("--stops", type=int, default=40)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--profile", action="store_true", help="of the last pass")
    return options.parse_args(words)


async def main(args: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="leasebot-bench-") as folder:
        rounds, peaks, name = await measure(args, folder)
    show(args, rounds, peaks, name)


if __name__ == "__main__":
    asyncio.run(main(parsed()))
