"""What is on record of a stop is what became of it: ordered, held by a brake, or waiting its turn."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.model import Status
from bot.stores.database import Database
from bot.stores.schema import decisions, notebooks, notices
from tests.unit.passes.stand import NOW, Stand, a_notebook
from tests.unit.passes.test_pass import capped, due_to_stop, idle_since

MINUTE = timedelta(minutes=1)


async def on_record(stand: Stand) -> list[tuple[str, str]]:
    """What each notebook's last decision says."""
    rows = await stand.rows(select(decisions).where(decisions.c.live).order_by(decisions.c.notebook_id))
    return [(row.outcome, row.because) for row in rows]


async def test_a_stop_that_waits_for_a_later_pass_is_not_said_to_be_one(db: Database) -> None:
    stand = await capped(db, 3, 8)
    said = await on_record(stand)
    assert [outcome for outcome, _because in said] == ["turn"] * 5 + ["stop"] * 3
    assert said[0][1].endswith("; at most 3 are stopped in one pass, whoever was told first comes first")
    (row, *_) = await stand.rows(select(decisions).where(decisions.c.outcome == "turn"))
    assert row.rule == "max_stops_per_pass 3, [policy] line 16"


async def test_stops_that_a_jump_holds_are_on_record_as_paused_at_once(stand: Stand) -> None:
    await due_to_stop(stand, 11)
    await stand.sweep(20 * MINUTE)
    assert set(await on_record(stand)) == {
        ("paused", "stops are paused: 11 of 11 running notebooks are due to be stopped at once")
    }


async def test_what_waits_its_turn_is_stopped_and_said_to_be_in_a_later_pass(db: Database) -> None:
    stand = await capped(db, 3, 4)
    for number in (1, 2, 3):
        stand.cloud.change(a_notebook(number).id, status=Status.STOPPED, updated_at=stand.clock.now())
    await stand.sweep(MINUTE)
    assert [outcome for outcome, _because in await on_record(stand)] == ["stop"]


@pytest.mark.parametrize("status", [Status.STOPPED, Status.STOPPING])
@pytest.mark.parametrize("state", ["delivered", "pending"])
async def test_that_it_does_not_run_is_on_record_once(stand: Stand, status: Status, state: str) -> None:
    """Its run had no timed end, and an idle warning of it was written."""
    stand.cloud.add(made := replace(a_notebook(), lease=None))
    await stand.sweep()
    await stand.write(update(notebooks).values(verdict=idle_since(NOW)))
    await stand.sweep(MINUTE)
    await stand.write(update(notices).values(state=state))
    stand.cloud.change(made.id, status=status, updated_at=NOW + MINUTE)
    for _ in range(4):
        await stand.sweep(MINUTE)
    rows = await stand.rows(select(decisions).order_by(decisions.c.at))
    assert [row.outcome for row in rows] == ["unknown", "warn", "not_running"]
