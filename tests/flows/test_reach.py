"""From the owner to the lead, from the lead to the channel; and no stop before one of them was told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.clock import from_ms
from bot.stores.schema import decisions, identities, people
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.slack import Message
from tests.flows.scene import ANA, CARLA, DORA, HOUR, RESEARCH, Scene, minutes

GRACE = minutes(15)


def deactivated(scene: Scene, user: str = ANA) -> None:
    scene.slack.workspace.users[user].deleted = True


def refuses_dms(scene: Scene, user: str = ANA) -> None:
    """Slack shows an active member, and still takes no direct message for them."""
    scene.slack.workspace.users[user].is_bot = True


def lead_refuses_too(scene: Scene) -> None:
    refuses_dms(scene)
    refuses_dms(scene, CARLA)


def lead_gone_too(scene: Scene) -> None:
    deactivated(scene)
    deactivated(scene, CARLA)


def nobody_takes_it(scene: Scene) -> None:
    lead_refuses_too(scene)
    out_of_channel(scene)


def out_of_channel(scene: Scene) -> None:
    members = scene.slack.workspace.channels[RESEARCH].members
    members.remove(scene.slack.workspace.bot_user)


def back_in_channel(scene: Scene) -> None:
    scene.slack.workspace.channels[RESEARCH].members.append(scene.slack.workspace.bot_user)


def slack_down(scene: Scene) -> None:
    scene.slack.fault("*", "status", status=503, count=None)


def unknown_to_slack(scene: Scene) -> None:
    scene.cloud.identity.add("zoe", rights=frozenset())


async def forgotten(scene: Scene, owner: str = "ana") -> Notebook:
    """Idle for three hours, with a long lease."""
    return await scene.notebook(owner, "forgotten", busy=False, lease_ms=9 * HOUR)


def told(scene: Scene, kind: str, where: str) -> list[Message]:
    return scene.in_channel(kind) if where == RESEARCH else scene.in_dm(where, kind)


CASES = [
    pytest.param(unknown_to_slack, "zoe", CARLA, id="nobody in Slack: the lead"),
    pytest.param(deactivated, "ana", CARLA, id="deactivated: the lead"),
    pytest.param(refuses_dms, "ana", CARLA, id="the DM is refused: the lead"),
    pytest.param(lead_refuses_too, "ana", RESEARCH, id="the lead's DM is refused as well: the channel"),
    pytest.param(lead_gone_too, "ana", RESEARCH, id="the lead is deactivated as well: the channel"),
]


@pytest.mark.parametrize(("trouble", "owner", "where"), CASES)
async def test_an_idle_warning_reaches_somebody_and_the_grace_runs_from_there(
    scene: Scene, trouble: Callable[[Scene], None], owner: str, where: str
) -> None:
    trouble(scene)
    made = await forgotten(scene, owner)
    for _ in range(12):
        if told(scene, "idle_warning", where):
            break
        await scene.pass_time(minutes(2), minutes(2))
    (copy,) = told(scene, "idle_warning", where)
    assert owner in copy.text.lower()  # by name, or as a mention
    delivered = from_ms(copy.posted_ms)
    await scene.pass_time(delivered + GRACE - scene.now - timedelta(seconds=1), minutes(7))
    assert scene.stops() == []
    await scene.pass_time(minutes(6), minutes(2))
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) >= delivered + GRACE
    assert len(scene.notices("idle_warning")) == 1


async def test_leads_of_whom_slack_says_nothing_are_not_enough_for_a_stop(scene: Scene) -> None:
    """They are told all the same, and the channel with them."""
    unknown_to_slack(scene)
    scene.slack.fault("users.info", "error", error="missing_scope", count=None)
    await scene.jump(timedelta(minutes=70))  # what Slack said of them is too old by then
    await forgotten(scene, "zoe")
    for _ in range(12):
        if told(scene, "idle_warning", CARLA):
            break
        await scene.pass_time(minutes(2), minutes(2))
    for where in (CARLA, RESEARCH):
        (copy,) = told(scene, "idle_warning", where)
        assert "zoe" in copy.text


@pytest.mark.parametrize(("trouble", "owner", "where"), CASES)
async def test_a_lease_warning_reaches_somebody(
    scene: Scene, trouble: Callable[[Scene], None], owner: str, where: str
) -> None:
    trouble(scene)
    await scene.ending(owner, "ending", minutes(61))
    await scene.pass_time(minutes(8), minutes(2))
    (copy,) = told(scene, "lease_warning", where)
    assert "ending" in copy.text
    assert len(scene.notices("lease_warning")) == 1


async def test_where_nobody_takes_it_nothing_is_stopped_and_admins_are_told(scene: Scene) -> None:
    nobody_takes_it(scene)
    made = await forgotten(scene)
    await scene.pass_time(timedelta(hours=3), minutes(10))
    assert scene.stops() == []
    outcomes = [row.outcome for row in await scene.rows(decisions) if row.notebook_id == made.id]
    assert outcomes[-1] == "undelivered"
    alerts = [m.text for m in scene.in_dm(DORA, "alert")]
    (channel,) = [text for text in alerts if "not_in_channel" in text]
    assert "idle warning about forgotten" in channel
    assert "/invite" in channel
    (owner,) = [text for text in alerts if "cannot_dm_bot" in text]
    assert ANA in owner


async def test_once_the_bot_is_invited_what_was_owed_is_told_and_only_then_does_the_grace_run(scene: Scene) -> None:
    nobody_takes_it(scene)
    made = await forgotten(scene)
    await scene.pass_time(timedelta(hours=1), minutes(5))
    assert scene.in_channel("idle_warning") == []
    back_in_channel(scene)
    await scene.pass_time(minutes(40), minutes(5))
    (copy,) = scene.in_channel("idle_warning")
    await scene.pass_time(minutes(20), minutes(5))
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) >= from_ms(copy.posted_ms) + GRACE


@pytest.mark.parametrize("policy", [{"escalate_to": "[]"}, {}])
async def test_a_request_that_the_channel_refused_is_posted_once_the_bot_is_invited(
    scene: Scene, policy: dict[str, str]
) -> None:
    out_of_channel(scene)
    made = await scene.notebook("ana", "greedy", lease_ms=9 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    await scene.pass_time(minutes(75), minutes(5))
    tries = len([c for c in scene.slack.calls("chat.postMessage") if c["args"]["channel"] == RESEARCH])
    back_in_channel(scene)
    await scene.pass_time(minutes(35), minutes(5))
    assert tries <= 4
    (request,) = scene.in_channel("approval_request")
    await scene.click(CARLA, "approval_approve", channel=RESEARCH, ts=request.ts)
    assert len(scene.renewals(made)) == 1
    assert len(scene.in_channel("approval_request")) == 1


async def test_with_slack_down_nobody_is_told_and_nothing_is_stopped(scene: Scene) -> None:
    slack_down(scene)
    await forgotten(scene)
    await scene.pass_time(timedelta(hours=2), minutes(10))
    assert scene.stops() == []
    assert scene.notices("idle_warning") == []


@pytest.mark.parametrize("policy", [{"escalate_to": '["U0DORA"]'}])
async def test_where_those_named_are_gone_the_leads_are_told_before_the_channel(scene: Scene) -> None:
    deactivated(scene)
    deactivated(scene, DORA)
    await forgotten(scene)
    await scene.pass_time(minutes(10), minutes(2))
    assert len(scene.in_dm(CARLA, "idle_warning")) == 1
    assert scene.in_channel("idle_warning") == []


async def test_a_lead_of_whom_slack_says_nothing_right_now_is_still_told_and_not_the_channel(scene: Scene) -> None:
    async with scene.play.bot.db.begin() as db:
        await db.execute(identities.delete().where(identities.c.slack == ANA))
        await db.execute(people.delete())
    scene.slack.fault("users.info", "status", status=503, count=None)
    await scene.ending("ana", "w", minutes(59))
    await scene.pass_time(minutes(2), minutes(1))
    assert len(scene.in_dm(CARLA, "lease_warning")) == 1
    assert scene.in_channel("lease_warning") == []


@pytest.mark.parametrize("policy", [{"idle_grace": '"2h"'}], ids=[""])
async def test_an_owner_who_leaves_within_the_grace_leaves_it_to_the_lead_with_a_grace_of_its_own(scene: Scene) -> None:
    made = await forgotten(scene)
    for _ in range(12):
        if scene.in_dm(ANA, "idle_warning"):
            break
        await scene.pass_time(minutes(2), minutes(2))
    (told_ana,) = scene.in_dm(ANA, "idle_warning")
    deactivated(scene)
    await scene.pass_time(minutes(126), minutes(5))  # it is looked at again when the grace is over
    (copy,) = scene.in_dm(CARLA, "idle_warning")
    delivered = from_ms(copy.posted_ms)
    assert delivered > from_ms(told_ana.posted_ms) + minutes(10)
    await scene.pass_time(delivered + minutes(119) - scene.now, minutes(5))
    assert scene.stops() == []
    await scene.pass_time(minutes(12), minutes(3))
    assert len(scene.stops(made)) == 1
