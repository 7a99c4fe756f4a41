"""`open`: the private link reaches its owner, once, and is kept nowhere."""

import pytest

from bot.errors import CloudDown, SlackError
from bot.model import Status
from bot.stores.schema import audit, metadata
from tests.unit.operations.fakes import a_notebook
from tests.unit.operations.stage import ADMIN, ANA, BEN, LEAD, Stage


async def _stored(stage: Stage) -> str:
    return "".join([str(await stage.rows(table)) for table in metadata.sorted_tables])


async def test_the_owner_gets_it_through_the_clicks_own_response_url(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    await stage.ask(ANA, "open", name="train-1")
    ((url, message),) = stage.slack.responded
    assert url == "https://hooks.slack.com/1"
    assert "https://notebook.example.com/nb-train-1/lab?token=token-of-train-1" in str(message.blocks)
    assert "token-of" not in message.text


async def test_it_is_stored_nowhere(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    await stage.ask(ANA, "open", via="click", notebook="nb-train-1", project="research")
    assert stage.slack.responded
    stored = await _stored(stage)
    assert "token-of" not in stored
    assert "notebook.example.com" not in stored


async def test_it_is_read_with_the_owners_own_credentials(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    await stage.ask(ANA, "open", name="train-1")
    assert stage.clouds.calls == [("research", "ana", "show")]
    assert [(row.actor, row.action) for row in await stage.rows(audit)] == [(ANA, "open")]


@pytest.mark.parametrize("user", [BEN, LEAD, ADMIN])
async def test_nobody_else_gets_it_not_even_an_admin(stage: Stage, user: str):
    await stage.link(ANA, "ana")
    await stage.link(user, "other")
    await stage.see(a_notebook())
    answer = await stage.ask(user, "open", via="click", notebook="nb-train-1", project="research")
    assert answer["what"] == "error"
    assert stage.slack.responded == []
    assert stage.clouds.calls == []


async def test_one_that_changed_its_owner_meanwhile_is_not_opened(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.clouds.notebooks["nb-train-1"] = a_notebook(owner_id="cloud-ben")
    assert (await stage.ask(ANA, "open", name="train-1"))["what"] == "error"
    assert stage.slack.responded == []


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"status": Status.STOPPED}, "start"),
        ({"url": None}, "open"),
        ({"status": Status.STARTING}, "open"),
    ],
)
async def test_one_that_is_not_ready_says_what_to_do(stage: Stage, changes: dict[str, object], step: str):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook(**changes))
    answer = await stage.ask(ANA, "open", name="train-1")
    assert f"`{step} train-1`" in answer["next_step"]
    assert stage.slack.responded == []


async def test_a_lost_answer_is_not_repeated_but_told(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.slack.refuses = SlackError("expired_url")
    answer = await stage.ask(ANA, "open", name="train-1")
    assert "again" in answer["text"]
    assert await stage.state() == "done"
    assert "token-of" not in await _stored(stage)


async def test_without_an_answer_of_the_cloud_it_is_not_handed_over_later(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.clouds.down["research"] = CloudDown("no")
    assert (await stage.ask(ANA, "open", name="train-1"))["what"] == "error"
    assert await stage.state() == "done"


async def test_where_nobody_typed_there_is_no_place_to_hand_it_over(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    assert "type `open train-1`" in (await stage.ask(ANA, "open", reply=False, name="train-1"))["text"]
