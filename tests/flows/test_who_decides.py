"""Who may decide is what Slack says at the click, by every identity; a request reaches those who can."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.stores.schema import approvals, identities
from deploy.sandbox.links import link_people
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, RESEARCH, Scene, minutes

GROUP = "S0APPROVERS"


async def asked(scene: Scene, owner: str = "ana", by: str = ANA) -> Any:
    made = await scene.notebook(owner, "greedy", lease_ms=3 * HOUR)
    await scene.ask(by, "extend greedy 6h")
    assert len(scene.in_channel("approval_request")) == 1
    return made


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN", "U0CARLA"]'}])
async def test_an_owner_known_from_the_policy_file_alone_decides_nothing_about_their_own(scene: Scene) -> None:
    async with scene.play.bot.db.begin() as db:
        await db.execute(identities.delete().where(identities.c.slack == BEN))
    made = await asked(scene, "ben", CARLA)
    told = await scene.click(BEN, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(2))
    assert "cannot decide" in told
    assert scene.renewals(made) == []


def leaves(scene: Scene) -> None:
    scene.slack.workspace.groups[GROUP].users.remove(CARLA)


def unreadable(scene: Scene) -> None:
    scene.slack.fault("usergroups.users.list", "status", status=503, count=None)


@pytest.mark.parametrize("policy", [{"approvers": f'["{GROUP}"]', "escalate_to": '["U0DORA"]'}])
@pytest.mark.parametrize("trouble", [leaves, unreadable])
async def test_a_group_is_read_at_the_click(scene: Scene, trouble: Callable[[Scene], None]) -> None:
    made = await asked(scene)
    await scene.pass_time(minutes(1))
    trouble(scene)
    await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    await scene.pass_time(minutes(1), timedelta(seconds=5))  # Slack allows a look at groups every three seconds
    assert scene.renewals(made) == []
    assert "cannot decide" in scene.slack.ephemerals(CARLA)[-1].text


@pytest.mark.parametrize("policy", [{"escalate_to": '["S0ADMINS"]', "approvers": '["U0CARLA"]'}])
async def test_a_group_that_could_not_be_read_once_is_escalated_to_by_the_next_pass(scene: Scene) -> None:
    await asked(scene)
    await scene.pass_time(minutes(27), minutes(3))
    scene.slack.fault("usergroups.users.list", "ratelimited", retry_after=10, count=1)
    await scene.pass_time(minutes(20), minutes(1))
    assert len(scene.in_dm(DORA, "approval_request")) == 1
    (row,) = await scene.rows(approvals)
    assert row.escalated_at is not None


@pytest.mark.parametrize("policy", [{"approvers": f'["{GROUP}"]', "escalate_to": "[]"}])
async def test_nobody_is_refused_because_a_group_cannot_be_read_right_now(scene: Scene) -> None:
    await scene.notebook("dora", "hers", lease_ms=3 * HOUR)
    await scene.pass_time(minutes(12), minutes(6))
    scene.slack.fault("usergroups.users.list", "ratelimited", retry_after=10, count=1)
    await scene.ask(DORA, "extend hers 6h")
    await scene.pass_time(minutes(3), minutes(1))
    assert len(scene.in_channel("approval_request")) == 1
    assert "refused at once" not in scene.operation(DORA)


async def test_the_same_create_asked_for_twice_is_one_request(scene: Scene) -> None:
    for _ in range(2):
        await scene.ask(ANA, "create big image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=20h")
    assert len(scene.in_channel("approval_request")) == 1
    assert "waiting already" in scene.operation(ANA)


async def test_how_it_ended_is_told_although_its_progress_was_deleted(scene: Scene) -> None:
    made = await scene.notebook("ana", "nb", lease_ms=3 * HOUR)
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(4), minutes(2))
    await scene.command(ANA, "start nb for 2h")
    await scene.work()
    direct = scene.slack.dm(ANA)
    direct.messages.remove(scene.in_dm(ANA, "operation")[-1])
    await scene.pass_time(minutes(5), timedelta(seconds=5))
    assert "nb" in scene.operation(ANA)
    assert "is running" in scene.operation(ANA)


async def test_whoever_has_just_joined_the_channel_is_served_within_a_minute_or_so(scene: Scene) -> None:
    members = scene.slack.workspace.channels[RESEARCH].members
    members.remove(BEN)
    await scene.jump(minutes(10))
    assert "Join" in await scene.ask(BEN, "list all", channel="C0RANDOM")
    members.append(BEN)
    await scene.pass_time(minutes(2), minutes(1))
    assert "Join" not in await scene.ask(BEN, "list all", channel="C0RANDOM")


async def test_an_owner_whom_slack_does_not_know_is_replaced_by_the_lead(scene: Scene) -> None:
    async with scene.play.bot.db.begin() as db:
        await db.execute(identities.delete().where(identities.c.slack == BEN))
    scene.slack.workspace.users.pop(BEN)
    made = await scene.notebook("ben", "ghost", busy=False, lease_ms=9 * HOUR)
    await scene.pass_time(timedelta(hours=2), minutes(2))
    assert len(scene.stops(made)) == 1
    assert scene.in_dm(CARLA, "idle_warning")


async def test_ones_own_comes_first_among_many_that_fit(scene: Scene) -> None:
    for n in range(30):
        scene.cloud.console.create("carla", f"run-{n:02}", lease_ms=9 * HOUR, status="STOPPED")
    scene.cloud.console.create("ana", "run-zz", lease_ms=9 * HOUR, status="STOPPED")
    await scene.sweep()
    assert "run-zz" in await scene.ask(ANA, "show run-")


async def test_a_long_retry_after_on_an_answers_address_is_no_loop(scene: Scene) -> None:
    await scene.command(ANA, "list all")
    fault = scene.slack.fault("response_url", "ratelimited", retry_after=7200, count=300)
    await scene.work()
    await scene.pass_time(minutes(2))
    assert fault.seen == 1


@pytest.mark.parametrize("policy", [{"approvers": '["S0APPROVERS", "U0ANA"]'}])
async def test_an_owner_who_has_unlinked_meanwhile_still_decides_nothing_about_their_own(scene: Scene) -> None:
    """Dora asked for Ana's notebook; Ana is an approver, and nobody is linked to its cloud user any more."""
    made = await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(DORA, "extend greedy 6h")
    await scene.ask(ANA, "unlink")
    assert "own notebook" in await scene.click(ANA, "approval_approve", channel=RESEARCH)
    assert scene.renewals(made) == []


