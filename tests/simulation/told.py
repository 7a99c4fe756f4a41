"""What people are told, as Slack shows it: to whom, how it ends, and that it is answered at all."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.inhabitants import CHANNEL, PEOPLE
from tests.simulation.world import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

LEAD = "U0DORA"  # whom the policy names where an owner cannot be told
ESCALATED_WITHIN_MS = 3 * HOUR_MS
SETTLED_WITHIN_MS = 10 * MINUTE_MS
ANSWERED_WITHIN_MS = 3 * MINUTE_MS
UNDER_WAY = re.compile(r"(Creating|Starting|Stopping|Deleting|Extending|Keeping) (?!.*(needs an|needed an| waits))")
STRANGERS = ("U0GUEST", "U0STRANGER")


def addressed(scene: "Scene") -> Iterator[str]:
    """A warning is for the owner; for a lead or the channel only where the owner was away or something was wrong.

    Whoever was away as one who had left counts as away until they have linked again.
    """
    for life in scene.lives.values():
        owner = next(user for user, name in PEOPLE.items() if name == life.owner)
        for kind in ("lease_warning", "idle_warning", "stopped"):
            for key, post in scene.about(kind, life.id):
                scene.counts[f"addressed {kind}"] += 1
                if post.to == owner:
                    continue
                before = post.at_ms - ESCALATED_WITHIN_MS
                excused = scene.away(life.owner, before, post.at_ms) or not scene.calm(before, post.at_ms)
                if kind == "stopped" or post.to not in (LEAD, CHANNEL) or not excused:
                    yield f"{key} went to {post.to} at {post.at_ms}, it is {owner}'s"


def unfinished(scene: "Scene") -> Iterator[str]:
    """Whatever was accepted has an end that its author can read."""
    for channel in scene.world.slack.workspace.channels.values():
        for message in channel.messages:
            metadata = message.metadata or {}
            if metadata.get("event_type") != "operation" or not message.posted_ms < scene.world.calm_ms:
                continue
            scene.counts["operations told to the end"] += 1
            if UNDER_WAY.match(message.text.replace("*", "")):
                yield f"{message.ts} in {channel.id} still says {message.text!r}"


def unanswered(scene: "Scene") -> Iterator[str]:
    """What was typed is answered, where nothing was wrong."""
    answers = [e["at_ms"] for e in scene.world.slack.log if e["kind"] == "response_url" and e["status"] == 200]
    opened = [e["at_ms"] for e in scene.world.slack.log if e["kind"] == "api" and e["method"] == "views.open"
              and (e["answer"] or {}).get("ok")]  # fmt: skip
    for act in scene.acts:
        until = act["at"] + ANSWERED_WITHIN_MS
        if act["how"] != "command" or not act["ok"] or act["said"] or until > scene.world.end_ms:
            continue
        if not scene.calm(act["at"] - ANSWERED_WITHIN_MS, until):
            continue
        scene.counts["commands answered"] += 1
        if not any(act["at"] <= at <= until for at in (*answers, *opened)):
            yield f"{act['user']} typed {act['what']!r} at {act['at']} and was told nothing"
