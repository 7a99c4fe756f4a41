"""What must happen: an idle notebook is stopped in time where nothing stood in the way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.history import NEVER, SERVICE, Life
from tests.simulation.world import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

GRACE_MS = 15 * MINUTE_MS
PASSES = 3
SLACK_MS = 8 * MINUTE_MS
LONGEST_KEEP_MS = 24 * HOUR_MS
BELIEVED_MS = HOUR_MS  # what Slack said of somebody


def idle(scene: "Scene") -> Iterator[str]:
    """With sources healthy, every truly idle notebook is stopped within idle_after + grace + 3 passes.

    Where its owner comes back meanwhile, grace and passes are counted from when the bot can know of it.
    """
    for life in scene.lives.values():
        for begin, end in life.runs:
            for since, until in scene.world.witness.quiet_spells(life.id, begin, end):
                if not scene.world.witness.category(life.id):
                    scene.counts["idle spells of unlisted flavors"] += 1  # `stops` holds that nothing is done
                    continue
                yield from _spell(scene, life, since, until)


def _spell(scene: "Scene", life: Life, since: int, until: int) -> Iterator[str]:
    world = scene.world
    since = max(since, world.start_ms)
    first = next((each for each in world.witness.samples.get(life.id, []) if each.at_ms >= since), None)
    if first is not None and first.blurred:
        since = first.at_ms
    idle_after = world.witness.idle_after_ms(life.id)
    told = GRACE_MS + PASSES * world.poll_s * 1000 + SLACK_MS
    deadline = since + idle_after + told
    for back in scene.comes_back(life.owner, since, deadline):  # whatever others were told, they are warned themselves
        deadline = max(deadline, back + BELIEVED_MS + told)
    if any(at == until and user == SERVICE for at, _by, user in life.stops) and until <= deadline:
        scene.counts["idle spells due"] += 1
    if min(until, world.end_ms) <= deadline:
        return
    if _excused(scene, life, since, since + idle_after, deadline):
        scene.counts["idle spells excused"] += 1
        return
    scene.counts["idle spells due"] += 1
    if not any(user == SERVICE and since <= at <= deadline for at, _by, user in life.stops):
        yield f"{life.id} idle since {since}, not stopped by {deadline} (passes every {world.poll_s} s)"


def _excused(scene: "Scene", life: Life, since: int, due: int, deadline: int) -> bool:
    """Kept, marked wrong, about to end by itself, braked, or something was wrong."""
    world = scene.world
    if not scene.calm(since, deadline) or world.braked(since, deadline):
        return True
    if any(
        deadline - LONGEST_KEEP_MS - HOUR_MS <= act["at"] <= deadline and _protects(str(act["what"]))
        for act in scene.acts
        if life.id in act["notebooks"]
    ):
        return True
    return any(begin < deadline and to > due and ends < deadline + GRACE_MS for begin, to, ends, _ in life.ends
               if ends != NEVER)  # fmt: skip


def _protects(what: str) -> bool:
    return what.startswith(("keep", "notebook_keep", "notebook_false_stop"))
