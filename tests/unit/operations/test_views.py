"""What belongs in a modal that was opened empty: checked for the person who opened it."""

from datetime import timedelta
from typing import Any

import pytest

from bot.clock import to_ms
from bot.errors import CloudDown
from bot.model import Flavor, Image, Status
from bot.stores import approvals
from bot.stores.schema import outbox
from tests.unit.operations.fakes import START, a_notebook
from tests.unit.operations.stage import ANA, BEN, LEAD, Stage

CPU, GPU = Flavor("modelarts.vm.cpu.2u", vcpus=2, memory_gb=8.0), Flavor("vm.gpu.v100", category="GPU")


async def _fill(stage: Stage, user: str, callback: str, **args: Any) -> dict[str, Any]:
    await stage.ask(user, "fill_view", via="click", cause="c1", shown_in="V1", callback=callback, view="V1", **args)
    return await stage.view()


async def _ready(stage: Stage) -> None:
    await stage.link(ANA, "ana")
    stage.clouds.sizes, stage.clouds.there = (CPU, GPU), (Image("i1", "pytorch1.8"),)


async def test_the_create_form_has_flavors_prices_and_the_policys_lease(stage: Stage):
    await _ready(stage)
    view = await _fill(stage, ANA, "notebook_create")
    assert [row["id"] for row in view["flavors"]] == [CPU.id, GPU.id]
    assert (view["project"], view["lease_s"], view["max_lease_s"], view["disk_gb"]) == ("research", 7200, 14400, 50)
    assert view["end_ms"] == to_ms(START + timedelta(hours=2))
    assert "price" not in view


async def test_what_its_typed_search_answers_from_is_listed_behind_it(stage: Stage):
    await _ready(stage)
    await _fill(stage, ANA, "notebook_create")
    assert [what for _project, _who, what in stage.clouds.calls] == ["flavors", "images"]


async def test_price_and_end_follow_what_is_picked(stage: Stage):
    await _ready(stage)
    first = await _fill(stage, ANA, "notebook_create")
    values = {"flavor": CPU.id, "for": "3h", "name": "x", "image": "i1", "disk": "60", "stop_type": "timed"}
    view = await _fill(stage, ANA, "notebook_create", values=values, project="research")
    assert (view["price"], view["cost"]) == ("0.17 EUR per hour", "0.51 EUR")
    assert view["end_ms"] == to_ms(START + timedelta(hours=3))
    assert (view["name"], view["disk_gb"], view["image"]) == ("x", 60, {"id": "i1", "name": "pytorch1.8"})
    assert view["cause"] == "c1"  # the form keeps the cause it was drawn for
    assert first["cause"] != "c1"  # and a new form is a new cause: one may create twice from one button


async def test_a_lease_beyond_policy_says_that_it_takes_an_approval(stage: Stage):
    await _ready(stage)
    view = await _fill(stage, ANA, "notebook_create", values={"flavor": CPU.id, "for": "20h"})
    assert "free_total" in view["asks"]
    assert "asks" not in await _fill(stage, ANA, "notebook_create", values={"flavor": CPU.id, "for": "20"})


async def test_who_has_not_linked_reads_so_in_the_form(stage: Stage):
    view = await _fill(stage, BEN, "notebook_create")
    assert view["view"] == "error"
    assert "link" in view["oops"]["next_step"]
    assert await stage.said(f"answer:{stage.last}") is None


async def test_a_cloud_that_never_answered_is_said_in_the_form(stage: Stage):
    await _ready(stage)
    stage.clouds.down["research"] = CloudDown("The cloud does not answer.")
    assert (await _fill(stage, ANA, "notebook_create"))["view"] == "error"


async def test_the_delete_form_says_what_is_lost(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook(status=Status.STOPPED))
    view = await _fill(stage, ANA, "notebook_delete", notebook="nb-train-1", project="research")
    assert (view["disk"], view["disk_cost"], view["running"]) == ("50 GB EFS", "2.50 EUR per month", False)
    assert view["cause"] == "c1"


