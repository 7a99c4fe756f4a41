"""What an idle warning has announced: not before its time, not for somebody else, and not hours later."""

from datetime import timedelta

import pytest

from deploy.sandbox.stage import Stage
from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, MINUTE, Scene, bot_on, buttons, minutes


@pytest.mark.parametrize("hours", [1, 3])
async def test_whoever_could_not_be_stopped_for_long_is_warned_anew(scene: Scene, hours: int) -> None:
    """Nobody could see whether it was idle when its time came; hours later the old notice stops nothing."""
    made = await idle_one(scene)
    await until_warned(scene)
    scene.cloud.jupyter(made.id).trouble = "503"
    await scene.pass_time(timedelta(hours=hours), minutes(10))
    scene.cloud.jupyter(made.id).trouble = ""
    anew = 1 if hours > 1 else 0
    for _ in range(12):
        await scene.pass_time(minutes(5))
        if scene.stops() or len(scene.in_dm(ANA, "idle_warning")) > 1:
            break
    assert (len(scene.stops()), len(scene.in_dm(ANA, "idle_warning"))) == (1 - anew, 1 + anew)
    assert ("Nobody could tell then" in scene.in_dm(ANA, "idle_warning")[0].text) == bool(anew)
    await scene.pass_time(minutes(25), minutes(5))
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= scene.in_dm(ANA, "idle_warning")[-1].posted_ms + 15 * MINUTE


async def test_a_shorter_grace_cuts_nothing_off_what_was_promised(scene: Scene, on: Stage, database_url: str) -> None:
    await idle_one(scene)
    told_at = await until_warned(scene)
    on.policy = on.policy.replace('idle_grace = "15m"', 'idle_grace = "2m"')
    async with bot_on(on, database_url) as restarted:
        await restarted.pass_time(told_at + minutes(15) - scene.now - timedelta(seconds=1), minutes(2))
        assert scene.stops() == []
        await restarted.pass_time(minutes(5), minutes(1))
        assert len(scene.stops()) == 1


async def test_whoever_owns_it_by_now_is_warned_too(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.ask(ANA, "unlink research")
    await scene.ask(DORA, f"admin map <@{BEN}> ana research")
    told_at = await until_warned(scene, BEN)
    (first,) = scene.in_dm(ANA, "idle_warning")
    assert buttons(first) == []
    await scene.pass_time(told_at + minutes(15) - scene.now - timedelta(seconds=1), minutes(5))
    assert scene.stops() == []
    await scene.pass_time(minutes(5))
    assert len(scene.stops(made)) == 1


async def test_an_owner_who_can_be_told_only_after_the_escalation_is_warned_too(scene: Scene) -> None:
    """Nobody knew who owned it; within the grace they link."""
    await scene.ask(ANA, "unlink research")
    made = await idle_one(scene)
    await until_warned(scene, CARLA)
    await scene.link(ANA)
    told_at = await until_warned(scene)
    (first,) = scene.in_dm(CARLA, "idle_warning")
    assert "Its owner can be told by now" in first.text
    assert buttons(first) == []
    await scene.pass_time(told_at + minutes(15) - scene.now - timedelta(seconds=1), minutes(5))
    assert scene.stops() == []
    await scene.pass_time(minutes(5))
    assert len(scene.stops(made)) == 1


async def test_while_slack_takes_messages_and_does_not_answer_nobody_is_warned_again_and_again(scene: Scene) -> None:
    """Nothing is stopped then, so nothing is announced: not before Slack answers."""
    made = await idle_one(scene, lease_ms=20 * HOUR)
    await until_warned(scene)
    scene.slack.fault("auth.test", "status", status=503, count=1000)
    await scene.pass_time(timedelta(hours=6), minutes(10))
    (told,) = scene.in_dm(ANA, "idle_warning")
    assert "Slack did not answer then" in told.text
    scene.slack.faults.clear()
    await scene.pass_time(minutes(30), minutes(5))
    assert len(scene.in_dm(ANA, "idle_warning")) == 2
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= scene.in_dm(ANA, "idle_warning")[-1].posted_ms + 15 * MINUTE


async def test_who_can_be_told_of_now_and_then_only_is_not_warned_again_and_again(scene: Scene) -> None:
    """It answers for twenty minutes in every two hours."""
    made = await idle_one(scene, lease_ms=40 * HOUR)
    await until_warned(scene)
    for _ in range(3):
        scene.cloud.jupyter(made.id).trouble = "503"
        await scene.pass_time(minutes(100), minutes(10))
        scene.cloud.jupyter(made.id).trouble = ""
        await scene.pass_time(minutes(20), minutes(5))
    assert len(scene.in_dm(ANA, "idle_warning")) == 2
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= scene.in_dm(ANA, "idle_warning")[-1].posted_ms + 15 * MINUTE
