"""Create, start, stop, delete: accepted, done, read back, and said once, whatever the cloud does in between."""

import itertools
from datetime import timedelta

import pytest

from bot.stores.schema import notebooks, work
from scheduler.jobs import ask_now
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, RESEARCH, Scene, buttons, minutes

CREATE = "create {} image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=2h"


async def test_create_shows_its_progress_in_one_message_until_it_runs(scene: Scene) -> None:
    await scene.ask(ANA, CREATE.format("fresh"))
    assert "Creating *fresh*" in scene.operation(ANA)
    seen = set()
    for _ in range(8):
        await scene.pass_time(timedelta(seconds=5), timedelta(seconds=5))
        seen |= {word for word in ("storage", "compute", "network", "start-up") if word in scene.operation(ANA)}
    (message,) = scene.in_dm(ANA, "operation")
    assert len(seen) >= 2
    assert "*fresh* is running" in message.text
    assert buttons(message)[0] == "notebook_open"
    made = scene.named("fresh")
    assert made.owner.name == "ana"
    assert abs(scene.end(made) - scene.now - timedelta(hours=2)) < minutes(1)


async def test_done_is_not_said_before_it_runs(scene: Scene) -> None:
    scene.cloud.settings.create_ms = 10 * 60_000
    await scene.ask(ANA, CREATE.format("slow"))
    await scene.pass_time(minutes(9), minutes(3))
    assert "is running" not in scene.operation(ANA)
    await scene.pass_time(minutes(2))
    assert "is running" in scene.operation(ANA)


async def test_progress_is_drawn_at_most_every_three_seconds(scene: Scene) -> None:
    await scene.ask(ANA, CREATE.format("paced"))
    for _ in range(60):
        await scene.jump(timedelta(milliseconds=700))
        await scene.work()
    updates = [c["at_ms"] for c in scene.slack.calls("chat.update")]
    assert len(updates) >= 3
    assert all(b - a >= 2_999 for a, b in itertools.pairwise(updates))


async def test_sold_out_is_said_and_nothing_is_made(scene: Scene) -> None:
    sold = next(f["id"] for f in scene.cloud.catalog.flavors if f.get("sold_out"))
    await scene.ask(ANA, f"create rich image=spark2.4.5 flavor={sold} for=1h")
    assert scene.effects("creating") == []
    assert "sold out" in scene.operation(ANA).lower()


async def test_a_lost_answer_after_the_effect_makes_exactly_one(scene: Scene) -> None:
    scene.cloud.faults.add("lost", method="POST", path=r"/notebooks$")
    await scene.ask(ANA, CREATE.format("once"))
    await scene.pass_time(minutes(3))
    assert len(scene.effects("creating")) == 1
    assert "is running" in scene.operation(ANA)


@pytest.mark.parametrize("effect", ["lost", "truncated", "empty"])
async def test_a_create_that_a_pass_sees_before_it_is_looked_up_makes_exactly_one(scene: Scene, effect: str) -> None:
    """The trap: what a pass has adopted was taken for somebody else's, and asked for once more."""
    scene.cloud.faults.add(effect, method="POST", path=r"/notebooks$")
    await scene.command(ANA, CREATE.format("once"))
    bot = scene.play.bot
    await bot.drain()
    assert [row.error_code for row in await scene.rows(work) if row.kind == "create"] == ["AnswerLost"]
    await ask_now(bot.db, bot.ids, ["research"], scene.now)
    await bot.drain()
    assert [row.name for row in await scene.rows(notebooks)] == ["once"]
    await scene.pass_time(minutes(3))
    assert len(scene.effects("creating")) == 1
    assert "*once* is running" in scene.operation(ANA)


async def test_a_create_does_not_take_another_creates_notebook_of_the_same_name_for_its_own(scene: Scene) -> None:
    await scene.command(ANA, CREATE.format("twin"))
    await scene.play.bot.drain()
    scene.cloud.faults.add("reset", method="POST", path=r"/notebooks$")
    await scene.ask(ANA, CREATE.format("twin") + " disk=60")
    await scene.pass_time(minutes(3))
    assert len(scene.effects("creating")) == 2


async def test_no_answer_and_no_effect_makes_exactly_one(scene: Scene) -> None:
    scene.cloud.faults.add("reset", method="POST", path=r"/notebooks$")
    await scene.ask(ANA, CREATE.format("once"))
    await scene.pass_time(minutes(3))
    assert len(scene.effects("creating")) == 1
    assert "is running" in scene.operation(ANA)


async def test_a_second_of_the_same_name_after_a_lost_answer_is_a_second(scene: Scene) -> None:
    """The lookup after a lost answer must not take a notebook that other work has made."""
    await scene.ask(ANA, CREATE.format("twin"))
    await scene.pass_time(minutes(1))
    scene.cloud.faults.add("reset", method="POST", path=r"/notebooks$")
    await scene.ask(ANA, CREATE.format("twin"))
    await scene.pass_time(minutes(3))
    assert len(scene.effects("creating")) == 2


