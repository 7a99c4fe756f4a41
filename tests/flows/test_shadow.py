"""Shadow mode: what it would have stopped, with money, and whether that would have been right."""

from datetime import timedelta
from typing import Any

import pytest

from bot.stores.schema import stops
from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, DORA, HOUR, MINUTE, RESEARCH, Scene, buttons, minutes

IDLE_MODE = {"idle_mode": ""}  # not said: what an admin chose, else shadow


@pytest.fixture
def policy() -> dict[str, str]:
    return IDLE_MODE


async def recorded(scene: Scene) -> Any:
    """Passes until a stop is on record that was not made."""
    for _ in range(40):
        if found := await scene.rows(stops):
            return found[0]
        await scene.pass_time(minutes(3), minutes(3))
    raise AssertionError("no stop was recorded")


async def verdict_on(scene: Scene) -> bool | None:
    (stop,) = await scene.rows(stops)
    said: bool | None = stop.active_later
    return said


async def digest(scene: Scene) -> Any:
    """The next day's."""
    await scene.jump(timedelta(hours=23))
    await scene.sweep()
    return scene.in_channel("digest")[-1]


async def test_one_that_stays_quiet_was_rightly_chosen_and_its_money_is_told(scene: Scene) -> None:
    made = await idle_one(scene, lease_ms=5 * HOUR)
    stop = await recorded(scene)
    hours = (scene.end(made) - stop.at) / timedelta(hours=1)
    await scene.pass_time(minutes(80), minutes(1))
    assert await verdict_on(scene) is False
    told = (await digest(scene)).text
    assert "0 of 1 were used within the hour after (0 %)" in told
    assert f"{hours * 0.17:.2f} EUR" in told


@pytest.mark.parametrize("span", [None, 5], ids=["on and on", "for a moment"])
async def test_one_that_is_used_soon_after_was_not(scene: Scene, span: int | None) -> None:
    made = await idle_one(scene)
    await recorded(scene)
    await scene.pass_time(minutes(20), minutes(1))
    scene.cloud.set_activity(made.id, cpu=70.0)
    if span:
        await scene.pass_time(minutes(span), minutes(1))
        scene.cloud.set_activity(made.id, cpu=1.0)
    await scene.pass_time(minutes(80), minutes(1))
    assert await verdict_on(scene) is True
    told = (await digest(scene)).text
    assert "1 of 1 were used within the hour after (100 %)" in told
    line = next(line for line in told.splitlines() if "forgotten" in line and "used again" in line)
    assert "EUR" not in line


async def test_what_is_used_later_only_is_no_mistake(scene: Scene) -> None:
    made = await idle_one(scene)
    await recorded(scene)
    await scene.pass_time(minutes(90), minutes(1))
    scene.cloud.set_activity(made.id, cpu=70.0)
    await scene.pass_time(minutes(60), minutes(1))
    assert await verdict_on(scene) is False


async def test_what_was_stopped_by_hand_saves_nothing_from_there_on(scene: Scene) -> None:
    made = await idle_one(scene)
    await recorded(scene)
    await scene.pass_time(minutes(30), minutes(1))
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(6), minutes(1))
    (stop,) = await scene.rows(stops)
    assert minutes(29) <= stop.until - stop.at <= minutes(36)


async def test_without_a_timed_end_no_saving_is_claimed(scene: Scene) -> None:
    await idle_one(scene, enable=False)
    await recorded(scene)
    told = (await digest(scene)).text
    line = next(line for line in told.splitlines() if line.startswith("• forgotten") and "stop" in line)
    assert "EUR" not in line


async def test_one_click_by_an_admin_enforces(scene: Scene) -> None:
    made = await idle_one(scene, lease_ms=60 * HOUR)
    await recorded(scene)
    posted = await digest(scene)
    assert "admin_enforce" in buttons(posted)
    await scene.click(ANA, "admin_enforce", channel="C0RESEARCH")
    await scene.pass_time(minutes(30), minutes(5))
    assert scene.in_dm(ANA, "idle_warning") == []
    await scene.click(DORA, "admin_enforce", channel="C0RESEARCH")
    told_at = await until_warned(scene)
    await scene.pass_time(minutes(25), minutes(5))
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= int(told_at.timestamp() * 1000) + 15 * MINUTE
    assert "admin_enforce" not in buttons(scene.in_channel("digest")[0])


async def test_a_button_that_has_enforced_once_does_not_do_so_again(scene: Scene) -> None:
    """One cause, one effect: whoever has gone back to shadow mode since stays there."""
    await idle_one(scene, lease_ms=60 * HOUR)
    await recorded(scene)
    posted = await digest(scene)
    await scene.click(DORA, "admin_enforce", ts=posted.ts, channel=RESEARCH)
    await scene.ask(DORA, "admin shadow")
    await scene.jump(minutes(1))
    told = await scene.click(DORA, "admin_enforce", ts=posted.ts, channel=RESEARCH, stale=True)
    assert "Nothing was changed" in told
    assert "admin enforce research" in told
    await scene.pass_time(minutes(30), minutes(5))
    assert scene.in_dm(ANA, "idle_warning") == []
    await scene.jump(timedelta(hours=1))
    newer = await digest(scene)
    assert "admin_enforce" in buttons(newer)
    assert "in enforce mode" in await scene.click(DORA, "admin_enforce", ts=newer.ts, channel=RESEARCH)


class TestLongSpans:
    """Where evidence is read every four hours, it is looked at twice more for the score."""

    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return IDLE_MODE | {"idle_after": '"24h"'}

    @pytest.mark.parametrize("used", [True, False])
    async def test_the_hour_after_is_seen(self, scene: Scene, used: bool) -> None:
        made = await idle_one(scene, lease_ms=60 * HOUR, settled_ago_ms=25 * HOUR, age_ms=25 * HOUR)
        await recorded(scene)
        await scene.pass_time(minutes(20), minutes(5))
        if used:
            scene.cloud.set_activity(made.id, cpu=70.0)
        await scene.pass_time(minutes(70), minutes(2))
        assert await verdict_on(scene) is used


async def test_what_was_announced_before_shadow_mode_counts_no_more_after_it(scene: Scene) -> None:
    await scene.ask(DORA, "admin enforce research")
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.ask(DORA, "admin shadow research")
    await scene.pass_time(minutes(60), minutes(5))
    (first,) = scene.in_dm(ANA, "idle_warning")
    assert (buttons(first), "not enforced" in first.text) == ([], True)
    assert [row.cause for row in await scene.rows(stops)] == ["shadow"]
    await scene.ask(DORA, "admin enforce research")
    await scene.pass_time(minutes(10), minutes(1))
    assert scene.stops() == []
    _first, second = scene.in_dm(ANA, "idle_warning")
    await scene.pass_time(minutes(20), minutes(2))
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= second.posted_ms + 15 * MINUTE