@pytest.mark.parametrize("policy", [{"approvers": '["S0APPROVERS", "U0BEN"]'}])
async def test_whoever_has_got_the_requesters_cloud_user_since_decides_nothing(scene: Scene) -> None:
    """Dora asked for Ana's notebook as the cloud user dora, which is Ben's now."""
    made = await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(DORA, "extend greedy 6h")
    await scene.ask(DORA, "unlink")
    await scene.ask(BEN, "unlink")
    await link_people(scene.play.bot.parts.deps, "research", {BEN: "dora"})
    assert "own request" in await scene.click(BEN, "approval_approve", channel=RESEARCH)
    assert scene.renewals(made) == []


@pytest.mark.parametrize("policy", [{"max_total": '"10h"', "free_total": '"5h"'}])
async def test_what_a_renewal_has_pushed_beyond_max_total_is_an_admins_to_approve(scene: Scene) -> None:
    """Nine hours were asked for, of ten; with the two that were free meanwhile it would be eleven."""
    made = await scene.notebook("ana", "greedy", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
    await scene.ask(ANA, "extend greedy 7h")
    await scene.ask(ANA, "extend greedy 2h")
    (free,) = scene.renewals(made)
    assert "only an admin" in await scene.click(CARLA, "approval_approve", channel=RESEARCH)
    assert scene.renewals(made) == [free]
    await scene.click(CARLA, "approval_approve_less", channel=RESEARCH)
    assert (await scene.submit(CARLA, {"for": "6h"})).ok
    assert len(scene.renewals(made)) == 2
    assert scene.end(made) - scene.now < timedelta(hours=10, minutes=1)


def left(scene: Scene, user: str) -> None:
    scene.slack.workspace.users[user].deleted = True


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN"]', "escalate_to": '["U0CARLA"]'}])
async def test_with_the_only_approver_gone_it_is_escalated_at_once(scene: Scene) -> None:
    left(scene, BEN)
    await scene.jump(minutes(61))  # what Slack said of him before is believed for an hour
    await asked(scene)
    assert len(scene.in_dm(CARLA, "approval_request")) == 1


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN"]', "escalate_to": '["U0CARLA"]'}])
async def test_who_slack_says_nothing_about_may_be_there(scene: Scene) -> None:
    await scene.jump(minutes(61))
    await scene.ask(ANA, "whoami")  # her Slack has told of
    scene.slack.fault("users.info", "status", status=503, count=None)
    await asked(scene)
    assert scene.in_dm(CARLA, "approval_request") == []


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN"]', "escalate_to": "[]", "max_total": '"72h"'}])
async def test_with_everybody_gone_who_could_it_is_refused_at_once(scene: Scene) -> None:
    for user in (BEN, DORA):
        left(scene, user)
    await scene.jump(minutes(61))
    await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    assert scene.in_channel("approval_request") == []
    assert "refused at once" in scene.operation(ANA)


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN"]', "escalate_to": '["U0ANA", "U0CARLA"]'}])
async def test_it_is_escalated_to_those_alone_who_can_decide(scene: Scene) -> None:
    """Ana owns the notebook for which Dora asks."""
    await asked(scene, by=DORA)
    await scene.pass_time(minutes(40), minutes(10))
    assert scene.in_dm(ANA, "approval_request") == []
    assert len(scene.in_dm(CARLA, "approval_request")) == 1


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN"]', "escalate_to": '["U0ANA"]'}])
async def test_where_those_named_cannot_decide_it_is_escalated_to_the_admins(scene: Scene) -> None:
    await asked(scene, by=CARLA)
    await scene.pass_time(minutes(40), minutes(10))
    assert scene.in_dm(ANA, "approval_request") == []
    assert len(scene.in_dm(DORA, "approval_request")) == 1
    (row,) = await scene.rows(approvals)
    assert row.escalated_at is not None


@pytest.mark.parametrize("policy", [{"approvers": '["U0BEN"]', "escalate_to": '["U0ANA"]'}])
async def test_admins_whose_group_could_not_be_read_are_escalated_to_once_it_can(scene: Scene) -> None:
    roles = scene.play.bot.parts.people.roles("research")
    object.__setattr__(roles, "admins", ("S0ADMINS",))
    await asked(scene, by=CARLA)
    await scene.pass_time(minutes(27), minutes(3))
    scene.slack.fault("usergroups.users.list", "status", status=503, count=None)
    await scene.pass_time(minutes(8), minutes(1))
    assert scene.in_dm(DORA, "approval_request") == []
    scene.slack.faults.clear()
    await scene.pass_time(minutes(3), minutes(1))
    assert len(scene.in_dm(DORA, "approval_request")) == 1
    (row,) = await scene.rows(approvals)
    assert row.escalated_at is not None
