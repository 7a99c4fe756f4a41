"""What messages say is so: of an idle notebook that is extended, of stops that were paused, of a request that waits."""

from datetime import timedelta

import pytest

from bot.clock import to_ms
from bot.ids import RandomIds
from bot.work import Item, record
from tests.flows.idle_scene import idle_one, until_warned
from tests.flows.scene import ANA, CARLA, DORA, HOUR, RESEARCH, Scene, buttons, minutes


async def warned(scene: Scene) -> str:
    """Ana's notebook, warned of because it is idle. Returns its id."""
    made = await idle_one(scene, lease_ms=6 * HOUR)
    await until_warned(scene)
    return made.id


async def test_extending_an_idle_notebook_says_that_it_is_stopped_all_the_same(scene: Scene) -> None:
    made = await warned(scene)
    (warning,) = scene.in_dm(ANA, "idle_warning")
    stop_s = to_ms(scene.now) // 1000
    await scene.ask(ANA, "extend forgotten 1h")
    (told,) = scene.in_dm(ANA, "operation")
    assert "It is idle, and will still be stopped" in told.text
    assert buttons(told)[0].startswith("notebook_keep")
    assert any(str(second) in told.text and str(second) in warning.text for second in range(stop_s, stop_s + 1000))
    await scene.click(ANA, buttons(told)[0], ts=told.ts, channel=ANA)
    await scene.pass_time(minutes(30), minutes(5))
    assert scene.found(made).status == "RUNNING"


async def test_extending_one_that_is_used_says_nothing_of_idleness(scene: Scene) -> None:
    await scene.notebook("ana", "busy", lease_ms=3 * HOUR)
    await scene.ask(ANA, "extend busy 1h")
    assert "idle" not in scene.operation(ANA)


@pytest.mark.parametrize(("paused", "again"), [(timedelta(minutes=30), False), (timedelta(hours=3), True)])
async def test_after_a_long_pause_who_was_warned_is_warned_again(scene: Scene, paused: timedelta, again: bool) -> None:
    made = await warned(scene)
    await scene.ask(DORA, "admin pause research")
    await scene.pass_time(paused, minutes(10))
    assert scene.found(made).status == "RUNNING"
    told = await scene.ask(DORA, "admin release research")
    assert ("warned again" in told) == again
    await scene.pass_time(minutes(4), minutes(2))
    assert (scene.found(made).status == "RUNNING") == again
    assert len(scene.in_dm(ANA, "idle_warning")) == (2 if again else 1)
    await scene.pass_time(minutes(30), minutes(5))
    assert scene.found(made).status == "STOPPED"


async def collapse(scene: Scene) -> None:
    """A dozen were running, and none is any more: the brake holds."""
    for n in range(12):
        made = scene.cloud.console.create("ana", f"many-{n}", lease_ms=9 * HOUR, age_ms=3 * HOUR, settled_ago_ms=0)
        scene.cloud.make_busy(made.id)
    await scene.sweep()
    for n in range(12):
        scene.cloud.console.delete(scene.named(f"many-{n}").id)
    await scene.pass_time(minutes(4), minutes(2))


async def test_a_brake_that_was_released_is_said_to_be(scene: Scene) -> None:
    await collapse(scene)
    (alert,) = scene.in_dm(DORA, "alert")
    assert buttons(alert) == ["admin_release"]
    await scene.ask(DORA, "admin release research")
    await scene.work()
    (alert,) = scene.in_dm(DORA, "alert")
    assert buttons(alert) == []
    assert f"Released (by <@{DORA}>" in alert.text


async def test_a_pause_by_hand_does_not_hide_why_a_brake_has_paused_them(scene: Scene) -> None:
    await collapse(scene)
    assert "paused already: only 0 notebooks run" in await scene.ask(DORA, "admin pause research")
    assert "because: only 0 notebooks run" in await scene.ask(DORA, "admin release research")
    await scene.pass_time(minutes(4), minutes(2))
    assert len(scene.in_dm(DORA, "alert")) == 1  # what has been looked at is the new normal


