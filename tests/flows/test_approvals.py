"""Requests beyond policy: asked, decided by others, settled once, renewed and read back before anybody is told."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.clock import from_ms, to_ms
from bot.render.ids import Button
from bot.stores.schema import approvals, work
from bot.work import Item, record
from deploy.sandbox.cloud.model import Notebook
from scheduler.jobs import ask_now
from tests.flows.forged import press
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, MINUTE, RESEARCH, Scene, buttons, key, minutes

SECOND = timedelta(seconds=1)


async def asked(scene: Scene, name: str = "greedy", wish: str = "6h because of the sweep", **options: Any) -> Notebook:
    """Ana has asked for more than she may have."""
    made = await scene.notebook("ana", name, **({"lease_ms": 3 * HOUR} | options))
    await scene.ask(ANA, f"extend {name} {wish}")
    assert scene.renewals(made) == []
    return made


def request(scene: Scene) -> Any:
    """The newest request in the channel."""
    return scene.in_channel("approval_request")[-1]


async def test_what_an_approver_gets_to_see(scene: Scene) -> None:
    await asked(scene)
    shown = request(scene)
    assert key(shown).startswith("approval_request:")
    for words in ("greedy", f"<@{ANA}>", "6 h", "because of the sweep", "EUR", "Idle record", "Renewals so far"):
        assert words in shown.text
    assert buttons(shown) == ["approval_approve", "approval_approve_less", "approval_deny", "approval_withdraw"]


async def test_approved_is_renewed_as_the_requester_read_back_and_only_then_said(scene: Scene) -> None:
    made = await asked(scene)
    before = scene.end(made)
    scene.cloud.faults.add("status", method="PATCH", path=r"/lease$", status=503, count=8)
    await scene.click(CARLA, "approval_approve")
    assert scene.renewals(made) == []
    assert scene.in_dm(ANA, "approval_settled") == []
    assert "Renewed" not in request(scene).text
    scene.cloud.faults.clear()
    await scene.pass_time(minutes(10), minutes(2))
    (renewal,) = scene.renewals(made)
    assert before + timedelta(hours=6) <= scene.end(made) < before + timedelta(hours=6) + SECOND
    assert {c["user"] for c in scene.cloud.calls("RenewLease")} == {"ana"}
    assert renewal["details"]["lease"]["type"] == "TIMING"
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert "approved" in told.text
    assert str(to_ms(scene.end(made)) // 1000) in told.text
    shown = request(scene)
    assert buttons(shown) == []
    assert f"<@{CARLA}>" in shown.text
    assert "Renewed" in shown.text


async def test_denied_with_a_reason(scene: Scene) -> None:
    made = await asked(scene)
    await scene.click(CARLA, "approval_deny")
    assert (await scene.submit(CARLA, {"reason": "the <budget> is gone"})).ok
    assert scene.renewals(made) == []
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert "denied" in told.text
    assert "the &lt;budget&gt; is gone" in told.text
    assert buttons(request(scene)) == []


async def test_a_lesser_grant_becomes_the_amount(scene: Scene) -> None:
    made = await asked(scene)
    before = scene.end(made)
    await scene.click(CARLA, "approval_approve_less")
    assert (await scene.submit(CARLA, {"for": "5h"})).ok
    await scene.pass_time(minutes(1))
    assert before + timedelta(hours=5) <= scene.end(made) < before + timedelta(hours=5) + SECOND
    assert "5 h" in request(scene).text


@pytest.mark.parametrize("given", [{"for": "7h"}, {"until": str((1_763_974_800_000 + 12 * HOUR) // 1000)}])
async def test_approve_less_cannot_give_more(scene: Scene, given: dict[str, str]) -> None:
    made = await asked(scene)
    await scene.click(CARLA, "approval_approve_less")
    await scene.submit(CARLA, given)
    await scene.pass_time(minutes(1))
    assert scene.renewals(made) == []
    assert "approval_approve" in buttons(request(scene))


@pytest.mark.parametrize("who", [ANA, BEN])
async def test_neither_the_requester_nor_somebody_without_the_role_decides(scene: Scene, who: str) -> None:
    made = await asked(scene)
    told = await scene.click(who, "approval_approve", channel=RESEARCH)
    assert "cannot decide" in told
    assert scene.renewals(made) == []
    assert "approval_approve" in buttons(request(scene))


@pytest.mark.parametrize("policy", [{"approvers": '["S0APPROVERS", "U0BEN"]'}])
async def test_an_approver_who_is_the_owner_does_not_decide(scene: Scene) -> None:
    """Carla's notebook, for which Dora asked: only Ben is left."""
    made = await scene.notebook("carla", "carlas", lease_ms=3 * HOUR)
    await scene.ask(DORA, "extend carlas 6h")
    assert "own notebook" in await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    assert "own request" in await scene.click(DORA, "approval_approve", channel=RESEARCH)
    assert scene.renewals(made) == []
    await scene.click(BEN, "approval_approve", channel=RESEARCH)
    assert len(scene.renewals(made)) == 1