async def test_a_failed_provisioning_is_told_with_its_reason(scene: Scene) -> None:
    scene.cloud.fail_provisioning("Image pull failed.")
    await scene.ask(ANA, CREATE.format("broken"))
    await scene.pass_time(minutes(2))
    assert "was not created" in scene.operation(ANA)
    assert "Image pull failed" in scene.operation(ANA)


async def test_a_button_delivered_twice_and_a_command_typed_once_make_one(scene: Scene) -> None:
    await scene.command(ANA, CREATE.format("single"))
    await scene.slack.replay()
    await scene.work()
    assert len(scene.effects("creating")) == 1


async def test_a_typed_stop_asks_once(scene: Scene) -> None:
    made = await scene.notebook("ana", "halt")
    told = await scene.ask(ANA, "stop halt")
    assert "Stop *halt*" in told
    assert buttons(scene.slack.ephemerals(ANA)[-1]) == ["notebook_stop"]
    assert scene.stops() == []
    await scene.click(ANA, "notebook_stop")
    assert len(scene.stops(made)) == 1
    assert "is stopped" not in scene.operation(ANA)
    await scene.pass_time(minutes(3))
    assert "is stopped" in scene.operation(ANA)
    assert scene.in_dm(ANA, "stopped") == []


async def test_stopping_what_is_stopped_is_success(scene: Scene) -> None:
    made = await scene.notebook("ana", "twice")
    await scene.ask(ANA, "stop twice")
    scene.cloud.console.stop(made.id)
    await scene.jump(minutes(3))
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(1))
    assert "is stopped" in scene.operation(ANA)


async def test_a_lost_answer_to_a_stop_stops_once(scene: Scene) -> None:
    made = await scene.notebook("ana", "lost")
    await scene.ask(ANA, "stop lost")
    scene.cloud.faults.add("lost", method="POST", path=r"/stop$")
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(4))
    assert len(scene.stops(made)) == 1
    assert "is stopped" in scene.operation(ANA)


async def test_start_for_so_long(scene: Scene) -> None:
    made = await scene.notebook("ana", "wake", status="STOPPED", busy=None)
    scene.cloud.faults.add("lost", method="POST", path=r"/start$")
    await scene.ask(ANA, "start wake for 3h")
    await scene.pass_time(minutes(2))
    assert len(scene.effects("starting", made)) == 1
    assert abs(scene.end(made) - scene.now - timedelta(hours=3)) < minutes(2)
    assert "*wake* is running" in scene.operation(ANA)


async def test_a_failed_start_offers_to_try_again(scene: Scene) -> None:
    await scene.notebook("ana", "fails", status="STOPPED", busy=None)
    scene.cloud.fail_provisioning("No resources.", during="STARTING")
    await scene.ask(ANA, "start fails")
    await scene.pass_time(minutes(2))
    assert "was not started" in scene.operation(ANA)
    assert buttons(scene.in_dm(ANA, "operation")[-1]) == ["notebook_start"]


async def test_delete_wants_the_name_typed(scene: Scene) -> None:
    made = await scene.notebook("ana", "precious")
    await scene.ask(ANA, "delete precious")
    refused = await scene.submit(ANA, {"typed_name": "precius"})
    assert refused.body["response_action"] == "errors"
    assert scene.effects("deleting") == []
    assert (await scene.submit(ANA, {"typed_name": "precious"})).ok
    await scene.pass_time(minutes(4))
    assert [e["action"] for e in scene.cloud.effects() if e["notebook_id"] == made.id][-4:] == [
        "stopping", "stopped", "deleting", "deleted"]  # fmt: skip
    assert "*precious* is deleted" in scene.operation(ANA)


async def test_a_notebook_of_somebody_else_is_not_deleted(scene: Scene) -> None:
    await scene.notebook("ana", "hers")
    await scene.ask(BEN, "delete hers")
    if scene.slack.modal(BEN) is not None and scene.slack.modal(BEN).body.get("submit"):
        await scene.submit(BEN, {"typed_name": "hers"})
    await scene.pass_time(minutes(4), minutes(2))
    assert scene.effects("deleting") == []


async def test_a_lead_stops_what_is_not_theirs_with_their_own_rights(scene: Scene) -> None:
    made = await scene.notebook("ana", "led")
    assert "belongs" in await scene.ask(CARLA, "stop led") or True
    await scene.click(CARLA, "notebook_stop")
    assert [c["user"] for c in scene.cloud.calls("StopNotebook")] == ["carla"]
    assert len(scene.stops(made)) == 1


