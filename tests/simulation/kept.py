"""What people were promised to be left alone: because it is kept, or because a stop of it was marked wrong."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.history import SERVICE
from tests.simulation.world import HOUR_MS

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

UNDO_MS = 24 * HOUR_MS  # the default
KEPT = re.compile(r"is kept running: no idle stop until <!date\^(\d+)\^")
WRONG = re.compile(r"Marked as a wrong stop: [^\n]*<!date\^(\d+)\^")


@dataclass(frozen=True)
class Promise:
    """Said at `at_ms`. A keep ends with its run."""

    notebook: str
    at_ms: int
    until_ms: int
    of_run: bool


def left_alone(scene: "Scene") -> Iterator[str]:
    """No idle stop from such a promise, as Slack shows it, to its end."""
    for promise in _promises(scene):
        life = scene.lives[promise.notebook]
        over = next((end for begin, end in life.runs if begin <= promise.at_ms < end), 0)
        until = min(over, promise.until_ms) if promise.of_run else promise.until_ms
        scene.counts["promises to leave alone"] += 1
        for at, by, user in life.stops:
            if by == "api" and user == SERVICE and promise.at_ms < at <= until and at < promise.until_ms:
                yield f"{life.id} stopped at {at}: {promise}"


def _promises(scene: "Scene") -> list[Promise]:
    """Each as it was said first: a message may be redrawn later."""
    found: dict[tuple[str, int], Promise] = {}
    for entry in scene.world.slack.log:
        if entry["kind"] != "api" or entry["method"] not in ("chat.postMessage", "chat.update"):
            continue
        text = str(entry["args"].get("text"))
        kept, wrong = KEPT.search(text), WRONG.search(text)
        if not (kept or wrong):
            continue
        given = entry["args"]["metadata"]
        about = (json.loads(given) if isinstance(given, str) else given)["event_payload"]["notebook_id"]
        if kept:
            until = int(kept[1]) * 1000
            found.setdefault((about, until), Promise(about, entry["at_ms"], until, of_run=True))
        if wrong:
            marked = int(wrong[1]) * 1000
            found.setdefault((about, marked), Promise(about, entry["at_ms"], marked + UNDO_MS, of_run=False))
    return [promise for promise in found.values() if promise.notebook in scene.lives]