async def test_one_of_two_clicks_wins(scene: Scene) -> None:
    made = await asked(scene)
    assert (await scene.slack.click(CARLA, "approval_approve", channel=RESEARCH)).ok
    assert (await scene.slack.click(DORA, "approval_approve", channel=RESEARCH)).ok
    await scene.work()
    assert len(scene.renewals(made)) == 1
    (row,) = await scene.rows(approvals)
    late = {CARLA: DORA, DORA: CARLA}[row.decided_by]
    assert f"was approved by <@{row.decided_by}>" in scene.slack.ephemerals(late)[-1].text
    assert scene.slack.ephemerals(row.decided_by) == []


async def test_a_late_click_on_a_settled_request_says_what_happened(scene: Scene) -> None:
    made = await asked(scene)
    await scene.click(CARLA, "approval_approve")
    told = await scene.click(DORA, "approval_approve", stale=True, channel=RESEARCH)
    assert "was approved" in told
    assert f"<@{CARLA}>" in told
    assert len(scene.renewals(made)) == 1


async def test_withdrawn_by_the_requester_alone(scene: Scene) -> None:
    made = await asked(scene)
    assert "Only who asked" in await scene.click(BEN, "approval_withdraw", channel=RESEARCH)
    await scene.click(ANA, "approval_withdraw", channel=RESEARCH)
    assert buttons(request(scene)) == []
    assert "was withdrawn" in await scene.click(CARLA, "approval_approve", stale=True, channel=RESEARCH)
    assert scene.renewals(made) == []


async def test_what_has_expired_is_not_withdrawn_any_more(scene: Scene) -> None:
    await asked(scene, lease_ms=12 * HOUR)
    await scene.jump(timedelta(hours=8))
    assert "had expired" in await scene.click(ANA, "approval_withdraw", channel=RESEARCH)
    assert "Expired" in request(scene).text
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert "expired" in told.text


async def test_a_second_ask_shows_the_first(scene: Scene) -> None:
    await asked(scene)
    await scene.ask(ANA, "extend greedy 7h")
    assert len(scene.in_channel("approval_request")) == 1
    assert "waiting already" in scene.operation(ANA)


async def test_unanswered_it_is_escalated_then_expires_and_a_late_decision_is_refused(scene: Scene) -> None:
    made = await asked(scene, lease_ms=9 * HOUR)
    await scene.pass_time(minutes(31), minutes(10))
    (copy,) = scene.in_dm(CARLA, "approval_request")
    assert key(copy) == key(request(scene))
    await scene.jump(timedelta(hours=7, minutes=29) - minutes(1))
    assert (await scene.slack.click(CARLA, "approval_approve", channel=RESEARCH)).ok  # decided late by the bot
    await scene.jump(minutes(2))
    await scene.work()
    assert "expired" in scene.slack.ephemerals(CARLA)[-1].text
    await scene.sweep()
    assert scene.renewals(made) == []
    assert "Expired" in request(scene).text
    (copy,) = scene.in_dm(CARLA, "approval_request")
    assert buttons(copy) == []
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert "expired" in told.text


async def test_waiting_never_eats_the_time_granted(scene: Scene) -> None:
    """Base is the end at the time of the request; a hold does not move it."""
    made = await asked(scene, lease_ms=20 * MINUTE, wish="5h")
    base = scene.end(made)
    await scene.pass_time(minutes(16), minutes(2))
    (hold,) = scene.renewals(made)
    assert hold["details"]["lease"]["type"] == "TIMING"
    held = scene.end(made)
    assert base < held <= base + timedelta(hours=2)
    assert {c["user"] for c in scene.cloud.calls("RenewLease")} == {"notebook-bot"}
    await scene.pass_time(minutes(20), minutes(5))
    assert len(scene.renewals(made)) == 1
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(1))
    expected = max(scene.now, base) + timedelta(hours=5)
    assert abs(scene.end(made) - expected) < minutes(2)