@pytest.mark.parametrize("callback", ["notebook_delete", "extend_other", "keep_until"])
async def test_nobody_opens_a_form_on_somebody_elses_notebook(stage: Stage, callback: str):
    await stage.link(BEN, "ben")
    await stage.see(a_notebook())
    assert (await _fill(stage, BEN, callback, notebook="nb-train-1", project="research"))["view"] == "error"
    assert (await _fill(stage, LEAD, callback, notebook="nb-train-1", project="research"))["view"] == callback


async def test_a_name_that_fits_several_is_answered_in_the_form(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook("train-1"), a_notebook("train-2"))
    view = await _fill(stage, ANA, "notebook_delete", name="train")
    assert view["view"] == "error"
    assert "nb-train-1" in view["oops"]["next_step"]


async def test_the_extend_form_knows_the_free_and_the_last_instant(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    view = await _fill(stage, ANA, "extend_other", notebook="nb-train-1", project="research")
    assert view["end_ms"] == to_ms(START + timedelta(hours=1))
    assert view["free_until_ms"] == to_ms(START + timedelta(hours=5))
    assert view["ceiling_ms"] == to_ms(START + timedelta(hours=72))
    assert view["zone"] == "Europe/Berlin"


async def test_the_keep_form_knows_its_ceiling(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    view = await _fill(stage, ANA, "keep_until", notebook="nb-train-1", project="research")
    assert view["ceiling_ms"] == to_ms(START + timedelta(hours=24))


async def a_request(stage: Stage, **changes: Any) -> str:
    """Ana's wish for two days more of her notebook."""
    facts = {
        "name": "train-1",
        "wish": "48 h",
        "wish_s": 172800,
        "cost": "8.16 EUR",
        "flavor": CPU.id,
        "id": "a1",
        "kind": "extension",
        "project": "research",
        "requester": ANA,
        "why_asked": "free_total",
        "reason": "paper",
        "idle_record": "",
        "renewals": 0,
        "needs": "approver",
    }
    row = {
        "id": "a1",
        "project": "research",
        "kind": "extension",
        "notebook_id": "nb-train-1",
        "requester": ANA,
        "owner_cloud_id": "cloud-ana",
        "wish": {"by_s": 172800},
        "needs": "approver",
        "state": "pending",
        "facts": facts,
        "created_at": START,
        "expires_at": START + timedelta(hours=8),
    }
    async with stage.db.begin() as db:
        await approvals.add(db, row | changes)
    return "a1"


async def test_the_forms_of_a_request_open_for_who_may_decide(stage: Stage):
    await stage.see(a_notebook())
    request = await a_request(stage)
    less = await _fill(stage, LEAD, "approval_less", approval=request)
    assert (less["wish"], less["wish_s"], less["cost"], less["requester"]) == ("48 h", 172800, "8.16 EUR", ANA)
    assert (await _fill(stage, LEAD, "approval_deny_reason", approval=request))["approval"] == request
    for user in (ANA, BEN):
        assert (await _fill(stage, user, "approval_less", approval=request))["view"] == "error"


async def test_a_settled_request_opens_no_form(stage: Stage):
    await stage.see(a_notebook())
    request = await a_request(stage, state="denied", decided_at=START)
    view = await _fill(stage, LEAD, "approval_less", approval=request)
    assert "denied" in view["oops"]["what"]


async def test_the_settings_form_shows_what_holds(stage: Stage):
    view = await _fill(stage, ANA, "settings")
    assert (view["zone"], view["quiet"]) == ("Europe/Berlin", "20:00-08:00")
    assert {notice["on"] for notice in view["notices"]} == {True}


async def test_a_form_that_nobody_waits_for_is_not_drawn_later(stage: Stage):
    await _fill(stage, ANA, "settings")
    (row,) = [row for row in await stage.rows(outbox) if row.kind == "view"]
    assert (row.target_kind, row.target) == ("view", "V1")
    assert row.expires_at == START + timedelta(minutes=30)