async def test_a_request_that_was_escalated_still_waits(scene: Scene) -> None:
    await scene.notebook("ana", "greedy", lease_ms=60 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    await scene.pass_time(timedelta(hours=3), minutes(30))
    (told,) = scene.in_dm(ANA, "operation")
    assert "settled" not in told.text
    assert buttons(told) == ["approval_withdraw"]
    assert "so it comes to you too" not in scene.in_channel("approval_request")[-1].text
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    (told,) = scene.in_dm(ANA, "operation")
    assert buttons(told) == []


async def test_why_it_is_kept_is_shown_to_the_team(scene: Scene) -> None:
    await warned(scene)
    await scene.ask(ANA, "keep forgotten until 18:00 the sweep runs over SSH")
    assert "Reason: the sweep runs over SSH." in await scene.ask(CARLA, "show forgotten")


async def test_a_keep_that_comes_too_late_is_not_said_to_be_done(scene: Scene) -> None:
    """It was accepted in time and carried out after the time it was for."""
    made = await scene.notebook("ana", "late", lease_ms=6 * HOUR)
    data = {
        "project": "research", "notebook": made.id, "user": ANA, "until_ms": to_ms(scene.now) - 1, "reason": "",
        "shown": {"verb": "keep", "project": "research", "notebook_id": made.id, "name": "late", "cause": "c"},
    }  # fmt: skip
    async with scene.play.bot.db.begin() as tx:
        await record(tx, RandomIds(), Item("keep", "elsewhere", f"notebook:{made.id}", data, ANA), scene.now)
    await scene.work()
    assert "That time has passed, so nothing is kept" in scene.operation(ANA)


async def test_a_keep_of_what_somebody_has_just_stopped_is_not_said_to_be_done(scene: Scene) -> None:
    """Until its stop is seen the store takes it for running."""
    made = await scene.notebook("ana", "going", lease_ms=6 * HOUR)
    await scene.ask(ANA, "stop going")
    await scene.slack.click(ANA, "notebook_stop")
    while not scene.stops(made):
        await scene.play.bot.drain()
    await scene.command(CARLA, "keep going until 18:00 the sweep")
    await scene.play.bot.drain()
    assert "going is being stopped, so there is nothing to keep" in scene.operation(CARLA)
    assert "is kept running" not in scene.operation(CARLA)
    await scene.pass_time(minutes(3))
    assert "is stopped" in scene.operation(ANA)


@pytest.mark.parametrize("wish", ["extend early 1h", "keep early until 18:00 the sweep"])
async def test_what_is_coming_up_is_not_offered_to_be_started(scene: Scene, wish: str) -> None:
    made = await scene.notebook("ana", "early", lease_ms=3 * HOUR)
    scene.cloud.console.stop(made.id)
    await scene.jump(minutes(3))
    scene.cloud.console.start(made.id)
    await scene.sweep()
    await scene.ask(ANA, wish)
    assert "starting" in scene.operation(ANA)
    assert "Try again when it runs" in scene.operation(ANA)
    assert "Start it" not in scene.operation(ANA)
    assert buttons(scene.in_dm(ANA, "operation")[-1]) == []


@pytest.mark.parametrize("policy", [{"approvers": '["U0DORA"]', "escalate_to": "[]"}])
async def test_why_nobody_can_approve_is_true_of_whoever_asks(scene: Scene) -> None:
    """Dora alone could, and it is hers; Carla, who asks, could not."""
    await scene.notebook("dora", "greedy", lease_ms=3 * HOUR)
    await scene.ask(CARLA, "extend greedy 6h")
    assert "refused at once" in scene.operation(CARLA)
    assert "nobody but you" not in scene.operation(CARLA)


async def test_a_form_with_one_field_speaks_of_no_other(scene: Scene) -> None:
    await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    await scene.click(CARLA, "approval_approve_less", channel=RESEARCH)
    (field,) = [block for block in scene.slack.modal(CARLA).blocks if block["type"] == "input"]
    assert "below" not in field["hint"]["text"]
    assert field["label"]["text"] == "Grant"


@pytest.mark.parametrize(
    ("wish", "said", "label"),
    [
        ("create n9 image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=20h", "asked for 20 h of *n9*", "Grant"),
        ("extend greedy until tomorrow 03:00 nights", "asked for *greedy* until <!date^", "Grant until"),
    ],
)
async def test_a_lesser_grant_is_asked_for_in_words_that_fit(scene: Scene, wish: str, said: str, label: str) -> None:
    await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(ANA, wish)
    await scene.click(CARLA, "approval_approve_less", channel=RESEARCH)
    intro, field = scene.slack.modal(CARLA).blocks
    assert said in intro["text"]["text"]
    assert field["label"]["text"] == label


async def test_one_that_fails_is_not_said_to_be_stopped(scene: Scene) -> None:
    made = await scene.notebook("ana", "broken")
    scene.cloud.console.set_status(made.id, "ERROR", "the node is gone")
    await scene.pass_time(minutes(4), minutes(2))
    (told,) = scene.in_dm(ANA, "stopped")
    assert "has failed" in told.text
    assert "The cloud says: the node is gone." in told.text
    assert "stopped outside" not in told.text
