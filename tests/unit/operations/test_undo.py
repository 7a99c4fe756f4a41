"""`That was wrong`: counted once, by the owner, in time; and idle stops stay away for a while."""

from datetime import timedelta
from decimal import Decimal

from bot.clock import to_ms
from bot.model import Status
from bot.operations.told import say_stopped
from bot.rules import keys
from bot.stores import usage
from bot.stores.schema import notebooks, stops
from tests.unit.operations.fakes import START, a_notebook
from tests.unit.operations.stage import ADMIN, ANA, BEN, Stage

KEY = keys.stopped("nb-train-1", START)


async def _idle_stop(stage: Stage) -> None:
    await stage.link(ANA, "ana")
    stopped = a_notebook(status=Status.STOPPED)
    await stage.see(stopped)
    async with stage.db.begin() as db:
        await usage.record_stop(
            db,
            stage.parts.deps.ids,
            {
                "project": "research",
                "notebook_id": "nb-train-1",
                "notebook_name": "train-1",
                "owner_id": "cloud-ana",
                "flavor": "modelarts.vm.cpu.2u",
                "at": START,
                "cause": "idle",
                "by": None,
                "would_end": START + timedelta(hours=1),
                "until": None,
                "price": Decimal("0.17"),
                "key": f"stop:{KEY}",
            },
        )
        await say_stopped(
            db, stage.parts.deps, "research", stopped, KEY, ANA, START, reason="idle", at_ms=to_ms(START), saved="1 EUR"
        )


async def _wrong(stage: Stage, user: str, cause: str = KEY) -> dict[str, object]:
    answer = await stage.ask(user, "false_stop", via="click", cause=cause, notebook="nb-train-1", project="research")
    assert answer is not None
    return answer


async def test_it_is_counted_and_keeps_idle_stops_away(stage: Stage):
    await _idle_stop(stage)
    stage.clock.go(timedelta(hours=1))
    answer = await _wrong(stage, ANA)
    assert "counted as wrong" in str(answer["text"])
    assert (await stage.rows(stops))[0].wrong_at == stage.clock.now()
    assert (await stage.rows(notebooks))[0].undo_until == stage.clock.now() + timedelta(hours=24)


async def test_the_message_says_thanks_and_claims_no_saving_any_more(stage: Stage):
    await _idle_stop(stage)
    await _wrong(stage, ANA)
    told = await stage.said(KEY)
    assert told is not None
    assert (told["wrong_by"], "settled" in told) == (ANA, False), "the way back stays on it"
    assert "saved" not in told


async def test_a_second_click_changes_nothing_and_says_so(stage: Stage):
    await _idle_stop(stage)
    await _wrong(stage, ANA)
    stage.clock.go(timedelta(hours=2))
    assert (await _wrong(stage, ANA))["what"] == "already"
    assert (await stage.rows(stops))[0].wrong_at == START


async def test_only_its_owner_can_say_so(stage: Stage):
    await _idle_stop(stage)
    await stage.link(BEN, "ben")
    await stage.link(ADMIN, "ada")
    assert (await _wrong(stage, BEN))["what"] == "error"
    assert (await _wrong(stage, ADMIN))["what"] == "error"
    assert (await stage.rows(stops))[0].wrong_at is None


async def test_it_can_be_said_for_a_day(stage: Stage):
    await _idle_stop(stage)
    stage.clock.go(timedelta(hours=24))
    late = timedelta(milliseconds=1)
    stage.clock.go(late)
    await _wrong(stage, ANA)
    assert (await stage.rows(stops))[0].wrong_at is None
    stage.clock.go(-late)
    await _wrong(stage, ANA)
    assert (await stage.rows(stops))[0].wrong_at is not None


async def test_a_stop_that_was_not_the_bots_cannot_be_marked(stage: Stage):
    await _idle_stop(stage)
    assert (await _wrong(stage, ANA, "stopped:nb-train-1:1"))["what"] == "error"
