"""Stops that the cloud refuses, forgets or never finishes: asked again in moderation, admins told, nobody misled."""

from datetime import timedelta
from typing import Any

import pytest

from bot.stores.schema import notebooks, stops, usage, work
from deploy.sandbox.cloud.model import Notebook
from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, DORA, HOUR, Scene, buttons, minutes
from tests.flows.test_idle import about_to_stop

DENIED = {"error_code": "ModelArts.0103", "error_msg": "no rights"}


def refused(scene: Scene, **answer: Any) -> Any:
    """The cloud carries out no stop from here on; without `answer` it says that it does."""
    given = {"status": 200, "body": {}} | answer
    return scene.cloud.faults.add("status", method="POST", path=r"/stop$", count=0, **given)


async def idle_stops(scene: Scene) -> list[tuple[str, str]]:
    """State and step of each piece of work that stops an idle notebook."""
    return [(row.state, row.step) for row in await scene.rows(work) if row.kind == "idle_stop"]


async def stops_that_are_not_carried_out(scene: Scene, lease_ms: int = 9 * HOUR, **answer: Any) -> tuple[Notebook, Any]:
    """An idle one, warned of, whose grace is over."""
    made = await idle_one(scene, lease_ms=lease_ms)
    await until_warned(scene)
    rule = refused(scene, **answer)
    await scene.pass_time(minutes(18), minutes(3))
    return made, rule


async def test_a_stop_that_is_refused_is_told_and_tried_again_in_moderation(scene: Scene) -> None:
    made, rule = await stops_that_are_not_carried_out(scene, status=403, body=DENIED)
    await scene.pass_time(minutes(30), minutes(3))
    assert 2 <= rule.hits <= 5
    (alert,) = scene.in_dm(DORA, "alert")
    assert "forgotten is idle and could not be stopped" in alert.text
    assert "right to stop notebooks" in alert.text
    assert scene.in_dm(ANA, "stopped") == []
    assert await idle_stops(scene) == [("open", "refused")]
    scene.cloud.faults.clear()  # the right is given
    await scene.pass_time(minutes(15), minutes(3))
    assert len(scene.stops(made)) == 1
    assert "because it was idle" in scene.in_dm(ANA, "stopped")[-1].text
    assert await idle_stops(scene) == [("done", "watch")]


async def test_whoever_uses_it_while_its_stop_is_refused_is_left_alone(scene: Scene) -> None:
    made, _rule = await stops_that_are_not_carried_out(scene, status=403, body=DENIED)
    scene.cloud.make_busy(made.id)
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(20), minutes(4))
    assert scene.stops() == []
    assert [state for state, _step in await idle_stops(scene)] == ["done"]


async def test_after_a_refusal_the_end_of_the_lease_is_told_as_what_it_is(scene: Scene) -> None:
    """We marked it as stopped by us, and then we did not stop it."""
    made, _rule = await stops_that_are_not_carried_out(scene, 2 * HOUR, status=403, body=DENIED)
    await scene.pass_time(scene.end(made) - scene.now + minutes(4), minutes(4))
    assert scene.found(made.id).status == "STOPPED"
    (told,) = scene.in_dm(ANA, "stopped")
    assert "its lease ended" in told.text
    assert [state for state, _step in await idle_stops(scene)] == ["done"]


async def test_a_stop_that_was_accepted_and_forgotten_is_asked_for_again_and_told(scene: Scene) -> None:
    made, rule = await stops_that_are_not_carried_out(scene)
    await scene.pass_time(minutes(45), minutes(3))
    assert 3 <= rule.hits <= 25
    (alert,) = scene.in_dm(DORA, "alert")
    assert "was asked to stop 30 minutes ago and is running now" in alert.text
    assert len(await idle_stops(scene)) == 1
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(12), minutes(3))
    assert scene.found(made.id).status == "STOPPED"
    assert "because it was idle" in scene.in_dm(ANA, "stopped")[-1].text


