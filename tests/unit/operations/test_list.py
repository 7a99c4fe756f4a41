"""`list`: one's own live, everybody's from the store for members, and its pages."""

from datetime import timedelta

import pytest

from bot.errors import CloudDown
from bot.model import Status
from bot.stores.schema import identities, projects
from bot.stores.upsert import put
from tests.unit.operations.fakes import START, a_notebook
from tests.unit.operations.stage import ANA, BEN, GUEST, LEAD, Stage


async def test_own_notebooks_are_listed_with_ones_own_credentials_and_adopted(stage: Stage):
    await stage.link(ANA, "ana")
    stage.clouds.notebooks = {n.id: n for n in (a_notebook("one"), a_notebook("two"), a_notebook("bens", "ben"))}
    answer = await stage.ask(ANA, "list", scope="mine")
    assert [row["name"] for row in answer["rows"]] == ["one", "two"]
    assert stage.clouds.said("list_own") == ["ana"]
    assert "as_of_ms" not in answer
    assert (await stage.ask(BEN, "list", scope="all"))["total"] == 2


async def test_a_row_says_what_time_and_money_are_left_of_it(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    (row,) = (await stage.ask(ANA, "list", scope="mine"))["rows"]
    assert (row["cost"], row["price"], row["disk_cost"]) == ("0.17 EUR", "0.17 EUR per hour", "2.50 EUR per month")
    assert row["end_ms"] == (START + timedelta(hours=1)).timestamp() * 1000
    assert row["actions"] == ["open", "extend", "stop"]
    assert "owner" not in row


async def test_when_the_cloud_does_not_answer_it_is_as_last_seen_and_says_so(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    async with stage.db.begin() as db:
        await put(db, projects, {"name": "research", "last_ok_at": START})
    stage.clouds.down["research"] = CloudDown("no")
    stage.clock.go(timedelta(minutes=3))
    answer = await stage.ask(ANA, "list", scope="mine")
    assert [row["name"] for row in answer["rows"]] == ["train-1"]
    assert answer["failed"] == ["research"]
    assert answer["as_of_ms"] == START.timestamp() * 1000


async def test_what_rests_is_as_old_as_the_last_listing_of_everything(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook(status=Status.STOPPED))
    async with stage.db.begin() as db:
        ago = stage.clock.now() - timedelta(minutes=40)
        await put(db, projects, {"name": "research", "last_ok_at": stage.clock.now(), "listed_at": ago})
    assert (await stage.ask(ANA, "list", scope="stopped"))["as_of_ms"] == ago.timestamp() * 1000
    assert "as_of_ms" not in await stage.ask(ANA, "list", scope="all")


async def test_what_a_complete_listing_no_longer_holds_is_not_shown(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook("one"), a_notebook("two"))
    del stage.clouds.notebooks["nb-one"]
    assert [row["name"] for row in (await stage.ask(ANA, "list", scope="mine"))["rows"]] == ["two"]


async def test_who_has_not_linked_gets_the_one_next_step(stage: Stage):
    assert (await stage.ask(ANA, "list", scope="mine"))["what"] == "not_linked"
    assert stage.clouds.calls == []


async def test_dead_credentials_are_remembered_and_the_person_is_sent_to_link_again(stage: Stage):
    await stage.link(ANA, "ana", password="old")
    answer = await stage.ask(ANA, "list", scope="mine")
    assert answer["what"] == "not_linked"
    assert [row.state for row in await stage.rows(identities)] == ["broken"]


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("all", ["bens", "done", "train-1"]),
        ("running", ["bens", "train-1"]),
        ("stopped", ["done"]),
        (f"@{BEN}", ["bens"]),
    ],
)
async def test_other_scopes_come_from_the_store_without_asking_the_cloud(stage: Stage, scope: str, names: list[str]):
    await stage.link(BEN, "ben")
    await stage.see(a_notebook(), a_notebook("bens", "ben"), a_notebook("done", status=Status.STOPPED))
    answer = await stage.ask(ANA, "list", scope=scope)
    assert sorted(row["name"] for row in answer["rows"]) == names
    assert stage.clouds.calls == []


async def test_who_is_in_no_projects_channel_is_shown_nothing(stage: Stage):
    await stage.see(a_notebook())
    stage.slack.channels = {}
    answer = await stage.ask(ANA, "list", scope="all")
    assert answer["what"] == "error"
    assert "rows" not in answer


async def test_a_guest_is_refused(stage: Stage):
    await stage.see(a_notebook())
    assert (await stage.ask(GUEST, "list", scope="all"))["what"] == "error"


@pytest.mark.parametrize(("user", "actions"), [(LEAD, ["extend", "stop"]), (BEN, ["why"])])
async def test_a_row_offers_only_what_the_reader_may_do(stage: Stage, user: str, actions: list[str]):
    await stage.see(a_notebook())
    (row,) = (await stage.ask(user, "list", scope="all"))["rows"]
    assert row["actions"] == actions
    assert row["owner"] == "cloud user ana"


async def test_an_owner_who_is_linked_is_named_as_in_slack(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    (row,) = (await stage.ask(BEN, "list", scope="all"))["rows"]
    assert row["owner"] == ANA


async def test_words_narrow_it_by_name_flavor_and_owner_in_any_case(stage: Stage):
    await stage.see(a_notebook("Alpha"), a_notebook("beta", "ben"), a_notebook("gpu", flavor="vm.gpu.v100"))
    for words, found in (("ALP", ["Alpha"]), ("cpu ben", ["beta"]), ("v100", ["gpu"]), ("payload", [])):
        answer = await stage.ask(ANA, "list", scope="all", words=words)
        assert [row["name"] for row in answer["rows"]] == found
        assert answer["filtered"]


async def test_its_pages_turn_for_its_author_with_new_causes(stage: Stage):
    await stage.see(*(a_notebook(f"n{number:02}") for number in range(20)))
    first = await stage.ask(ANA, "list", scope="all", words="n", page=1)
    assert (first["page"], first["pages"], first["total"], len(first["rows"])) == (1, 2, 20, 15)
    second = await stage.ask(ANA, "page", via="click", request=first["request"], page=2)
    assert [row["name"] for row in second["rows"]] == [f"n{number}" for number in range(15, 20)]
    assert second["request"] == first["request"]
    assert second["cause"] != first["cause"]


async def test_nobody_turns_the_pages_of_somebody_elses_list(stage: Stage):
    await stage.see(a_notebook())
    first = await stage.ask(ANA, "list", scope="all")
    assert (await stage.ask(BEN, "page", via="click", request=first["request"], page=1))["what"] == "error"
    assert (await stage.ask(BEN, "page", via="click", request="unknown", page=1))["what"] == "error"
