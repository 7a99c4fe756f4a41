"""Warnings of a lease's end: when each lead was due, recomputed, and what became of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.simulation.history import Life, Post
from tests.simulation.world import HOUR_MS, MINUTE_MS, QUIET

if TYPE_CHECKING:
    from tests.simulation.checks import Scene

LEADS_MS = (60 * MINUTE_MS, 15 * MINUTE_MS)
SLACK_MS = 6 * MINUTE_MS
BEFORE_QUIET_MS = 10 * MINUTE_MS
EARLY_MS = 1000
ZONES = {"ana": "Europe/Berlin", "ben": "America/New_York", "carla": "Europe/Berlin", "dora": "Europe/Berlin"}


def due(scene: "Scene") -> Iterator[str]:
    """Every due lead was delivered, or a shorter one that fell due with it; where nothing was wrong meanwhile."""
    for life in scene.lives.values():
        told = scene.about("lease_warning", life.id)
        made = scene.world.witness.made_at.get(life.id, 0)  # before, nobody could see it
        for since, to, end, span in life.ends:
            for lead in LEADS_MS:
                yield from _lead(scene, life, told, (max(since, made), to, end, span), lead)


def _lead(
    scene: "Scene", life: Life, told: list[tuple[str, Post]], lease: tuple[int, int, int, int], lead: int
) -> Iterator[str]:
    since, to, end, span = lease
    poll = scene.world.poll_s * 1000
    due_at = _dues(scene, life, since, end, span)
    if due_at is None:
        scene.counts["leads not recomputed"] += 1
        return
    start = max(due_at[lead], since, scene.world.start_ms)
    need = poll + SLACK_MS
    if scene.away(life.owner, start - HOUR_MS, start + need):
        need += poll  # Slack refuses it, and the next pass gives it to the lead
    if min(to, end, scene.world.end_ms) - start < need or not scene.calm(start - poll - SLACK_MS, start + need):
        return
    seen_at = max(since, scene.world.start_ms) + poll + SLACK_MS
    if due_at[lead] < seen_at and any(other < lead and due_at[other] >= since for other in LEADS_MS):
        return  # it lay behind when the bot could first see it, and a shorter one lay ahead
    keys = {f"lease_warning:{life.id}:{end}:{other // 1000}" for other in LEADS_MS if other <= lead}
    keys |= {f"lease_warning:{life.id}:{end}:{o // 1000}" for o in LEADS_MS if due_at[o] == due_at[lead]}
    scene.counts["leads due"] += 1
    scene.counts["leads moved"] += due_at[lead] < end - min(lead, span // 2)
    if not any(key in keys and post.at_ms <= start + need for key, post in told):
        yield f"{life.id}: lead {lead // MINUTE_MS} min of the end {end}, due {due_at[lead]}, lease known {since}"


def _dues(scene: "Scene", life: Life, since: int, end: int, span: int) -> dict[int, int] | None:
    """When each lead is due, quiet hours counted; None where it hangs on the moment at which the bot saw the lease."""
    found = {lead: end - min(lead, span // 2) for lead in LEADS_MS}
    if not scene.world.quiet:
        return found
    if scene.chose_for_themselves(life.owner):
        return None
    zone = ZoneInfo(ZONES[life.owner])
    first = max(since, scene.world.start_ms)
    for lead, at in found.items():
        began = quiet_since(at, zone)
        if began is None:
            continue
        moved = began - BEFORE_QUIET_MS
        if first - MINUTE_MS <= moved <= first + scene.world.poll_s * 1000 + SLACK_MS:
            return None
        if moved > first:
            found[lead] = moved
    return found


def quiet_since(ms: int, zone: ZoneInfo) -> int | None:
    """When the quiet hours in which `ms` lies began, on the clock of that zone; None outside them."""
    local = datetime.fromtimestamp(ms / 1000, zone)
    if QUIET[1] <= local.hour < QUIET[0]:
        return None
    day = local.date() - timedelta(days=local.hour < QUIET[1])
    return int(datetime(day.year, day.month, day.day, QUIET[0], tzinfo=zone).timestamp() * 1000)


def early(scene: "Scene") -> Iterator[str]:
    """No lead before it is due."""
    for life in scene.lives.values():
        for key, post in scene.about("lease_warning", life.id):
            end, lead_ms = int(key.split(":")[2]), int(key.split(":")[3]) * 1000
            dues = [_dues(scene, life, since, end, span) for since, to, its_end, span in life.ends
                    if its_end == end and since <= post.at_ms < to + SLACK_MS]  # fmt: skip
            known = [each[lead_ms] for each in dues if each is not None]
            if known and None not in dues and post.at_ms < min(known) - EARLY_MS:
                yield f"{key} sent at {post.at_ms}, due at {min(known)}"


def asleep(scene: "Scene") -> Iterator[str]:
    """No lease warning in quiet hours, unless it was too late to give it before them."""
    if not scene.world.quiet:
        return
    poll = scene.world.poll_s * 1000
    for life in scene.lives.values():
        if scene.chose_for_themselves(life.owner):
            continue
        for key, post in scene.about("lease_warning", life.id):
            began = quiet_since(post.at_ms, ZoneInfo(ZONES[life.owner]))
            if began is None:
                continue
            known = min((since for since, _to, end, _s in life.ends if end == int(key.split(":")[2])), default=None)
            if known is None or not scene.calm(began - BEFORE_QUIET_MS - poll, began + poll + SLACK_MS):
                continue
            known = max(known, scene.world.start_ms, scene.world.witness.made_at.get(life.id, 0))
            if known + poll + SLACK_MS < began - BEFORE_QUIET_MS and post.at_ms > began + poll + SLACK_MS:
                yield f"{key} sent at {post.at_ms}, quiet since {began}, lease known since {known}"


def overtaken(scene: "Scene") -> Iterator[str]:
    """No warning of an end that the bot could know to be gone."""
    poll = scene.world.poll_s * 1000
    for life in scene.lives.values():
        told = scene.about("lease_warning", life.id)
        in_time = {(post.channel, key) for key, post in told if post.at_ms <= int(key.split(":")[2]) + SLACK_MS}
        for key, post in told:
            end = int(key.split(":")[2])
            known = [(since, to) for since, to, its_end, _span in life.ends if its_end == end]
            if not known:
                yield f"{key} warns of an end that never was"
                continue
            gone = max(to for _since, to in known)
            if post.at_ms - gone > poll + SLACK_MS and scene.calm(gone - SLACK_MS, post.at_ms):
                yield f"{key} sent at {post.at_ms}, the end was gone at {gone}"
            if post.at_ms > end + SLACK_MS and (post.channel, key) not in in_time:  # said again: see `doubles`
                yield f"{key} sent at {post.at_ms}, after the end"
