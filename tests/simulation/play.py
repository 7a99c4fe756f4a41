"""One run from beginning to end, and what came of it."""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from deploy.sandbox.clock import SimClock
from tests.simulation import checks
from tests.simulation.inhabitants import Inhabitants
from tests.simulation.loop import SimLoop, Stuck, run_simulated
from tests.simulation.points import Killed
from tests.simulation.stagehands import charts
from tests.simulation.troubles import Troubles
from tests.simulation.world import Complaints, Findings, Options, World

SETTLE_MS = 12 * 60_000  # contract: accepted commands are settled ten minutes after the faults


@dataclass
class Result:
    """`violations` is empty when every promise was kept. `seen` counts points, troubles and messages."""

    options: Options
    violations: list[str]
    digest: str
    steps: int
    seen: Counter[str]
    lines: list[str] = field(default_factory=list)
    cpu_s: float = 0.0


def play(options: Options) -> Result:
    """Run it. Never raises for what the bot does."""
    began = time.process_time()
    _settle_memory()
    gc.disable()  # collected once, at the end: nothing of a run is let go before
    clock = SimClock(options.start_ms, running=False)

    async def main(loop: SimLoop) -> Result:
        loop.set_exception_handler(_quiet)
        world = World(options, loop)
        try:
            with _listening(world.findings), charts(drawn=options.charts):
                return await _acts(world)
        finally:
            await _end_tasks()
            await world.close()

    try:
        result: Result = run_simulated(clock, main)
    except Stuck as error:
        result = Result(options, [f"stuck: {error}"], "", 0, Counter())
    finally:
        gc.enable()
        gc.collect()
    result.cpu_s = time.process_time() - began
    return result


async def _acts(world: World) -> Result:
    options = world.options
    inhabitants, troubles = Inhabitants(world), Troubles(world)
    inhabitants.populate()
    if options.bot:
        await world.set_up(world.stage())
    for replica in world.replicas:
        replica.mortal = True
        if replica.who is not None:
            replica.who.mortal = True
    inhabitants.start()
    if options.troubles:
        troubles.start()
    await world.sleep_until(world.calm_ms)
    world.points.death = lambda _who, _name: False
    await world.sleep_until(world.calm_ms + SETTLE_MS)
    if options.bot:
        world.unsettled += await checks.pending(world, world.calm_ms)
    await world.sleep_until(world.end_ms)
    violations = await checks.all_of(world, inhabitants, troubles)
    seen = world.points.seen + world.findings.counts + checks.messages(world)
    return Result(options, violations, world.trace.digest(), world.trace.count, seen, world.trace.lines)


@cache
def _settle_memory() -> None:
    """What is there before the first run stays; nobody has to look through it after each."""
    gc.collect()
    gc.freeze()


@contextmanager
def _listening(findings: Findings) -> Iterator[None]:
    """The product's log goes to the findings for as long as it runs."""
    root, ears = logging.getLogger(), Complaints(findings)
    before, root.handlers = root.handlers, [ears]
    try:
        yield
    finally:
        root.handlers = before


def _quiet(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    if not isinstance(context.get("exception"), Killed | asyncio.CancelledError):
        loop.default_exception_handler(context)


async def _end_tasks() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["Options", "Result", "play"]
