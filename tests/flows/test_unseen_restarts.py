"""A notebook that was stopped and started between two looks: nothing of the run before counts against the new one."""

from datetime import timedelta

import pytest

from bot.stores.schema import audit, notebooks, stops, usage
from deploy.sandbox.cloud.model import Notebook
from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, HOUR, MINUTE, Scene, minutes


async def warned(scene: Scene) -> Notebook:
    made = await idle_one(scene)
    await until_warned(scene)
    return made


@pytest.mark.parametrize("policy", [{}, {"idle_sources": '["metrics"]'}], ids=["all sources", "metrics alone"])
async def test_a_job_begun_after_a_restart_that_no_pass_has_seen_is_not_stopped(scene: Scene) -> None:
    scene.cloud.settings.metrics_lag_ms = 8 * MINUTE
    made = await warned(scene)
    await scene.jump(minutes(6))
    scene.cloud.console.stop(made.id)
    await scene.jump(minutes(3))
    scene.cloud.console.start(made.id, 9 * HOUR)
    await scene.jump(minutes(1))
    assert scene.found(made.id).status == "RUNNING"
    started = scene.now
    scene.cloud.make_busy(made.id)
    await scene.pass_time(minutes(30), minutes(1))
    assert scene.stops(made) == []
    (row,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    assert abs(row.running_since - started) < minutes(2)
    runs = [row for row in await scene.rows(usage) if row.kind == "run" and row.notebook_id == made.id]
    assert sorted(row.to_at is None for row in runs) == [False, True]
    assert "started again meanwhile" in scene.in_dm(ANA, "idle_warning")[0].text


async def test_what_ran_before_it_costs_until_a_pass_last_saw_it(scene: Scene) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.pass_time(minutes(90), minutes(10))
    last_seen = scene.now
    await scene.jump(minutes(4))
    scene.cloud.console.stop(made.id)
    await scene.jump(minutes(3))
    scene.cloud.console.start(made.id, 9 * HOUR)
    await scene.jump(minutes(1))
    await scene.sweep()
    runs = [row for row in await scene.rows(usage) if row.kind == "run" and row.notebook_id == made.id]
    (over,) = [row.to_at for row in runs if row.to_at is not None]
    assert abs(over - last_seen) < timedelta(seconds=30)


async def test_a_rename_or_a_renewal_is_no_restart(scene: Scene) -> None:
    made = await scene.notebook("ana", "same", lease_ms=5 * HOUR)
    (before,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    scene.cloud.console.rename(made.id, "other")
    await scene.pass_time(minutes(2))
    scene.cloud.console.renew(made.id, 9 * HOUR)
    await scene.pass_time(minutes(2))
    (after,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    assert after.running_since == before.running_since


@pytest.mark.parametrize("later_s", [5, 18, 36, 50])
async def test_a_person_who_stops_and_starts_it_at_once_has_it_stopped_once(scene: Scene, later_s: int) -> None:
    made = await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.ask(ANA, "stop mine")
    await scene.click(ANA, "notebook_stop")
    await scene.jump(timedelta(seconds=later_s))
    await scene.command(ANA, "start mine")
    await scene.pass_time(minutes(8), timedelta(seconds=2))
    assert scene.found(made.id).status == "RUNNING"
    assert len(scene.stops(made)) == 1


@pytest.mark.parametrize("later_s", [12, 24, 42])
async def test_an_idle_stop_that_is_undone_at_once_is_told_all_the_same(scene: Scene, later_s: int) -> None:
    made = await warned(scene)
    for _ in range(30):
        if not scene.stops(made):
            await scene.pass_time(minutes(1), minutes(1))
    await scene.jump(timedelta(seconds=later_s))
    await scene.command(ANA, "start forgotten")
    await scene.pass_time(minutes(8), timedelta(seconds=2))
    assert scene.found(made.id).status == "RUNNING"
    assert len(scene.in_dm(ANA, "stopped")) == 1
    assert [row.cause for row in await scene.rows(stops)] == ["idle"]
    assert "idle_stop" in [row.action for row in await scene.rows(audit)]
    assert all("will be stopped" not in message.text for message in scene.in_dm(ANA, "idle_warning"))


async def test_a_keep_ends_with_the_run_that_it_was_said_of(scene: Scene) -> None:
    made = await warned(scene)
    await scene.ask(ANA, "keep forgotten until 23:00 still training")
    (row,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    assert row.keep_until is not None
    await scene.jump(minutes(6))
    scene.cloud.console.stop(made.id)
    await scene.jump(minutes(3))
    scene.cloud.console.start(made.id, 9 * HOUR)
    await scene.pass_time(minutes(3), minutes(1))
    (row,) = [row for row in await scene.rows(notebooks) if row.id == made.id]
    assert (row.status, row.keep_until, row.keep_reason, row.keep_by) == ("RUNNING", None, None, None)
