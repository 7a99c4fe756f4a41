"""Extend: adds to what remains, never shortens, is read back, asks beyond policy, and happens once per cause."""

from datetime import datetime, timedelta

import pytest

from bot.clock import from_ms, to_ms
from bot.ids import RandomIds
from bot.stores.schema import work
from bot.work import Item, record
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, MINUTE, Scene, buttons, minutes

SECOND = timedelta(seconds=1)


def about(actual: datetime, expected: datetime) -> bool:
    """Rounded up to a second, never down."""
    return expected <= actual < expected + SECOND


async def test_two_hours_are_added_to_the_ten_that_remain(scene: Scene) -> None:
    """The trap: renewing "2h" from now would cut eight hours off."""
    made = await scene.notebook("ana", "long", lease_ms=9 * HOUR + 30 * MINUTE, age_ms=0, settled_ago_ms=0)
    before = scene.end(made)
    await scene.ask(ANA, "extend long 2h")
    assert about(scene.end(made), before + timedelta(hours=2))
    (renewal,) = scene.renewals(made)
    assert renewal["details"]["lease"]["type"] == "TIMING"
    told = scene.operation(ANA)
    assert str(to_ms(before) // 1000) in told
    assert str(to_ms(scene.end(made)) // 1000) in told


async def test_below_the_shortest_lease_an_hour_is_written_and_said(scene: Scene) -> None:
    made = await scene.notebook("ana", "short", lease_ms=20 * MINUTE)
    await scene.ask(ANA, "extend short 10m")
    assert about(scene.end(made), scene.now + timedelta(hours=1))
    assert "1 h" in scene.operation(ANA)


async def test_until_means_the_persons_own_clock(scene: Scene) -> None:
    """Ben is in New York, where it is 04:00; 07:00 there is noon UTC."""
    made = await scene.notebook("ben", "east", lease_ms=2 * HOUR)
    await scene.ask(BEN, "extend east until 07:00")
    assert about(scene.end(made), from_ms(1_763_985_600_000))


async def test_an_instant_before_the_end_changes_nothing(scene: Scene) -> None:
    made = await scene.notebook("ana", "late", lease_ms=5 * HOUR)
    before = scene.end(made)
    await scene.ask(ANA, "extend late until 11:30")
    assert scene.renewals(made) == []
    assert scene.end(made) == before
    assert "Nothing was changed" in scene.operation(ANA)


async def test_beyond_policy_it_becomes_a_request(scene: Scene) -> None:
    made = await scene.notebook("ana", "greedy")
    await scene.ask(ANA, "extend greedy 5h because the sweep is long")
    assert scene.renewals(made) == []
    (request,) = scene.in_channel("approval_request")
    assert "because the sweep is long" in request.text
    assert "greedy" in request.text
    assert "needs an approval" in scene.operation(ANA)


async def test_equality_passes_without_asking(scene: Scene) -> None:
    made = await scene.notebook("ana", "exact", lease_ms=4 * HOUR, age_ms=4 * HOUR, settled_ago_ms=4 * HOUR)
    await scene.ask(ANA, "extend exact 4h")
    assert len(scene.renewals(made)) == 1


async def test_a_stopped_notebook_is_offered_to_be_started(scene: Scene) -> None:
    await scene.notebook("ana", "asleep", status="STOPPED", busy=None)
    await scene.ask(ANA, "extend asleep 2h")
    assert "no lease to extend" in scene.operation(ANA)


async def test_one_in_a_state_nobody_knows_is_not_said_to_need_a_start(scene: Scene) -> None:
    made = await scene.notebook("ana", "odd")
    scene.cloud.console.set_status(made.id, "HIBERNATING")
    await scene.ask(ANA, "extend odd 2h")
    assert "a state that I do not know" in scene.operation(ANA)
    assert "Start it" not in scene.operation(ANA)
    assert scene.renewals(made) == []


async def test_an_idle_lease_has_no_timed_end_to_extend(scene: Scene) -> None:
    made = await scene.notebook("ana", "free", lease_type="IDLE")
    await scene.ask(ANA, "extend free 2h")
    assert scene.renewals(made) == []
    assert "no timed end" in scene.operation(ANA)


async def test_an_end_is_set_where_there_is_none(scene: Scene) -> None:
    made = await scene.notebook("ana", "free", lease_type="IDLE")
    await scene.ask(ANA, "extend free 2h")
    at = scene.now
    await scene.click(ANA, "notebook_extend")
    (renewal,) = scene.renewals(made)
    assert renewal["details"]["lease"]["type"] == "TIMING"
    assert about(scene.end(made), at + timedelta(hours=2))


@pytest.mark.parametrize(("has_h", "gets_h"), [(5, 5), (1, 2)])
async def test_an_old_button_that_sets_an_end_cuts_off_none_that_is_later(
    scene: Scene, has_h: int, gets_h: int
) -> None:
    """Since it was drawn somebody has set an end."""
    made = await scene.notebook("ana", "free", lease_type="IDLE")
    await scene.ask(ANA, "extend free 2h")
    scene.cloud.console.renew(made.id, has_h * HOUR, "TIMING")
    at = scene.now
    scene.cloud.log.clear()
    await scene.click(ANA, "notebook_extend")
    assert about(scene.end(made), at + timedelta(hours=gets_h))
    assert len(scene.renewals(made)) == (gets_h > has_h)
    assert ("Nothing was changed" in scene.operation(ANA)) == (gets_h == has_h)


@pytest.mark.parametrize("decided", [timedelta(hours=-2), timedelta(minutes=90), None])
async def test_what_was_decided_by_another_clock_is_not_written_unread(scene: Scene, decided: timedelta | None) -> None:
    """Two hosts share the work, and the clock of the one that writes has jumped since it last heard the cloud's."""
    made = await scene.notebook("ana", "shared", lease_ms=2 * HOUR)
    before = scene.end(made)
    data = {
        "project": "research", "notebook": made.id, "name": "shared", "user": ANA, "by_s": 3600, "reason": "",
        "shown": {"verb": "extend", "project": "research", "notebook_id": made.id, "name": "shared", "cause": "c"},
        "new_end_ms": to_ms(before) + HOUR, "before_ms": to_ms(before), "note": "", "lease_type": "TIMING",
        "decided_ms": None if decided is None else to_ms(scene.now + decided),
    }  # fmt: skip
    scene.cloud.console.renew(made.id, 9 * HOUR)
    later = scene.end(made)
    scene.cloud.log.clear()
    async with scene.play.bot.db.begin() as tx:
        await record(tx, RandomIds(), Item("extend", "elsewhere", f"notebook:{made.id}", data, ANA, "renew"), scene.now)
    await scene.work()
    assert (scene.end(made), scene.renewals(made)) == (later, [])


async def test_what_somebody_renews_between_decision_and_write_is_not_cut_off(scene: Scene) -> None:
    """The process died there, and another one goes on with it a few seconds later."""
    made = await scene.notebook("ana", "torn", lease_ms=2 * HOUR)
    await scene.command(ANA, "extend torn 1h")
    while not any((row.kind, row.step) == ("extend", "renew") for row in await scene.rows(work)):
        await scene.play.bot.drain.one_work()
    scene.cloud.console.renew(made.id, 8 * HOUR)
    later = scene.end(made)
    await scene.jump(6 * SECOND)
    await scene.work()
    assert scene.end(made) >= later


async def warned(scene: Scene, owner: str = "ana", name: str = "warned") -> str:
    """A notebook an hour before its end, with its warning in the owner's DM."""
    return str((await scene.ending(owner, name)).id)


async def test_the_same_button_twice_is_one_renewal(scene: Scene) -> None:
    made = scene.found(await warned(scene))
    before = scene.end(made)
    first = await scene.slack.click(ANA, "notebook_extend:1h")
    await scene.jump(timedelta(milliseconds=400))
    second = await scene.slack.click(ANA, "notebook_extend:1h")
    assert first.ok
    assert second.ok
    await scene.work()
    told = " ".join(message.text for message in scene.slack.ephemerals(ANA))
    assert (len(scene.renewals(made)), "already" in told) == (1, True)
    assert about(scene.end(made), before + timedelta(hours=1))


async def test_a_settled_button_says_what_happened(scene: Scene) -> None:
    made = scene.found(await warned(scene))
    await scene.click(ANA, "notebook_extend:1h")
    told = await scene.click(ANA, "notebook_extend:1h", stale=True, channel=ANA)
    assert len(scene.renewals(made)) == 1
    assert "asked for this already" in told
    assert "done" in told


async def test_two_people_pressing_the_same_button_renew_once(scene: Scene) -> None:
    """The warning of an owner who cannot be reached goes to the lead; an admin gets to see the same cause."""
    scene.slack.workspace.users[BEN].deleted = True
    made = scene.found(await warned(scene, "ben", "orphan"))
    (copy,) = scene.in_dm(CARLA, "lease_warning")
    value = next(e["value"] for b in copy.blocks if b["type"] == "actions" for e in b["elements"]
                 if e["action_id"] == "notebook_extend:1h")  # fmt: skip
    await scene.slack.click(CARLA, "notebook_extend:1h")
    await warned(scene, "dora", "mine")  # a button of Dora's own, pressed with the other's value
    await scene.slack.click(DORA, "notebook_extend:1h", value=value)
    await scene.work()
    assert len(scene.renewals(made)) == 1
    assert "asked for this already" in scene.slack.ephemerals(DORA)[-1].text


async def test_a_slash_command_delivered_twice_is_one_renewal(scene: Scene) -> None:
    made = await scene.notebook("ana", "again")
    await scene.command(ANA, "extend again 1h")
    await scene.slack.replay()
    await scene.work()
    await scene.slack.replay()
    await scene.work()
    assert len(scene.renewals(made)) == 1


async def test_the_same_words_while_unfinished_join_the_first(scene: Scene) -> None:
    made = await scene.notebook("ana", "hasty")
    await scene.command(ANA, "extend hasty 1h")
    await scene.command(ANA, "extend hasty 1h")
    await scene.work()
    assert len(scene.renewals(made)) == 1
    await scene.ask(ANA, "extend hasty 1h")
    assert len(scene.renewals(made)) == 2


async def test_a_lost_answer_to_the_renewal_renews_once(scene: Scene) -> None:
    made = await scene.notebook("ana", "lost")
    before = scene.end(made)
    scene.cloud.faults.add("lost", method="PATCH", path=r"/lease$")
    await scene.ask(ANA, "extend lost 2h")
    await scene.pass_time(minutes(5))
    assert len(scene.renewals(made)) == 1
    assert about(scene.end(made), before + timedelta(hours=2))
    assert "now runs until" in scene.operation(ANA)


async def test_a_cloud_that_is_down_is_waited_for(scene: Scene) -> None:
    made = await scene.notebook("ana", "patient")
    before = scene.end(made)
    scene.cloud.faults.add("status", path=r"/notebooks", status=503, count=0)
    await scene.ask(ANA, "extend patient 2h")
    await scene.pass_time(minutes(3))
    assert scene.renewals(made) == []
    assert "now runs until" not in scene.operation(ANA)
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(10))
    assert about(scene.end(made), before + timedelta(hours=2))
    assert "now runs until" in scene.operation(ANA)


async def test_an_end_read_back_earlier_than_before_is_repaired_and_reported(scene: Scene) -> None:
    """Somebody shortens the lease in the console just as the renewal is under way."""
    made = await scene.notebook("ana", "cut", lease_ms=3 * HOUR)
    before = scene.end(made)
    scene.cloud.faults.add("status", method="PATCH", path=r"/lease$", status=200,
                           body={"create_at": 1, "duration": 3_600_000, "enable": True, "type": "TIMING",
                                 "update_at": 2})  # fmt: skip
    await scene.command(ANA, "extend cut 2h")
    for _ in range(3):  # request, decision, the renewal that is not carried out
        await scene.play.bot.drain.one_work()
    scene.cloud.console.renew(made.id, HOUR)
    await scene.work()
    assert scene.end(made) >= before
    assert scene.found(made.id).lease.type == "TIMING"
    assert ["cut" in m.text for m in scene.in_dm(DORA, "alert") if "earlier" in m.text] == [True]


@pytest.mark.parametrize("role", [CARLA, DORA])
async def test_a_lead_or_admin_may_extend_for_another(scene: Scene, role: str) -> None:
    made = await scene.notebook("ana", "theirs")
    await scene.ask(role, "extend theirs 1h")
    (_renewal,) = scene.renewals(made)
    call = next(c for c in scene.cloud.calls("RenewLease"))
    assert call["user"] == {CARLA: "carla", DORA: "dora"}[role]


async def test_a_colleague_may_not(scene: Scene) -> None:
    made = await scene.notebook("ana", "hers")
    told = await scene.ask(BEN, "extend hers 1h")
    assert scene.renewals(made) == []
    assert "belongs to" in told


async def test_the_warning_offers_its_buttons(scene: Scene) -> None:
    await warned(scene)
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert buttons(warning) == ["notebook_extend:1h", "notebook_extend:4h", "notebook_extend_other", "notebook_stop",
                                "notebook_why"]  # fmt: skip


@pytest.mark.parametrize(("status", "said"), [("STOPPED", "is stopped by now"), ("RUNNING", "still ends when it did")])
async def test_extended_is_said_only_of_what_was_read_back(scene: Scene, status: str, said: str) -> None:
    """The cloud took the new end, and yet the notebook is not so when it is looked at."""
    made = await scene.notebook("ana", "lost", lease_ms=3 * HOUR)
    scene.cloud.console.set_status(made.id, status)
    data = {
        "project": "research", "notebook": made.id, "name": "lost", "user": ANA, "by_s": 3600, "reason": "",
        "shown": {"verb": "extend", "project": "research", "notebook_id": made.id, "name": "lost", "cause": "c"},
        "new_end_ms": to_ms(scene.end(made)) + HOUR, "before_ms": to_ms(scene.end(made)), "note": "",
        "lease_type": "TIMING",
    }  # fmt: skip
    async with scene.play.bot.db.begin() as tx:
        item = Item("extend", "elsewhere", f"notebook:{made.id}", data, ANA, "verify")
        await record(tx, RandomIds(), item, scene.now)
    await scene.work()
    assert said in scene.operation(ANA)
