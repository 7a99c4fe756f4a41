"""App Home: drawn at once from what is known, refreshed behind, with what needs attention first."""

from datetime import timedelta

from bot.errors import CloudDown
from bot.model import Status
from bot.operations.tab import refresh_home
from bot.stores.schema import outbox, projects, work
from bot.stores.upsert import put
from tests.unit.operations.fakes import START, a_notebook
from tests.unit.operations.stage import ADMIN, ANA, BEN, LEAD, Stage
from tests.unit.operations.test_views import a_request


async def _home(stage: Stage, user: str):
    await stage.ask(user, "home", via="home", reply=False)
    facts = await stage.said(f"home:{user}")
    assert facts is not None
    return facts


async def test_it_is_drawn_from_the_store_first_and_again_from_the_cloud(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook("old"))
    stage.clouds.notebooks["nb-new"] = a_notebook("new")
    facts = await _home(stage, ANA)
    assert sorted(row["name"] for row in facts["running"]) == ["new", "old"]
    assert facts["as_of_ms"]
    (row,) = [row for row in await stage.rows(outbox) if row.kind == "home"]
    assert (row.target_kind, row.target, row.rev) == ("home", ANA, 2)


async def test_without_an_answer_of_the_cloud_it_shows_what_is_known(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.clouds.down["research"] = CloudDown("no")
    assert [row["name"] for row in (await _home(stage, ANA))["running"]] == ["train-1"]


async def test_only_ones_own_are_on_it(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook(), a_notebook("bens", "ben"), a_notebook("done", status=Status.STOPPED))
    facts = await _home(stage, ANA)
    assert [row["name"] for row in facts["running"]] == ["train-1"]
    assert [row["name"] for row in facts["stopped"]] == ["done"]


async def test_an_end_within_the_hour_a_failure_and_a_request_need_attention(stage: Stage):
    await stage.link(LEAD, "lena")
    await stage.see(
        a_notebook("soon", "lena"), a_notebook("broken", "lena", status=Status.CREATE_FAILED, fail_reason="no room"),
        a_notebook(),
    )  # fmt: skip
    stage.clock.go(timedelta(seconds=1))
    await a_request(stage)
    attention = (await _home(stage, LEAD))["attention"]
    assert "no room" in attention[0]["text"] or "no room" in attention[1]["text"]
    assert {item["row"]["name"] for item in attention if "row" in item} == {"soon", "broken"}
    assert [item["approval"]["id"] for item in attention if "approval" in item] == ["a1"]


async def test_credentials_that_no_longer_work_need_attention(stage: Stage):
    await stage.link(ANA, "ana", state="broken")
    facts = await _home(stage, ANA)
    assert "link again" in facts["attention"][0]["text"]


async def test_who_is_in_no_project_is_welcomed(stage: Stage):
    stage.slack.channels = {}
    facts = await _home(stage, ANA)
    assert (facts["has_project"], facts["linked"]) == (False, False)


async def test_only_admins_see_the_state_of_projects(stage: Stage):
    await stage.see(a_notebook())
    async with stage.db.begin() as db:
        await put(db, projects, {"name": "research", "paused": "too few run", "last_pass_at": START})
    assert (await _home(stage, BEN))["admin"] == []
    research, vision = (await _home(stage, ADMIN))["admin"]
    assert (research["mode"], research["mode_from_file"], research["brake"]) == ("shadow", False, "too few run")
    assert (vision["mode"], vision["mode_from_file"]) == ("enforce", True)
    assert research["running"] == 1


async def test_it_is_refreshed_for_those_who_have_opened_it(stage: Stage):
    await _home(stage, ANA)
    before = len(await stage.rows(work))
    async with stage.db.begin() as db:
        for user in (ANA, ANA, BEN):
            await refresh_home(db, stage.parts.deps, user, stage.clock.now())
    (new,) = (await stage.rows(work))[before:]
    assert (new.author, new.data["verb"]) == (ANA, "home")


async def test_a_drawing_that_failed_for_good_keeps_no_later_one_back(stage: Stage):
    await _home(stage, ANA)
    async with stage.db.begin() as db:
        await db.execute(outbox.update().values(state="dead"))
    await _home(stage, ANA)
    assert [row.state for row in await stage.rows(outbox) if row.kind == "home"] == ["pending"]