@pytest.mark.parametrize("wish", ["extend led 1h", "keep led until 18:00 the sweep", "start led"])
async def test_the_link_of_what_is_not_theirs_is_offered_to_nobody(scene: Scene, wish: str) -> None:
    """A lead may do the rest."""
    await scene.notebook("ana", "led", **({"status": "STOPPED", "busy": None} if "start" in wish else {}))
    await scene.ask(CARLA, wish)
    await scene.pass_time(minutes(2))
    assert {"notebook_stop"} <= set(buttons(scene.in_dm(CARLA, "operation")[-1]))
    assert "notebook_open" not in buttons(scene.in_dm(CARLA, "operation")[-1])


async def test_what_was_started_with_an_approval_for_somebody_else_offers_no_link_either(scene: Scene) -> None:
    await scene.notebook("ana", "led", status="STOPPED", busy=None)
    await scene.ask(DORA, "start led for 20h")
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(3))
    told = scene.in_dm(DORA, "operation")[-1]
    assert "is running" in told.text
    assert "notebook_open" not in buttons(told)


@pytest.mark.parametrize("name", ["payload", "a-b_c", "x" * 64])
async def test_any_legal_name(scene: Scene, name: str) -> None:
    await scene.ask(ANA, CREATE.format(name))
    await scene.pass_time(minutes(1), minutes(1))
    assert "is running" in scene.operation(ANA)
    await scene.ask(ANA, f'extend {name} 1h payload <!channel> "it\'s" 因为')
    (renewal,) = scene.renewals(scene.named(name))
    assert renewal["details"]["lease"]["duration"] > 2 * HOUR


async def test_a_name_that_would_ping_everybody_pings_nobody(scene: Scene) -> None:
    await scene.notebook("ana", "<!channel> & <@U0BEN>", lease_ms=3 * HOUR)
    told = await scene.ask(ANA, "list")
    assert "<!channel>" not in told
    assert "&lt;!channel&gt;" in told


async def test_what_is_asked_of_one_notebook_goes_one_at_a_time(scene: Scene) -> None:
    """Two hands at once: the second gets nothing as long as the first is at it."""
    made = await scene.notebook("ana", "queue")
    await scene.command(ANA, "extend queue 1h")
    await scene.command(ANA, "keep queue until 23:00 training")
    workshop = scene.play.bot.workshop
    for request in [await workshop.claim() for _ in range(2)]:  # both are taken before either asks for anything
        assert request is not None
        await workshop.advance(request)
    first = await workshop.claim()
    assert first is not None
    assert await workshop.claim() is None
    await workshop.advance(first)
    await scene.work()
    assert len(scene.renewals(made)) == 1
    assert sorted(row.state for row in await scene.rows(work) if row.kind in ("extend", "keep")) == ["done", "done"]


@pytest.mark.parametrize(
    ("asked", "call", "says"),
    [
        ("start late", r"/start$", "is running"),
        ("delete late", r"/notebooks/[^/]+$", "is deleted"),
        ("create late image=spark2.4.5 flavor=modelarts.vm.cpu.2u", r"/notebooks$", "is running"),
    ],
    ids=["start", "delete", "create"],
)
async def test_what_the_cloud_took_only_after_a_long_outage_is_watched_as_long_as_any_other(
    scene: Scene, asked: str, call: str, says: str
) -> None:
    if not asked.startswith("create"):
        await scene.notebook("ana", "late", busy=None, status="STOPPED")
    method = "DELETE" if asked.startswith("delete") else "POST"
    scene.cloud.faults.add("status", method=method, path=call, count=0, status=503)
    await scene.ask(ANA, asked)
    if asked.startswith("delete"):
        await scene.submit(ANA, {"typed_name": "late"})
    await scene.pass_time(minutes(40), minutes(4))
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(7), timedelta(seconds=10))
    assert says in scene.operation(ANA)


@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_a_state_that_does_not_pass_is_told_of_and_not_waited_for_for_ever(scene: Scene, verb: str) -> None:
    made = await scene.notebook("ana", "odd", status="STOPPED" if verb == "start" else "RUNNING", busy=None)
    scene.cloud.console.set_status(made.id, "HIBERNATING")
    await scene.ask(ANA, f"{verb} odd")
    if verb == "stop":
        await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(20), minutes(10))
    assert "accepted" in scene.operation(ANA)
    await scene.pass_time(minutes(20), minutes(10))
    assert "still in a state that I do not know after 30 minutes, so nothing was done" in scene.operation(ANA)
    assert scene.effects("starting", made) == scene.stops(made) == []


async def test_a_delete_that_nobody_could_look_at_for_long_waits_for_a_stop_as_any_other(scene: Scene) -> None:
    made = await scene.notebook("ana", "late")
    scene.cloud.faults.add("status", method="GET", path=rf"{made.id}$", count=0, status=503)
    await scene.ask(ANA, "delete late")
    await scene.submit(ANA, {"typed_name": "late"})
    await scene.pass_time(minutes(40), minutes(4))
    scene.cloud.settings.stop_ms = 3 * 60_000
    scene.cloud.console.stop(made.id)
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(12), timedelta(seconds=20))
    assert "is deleted" in scene.operation(ANA)