async def test_a_lease_that_cannot_be_bridged_is_told_in_time(scene: Scene) -> None:
    """The service account may not renew: without a word the notebook would stop while its owner waits."""
    made = await asked(scene, lease_ms=20 * MINUTE, wish="5h")
    denied = {"error_code": "ModelArts.0103", "error_msg": "no rights"}
    rule = scene.cloud.faults.add("status", method="PATCH", path=r"/lease$", count=0, status=403, body=denied)
    await scene.pass_time(minutes(16), minutes(2))
    assert rule.hits >= 1
    assert scene.renewals(made) == []
    for person in (ANA, DORA):
        (alert,) = scene.in_dm(person, "alert")
        assert "could not be bridged" in alert.text
        assert str(to_ms(scene.end(made)) // 1000) in alert.text
        assert "updateStopPolicy" in alert.text
    scene.cloud.faults.clear()  # somebody has given it the right
    await scene.pass_time(minutes(3), minutes(1))
    assert len(scene.renewals(made)) == 1


async def test_a_bridge_whose_answers_cannot_be_read_moves_the_base_of_no_request(scene: Scene) -> None:
    made = await asked(scene, lease_ms=20 * MINUTE, wish="5h")
    end = scene.end(made)
    scene.cloud.faults.add("truncated", method="PATCH", path=r"/lease$", count=1)
    garbled = scene.cloud.faults.add("html", method="GET", path=rf"{made.id}$", nth=3, count=6)
    await scene.pass_time(minutes(20), minutes(2))
    assert garbled.hits > 1
    (bridge,) = scene.renewals(made)
    (row,) = await scene.rows(approvals)
    assert (row.base_end, row.held_until) == (end, scene.end(made))
    assert scene.in_dm(ANA, "alert") == []
    assert from_ms(bridge["at_ms"]) < end


async def test_asking_again_and_again_bridges_no_longer_than_asking_once(scene: Scene) -> None:
    made = await asked(scene, lease_ms=20 * MINUTE, wish="5h")
    end = scene.end(made)
    for _ in range(3):
        await scene.pass_time(minutes(50), minutes(4))
        await scene.click(ANA, "approval_withdraw", channel=RESEARCH)
        await scene.ask(ANA, "extend greedy 5h")
    assert scene.found(made.id).status == "STOPPED"
    assert len(scene.renewals(made)) == 2
    assert all(stop["at_ms"] <= to_ms(end + timedelta(hours=2)) for stop in scene.effects("stopping", made))


async def test_after_a_denial_the_held_time_runs_out(scene: Scene) -> None:
    made = await asked(scene, lease_ms=20 * MINUTE, wish="5h")
    await scene.pass_time(minutes(16), minutes(2))
    held = scene.end(made)
    await scene.click(CARLA, "approval_deny", channel=RESEARCH)
    await scene.submit(CARLA, {"reason": "no"})
    assert scene.end(made) == held
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert str(to_ms(held) // 1000) in told.text
    await scene.pass_time(timedelta(hours=2), minutes(20))
    assert len(scene.renewals(made)) == 1
    assert scene.found(made.id).status == "STOPPED"


async def test_stopped_meanwhile_it_is_offered_to_be_started(scene: Scene) -> None:
    made = await asked(scene)
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(4), minutes(2))
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    assert scene.found(made.id).status == "STOPPED"
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert buttons(told) == ["notebook_start"]
    await scene.click(ANA, "notebook_start", ts=told.ts, channel=ANA)
    await scene.pass_time(minutes(1))
    assert scene.found(made.id).status == "RUNNING"
    assert from_ms(scene.found(made.id).lease.end) - scene.now > timedelta(hours=5, minutes=50)


async def offered(scene: Scene) -> tuple[Notebook, Any]:
    """What was granted had stopped meanwhile."""
    made = await asked(scene)
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(4), minutes(2))
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    (told,) = scene.in_dm(ANA, "approval_settled")
    return made, told


async def test_the_offer_to_start_it_ends_after_a_day(scene: Scene) -> None:
    made, told = await offered(scene)
    await scene.jump(timedelta(hours=24, minutes=1))
    await scene.click(ANA, "notebook_start", ts=told.ts, channel=ANA)
    await scene.pass_time(minutes(2))
    assert scene.found(made.id).status == "STOPPED"
    assert "approval" in scene.operation(ANA)


async def test_the_offer_to_start_it_is_for_the_requester_alone(scene: Scene) -> None:
    """A lead may start it, but for no longer than anybody may."""
    made, told = await offered(scene)
    block = next(e for b in told.blocks for e in b.get("elements", []) if e.get("action_id") == "notebook_start")
    await press(scene, CARLA, "notebook_start", Button(**json.loads(block["value"])), RESEARCH)
    await scene.pass_time(minutes(2))
    assert scene.found(made.id).status == "STOPPED"
    assert "approval" in scene.operation(CARLA)


