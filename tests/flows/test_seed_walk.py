"""The recorded walk through one notebook's life, by slash commands alone; the cloud's log keeps the lease law."""

from datetime import timedelta

from tests.flows.scene import ANA, HOUR, Scene, minutes


async def test_the_eight_steps(scene: Scene) -> None:
    assert "On it" in await scene.ask(ANA, "create walk image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=1h")
    made = scene.named("walk")
    assert made.status == "CREATING"
    await scene.pass_time(minutes(1), timedelta(seconds=10))
    assert scene.named("walk").status == "RUNNING"
    assert "*walk* is running" in scene.operation(ANA)

    shown = await scene.ask(ANA, "show walk")
    assert "walk" in shown
    assert "modelarts.vm.cpu.2u" in shown

    first_end = scene.end(made)
    await scene.ask(ANA, "extend walk 2h")
    (renewal,) = scene.renewals(made)
    lease = renewal["details"]["lease"]
    assert first_end + timedelta(hours=2) <= scene.end(made) < first_end + timedelta(hours=2, seconds=1)
    # duration counts from the creation, what was asked for from now: D = (U - C) + R
    asked_for = lease["duration"] - (lease["update_at"] - lease["create_at"])
    assert asked_for % 1000 == 0
    assert asked_for > 2 * HOUR

    assert "Stop *walk*" in await scene.ask(ANA, "stop walk")
    assert scene.stops() == []
    await scene.click(ANA, "notebook_stop")
    assert scene.found(made.id).status == "STOPPING"
    await scene.pass_time(minutes(3))
    assert scene.found(made.id).status == "STOPPED"
    assert "is stopped" in scene.operation(ANA)

    await scene.ask(ANA, "start walk for 1h")
    await scene.pass_time(minutes(1))
    assert scene.found(made.id).status == "RUNNING"
    lease = scene.found(made.id).lease
    assert lease.span == HOUR
    assert lease.end == lease.update_at + HOUR

    await scene.ask(ANA, "stop walk")
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(3))

    answer = await scene.slack.command(ANA, "delete walk", channel="C0RESEARCH")
    assert answer.ok
    await scene.work()
    await scene.submit(ANA, {"typed_name": "walk"})
    await scene.pass_time(minutes(1))
    assert [e["action"] for e in scene.effects("deleted", made)] == ["deleted"]
    assert "is deleted" in scene.operation(ANA)

    ours = [e["action"] for e in scene.cloud.calls() if e["user"] == "ana" and e["method"] != "GET"]
    assert [a for a in ours if a in ("CreateNotebook", "RenewLease", "StopNotebook", "StartNotebook",
                                     "DeleteNotebook")] == [
        "CreateNotebook", "RenewLease", "StopNotebook", "StartNotebook", "StopNotebook", "DeleteNotebook"]  # fmt: skip
