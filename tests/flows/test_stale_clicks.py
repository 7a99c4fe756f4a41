"""A click on a settled message does nothing and says what happened."""

from typing import Any

import pytest

from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, CARLA, HOUR, Scene, minutes


async def does_nothing(scene: Scene, made: Any, message: Any, action: str, says: str) -> None:
    """Pressed on a message of before, it changes nothing of the notebook and says how the message was settled."""
    before = scene.found(made.id).status, scene.end(made)
    told = await scene.click(ANA, action, ts=message.ts, channel=ANA, stale=True)
    await scene.pass_time(minutes(2))
    assert says in told
    assert (scene.found(made.id).status, scene.end(made)) == before


@pytest.mark.parametrize("action", ["notebook_extend:1h", "notebook_stop"])
async def test_on_a_lease_warning_that_was_answered(scene: Scene, action: str) -> None:
    made = await scene.ending("ana", "w", minutes(59))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    await scene.ask(ANA, "extend w 2h")
    await does_nothing(scene, made, warning, action, "Extended")


async def test_on_a_lease_warning_that_a_newer_one_had_replaced(scene: Scene) -> None:
    made = await scene.ending("ana", "w", minutes(59))
    (first,) = scene.in_dm(ANA, "lease_warning")
    await scene.pass_time(minutes(46), minutes(2))
    assert len(scene.in_dm(ANA, "lease_warning")) == 2
    await scene.ask(ANA, "extend w 2h")
    await does_nothing(scene, made, first, "notebook_stop", "A newer warning of it is settled")


async def test_on_an_idle_warning_after_it_was_kept(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    (warning,) = scene.in_dm(ANA, "idle_warning")
    await scene.ask(ANA, "keep forgotten until 18:00 still training")
    await does_nothing(scene, made, warning, "notebook_stop", "Kept")


async def test_on_a_stop_that_was_undone(scene: Scene) -> None:
    made = await scene.notebook("ana", "w", lease_ms=3 * HOUR)
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(3))
    (stopped,) = scene.in_dm(ANA, "stopped")
    await scene.ask(ANA, "start w")
    await scene.pass_time(minutes(3))
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(3))
    await does_nothing(scene, made, stopped, "notebook_start", "Started again")


async def test_a_second_click_is_told_of_the_first(scene: Scene) -> None:
    await scene.ending("ana", "w", minutes(59))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    await scene.click(ANA, "notebook_extend:1h", ts=warning.ts, channel=ANA)
    told = await scene.click(ANA, "notebook_extend:1h", ts=warning.ts, channel=ANA, stale=True)
    assert "You asked for this already (1 h more), and it is done" in told


async def test_a_second_click_is_told_that_the_first_waits_for_an_approval(scene: Scene) -> None:
    """Nothing is done yet: whoever believed that it was would lose what runs."""
    made = await scene.ending("ana", "w", minutes(59))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    await scene.click(ANA, "notebook_extend_other", ts=warning.ts, channel=ANA)
    await scene.submit(ANA, {"for": "9h"})
    told = await scene.click(ANA, "notebook_extend:1h", ts=warning.ts, channel=ANA)
    assert "You asked for this already (9 h more), and it waits for an approval" in told
    assert scene.renewals(made) == []


@pytest.mark.parametrize("how", ["denied", "withdrawn"])
async def test_what_was_not_granted_keeps_nobody_from_pressing_again(scene: Scene, how: str) -> None:
    """The warning still stands, and so do its buttons: the first press has had no effect."""
    made = await scene.ending("ana", "w", minutes(59))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    await scene.click(ANA, "notebook_extend_other", ts=warning.ts, channel=ANA)
    await scene.submit(ANA, {"for": "9h"})
    if how == "denied":
        await scene.click(CARLA, "approval_deny")
        await scene.submit(CARLA, {"reason": "too long"})
    else:
        await scene.click(ANA, "approval_withdraw", channel=ANA)
    await scene.pass_time(minutes(1))
    await scene.click(ANA, "notebook_extend:1h", ts=warning.ts, channel=ANA)
    assert len(scene.renewals(made)) == 1
    await scene.jump(minutes(1))
    told = await scene.click(ANA, "notebook_extend:4h", ts=warning.ts, channel=ANA, stale=True)
    assert "Your click changed nothing" in told
    assert len(scene.renewals(made)) == 1


async def test_what_was_not_granted_does_not_open_a_settled_message_again(scene: Scene) -> None:
    made = await scene.ending("ana", "w", minutes(59))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    await scene.click(ANA, "notebook_extend_other", ts=warning.ts, channel=ANA)
    await scene.submit(ANA, {"for": "9h"})
    await scene.click(ANA, "approval_withdraw", channel=ANA)
    await scene.ask(ANA, "extend w 2h")
    await scene.jump(minutes(1))
    await does_nothing(scene, made, warning, "notebook_extend:1h", "Extended")
