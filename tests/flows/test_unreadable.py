"""Answers that nobody can read (a proxy's page, half an answer) after something was done: it is told as what it is."""

import pytest

from bot.stores.schema import audit, stops
from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, DORA, HOUR, Scene, minutes


@pytest.mark.parametrize("effect", ["html", "truncated", "empty"])
async def test_a_stop_that_could_not_be_watched_for_a_while_is_told_as_done(scene: Scene, effect: str) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.ask(ANA, "stop mine")
    await scene.click(ANA, "notebook_stop")
    scene.cloud.faults.add(effect, method="GET", path=rf"{made.id}$", count=0)
    await scene.pass_time(minutes(2))
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(6))
    assert scene.found(made.id).status == "STOPPED"
    assert "is stopped" in scene.operation(ANA)
    assert [row.cause for row in await scene.rows(stops)] == ["person"]


async def test_an_idle_stop_that_could_not_be_watched_for_a_while_is_told(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    while not scene.stops(made):
        await scene.pass_time(minutes(1), minutes(1))
    scene.cloud.faults.add("html", method="GET", path=rf"{made.id}$", count=0)
    await scene.pass_time(minutes(2))
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(20), minutes(2))
    (told,) = scene.in_dm(ANA, "stopped")
    assert "because it was idle" in told.text
    assert [row.cause for row in await scene.rows(stops)] == ["idle"]
    assert "idle_stop" in [row.action for row in await scene.rows(audit)]
    assert all("will be stopped" not in message.text for message in scene.in_dm(ANA, "idle_warning"))
    assert not any("could not be stopped" in message.text for message in scene.in_dm(DORA, "alert"))


async def test_an_idle_stop_that_nobody_might_look_at_for_a_while_is_told(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    while not scene.stops(made):
        await scene.pass_time(minutes(1), minutes(1))
    await scene.pass_time(minutes(0.5), minutes(0.5))  # it is seen to be stopping
    denied = {"error_code": "ModelArts.0103", "error_msg": "no rights"}
    scene.cloud.faults.add("status", method="GET", path=rf"{made.id}$", count=0, status=403, body=denied)
    await scene.pass_time(minutes(3))
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(20), minutes(2))
    (told,) = scene.in_dm(ANA, "stopped")
    assert "because it was idle" in told.text


async def test_a_stop_of_what_the_cloud_once_says_is_gone_is_told_as_done(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.ask(ANA, "stop mine")
    await scene.click(ANA, "notebook_stop")
    gone = scene.cloud.faults.add("error_200", method="GET", path=rf"{made.id}$", code="ModelArts.6309")
    await scene.pass_time(minutes(6))
    assert gone.hits == 1
    assert "is stopped" in scene.operation(ANA)


async def test_a_stop_of_what_is_gone_is_told_as_that(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.ask(ANA, "stop mine")
    await scene.click(ANA, "notebook_stop")
    scene.cloud.console.vanish(made.id)
    await scene.pass_time(minutes(6))
    assert "was not stopped" in scene.operation(ANA)


async def test_a_delete_that_could_not_be_watched_for_a_while_is_carried_on(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.ask(ANA, "delete mine")
    await scene.submit(ANA, {"typed_name": "mine"})
    scene.cloud.faults.add("html", method="GET", path=rf"{made.id}$", count=0)
    await scene.pass_time(minutes(2))
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(8))
    assert "is deleted" in scene.operation(ANA)


async def test_an_extension_that_could_not_be_read_back_at_once_is_told_as_done(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine")
    scene.cloud.faults.add("html", method="GET", path=rf"{made.id}$", nth=2, count=6)
    await scene.ask(ANA, "extend mine 1h")
    await scene.pass_time(minutes(4))
    assert len(scene.renewals(made)) == 1
    assert "now runs until" in scene.operation(ANA)
    assert "extend" in [row.action for row in await scene.rows(audit)]


async def test_what_cannot_be_read_before_anything_is_done_is_told_at_once(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    scene.cloud.faults.add("html", method="GET", path=rf"{made.id}$", count=0)
    await scene.ask(ANA, "extend mine 1h")
    assert "was not extended" in scene.operation(ANA)
    assert scene.renewals(made) == []
