"""Links are looked after: told ahead, and erased when their person has left."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.operations.upkeep import look_after_links
from bot.stores.schema import audit, identities, outbox
from tests.unit.operations.fakes import START
from tests.unit.operations.stage import ADMIN, ANA, BEN, LEAD, Stage


async def _expiring(stage: Stage, after: timedelta) -> None:
    await stage.link(ANA, "ana")
    async with stage.db.begin() as db:
        await db.execute(update(identities).values(expires_at=START + after))


async def _look(stage: Stage):
    await look_after_links(stage.parts, "research", stage.clock.now())
    return [row for row in await stage.rows(outbox) if row.kind == "alert"]


async def test_a_person_is_told_once_ahead_of_the_end(stage: Stage):
    await _expiring(stage, timedelta(days=4))
    assert await _look(stage) == []
    stage.clock.go(timedelta(days=1))
    (told,) = await _look(stage)
    assert (told.target, told.facts["button"], told.facts["kind"]) == (ANA, "link", "credentials_expire")
    stage.clock.go(timedelta(days=1))
    assert len(await _look(stage)) == 1


async def test_linking_again_arms_the_notice_anew(stage: Stage):
    await _expiring(stage, timedelta(days=1))
    await _look(stage)
    await stage.link(ANA, "ana")
    assert (await stage.rows(identities))[0].told_at is None


async def test_who_left_slack_keeps_no_credentials_and_the_lead_is_told(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.link(BEN, "ben")
    assert await _look(stage) == []
    stage.slack.add(ANA, "ana", deleted=True)
    stage.clock.go(timedelta(hours=25))
    (told,) = await _look(stage)
    assert told.target == LEAD
    assert "ana has left Slack" in told.facts["text"]
    assert [row.slack for row in await stage.rows(identities)] == [BEN]
    assert [(row.actor, row.action) for row in await stage.rows(audit)] == [("scheduler", "left")]
    assert stage.clouds.forgotten == [("research", "ana")]


@pytest.mark.parametrize("answers", [True, False])
async def test_who_came_back_and_has_linked_since_has_not_left(stage: Stage, answers: bool):
    """From a terminal: nobody has asked Slack about them in between. `answers`: whether Slack says so by now."""
    await stage.link(ANA, "ana")
    stage.slack.add(ANA, "ana", deleted=True)
    stage.clock.go(timedelta(hours=25))
    assert len(await _look(stage)) == 1
    if answers:
        stage.slack.add(ANA, "ana")
    else:
        del stage.slack.people[ANA]
    stage.clock.go(timedelta(hours=2))
    await stage.link(ANA, "ana")
    assert len(await _look(stage)) == 1
    assert [row.slack for row in await stage.rows(identities)] == [ANA]


async def test_who_cannot_be_asked_about_has_not_left(stage: Stage):
    await stage.link(ANA, "ana")
    del stage.slack.people[ANA]
    assert await _look(stage) == []
    assert [row.slack for row in await stage.rows(identities)] == [ANA]


async def test_another_projects_links_are_left_alone(stage: Stage):
    await stage.link(ANA, "ana", "vision")
    stage.slack.add(ANA, "ana", deleted=True)
    assert await _look(stage) == []
    assert len(await stage.rows(identities)) == 1


async def test_admins_whom_nobody_could_name_hear_of_a_second_link_later(stage: Stage):
    """Their group could not be read when it was made."""
    await stage.link(ANA, "ana")
    await stage.link(BEN, "ana", state="waiting")
    (told,) = await _look(stage)
    assert (told.target, told.facts["kind"]) == (ADMIN, "second_link_waits")
    assert f"admin map @{BEN} ana research" in told.facts["next_step"]
    assert len(await _look(stage)) == 1
    stage.clock.go(timedelta(days=1))
    assert len(await _look(stage)) == 1, "once"
