"""What was approved is carried out, or whoever asked is told that it was not; the request itself says the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.clock import from_ms, to_ms
from bot.operations.grants import Grant
from bot.stores.schema import approvals, people
from bot.work import Claim, Go
from tests.flows.scene import ANA, CARLA, DORA, HOUR, MINUTE, RESEARCH, START_MS, Scene, buttons, minutes

DENIED = {"error_code": "ModelArts.0103", "error_msg": "no rights"}
BIG = "create big image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=20h"


async def asked(scene: Scene, wish: str = "6h", **options: Any) -> Any:
    """Ana has asked for more than she may have."""
    made = await scene.notebook("ana", "greedy", **({"lease_ms": 3 * HOUR, "age_ms": 0, "settled_ago_ms": 0} | options))
    await scene.ask(ANA, f"extend greedy {wish}")
    assert len(scene.in_channel("approval_request")) == 1
    return made


def request(scene: Scene) -> str:
    return str(scene.in_channel("approval_request")[-1].text)


def settled(scene: Scene) -> str:
    told = scene.in_dm(ANA, "approval_settled")
    assert len(told) == 1
    return str(told[0].text)


async def test_a_renewal_that_is_refused_for_good_is_told(scene: Scene) -> None:
    await asked(scene)
    scene.cloud.faults.add("status", method="PATCH", path=r"/lease$", count=0, status=403, body=DENIED)
    await scene.click(CARLA, "approval_approve")
    await scene.pass_time(minutes(20), minutes(5))
    assert "could not be carried out" in settled(scene)
    assert "could not be carried out" in request(scene)


async def test_one_that_waited_a_day_for_its_requester_to_link_is_told(scene: Scene) -> None:
    await asked(scene, lease_ms=60 * HOUR)
    scene.cloud.identity.users["ana"].password = "changed"
    scene.cloud.identity.tokens.clear()
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(5), minutes(5))
    assert "Waits until the requester has linked again" in request(scene)
    await scene.jump(timedelta(hours=24))
    await scene.pass_time(minutes(10), minutes(5))
    assert "could not be carried out" in settled(scene)
    assert "could not be carried out" in request(scene)


@pytest.mark.parametrize("ago", [0, 1])
async def test_a_notebook_that_was_deleted_meanwhile_is_what_is_told(scene: Scene, ago: int) -> None:
    made = await asked(scene)
    scene.cloud.console.delete(made.id)
    await scene.pass_time(minutes(ago))
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(3))
    for told in (settled(scene), request(scene)):
        assert "The notebook no longer exists" in told
        assert "has passed" not in told


@pytest.mark.parametrize("passes", [True, False])
async def test_a_grant_takes_a_state_that_nobody_knows_for_no_stop(scene: Scene, passes: bool) -> None:
    made = await asked(scene)
    scene.cloud.console.set_status(made.id, "MIGRATING")
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(3))
    if passes:
        scene.cloud.console.set_status(made.id, "RUNNING")
    await scene.pass_time(minutes(33), minutes(3))
    assert bool(scene.renewals(made)) == passes
    for told in (settled(scene), request(scene)):
        assert "stopped meanwhile" not in told
        assert passes or "in a state that I do not know" in told


@pytest.mark.parametrize(("later_h", "runs"), [(5, True), (11, False)])
async def test_what_was_granted_until_an_instant_is_not_started_beyond_it(
    scene: Scene, later_h: int, runs: bool
) -> None:
    """Until 20:00; it has stopped by eleven, and is started again from the offer at four or at ten."""
    made = await asked(scene, "until 20:00", lease_ms=HOUR)
    await scene.jump(minutes(70))
    await scene.pass_time(minutes(2))
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(2))
    offer = scene.in_dm(ANA, "approval_settled")[-1]
    assert buttons(offer) == ["notebook_start"]
    await scene.pass_time(timedelta(hours=later_h), minutes(30))
    await scene.click(ANA, "notebook_start", ts=offer.ts, channel=ANA)
    await scene.pass_time(minutes(3))
    assert (scene.found(made.id).status == "RUNNING") == runs
    if runs:
        assert abs(scene.end(made) - from_ms(1_764_010_800_000)) < minutes(2)


async def test_setting_an_end_has_a_price_as_well(scene: Scene) -> None:
    await scene.notebook("ana", "free", lease_type="IDLE")
    await scene.ask(ANA, "extend free 8h")
    await scene.click(ANA, "notebook_extend")
    assert "Cost: 1.36 EUR" in request(scene)


async def test_an_hour_that_had_to_be_written_for_less_is_said(scene: Scene) -> None:
    """Until 11:10 was asked for, and is granted at 10:46: the platform takes no less than an hour."""
    made = await asked(scene, "until 11:10", lease_ms=HOUR, age_ms=14 * HOUR, settled_ago_ms=14 * HOUR)
    await scene.pass_time(minutes(46))
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(1))
    assert scene.end(made) - scene.now > minutes(58)
    for told in (settled(scene), request(scene)):
        assert "the platform allows no less than 1 h from now" in told


async def test_an_end_that_was_taken_away_meanwhile_is_not_extended(scene: Scene) -> None:
    """What is sent would be another length of idleness, and no end could be read back."""
    made = await asked(scene)
    scene.cloud.console.renew(made.id, 2 * HOUR, "IDLE")
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(3))
    assert scene.renewals(made) == []
    assert "no timed end any more" in settled(scene)
    assert "could not be carried out" in request(scene)


async def test_a_create_is_said_to_be_carried_out_when_it_runs(scene: Scene) -> None:
    await scene.ask(ANA, BIG)
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    assert scene.in_dm(ANA, "approval_settled") == []
    await scene.pass_time(minutes(2), minutes(1))
    assert "approved" in settled(scene)
    assert str(to_ms(scene.end(scene.named("big"))) // 1000) in settled(scene)
    assert request(scene).rstrip().endswith("Created.")


async def test_a_create_that_fails_after_it_was_approved_is_told(scene: Scene) -> None:
    await scene.ask(ANA, BIG)
    scene.cloud.faults.add("status", method="POST", path=r"/notebooks$", count=0, status=403, body=DENIED)
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(30), minutes(10))
    assert "could not be carried out" in settled(scene)
    assert "could not be carried out" in request(scene)


async def test_a_short_grant_is_written_although_time_goes_on(scene: Scene) -> None:
    """The platform allows no less than an hour from now, and a moment passes between deciding and writing."""
    made = await asked(scene, lease_ms=10 * MINUTE, wish="24h")
    (row,) = await scene.rows(approvals)
    data = {"approval": row.id, "project": "research", "notebook": made.id, "user": ANA, "by_s": 1800}
    claim = Claim("w", "grant", "c", "s", "start", data, ANA, scene.now, 0, 0)
    grant = Grant(scene.play.bot.parts)
    decided = await grant(claim, scene.now)
    scene.on.clock.advance_ms(20)
    assert isinstance(decided, Go)
    written = await grant(replace(claim, step=decided.step, data=dict(decided.data)), scene.now)
    assert isinstance(written, Go)
    assert (written.step, len(scene.renewals(made))) == ("verify", 1)


async def test_an_end_that_needs_approval_is_set_as_an_end(scene: Scene) -> None:
    made = await scene.notebook("ana", "idler", lease_ms=3 * HOUR, lease_type="IDLE", age_ms=HOUR, settled_ago_ms=HOUR)
    await scene.ask(ANA, "extend idler 20h")
    (offer,) = scene.in_dm(ANA, "operation")
    await scene.click(ANA, buttons(offer)[0], ts=offer.ts, channel=ANA)
    asked_at = scene.now
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    assert [renewal["details"]["lease"]["type"] for renewal in scene.renewals(made)] == ["TIMING"]
    assert scene.end(made) >= asked_at + timedelta(hours=20)
    assert "It now runs until" in settled(scene)


async def test_a_denial_names_the_end_that_a_renewal_has_set_meanwhile(scene: Scene) -> None:
    made = await asked(scene)
    await scene.ask(ANA, "extend greedy 2h")
    await scene.click(CARLA, "approval_deny", channel=RESEARCH)
    await scene.submit(CARLA, {"reason": "no"})
    assert str(to_ms(scene.end(made)) // 1000) in settled(scene)


@pytest.mark.parametrize("by", ["extend greedy 2h", "console"])
async def test_a_request_shows_the_end_that_a_renewal_has_set_meanwhile(scene: Scene, by: str) -> None:
    """On every copy: when it ends now, where the wish would lead, and how often it was renewed."""
    made = await asked(scene, lease_ms=3 * HOUR)
    asked_at = scene.end(made)
    await scene.pass_time(minutes(31), minutes(1))  # until it is escalated to Carla
    if by == "console":
        scene.cloud.console.renew(made.id, 5 * HOUR)
        await scene.sweep()
    else:
        await scene.ask(ANA, by)
    await scene.work()
    end = scene.end(made)
    assert end > asked_at
    for shown in (request(scene), scene.in_dm(CARLA, "approval_request")[-1].text):
        for instant in (end, end + timedelta(hours=6)):
            assert f"<!date^{int(instant.timestamp())}^" in shown
        assert f"<!date^{int(asked_at.timestamp())}^" not in shown
    (row,) = await scene.rows(approvals)
    assert row.facts["renewals"] == (0 if by == "console" else 1)


@pytest.mark.parametrize("policy", [{"max_total": '"20h"'}])
async def test_a_request_says_which_limit_it_is_beyond_after_a_renewal(scene: Scene) -> None:
    made = await asked(scene, lease_ms=8 * HOUR, wish="10h")
    assert "(free_total)" in request(scene)
    scene.cloud.console.renew(made.id, 14 * HOUR)
    await scene.sweep()
    assert "beyond 20 h an admin must approve (max_total)" in request(scene)


async def test_what_a_renewal_has_given_already_costs_nothing_more(scene: Scene) -> None:
    made = await asked(scene, wish="until 23:00")
    assert "Cost: 1.70 EUR" in request(scene)
    scene.cloud.console.renew(made.id, 14 * HOUR)
    await scene.sweep()
    assert "Cost: 0.00 EUR" in request(scene)


async def test_a_request_says_that_its_lease_was_bridged_and_leads_where_it_did(scene: Scene) -> None:
    made = await asked(scene, lease_ms=20 * MINUTE, wish="5h")
    base = scene.end(made)
    await scene.pass_time(minutes(16), minutes(2))
    for instant in (scene.end(made), base + timedelta(hours=5)):
        assert f"<!date^{int(instant.timestamp())}^" in request(scene)


async def test_a_renewal_while_it_waits_is_bridged_and_counted_from(scene: Scene) -> None:
    made = await asked(scene, lease_ms=30 * MINUTE, wish="5h")
    await scene.jump(minutes(1))
    scene.cloud.console.renew(made.id, 3 * HOUR)
    renewed = scene.end(made)
    await scene.sweep()
    await scene.jump(renewed - scene.now - minutes(5))
    await scene.sweep()
    assert scene.end(made) > renewed, "it was held"
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    assert scene.end(made) >= renewed + timedelta(hours=5)


async def test_who_asks_after_a_request_has_expired_makes_a_new_one(scene: Scene) -> None:
    await asked(scene, lease_ms=12 * HOUR)
    await scene.jump(timedelta(hours=8))
    await scene.ask(ANA, "extend greedy 6h")
    await scene.sweep()
    assert sorted(row.state for row in await scene.rows(approvals)) == ["expired", "pending"]


async def test_a_request_ends_with_its_notebook(scene: Scene) -> None:
    made = await asked(scene, lease_ms=12 * HOUR)
    scene.cloud.console.delete(made.id)
    await scene.pass_time(minutes(4), minutes(1))
    (row,) = await scene.rows(approvals)
    assert row.state == "withdrawn"
    assert "Withdrawn" in request(scene)
    assert "Its notebook was deleted." in request(scene)
    assert buttons(scene.in_channel("approval_request")[-1]) == []
    assert "Its notebook was deleted." in scene.in_dm(ANA, "approval_settled")[-1].text
    assert "was withdrawn" in await scene.click(CARLA, "approval_approve", channel=RESEARCH, stale=True)


async def test_who_asks_second_sees_the_first_request(scene: Scene) -> None:
    await asked(scene)
    await scene.ask(DORA, "extend greedy 72h")
    assert f"<@{ANA}> has asked for it" in scene.operation(DORA)
    assert "for 6 h" in scene.operation(DORA)
    assert "tell you the answer" not in scene.operation(DORA)
    assert len(scene.in_channel("approval_request")) == 1


async def test_an_hour_that_was_not_asked_for_is_said(scene: Scene) -> None:
    made = await scene.notebook("ana", "short", lease_ms=3 * HOUR)
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(4), minutes(2))
    await scene.ask(ANA, "start short for 30m")
    await scene.pass_time(minutes(4), minutes(1))
    assert "no less than 1 h" in scene.operation(ANA)


class TestAStart:
    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return {"lease": '"13h"'}

    async def stopped(self, scene: Scene) -> Any:
        made = await scene.notebook("ana", "sleeper", lease_ms=3 * HOUR, age_ms=HOUR, settled_ago_ms=HOUR)
        scene.cloud.console.stop(made.id)
        await scene.pass_time(minutes(4), minutes(2))
        await scene.ask(ANA, "start sleeper")
        return made

    async def test_without_a_length_is_asked_for_as_long_as_policy_says(self, scene: Scene) -> None:
        await self.stopped(scene)
        assert "start *sleeper* for 13 h." in request(scene)
        assert "no price" not in request(scene)

    async def test_is_never_granted_for_longer_than_that(self, scene: Scene) -> None:
        made = await self.stopped(scene)
        await scene.click(CARLA, "approval_approve_less", channel=RESEARCH)
        await scene.submit(CARLA, {"for": "40h"})
        await scene.pass_time(minutes(4), minutes(2))
        assert scene.found(made.id).status == "STOPPED"

    async def test_is_told_when_it_runs(self, scene: Scene) -> None:
        made = await self.stopped(scene)
        await scene.click(CARLA, "approval_approve", channel=RESEARCH)
        await scene.pass_time(minutes(4), minutes(2))
        assert scene.found(made.id).status == "RUNNING"
        assert "It now runs until" in settled(scene)
        assert request(scene).rstrip().endswith("Started.")


class TestTheNotebookOfAnApprovedRequest:
    """It may be anything by then: what is said of it is so."""

    async def test_that_is_gone_is_said_to_be_gone(self, scene: Scene) -> None:
        made = await asked(scene)
        scene.cloud.console.stop(made.id)
        await scene.jump(minutes(3))
        scene.cloud.console.delete(made.id)
        await scene.jump(minutes(3))
        await scene.click(CARLA, "approval_approve", channel=RESEARCH)
        (told,) = scene.in_dm(ANA, "approval_settled")
        for text in (told.text, scene.in_channel("approval_request")[-1].text):
            assert "no longer exists" in text
        for text in (told.text, scene.operation(ANA)):
            assert "has passed" not in text

    async def test_that_is_starting_again_is_waited_for(self, scene: Scene) -> None:
        made = await asked(scene)
        scene.cloud.console.stop(made.id)
        await scene.jump(minutes(3))
        scene.cloud.console.start(made.id)
        assert scene.found(made.id).status == "STARTING"
        await scene.click(CARLA, "approval_approve", channel=RESEARCH)
        await scene.pass_time(minutes(3))
        (told,) = scene.in_dm(ANA, "approval_settled")
        assert "stopped" not in told.text
        assert len(scene.renewals(made)) == 1

    async def test_that_has_stopped_runs_until_then_however_late_it_is_started(self, scene: Scene) -> None:
        """23:00 was granted, and the offer is taken up at 18:00: it runs for five hours, not for thirteen."""
        made = await asked(scene, wish="until 23:00 sweep")
        scene.cloud.console.stop(made.id)
        await scene.pass_time(minutes(4), minutes(2))
        await scene.click(CARLA, "approval_approve", channel=RESEARCH)
        (told,) = scene.in_dm(ANA, "approval_settled")
        assert str((START_MS + 13 * HOUR) // 1000) in told.text
        await scene.jump(timedelta(hours=8))
        await scene.click(ANA, "notebook_start", ts=told.ts, channel=ANA)
        await scene.pass_time(minutes(2))
        assert scene.found(made.id).status == "RUNNING"
        assert abs(scene.end(made) - from_ms(START_MS + 13 * HOUR)) < minutes(3)

    @pytest.mark.parametrize("later_h", [8, 14])
    async def test_that_has_stopped_runs_until_then_however_long_its_start_was_held(
        self, scene: Scene, later_h: int
    ) -> None:
        made = await asked(scene, wish="until 23:00 sweep")
        scene.cloud.console.stop(made.id)
        await scene.pass_time(minutes(4), minutes(2))
        await scene.click(CARLA, "approval_approve", channel=RESEARCH)
        (told,) = scene.in_dm(ANA, "approval_settled")
        scene.cloud.identity.users["ana"].password = "changed"
        scene.cloud.identity.tokens.clear()
        await scene.click(ANA, "notebook_start", ts=told.ts, channel=ANA)
        await scene.jump(timedelta(hours=later_h))
        scene.cloud.identity.users["ana"].password = "sandbox-ana"
        assert (await scene.link(ANA)).status_code == 200
        await scene.pass_time(minutes(2))
        if later_h == 8:
            assert abs(scene.end(made) - from_ms(START_MS + 13 * HOUR)) < minutes(3)
        else:
            assert scene.found(made.id).status == "STOPPED"
            said = [each.text for each in scene.in_dm(ANA, "operation")]
            assert any("The time that was granted has passed" in text for text in said)


async def leaves(scene: Scene) -> None:
    """Ana's account is deactivated, as Slack has just told."""
    scene.slack.workspace.users[ANA].deleted = True
    async with scene.play.bot.db.begin() as db:
        await db.execute(update(people).where(people.c.slack == ANA).values(deleted=True))