@pytest.mark.parametrize("policy", [{"admins": '["S0ADMINS"]'}])
async def test_a_stop_that_takes_very_long_is_told_once_somebody_can_be_named(scene: Scene) -> None:
    scene.cloud.settings.stop_ms = 3 * HOUR
    await idle_one(scene)
    await until_warned(scene)
    scene.slack.fault("usergroups.users.list", "status", status=503, count=None)
    await scene.pass_time(minutes(70), minutes(5))
    assert scene.in_dm(DORA, "alert") == []
    scene.slack.faults.clear()
    await scene.pass_time(minutes(20), minutes(5))
    assert "is stopping now" in scene.in_dm(DORA, "alert")[-1].text


async def test_a_stop_that_takes_very_long_is_told_and_seen_to_its_end(scene: Scene) -> None:
    scene.cloud.settings.stop_ms = HOUR
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.pass_time(minutes(60), minutes(5))
    (alert,) = scene.in_dm(DORA, "alert")
    assert "is stopping now" in alert.text
    assert scene.in_dm(ANA, "stopped") == []
    await scene.pass_time(minutes(35), minutes(5))
    assert scene.found(made.id).status == "STOPPED"
    assert len(scene.in_dm(ANA, "stopped")) == 1
    assert len(scene.stops(made)) == 1


async def test_a_notebook_that_breaks_at_its_stop_is_told_and_not_watched_for_ever(scene: Scene) -> None:
    made = await about_to_stop(scene)
    await scene.play.bot.drain.one_work()
    assert len(scene.stops(made)) == 1
    scene.cloud.console.set_status(made.id, "ERROR")
    await scene.pass_time(minutes(40), minutes(4))
    (alert,) = scene.in_dm(DORA, "alert")
    assert "is in error now" in alert.text
    assert await idle_stops(scene) == [("done", "watch")]
    assert buttons(scene.in_dm(ANA, "idle_warning")[-1]) == []


async def test_a_persons_stop_that_is_forgotten_is_asked_for_again_and_given_up(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine")
    await scene.ask(ANA, "stop mine")
    rule = refused(scene)
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(33), minutes(3))
    assert 3 <= rule.hits <= 20
    assert "mine is still running" in scene.operation(ANA)
    (row,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    assert row.stop_by is None


async def test_after_a_persons_stop_was_refused_the_end_of_the_lease_is_told(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=HOUR)
    await scene.ask(ANA, "stop mine")
    rule = refused(scene, status=403, body=DENIED)
    await scene.click(ANA, "notebook_stop")
    assert rule.hits == 1
    scene.cloud.faults.clear()
    await scene.pass_time(scene.end(made) - scene.now + minutes(4), timedelta(minutes=15))
    (told,) = scene.in_dm(ANA, "stopped")
    assert "its lease ended" in told.text


async def test_a_stop_that_had_to_be_asked_for_again_costs_until_it_was_taken(scene: Scene) -> None:
    made = await scene.notebook("ana", "sticky", lease_ms=4 * HOUR)
    rule = refused(scene)
    await scene.ask(ANA, "stop sticky")
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(20))
    scene.cloud.faults.clear()
    before = scene.now
    await scene.pass_time(minutes(6))
    assert rule.hits > 1
    assert scene.found(made.id).status == "STOPPED"
    (ran,) = [row for row in await scene.rows(usage) if row.kind == "run"]
    (stop,) = await scene.rows(stops)
    assert before <= stop.at == ran.to_at <= before + minutes(4)


async def test_a_delete_whose_stop_is_forgotten_asks_for_it_again_and_is_given_up(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    rule = refused(scene)
    await scene.ask(ANA, "delete mine")
    await scene.submit(ANA, {"typed_name": "mine"})
    await scene.pass_time(minutes(36), minutes(3))
    assert 3 <= rule.hits <= 20
    assert "did not delete it; it is running" in scene.operation(ANA)
    (row,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    assert row.stop_by is None
