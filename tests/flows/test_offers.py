"""What cannot be done as it was asked offers the next step as a button, and the button does it."""

from datetime import timedelta

from tests.flows.scene import ANA, HOUR, Scene


async def test_extending_what_has_no_timed_end_offers_to_set_one(scene: Scene) -> None:
    made = await scene.notebook("ana", "free", lease_type="IDLE")
    await scene.ask(ANA, "extend free 2h")
    assert scene.renewals(made) == []
    await scene.click(ANA, "notebook_extend")
    (renewal,) = scene.renewals(made)
    assert renewal["details"]["lease"]["type"] == "TIMING"
    assert timedelta(hours=1, minutes=59) < scene.end(made) - scene.now <= timedelta(hours=2)


async def test_extending_what_is_stopped_offers_to_start_it_for_that_long(scene: Scene) -> None:
    made = await scene.notebook("ana", "asleep", status="STOPPED")
    await scene.ask(ANA, "extend asleep 3h")
    await scene.click(ANA, "notebook_start")
    await scene.pass_time(timedelta(minutes=1))
    assert timedelta(hours=2, minutes=55) < scene.end(made) - scene.now <= timedelta(hours=3)


async def test_keeping_beyond_the_lease_says_so_first_and_offers_to_extend_to_then(scene: Scene) -> None:
    made = await scene.notebook("ana", "long", lease_ms=2 * HOUR)
    before = scene.end(made)
    await scene.ask(ANA, "keep long until 13:00 the sweep")
    told = scene.operation(ANA)
    assert told.index("Its lease ends before that") < told.index("is kept running")
    await scene.click(ANA, "notebook_extend")
    after = scene.end(made)
    assert after > before
    assert (after.hour, after.minute) == (12, 0)  # 13:00 in Berlin


async def test_extending_to_then_leads_there_wherever_the_lease_ends_by_then(scene: Scene) -> None:
    """Somebody has renewed it since the button was drawn."""
    made = await scene.notebook("ana", "long", lease_ms=2 * HOUR)
    await scene.ask(ANA, "keep long until 14:00 the sweep")
    scene.cloud.console.renew(made.id, 3 * HOUR)
    await scene.sweep()
    await scene.click(ANA, "notebook_extend")
    after = scene.end(made)
    assert (after.hour, after.minute, len(scene.renewals(made))) == (13, 0, 1)  # 14:00 in Berlin