async def test_what_somebody_asked_for_who_has_left_slack_is_withdrawn(scene: Scene) -> None:
    await asked(scene, lease_ms=9 * HOUR)
    await scene.pass_time(minutes(40), minutes(10))
    await leaves(scene)
    await scene.pass_time(minutes(2), minutes(1))
    for shown in (scene.in_channel("approval_request")[-1], scene.in_dm(CARLA, "approval_request")[-1]):
        assert "*Withdrawn*" in shown.text
        assert "Whoever asked has left Slack" in shown.text
        assert buttons(shown) == []
    (alert,) = scene.in_dm(CARLA, "alert")
    assert "has left Slack" in alert.text
    assert "withdrawn what they asked for: greedy" in alert.text
    assert scene.in_dm(ANA, "approval_settled") == []


@pytest.mark.parametrize("when", ["while it waits", "before it is carried out"])
async def test_what_was_granted_to_somebody_who_has_left_slack_fails_with_words(scene: Scene, when: str) -> None:
    made = await asked(scene, lease_ms=9 * HOUR)
    scene.cloud.identity.users["ana"].password = "changed"
    scene.cloud.identity.tokens.clear()
    if when == "before it is carried out":
        await leaves(scene)
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    if when == "while it waits":
        assert "Waits until the requester has linked again" in request(scene)
        await leaves(scene)
    await scene.pass_time(minutes(2), minutes(1))
    assert "Waits" not in request(scene)
    assert "could not be carried out" in request(scene)
    assert "has left Slack" in request(scene)
    assert scene.renewals(made) == []
