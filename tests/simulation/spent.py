"""What is counted as running time, held against what the cloud saw run."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.clock import to_ms
from bot.stores.schema import usage
from tests.simulation.history import NEVER, Life
from tests.simulation.points import Incarnation
from tests.simulation.world import MINUTE_MS

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

SLACK_MS = 8 * MINUTE_MS
STAMPED_MS = 2 * MINUTE_MS  # a start is told by the cloud's stamp, whenever it is seen
_RUNS = select(usage.c.notebook_id, usage.c.from_at, usage.c.to_at).where(usage.c.kind == "run")

Intervals = Sequence[tuple[int, int]]


async def intervals(scene: "Scene") -> dict[str, list[tuple[int, int]]]:
    """Notebook -> (from, to) of what is counted, in order."""
    database = scene.world.open_database(Incarnation("checker"))
    found: dict[str, list[tuple[int, int]]] = {}
    async with database.peek() as db:
        for row in await db.execute(_RUNS):
            span = to_ms(row.from_at), NEVER if row.to_at is None else to_ms(row.to_at)
            found.setdefault(row.notebook_id, []).append(span)
    await database.dispose()
    return {notebook: sorted(spans) for notebook, spans in found.items()}


def counted(scene: "Scene", spans: dict[str, list[tuple[int, int]]]) -> Iterator[str]:
    """Each run once, from its start until a pass last saw it or first missed it; where nothing was wrong meanwhile."""
    for life in scene.lives.values():
        mine = spans.get(life.id, [])
        yield from (f"{life.id} counted twice: {one} and {other}" for one, other in pairwise(mine)
                    if other[0] < one[1])  # fmt: skip
        for begin, end in life.runs:
            yield from _run(scene, life, mine, begin, end)


def _run(scene: "Scene", life: Life, mine: Intervals, begin: int, end: int) -> Iterator[str]:
    world = scene.world
    need = world.poll_s * 1000 + SLACK_MS
    since = max(begin, world.start_ms, world.witness.made_at.get(life.id, 0))
    until = min(end, world.end_ms)
    if until - since < need or not scene.calm(since - need, since + need) or not scene.calm(until - need, until + need):
        return
    scene.counts["runs counted"] += 1
    of_it = [span for span in mine if span[0] < until and span[1] > since]
    if not of_it:
        yield f"{life.id} ran from {begin} to {end}, which costs nothing: {mine}"
        return
    if begin == since and abs(of_it[0][0] - begin) > STAMPED_MS:
        yield f"{life.id} ran from {begin}, counted from {of_it[0][0]}"
    if not until - need <= of_it[-1][1] <= (NEVER if until < end else until + 2 * need):
        yield f"{life.id} ran until {end}, counted until {of_it[-1][1]}"


__all__ = ["counted", "intervals"]
