"""Warnings of a lease's end: when each lead was due, recomputed, and what became of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.history import Life, Post
from tests.simulation.world import MINUTE_MS

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

LEADS_MS = (60 * MINUTE_MS, 15 * MINUTE_MS)
SLACK_MS = 6 * MINUTE_MS


def due(scene: "Scene") -> Iterator[str]:
    """Every due lead was delivered, or a shorter one that fell due with it; where nothing was wrong meanwhile."""
    for life in scene.lives.values():
        told = scene.about("lease_warning", life.id)
        for since, to, end, span in life.ends:
            for lead in LEADS_MS:
                yield from _lead(scene, life, told, (since, to, end, span), lead)


def _lead(
    scene: "Scene", life: Life, told: list[tuple[str, Post]], lease: tuple[int, int, int, int], lead: int
) -> Iterator[str]:
    since, to, end, span = lease
    poll = scene.world.poll_s * 1000
    due_at = {each: end - min(each, span // 2) for each in LEADS_MS}
    start = max(due_at[lead], since, scene.world.start_ms)
    need = 2 * poll + SLACK_MS
    if min(to, end, scene.world.end_ms) - start < need or not scene.calm(start - poll - SLACK_MS, start + need):
        return
    seen_at = max(since, scene.world.start_ms) + poll + SLACK_MS
    if due_at[lead] < seen_at and any(other < lead and due_at[other] >= since for other in LEADS_MS):
        return  # it lay behind when the bot could first see it, and a shorter one lay ahead
    keys = {f"lease_warning:{life.id}:{end}:{other // 1000}" for other in LEADS_MS if other <= lead}
    keys |= {f"lease_warning:{life.id}:{end}:{o // 1000}" for o in LEADS_MS if due_at[o] == due_at[lead]}
    scene.counts["leads due"] += 1
    if not any(key in keys and post.at_ms <= start + need for key, post in told):
        yield f"{life.id}: lead {lead // MINUTE_MS} min of the end {end}, due {due_at[lead]}, lease known {since}"


def overtaken(scene: "Scene") -> Iterator[str]:
    """No warning of an end that the bot could know to be gone."""
    poll = scene.world.poll_s * 1000
    for life in scene.lives.values():
        for key, post in scene.about("lease_warning", life.id):
            end = int(key.split(":")[2])
            known = [(since, to) for since, to, its_end, _span in life.ends if its_end == end]
            if not known:
                yield f"{key} warns of an end that never was"
                continue
            gone = max(to for _since, to in known)
            if post.at_ms - gone > poll + SLACK_MS and scene.calm(gone - SLACK_MS, post.at_ms):
                yield f"{key} sent at {post.at_ms}, the end was gone at {gone}"
            if post.at_ms > end + SLACK_MS:
                yield f"{key} sent at {post.at_ms}, after the end"
