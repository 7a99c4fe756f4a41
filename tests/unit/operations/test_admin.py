"""`admin`: only for admins; the policy file's word wins; nobody confirms their own link."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.clock import to_ms
from bot.operations import gather
from bot.operations.alerts import alert
from bot.operations.requests import Requests
from bot.operations.whose import owner_of
from bot.rules import brakes
from bot.stores import hints
from bot.stores.schema import audit, identities, projects
from bot.stores.upsert import put
from bot.work import Item, record
from tests.unit.operations.fakes import START, TEAM, a_notebook
from tests.unit.operations.stage import ADMIN, ANA, BEN, GUEST, LEAD, POLICY, Stage

HOUR = timedelta(hours=1)


async def _project(stage: Stage, name: str = "research"):
    return next((row for row in await stage.rows(projects) if row.name == name), None)


@pytest.mark.parametrize("user", [ANA, LEAD])
@pytest.mark.parametrize("what", ["enforce", "shadow", "pause", "release", "map"])
async def test_nobody_else_may(stage: Stage, user: str, what: str):
    answer = await stage.ask(user, "admin", what=what, project="research", user=BEN, cloud_user="ben")
    assert answer["what"] == "error"
    assert await _project(stage) is None
    assert await stage.rows(audit) == []


async def test_the_mode_is_chosen_per_project_and_on_record(stage: Stage):
    answer = await stage.ask(ADMIN, "admin", what="enforce", project="research")
    assert "enforce mode" in answer["text"]
    assert (await _project(stage)).mode == "enforce"
    assert [(row.actor, row.action) for row in await stage.rows(audit)] == [(ADMIN, "admin_enforce")]
    again = await stage.ask(ADMIN, "admin", via="click", what="enforce", project="research")
    assert "already" in again["text"]
    assert len(await stage.rows(audit)) == 1


async def test_a_mode_in_the_file_wins_and_is_said(stage: Stage):
    answer = await stage.ask(ADMIN, "admin", what="shadow", project="vision")
    assert "idle_mode = enforce" in answer["text"]
    assert "line" in answer["text"]
    assert await _project(stage, "vision") is None


async def test_without_a_name_it_is_the_channels_project_or_it_asks(stage: Stage):
    assert "Which project?" in (await stage.ask(ADMIN, "admin", what="pause"))["oops"]["what"]
    await stage.ask(ADMIN, "admin", what="pause", channel="C0RESEARCH")
    assert (await _project(stage)).paused


COLLAPSE = "only 3 notebooks run, 12 did in the last listing"


async def _paused(stage: Stage, why: str, at: datetime = START) -> None:
    async with stage.db.begin() as db:
        await put(db, projects, {"name": "research", "paused": why, "paused_at": at, "last_running": 12})


async def test_a_collapse_is_released_with_the_figure_it_was_measured_against(stage: Stage):
    await _paused(stage, COLLAPSE)
    answer = await stage.ask(ADMIN, "admin", via="click", what="release", project="research")
    assert COLLAPSE in answer["text"]
    row = await _project(stage)
    assert (row.paused, row.paused_at, row.last_running) == (None, None, None)
    assert "not paused" in (await stage.ask(ADMIN, "admin", what="release", project="research"))["text"]


async def test_what_was_paused_by_hand_is_released_without_forgetting_a_collapse_meanwhile(stage: Stage):
    await _paused(stage, brakes.by_hand("dora"))
    await stage.ask(ADMIN, "admin", what="release", project="research")
    row = await _project(stage)
    assert (row.paused, row.last_running) == (None, 12)


async def _meanwhile(stage: Stage, why: str, **args: Any) -> dict[str, Any]:
    """The answer to `admin` where something has paused stops because of `why` just before it is written."""
    data = {"verb": "admin", "args": {"project": "research", **args}, "user": ADMIN, "team": TEAM, "reply": None}
    async with stage.db.begin() as db:
        item = Item("request", "test:race", "request:test:race", data, author=ADMIN)
        at, _new = await record(db, stage.parts.deps.ids, item, START)
    assert stage.workshop is not None
    claim = await stage.workshop.claim()
    assert claim is not None
    outcome = await Requests(stage.parts, stage.verbs)(claim, START)
    await _paused(stage, why)
    async with stage.db.begin() as db:
        await outcome.write(db)
    answer = await stage.said(f"answer:{at}")
    assert answer is not None
    return answer


async def test_a_pause_leaves_a_brake_that_has_just_tripped_its_reason(stage: Stage):
    answer = await _meanwhile(stage, COLLAPSE, what="pause")
    assert f"paused already: {COLLAPSE}" in answer["text"]
    assert (await _project(stage)).paused == COLLAPSE
    assert await stage.rows(audit) == []


async def test_a_release_says_the_reason_that_was_released(stage: Stage):
    await _paused(stage, brakes.by_hand("dora"))
    answer = await _meanwhile(stage, COLLAPSE, what="release")
    assert COLLAPSE in answer["text"]
    row = await _project(stage)
    assert (row.paused, row.last_running) == (None, None)


async def test_the_button_of_a_brake_that_was_released_does_not_release_the_next(stage: Stage):
    day = START.astimezone(stage.parts.deps.config.timezone).date()
    for subject, at in (("research", START), ("research#2", START + HOUR)):
        async with stage.db.begin() as db:
            await alert(
                stage.parts, db, frozenset({ADMIN}), "brake", subject, at, project="research", button="release",
                text="paused", next_step="look", day=day, since_ms=to_ms(at),
            )  # fmt: skip
    await _paused(stage, COLLAPSE, START + HOUR)
    old, new = (f"alert:brake:{subject}:{day.isoformat()}" for subject in ("research", "research#2"))
    answer = await stage.ask(ADMIN, "admin", via="click", cause=old, what="release", project="research")
    assert "Nothing was changed" in answer["text"]
    assert (await _project(stage)).paused == COLLAPSE
    await stage.ask(ADMIN, "admin", via="click", cause=new, what="release", project="research")
    assert (await _project(stage)).paused is None


async def test_a_hint_says_who_gets_notices_and_gives_no_rights(stage: Stage):
    await stage.see(a_notebook())
    await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user="ana", project="research")
    async with stage.db.read() as db:
        assert await owner_of(db, stage.parts.deps, "research", a_notebook()) == BEN
        known = await gather.project(db, stage.parts.deps, "research", START)
    assert gather.owner_id(stage.parts.deps, known, a_notebook()) == BEN
    assert (await stage.ask(BEN, "open", name="train-1"))["what"] == "not_linked"
    assert (await stage.ask(BEN, "stop", name="train-1"))["what"] == "not_linked"


async def test_one_person_may_stand_for_several_cloud_users(stage: Stage):
    for cloud_user in ("ana", "ana-batch", "ana"):
        await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user=cloud_user, project="research")
    await stage.ask(ADMIN, "admin", what="map", user=LEAD, cloud_user="ana-batch", project="research")
    await stage.ask(ADMIN, "admin", what="map", user=LEAD, cloud_user="ana-nightly", project="research")
    async with stage.db.read() as db:
        assert await hints.of_project(db, TEAM, "research") == {"ana": BEN, "ana-batch": LEAD, "ana-nightly": LEAD}


async def test_a_hint_about_a_cloud_user_that_is_linked_says_who_is_told(stage: Stage):
    await stage.link(ANA, "ana")
    answer = await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user="ana", project="research")
    assert "go to ana, who has linked it; to ben once nobody has" in answer["text"]
    answer = await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user="other", project="research")
    assert "go to ben until somebody links it" in answer["text"]


async def test_a_hint_moves_and_a_link_overrides_it(stage: Stage):
    for user in (ANA, BEN):
        await stage.ask(ADMIN, "admin", what="map", user=user, cloud_user="ana", project="research")
    async with stage.db.read() as db:
        assert await owner_of(db, stage.parts.deps, "research", a_notebook()) == BEN
        assert await owner_of(db, stage.parts.deps, "vision", a_notebook()) is None
    await stage.link(LEAD, "ana")
    async with stage.db.read() as db:
        assert await owner_of(db, stage.parts.deps, "research", a_notebook()) == LEAD


async def test_settings_and_hints_leave_each_other_alone(stage: Stage):
    await stage.ask(ADMIN, "admin", what="map", user=ANA, cloud_user="ana", project="research")
    await stage.ask(ANA, "settings_save", via="submit", quiet="22:00-07:00", notices=[])
    await stage.ask(ADMIN, "admin", what="map", user=ANA, cloud_user="ana2", project="vision")
    async with stage.db.read() as db:
        assert await owner_of(db, stage.parts.deps, "research", a_notebook()) == ANA
    assert (await stage.ask(ANA, "settings"))["quiet"] == "22:00-07:00"


async def test_no_guest_gets_notices(stage: Stage):
    answer = await stage.ask(ADMIN, "admin", what="map", user=GUEST, cloud_user="ana", project="research")
    assert answer["what"] == "error"


async def test_a_waiting_link_is_confirmed_and_moves_the_cloud_user(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.link(BEN, "ana", state="waiting")
    answer = await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user="ana", project="research")
    assert "Confirmed" in answer["text"]
    assert [(row.slack, row.state) for row in await stage.rows(identities)] == [(BEN, "active")]
    assert stage.clouds.forgotten == [("research", "ana")]
    assert [row.action for row in await stage.rows(audit)] == ["unlink", "admin_confirm_link"]


@pytest.mark.parametrize(
    "policy", [POLICY.replace('idle_mode = "enforce"\n', 'idle_mode = "enforce"\n[projects.roles]\nadmins = []\n')]
)
async def test_a_link_in_another_project_goes_only_by_its_own_admin(stage: Stage):
    await stage.link(ANA, "ana", "vision")
    await stage.link(BEN, "ana", state="waiting")
    answer = await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user="ana", project="research")
    assert "vision" in answer["oops"]["what"]
    assert {(row.slack, row.state) for row in await stage.rows(identities)} == {(ANA, "active"), (BEN, "waiting")}


async def test_nobody_confirms_their_own_link(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.link(ADMIN, "ana", state="waiting")
    answer = await stage.ask(ADMIN, "admin", what="map", user=ADMIN, cloud_user="ana", project="research")
    assert answer["what"] == "error"
    assert {(row.slack, row.state) for row in await stage.rows(identities)} == {(ANA, "active"), (ADMIN, "waiting")}
