"""`cost` and a digest's details: figures where it was asked, the chart in the DM."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.model import NotebookId, Status
from bot.stores import hints, people, usage
from bot.stores.schema import outbox
from tests.unit.operations.fakes import START, TEAM, a_notebook
from tests.unit.operations.stage import ADMIN, ANA, BEN, Stage


async def _ran(
    stage: Stage, name: str, owner: str, hours: int, *, ago: timedelta = timedelta(0), **changes: Any
) -> None:
    notebook = a_notebook(name, owner, **changes)
    end = START - ago
    async with stage.db.begin() as db:
        await usage.open_interval(
            db, stage.parts.deps.ids, "research", notebook, "run", Decimal("0.17"), end - timedelta(hours=hours)
        )
        await usage.close_interval(db, "research", notebook.id, "run", end)


async def test_ones_own_cost_is_by_notebook_and_the_chart_goes_to_the_dm(stage: Stage):
    await stage.link(ANA, "ana")
    await _ran(stage, "one", "ana", 10)
    await _ran(stage, "bens", "ben", 10)
    answer = await stage.ask(ANA, "cost", scope="me", period="7d")
    assert [(row["label"], row["cost"]) for row in answer["rows"]] == [("one", "1.70 EUR")]
    assert answer["elsewhere"]
    assert answer["budget"] == "1.70 EUR of 400.00 EUR this month"
    chart = await stage.said(f"answer:{stage.last}:chart")
    assert chart is not None
    assert chart["rows"] == answer["rows"]
    assert "elsewhere" not in chart
    rows = {row.key: row for row in await stage.rows(outbox)}
    assert (rows[f"answer:{stage.last}:chart"].target_kind, rows[f"answer:{stage.last}:chart"].target) == ("dm", ANA)
    assert rows[f"answer:{stage.last}"].target_kind == "response"


async def test_one_that_was_renamed_is_one_row_and_two_of_one_name_are_two(stage: Stage):
    await stage.link(ANA, "ana")
    await _ran(stage, "draft", "ana", 2, ago=timedelta(days=2), id=NotebookId("11111111-aaaa"))
    await _ran(stage, "train", "ana", 3, ago=timedelta(days=1), id=NotebookId("11111111-aaaa"))
    await _ran(stage, "train", "ana", 1, id=NotebookId("22222222-bbbb"))
    await _ran(stage, "other", "ana", 10, id=NotebookId("33333333-cccc"))
    answer = await stage.ask(ANA, "cost", scope="me", period="7d")
    rows = [(row["label"], row["hours"]) for row in answer["rows"]]
    assert rows == [("other", "10.0 h"), ("train (11111111)", "5.0 h"), ("train (22222222)", "1.0 h")]


async def test_without_figures_there_is_no_chart(stage: Stage):
    await stage.link(ANA, "ana")
    answer = await stage.ask(ANA, "cost", scope="me", period="month")
    assert answer["total"] == "0.00 EUR"
    assert await stage.said(f"answer:{stage.last}:chart") is None


async def test_a_period_counts_what_lies_in_it(stage: Stage):
    await stage.link(ANA, "ana")
    await _ran(stage, "one", "ana", 10, ago=timedelta(days=7) - timedelta(hours=5))
    assert (await stage.ask(ANA, "cost", scope="me", period="7d"))["total"] == "0.85 EUR"
    assert (await stage.ask(ANA, "cost", scope="me", period="30d"))["total"] == "1.70 EUR"


async def test_a_months_bounds_are_those_of_the_policy_files_zone(stage: Stage):
    await stage.link(ANA, "ana")
    answer = await stage.ask(ANA, "cost", scope="me", period="month")
    assert answer["period"] == "November 2025"
    assert answer["from_ms"] == 1_761_951_600_000  # 2025-10-31 23:00 UTC is midnight in Berlin


async def test_a_team_is_the_channels_project_by_person(stage: Stage):
    await stage.see(a_notebook("one"), a_notebook("two", "ben"))
    await _ran(stage, "three", "ana", 2, ago=timedelta(days=1))
    answer = await stage.ask(BEN, "cost", scope="team", period="30d", channel="C0RESEARCH")
    assert answer["title"] == "Cost of research"
    assert {row["label"] for row in answer["rows"]} == {"ana", "ben"}


async def test_another_persons_cost_is_for_members_of_the_same_project(stage: Stage):
    await stage.link(ANA, "ana")
    await _ran(stage, "one", "ana", 10)
    assert (await stage.ask(BEN, "cost", scope=f"@{ANA}", period="7d"))["total"] == "1.70 EUR"
    stage.slack.channels = {}
    stage.clock.go(timedelta(minutes=6))
    assert (await stage.ask(BEN, "cost", scope=f"@{ANA}", period="7d"))["what"] == "error"


async def test_who_is_not_linked_is_told_why_nothing_can_be_said(stage: Stage):
    assert (await stage.ask(ANA, "cost", scope="me", period="7d"))["what"] == "not_linked"
    assert (await stage.ask(ANA, "cost", scope=f"@{BEN}", period="7d"))["what"] == "error"


async def test_disks_of_ones_stopped_notebooks_are_offered(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(
        a_notebook("done", status=Status.STOPPED), a_notebook("bens", "ben", status=Status.STOPPED), a_notebook("runs")
    )
    (disk,) = (await stage.ask(ANA, "cost", scope="me", period="7d"))["disks"]
    assert (disk["name"], disk["cost"]) == ("done", "2.50 EUR per month")


async def test_a_flavor_without_a_price_is_named(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook("gpu", flavor="vm.gpu"))
    answer = await stage.ask(ANA, "cost", scope="me", period="7d")
    assert answer["unpriced"] == ["vm.gpu"]
    assert answer["total"].startswith("≥")


async def test_a_digests_details_are_of_its_days_and_for_members(stage: Stage):
    await _ran(stage, "yesterday", "ana", 3, ago=timedelta(hours=12))
    await _ran(stage, "today", "ben", 1)
    key = "digest:research:daily:2025-11-24"
    answer = await stage.ask(BEN, "details", via="click", cause=key, project="research")
    assert [row["label"] for row in answer["rows"]] == ["yesterday"]
    assert (await stage.ask(ADMIN, "details", via="click", cause=key, project="vision"))["what"] == "error"


async def test_whoever_an_admin_has_named_has_a_cost_too(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook("bens", "ben"))
    async with stage.db.begin() as db:
        await people.save(db, TEAM, stage.slack.people[BEN], stage.clock.now())
        await hints.save(db, TEAM, BEN, "research", "ben")
    await _ran(stage, "one", "ben", 10)
    answer = await stage.ask(ANA, "cost", scope=f"@{BEN}", period="7d")
    assert {row["label"] for row in answer["rows"]} == {"one", "bens"}


async def test_a_cloud_user_is_nobodys_by_hint_once_somebody_else_has_linked_it(stage: Stage):
    await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user="shared", project="research")
    await stage.link(ANA, "shared")
    await stage.see(a_notebook("theirs", "shared"))
    await _ran(stage, "theirs", "shared", 10)
    answer = await stage.ask(ADMIN, "cost", scope=f"@{BEN}", period="7d")
    assert answer["oops"]["what"] == "That person has not linked a cloud user."
    assert (await stage.ask(ADMIN, "list", scope=f"@{BEN}"))["rows"] == []
    assert [row["name"] for row in (await stage.ask(ADMIN, "list", scope=f"@{ANA}"))["rows"]] == ["theirs"]


async def test_an_admin_may_name_a_cloud_user_by_its_id(stage: Stage):
    notebook = a_notebook("by-id", "batch")
    await stage.ask(ADMIN, "admin", what="map", user=BEN, cloud_user=notebook.owner_id, project="research")
    await stage.see(notebook)
    await _ran(stage, "by-id", "batch", 10)
    answer = await stage.ask(ADMIN, "cost", scope=f"@{BEN}", period="7d")
    assert [row["label"] for row in answer["rows"]] == ["by-id"]
    assert [row["name"] for row in (await stage.ask(ADMIN, "list", scope=f"@{BEN}"))["rows"]] == ["by-id"]