@pytest.mark.parametrize("answer", ["denied", "approved", "waits"])
async def test_only_what_waits_is_bridged_whatever_was_ordered_before(scene: Scene, answer: str) -> None:
    """A pass has ordered it, and somebody decides before it is carried out."""
    made = await asked(scene, wish="5h", lease_ms=90 * MINUTE)
    (row,) = await scene.rows(approvals)
    if answer != "waits":
        async with scene.play.bot.db.begin() as db:
            await db.execute(update(approvals).values(state=answer, decided_at=scene.now))
    data = {"project": row.project, "notebook": made.id, "approval": row.id, "rule": "",
            "new_end_ms": to_ms(scene.end(made) + timedelta(minutes=40))}  # fmt: skip
    async with scene.play.bot.db.begin() as db:
        await record(db, scene.play.bot.parts.deps.ids, Item("hold", "hold:late", "n", data), scene.now)
    await scene.work()
    assert len(scene.renewals(made)) == (answer == "waits")


async def test_a_bridge_cuts_nothing_off_what_somebody_renews_meanwhile(scene: Scene) -> None:
    """In the console, between its decision and its write."""
    made = await asked(scene, wish="5h", lease_ms=20 * MINUTE)
    await scene.jump(minutes(16))
    await ask_now(scene.play.bot.db, scene.play.bot.ids, ["research"], scene.now)
    while not any((row.kind, row.step) == ("hold", "renew") for row in await scene.rows(work)):
        await scene.play.bot.drain.one_work()
    scene.cloud.console.renew(made.id, 8 * HOUR)
    later = scene.end(made)
    await scene.work()
    assert (scene.end(made), scene.renewals(made)) == (later, [])


async def test_broken_credentials_hold_the_grant_until_they_link_again(scene: Scene) -> None:
    made = await asked(scene)
    before = scene.end(made)
    scene.cloud.identity.users["ana"].password = "changed"
    scene.cloud.identity.tokens.clear()
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(5), minutes(5))
    assert scene.renewals(made) == []
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert "link" in told.text
    assert "waits for 24 h, and goes on by itself" in told.text
    assert "Waits" in request(scene).text
    scene.cloud.identity.users["ana"].password = "sandbox-ana"
    assert (await scene.link(ANA)).status_code == 200
    await scene.pass_time(minutes(5), minutes(5))
    assert len(scene.renewals(made)) == 1
    assert before + timedelta(hours=6) <= scene.end(made) < before + timedelta(hours=6) + SECOND
    (told,) = scene.in_dm(ANA, "approval_settled")
    assert "now runs until" in told.text


async def test_an_extension_in_between_moves_the_base(scene: Scene) -> None:
    made = await asked(scene, wish="5h")
    await scene.ask(ANA, "extend greedy 1h")
    end = scene.end(made)
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(1))
    assert end + timedelta(hours=5) <= scene.end(made) < end + timedelta(hours=5) + SECOND


class TestNobodyElse:
    """With one admin, a wish of theirs beyond max_total is refused at once."""

    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return {"max_total": '"20h"'}

    async def test_refused_at_once(self, scene: Scene) -> None:
        made = await scene.notebook("dora", "doras", lease_ms=3 * HOUR)
        await scene.ask(DORA, "extend doras 30h")
        assert scene.in_channel("approval_request") == []
        assert scene.renewals(made) == []
        assert "refused" in scene.operation(DORA)

    async def test_an_approver_is_not_enough_beyond_max_total(self, scene: Scene) -> None:
        made = await scene.notebook("ana", "huge", lease_ms=3 * HOUR)
        await scene.ask(ANA, "extend huge 30h")
        (copy,) = scene.in_dm(DORA, "approval_request")
        assert "cannot decide" in await scene.click(CARLA, "approval_approve", channel=RESEARCH)
        await scene.click(DORA, "approval_approve", ts=copy.ts, channel=DORA)
        await scene.pass_time(minutes(1))
        assert len(scene.renewals(made)) == 1


async def test_a_create_beyond_policy_is_asked_for_and_made_once_approved(scene: Scene) -> None:
    await scene.ask(ANA, "create big image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=20h")
    assert [n for n in scene.cloud.notebooks() if n.name == "big"] == []
    assert "create" in request(scene).text
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(2))
    made = scene.named("big")
    assert made.status == "RUNNING"
    assert made.owner.name == "ana"
    assert abs(scene.end(made) - scene.now - timedelta(hours=20)) < minutes(3)
