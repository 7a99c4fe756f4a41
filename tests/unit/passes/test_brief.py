"""Where far more rests than runs, passes list what runs; what that could miss is looked at, or read whole."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from bot.model import Notebook, Status
from bot.operations.deps import BRIEF_FROM
from bot.operations.told import observe
from bot.rules.keys import lease_warning
from bot.stores.schema import decisions, notebooks, notices, projects, usage
from tests.unit.passes.stand import HOUR, NOW, Stand, a_notebook

MINUTE = timedelta(minutes=1)
RUNNING = Status.RUNNING
AT_REST = range(1000, 1000 + BRIEF_FROM)


async def known(stand: Stand, *made: Notebook, at_rest: range = AT_REST) -> None:
    """A pass has seen these, and many at rest."""
    stand.cloud.add(*made, *(a_notebook(number, status=Status.STOPPED) for number in at_rest))
    await stand.sweep()
    stand.cloud.listed.clear()


async def row_of(stand: Stand, number: int) -> Any:
    (row,) = await stand.rows(select(notebooks).where(notebooks.c.id == a_notebook(number).id))
    return row


async def state(stand: Stand) -> Any:
    (row,) = await stand.rows(select(projects))
    return row


async def confirmed(stand: Stand, number: int) -> Any:
    """When a pass last decided about it; None if it does not count as running."""
    rows = await stand.rows(select(decisions).where(decisions.c.notebook_id == a_notebook(number).id, decisions.c.live))
    return rows[0].confirmed_at if rows else None


async def test_what_runs_is_decided_from_a_listing_of_what_runs(stand: Stand) -> None:
    await known(stand, a_notebook(1), a_notebook(2))
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING]
    assert (await confirmed(stand, 1), await confirmed(stand, 2)) == (NOW + MINUTE, NOW + MINUTE)
    assert stand.cloud.shown == []
    assert (await state(stand)).last_running == 2


async def test_where_little_is_at_rest_everything_is_listed(stand: Stand) -> None:
    await known(stand, a_notebook(1), at_rest=AT_REST[1:])
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [None]


async def test_everything_is_listed_once_an_hour(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    for _ in range(6):
        await stand.sweep(20 * MINUTE)
    assert stand.cloud.listed == [RUNNING, RUNNING, None] * 2


async def test_a_clock_that_was_set_back_makes_it_list_everything(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    await stand.sweep(-10 * MINUTE)
    assert stand.cloud.listed == [None]


async def test_a_figure_that_a_released_brake_forgot_makes_it_list_everything(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    await stand.write(update(projects).values(last_running=None))
    await stand.sweep(MINUTE)
    assert (stand.cloud.listed, (await state(stand)).last_running) == ([None], 1)


async def test_one_that_was_started_in_the_console_is_found(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    stand.clock.at += MINUTE
    stand.cloud.change(a_notebook(AT_REST[3]).id, status=RUNNING, updated_at=stand.clock.now())
    await stand.sweep(MINUTE)
    assert (await row_of(stand, AT_REST[3])).running_since == NOW + MINUTE
    assert stand.cloud.listed == [RUNNING]
    assert await confirmed(stand, AT_REST[3]) == NOW + 2 * MINUTE
    assert (await state(stand)).last_running == 2


async def test_one_that_was_made_in_the_console_is_found(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    stand.cloud.add(a_notebook(2, since=NOW))
    await stand.sweep(MINUTE)
    assert (await row_of(stand, 2)).running_since == NOW
    assert stand.cloud.listed == [RUNNING]
    runs = await stand.rows(select(usage).where(usage.c.notebook_id == a_notebook(2).id, usage.c.kind == "run"))
    assert [row.from_at for row in runs] == [NOW]


async def test_one_that_was_stopped_in_the_console_is_seen_stopped(stand: Stand) -> None:
    await known(stand, a_notebook(1), a_notebook(2))
    stand.cloud.change(a_notebook(2).id, status=Status.STOPPED, updated_at=NOW + MINUTE)
    await stand.sweep(2 * MINUTE)
    row = await row_of(stand, 2)
    assert (stand.cloud.listed, row.status, row.stopped_at) == ([RUNNING], "STOPPED", NOW + MINUTE)
    assert await confirmed(stand, 2) is None
    assert (await state(stand)).last_running == 1


async def test_one_that_ran_and_is_gone_is_believed_at_the_second_look(stand: Stand) -> None:
    await known(stand, a_notebook(1), a_notebook(2))
    del stand.cloud.notebooks[a_notebook(2).id]
    await stand.sweep(MINUTE)
    assert (await row_of(stand, 2)).deleted_at is None
    await stand.sweep(MINUTE)
    assert (await row_of(stand, 2)).deleted_at == NOW + 2 * MINUTE
    assert stand.cloud.listed == [RUNNING, RUNNING]


async def test_one_that_was_deleted_at_rest_is_seen_by_the_next_whole_listing(stand: Stand) -> None:
    await known(stand, a_notebook(1), at_rest=range(AT_REST.start, AT_REST.stop + 1))
    del stand.cloud.notebooks[a_notebook(AT_REST[0]).id]
    for _ in range(3):
        await stand.sweep(20 * MINUTE)
    assert (await row_of(stand, AT_REST[0])).missing == 1
    await stand.sweep(MINUTE)  # brief again: who was missing is looked at all the same
    assert stand.cloud.listed == [RUNNING, RUNNING, None, RUNNING]
    assert (await row_of(stand, AT_REST[0])).deleted_at == NOW + 61 * MINUTE


async def test_one_whose_image_is_being_saved_still_counts_as_running(stand: Stand) -> None:
    await known(stand, a_notebook(1), a_notebook(2))
    stand.cloud.change(a_notebook(2).id, status=Status.SNAPSHOTTING, updated_at=NOW + MINUTE)
    for _ in range(2):
        await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING, RUNNING]
    assert await confirmed(stand, 2) == NOW + 2 * MINUTE
    assert (await state(stand)).last_running == 2


async def test_what_was_told_of_one_that_we_have_stopped_is_settled(stand: Stand) -> None:
    ends = NOW + 61 * MINUTE
    await known(stand, a_notebook(1), made := a_notebook(2, since=NOW - 9 * HOUR, lease=9 * HOUR + ends - NOW))
    told = notices.c.key == lease_warning(made.id, ends, 60 * MINUTE)
    await stand.sweep(2 * MINUTE)
    stand.clock.at += MINUTE
    await stand.write(update(notebooks).where(notebooks.c.id == made.id).values(stop_by="work"))
    stand.cloud.change(made.id, status=Status.STOPPED, updated_at=stand.clock.now())
    async with stand.db.begin() as tx:
        shown = await stand.cloud.show(made.id)
        await observe(tx, stand.parts.deps, "research", shown, stand.clock.now())
    stand.cloud.shown.clear()
    assert [row.state for row in await stand.rows(select(notices).where(told))] == ["pending"]
    await stand.sweep(MINUTE)
    assert (stand.cloud.listed, stand.cloud.shown) == ([RUNNING, RUNNING], [])
    assert [row.state for row in await stand.rows(select(notices).where(told))] == ["void"]
    assert await confirmed(stand, 2) is None


async def test_a_brief_listing_in_which_much_is_missing_is_not_believed(stand: Stand) -> None:
    await known(stand, *(a_notebook(number) for number in range(20)))
    stand.cloud.left_out = {a_notebook(number).id for number in range(11)}
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING, None]
    assert (stand.cloud.shown, (await state(stand)).paused) == ([], None)
    assert await confirmed(stand, 0) == NOW + MINUTE


async def test_the_brake_is_held_against_the_whole_listing(stand: Stand) -> None:
    await known(stand, *(a_notebook(number) for number in range(20)))
    for number in range(11):
        del stand.cloud.notebooks[a_notebook(number).id]
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING, None]
    assert "only 9 notebooks run, 20 did" in str((await state(stand)).paused)


async def test_more_than_are_looked_up_in_one_pass_make_it_list_everything(stand: Stand) -> None:
    await known(stand, *(a_notebook(number) for number in range(60)))
    for number in range(26):
        stand.cloud.change(a_notebook(number).id, status=Status.STOPPED, updated_at=NOW + MINUTE)
    await stand.sweep(2 * MINUTE)
    assert (stand.cloud.listed, stand.cloud.shown) == ([RUNNING, None], [])
    assert (await state(stand)).last_running == 34


async def test_one_that_broke_off_proves_no_absence(stand: Stand) -> None:
    await known(stand, a_notebook(1), a_notebook(2))
    stand.cloud.left_out, stand.cloud.complete = {a_notebook(2).id}, False
    stand.cloud.lost = {a_notebook(2).id}
    for _ in range(3):
        await stand.sweep(MINUTE)
    row = await row_of(stand, 2)
    assert (stand.cloud.listed, stand.cloud.shown) == ([RUNNING, None, None], [])
    assert (row.status, row.missing, (await state(stand)).last_running) == ("RUNNING", 0, 2)
    assert (await confirmed(stand, 1), await confirmed(stand, 2)) == (NOW + 3 * MINUTE, NOW)


async def test_a_cloud_that_does_not_know_the_filter_does_no_harm(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    stand.cloud.no_filter = True
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING]
    seen = {row.id: row.seen_at for row in await stand.rows(select(notebooks))}
    assert set(seen.values()) == {NOW}
    assert await confirmed(stand, 1) == NOW + MINUTE


async def test_a_cloud_that_refuses_the_filter_is_asked_for_everything(stand: Stand) -> None:
    await known(stand, a_notebook(1))
    stand.cloud.refuses_filter = True
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING, None]
    assert await confirmed(stand, 1) == NOW + MINUTE


async def test_many_that_were_deleted_at_rest_are_all_seen_within_the_hour(stand: Stand) -> None:
    await known(stand, a_notebook(1), at_rest=range(1000, 1000 + 2 * BRIEF_FROM))
    for number in range(1000, 1060):
        del stand.cloud.notebooks[a_notebook(number).id]
    for _ in range(70):
        await stand.sweep(MINUTE)
    gone = await stand.rows(select(notebooks.c.id).where(notebooks.c.deleted_at.is_not(None)))
    assert len(gone) == 60
    assert stand.cloud.listed[-1] is RUNNING


async def test_one_of_which_nothing_was_learned_is_looked_for_in_a_whole_listing_by_the_next_pass(stand: Stand) -> None:
    await known(stand, a_notebook(1), a_notebook(2))
    stand.cloud.mute = {a_notebook(2).id}
    stand.cloud.change(a_notebook(2).id, status=Status.STOPPED, updated_at=NOW + MINUTE)
    await stand.sweep(2 * MINUTE)
    assert (await row_of(stand, 2)).status == "RUNNING"
    await stand.sweep(MINUTE)
    assert (await row_of(stand, 2)).status == "STOPPED"
    await stand.sweep(MINUTE)
    assert stand.cloud.listed == [RUNNING, None, RUNNING]


async def test_what_was_seen_of_it_before_its_listing_was_read_is_no_part_of_the_figure(stand: Stand) -> None:
    """We have stopped one after the brief listing that still holds it."""
    await known(stand, a_notebook(1), a_notebook(2))
    await stand.write(update(notebooks).where(notebooks.c.id == a_notebook(2).id).values(stop_by="work"))
    stopped = a_notebook(2, status=Status.STOPPED, updated_at=NOW + MINUTE, server_now=NOW + MINUTE)
    async with stand.db.begin() as tx:
        await observe(tx, stand.parts.deps, "research", stopped, NOW + MINUTE)
    await stand.sweep(MINUTE / 2)
    assert (await row_of(stand, 2)).status == "STOPPED"
    assert ((await state(stand)).last_running, await confirmed(stand, 2)) == (1, NOW)
