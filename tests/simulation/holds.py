"""What the service account renews: a bridge over a request that waits, and nothing else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.history import SERVICE, Life
from tests.simulation.world import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

HOLD_MAX_MS = 2 * HOUR_MS  # the default
SLACK_MS = 2 * MINUTE_MS


def bridges(scene: "Scene") -> Iterator[str]:
    """Each is over a request that waits, not long before the end, and reaches no further than `hold_max`."""
    for life in scene.lives.values():
        bridged = {at for at, by, _old, _new in life.renewals if by == f"api {SERVICE}"}
        for at, by, old, new in life.renewals:
            if at not in bridged or by != f"api {SERVICE}":
                continue
            ends = [(since, end) for since, _to, end, _span in life.ends if since < at and since not in bridged]
            base = max(ends, default=(0, old))[1]  # where it ended without them, however often it was asked for
            scene.counts["bridges"] += 1
            if not _waits(scene, life, at):
                yield f"{life.id} renewed at {at} to {new} by {SERVICE}, and no request waits"
            if new > base + HOLD_MAX_MS + SLACK_MS:
                yield f"{life.id} bridged at {at} to {new}, the end asked at was {base}"
            if at < old - max(5 * MINUTE_MS, 3 * scene.world.poll_s * 1000) - SLACK_MS:
                yield f"{life.id} bridged at {at}, long before its end {old}"


def _waits(scene: "Scene", life: Life, at: int) -> bool:
    """Whether a request was shown that nobody had settled; one that Slack would not take may wait all the same."""
    asked = {key.partition(":")[2]: post.at_ms for post in scene.posts if post.about == life.id
             for key in post.keys if key.startswith("approval_request:") and post.at_ms <= at}  # fmt: skip
    settled = {key.partition(":")[2]: post.at_ms for post in scene.posts for key in post.keys
               if key.startswith("approval_settled:")}  # fmt: skip
    return any(settled.get(each, at) >= at - SLACK_MS for each in asked) or not scene.calm(at - 2 * HOUR_MS, at)
