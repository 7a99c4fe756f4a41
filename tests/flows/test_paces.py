"""Slack's rate limits, as the simulated Slack sets them: each method rests for as long as it was told to."""

import itertools
from datetime import timedelta

from tests.flows.scene import ANA, BEN, HOUR, Scene, minutes


def calls(scene: Scene, method: str) -> list[int]:
    return [call["at_ms"] for call in scene.slack.calls(method)]


async def test_people_are_asked_about_again_only_after_retry_after(scene: Scene) -> None:
    """What is not known of an owner meanwhile stops nothing and escalates nothing; then all goes its way."""
    for owner in ("ana", "ben"):
        await scene.notebook(owner, f"of-{owner}", busy=False, lease_ms=9 * HOUR)
    await scene.jump(minutes(65))  # what Slack said of them is too old by now
    before = len(calls(scene, "users.info"))
    scene.slack.fault("users.info", "ratelimited", retry_after=300, count=1)
    await scene.pass_time(minutes(12), minutes(1))
    asked = calls(scene, "users.info")[before:]
    assert len(asked) >= 3
    assert all(b - a >= 300_000 for a, b in itertools.pairwise(asked[:2]))
    assert len(scene.in_dm(ANA, "idle_warning")) == len(scene.in_dm(BEN, "idle_warning")) == 1
    assert len(scene.notices("idle_warning")) == 2


async def test_conversations_are_opened_again_only_after_retry_after(scene: Scene) -> None:
    await scene.ending("ana", "paced", minutes(62))
    scene.slack.fault("conversations.open", "ratelimited", retry_after=90, count=2)
    await scene.pass_time(minutes(8), minutes(1))
    asked = calls(scene, "conversations.open")
    assert len(asked) >= 3
    assert all(b - a >= 90_000 for a, b in itertools.pairwise(asked[:3]))
    assert len(scene.in_dm(ANA, "lease_warning")) == 1


async def test_a_history_is_read_again_only_after_retry_after(scene: Scene) -> None:
    await scene.ending("ana", "looked-up", minutes(62))
    scene.slack.fault("chat.postMessage", "lost")
    scene.slack.fault("conversations.history", "ratelimited", retry_after=240, count=1)
    await scene.pass_time(minutes(14), timedelta(seconds=30))
    asked = calls(scene, "conversations.history")
    assert len(asked) >= 2
    assert asked[1] - asked[0] >= 240_000
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
