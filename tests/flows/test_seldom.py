"""Passes as far apart as `idle_after` is long: one quiet spell is warned of once, and its stop comes in time."""

from datetime import timedelta

import pytest

from bot.clock import from_ms
from tests.flows.scene import ANA, HOUR, Scene, minutes


@pytest.mark.parametrize(
    ("policy", "step"),
    [({"idle_after": '"30m"'}, 30), ({"idle_after": '"60m"'}, 60), ({"idle_after": '"30m"'}, 60)],
)
async def test_one_spell_is_warned_of_once_and_stopped(scene: Scene, step: int) -> None:
    made = await scene.notebook("ana", "forgotten", busy=False, lease_ms=20 * HOUR)
    for _ in range(5):
        if scene.stops():
            break
        await scene.pass_time(minutes(2), minutes(2))  # the second look
        await scene.pass_time(minutes(step - 2), minutes(step - 2))
    (warning,) = scene.in_dm(ANA, "idle_warning")
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) - from_ms(warning.posted_ms) >= minutes(15)


@pytest.mark.parametrize("policy", [{"idle_after": '"30m"'}])
async def test_work_between_two_passes_ends_the_spell(scene: Scene) -> None:
    """`nohup` work that is over again when the next pass looks: whoever did it is warned anew."""
    made = await scene.notebook("ana", "forgotten", busy=False, lease_ms=20 * HOUR)
    while not scene.in_dm(ANA, "idle_warning"):
        await scene.pass_time(minutes(2), minutes(2))
    scene.cloud.set_activity(made.id, cpu=70.0)
    await scene.jump(minutes(8))
    scene.cloud.set_activity(made.id, cpu=0.5)
    await scene.jump(minutes(55))
    await scene.sweep()
    assert scene.stops() == []
    await scene.pass_time(minutes(6), minutes(2))
    _first, second = scene.in_dm(ANA, "idle_warning")
    await scene.pass_time(timedelta(minutes=20), minutes(5))
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= second.posted_ms + 15 * 60_000
