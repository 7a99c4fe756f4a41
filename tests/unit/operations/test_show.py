"""`show`: everything about one, read afresh where the person may."""

from datetime import timedelta

from bot.clock import to_ms
from bot.errors import CloudDown
from bot.model import Status
from bot.rules.idle import SourceReading, Verdict, encode
from bot.stores import notebooks
from tests.unit.operations.fakes import START, a_notebook
from tests.unit.operations.stage import ADMIN, ANA, BEN, Stage


async def test_its_owner_sees_it_as_the_cloud_has_it_now(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.clouds.notebooks["nb-train-1"] = a_notebook(description="for the paper")
    answer = await stage.ask(ANA, "show", name="train-1")
    assert answer["description"] == "for the paper"
    assert stage.clouds.calls == [("research", "ana", "show")]
    assert answer["row"]["actions"] == ["open", "extend", "stop", "keep", "why"]


async def test_others_see_it_as_last_seen(stage: Stage):
    await stage.link(BEN, "ben")
    await stage.see(a_notebook())
    answer = await stage.ask(BEN, "show", name="train")
    assert answer["row"]["actions"] == ["why"]
    assert stage.clouds.calls == []


async def test_it_says_until_when_it_may_be_extended_without_asking(stage: Stage):
    await stage.see(a_notebook())
    answer = await stage.ask(ANA, "show", name="train-1")
    assert answer["free_until_ms"] == to_ms(START + timedelta(hours=5))  # max_extension is 4 h
    stage.clock.go(timedelta(hours=10))
    await stage.see(a_notebook(lease=None))
    assert "free_until_ms" not in await stage.ask(ANA, "show", name="train-1")


async def test_a_link_or_a_token_is_not_in_it(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    answer = str(await stage.ask(ANA, "show", name="train-1"))
    assert "token-of" not in answer
    assert "notebook.example.com" not in answer


async def test_evidence_is_shown_with_what_it_comes_to(stage: Stage):
    await stage.see(a_notebook())
    reading = SourceReading("jupyter", "idle", START - timedelta(hours=1), "no kernel is at work", START)
    verdict = Verdict("unknown", None, "metrics: no reading yet", (reading,))
    async with stage.db.begin() as db:
        await notebooks.change(db, "research", "nb-train-1", verdict=encode(verdict))
    answer = await stage.ask(BEN, "show", name="train-1")
    assert answer["verdict"] == "cannot tell: metrics: no reading yet"
    assert answer["evidence"] == [{"source": "jupyter", "state": "idle", "text": "no kernel is at work"}]


async def test_without_an_answer_of_the_cloud_it_is_as_last_seen(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.clouds.down["research"] = CloudDown("no")
    assert (await stage.ask(ANA, "show", name="train-1"))["row"]["status"] == "RUNNING"


async def test_one_that_is_gone_is_said_to_be_gone(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    stage.clouds.notebooks.clear()
    answer = await stage.ask(ANA, "show", name="train-1")
    assert answer["what"] == "error"
    assert "no longer exists" in answer["oops"]["what"]


async def test_a_name_that_fits_several_is_offered_as_choices(stage: Stage):
    await stage.see(a_notebook("train-1"), a_notebook("train-2"))
    answer = await stage.ask(ADMIN, "show", name="train")
    assert [choice["id"] for choice in answer["choices"]] == ["nb-train-1", "nb-train-2"]
    picked = await stage.ask(ADMIN, "pick", via="click", request=answer["request"], notebook="nb-train-2")
    assert picked["notebook_id"] == "nb-train-2"


async def test_a_stopped_one_says_what_its_disk_costs(stage: Stage):
    await stage.see(a_notebook(status=Status.STOPPED))
    answer = await stage.ask(ADMIN, "show", name="train-1")
    assert answer["row"]["disk_cost"] == "2.50 EUR per month"
    assert answer["row"]["actions"] == ["start", "delete", "why"]
