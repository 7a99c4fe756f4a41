"""The collapse brake: what we stopped ourselves is no sign of trouble; what vanishes or was stopped elsewhere is."""

from datetime import timedelta

from sqlalchemy import select, update

from bot.model import Status
from bot.operations.adopt import gone
from bot.operations.told import observe
from bot.stores import notebooks as store
from bot.stores.schema import decisions, notebooks, projects
from tests.unit.passes.stand import NOW, Stand, a_notebook

MINUTE = timedelta(minutes=1)


async def running(stand: Stand, count: int) -> None:
    stand.cloud.add(*(a_notebook(number) for number in range(count)))
    await stand.sweep()


def stopped(stand: Stand, *numbers: int, status: Status = Status.STOPPED) -> None:
    """In the cloud."""
    for number in numbers:
        stand.cloud.change(a_notebook(number).id, status=status, updated_at=stand.clock.now())


async def ours(stand: Stand, *numbers: int) -> None:
    """We have asked for these to stop."""
    ids = [a_notebook(number).id for number in numbers]
    await stand.write(update(notebooks).where(notebooks.c.id.in_(ids)).values(stop_by="work", stopped_at=NOW))


async def watched(stand: Stand, *numbers: int) -> None:
    """The work that stopped them has seen it before the next pass."""
    for number in numbers:
        async with stand.db.begin() as tx:
            shown = await stand.cloud.show(a_notebook(number).id)
            await observe(tx, stand.parts.deps, "research", shown, stand.clock.now())


async def paused(stand: Stand) -> str | None:
    (row,) = await stand.rows(select(projects.c.paused))
    return row.paused  # type: ignore[no-any-return]


async def test_what_we_stopped_and_watched_does_not_count(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, *range(12))
    stopped(stand, *range(12))
    await watched(stand, *range(12))
    await stand.sweep(MINUTE)
    assert await paused(stand) is None


async def test_what_we_stopped_and_the_pass_sees_first_does_not_count(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, *range(12))
    stopped(stand, *range(12), status=Status.STOPPING)
    await stand.sweep(MINUTE)
    assert await paused(stand) is None


async def test_it_is_taken_off_once_however_often_it_is_seen(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, *range(3))
    stopped(stand, *range(3), status=Status.STOPPING)
    await watched(stand, *range(3))
    stand.clock.at += MINUTE
    stopped(stand, *range(3))
    await watched(stand, *range(3))
    (row,) = await stand.rows(select(projects.c.last_running))
    assert row.last_running == 17


async def test_what_we_deleted_does_not_count(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, *range(12))
    for number in range(12):
        del stand.cloud.notebooks[a_notebook(number).id]
        async with stand.db.begin() as tx:
            row = await store.get(tx, "research", a_notebook(number).id)
            await gone(tx, stand.parts.deps, row, stand.clock.now())
    await stand.sweep(MINUTE)
    assert await paused(stand) is None


async def test_what_was_stopped_in_the_console_counts_even_beside_ours(stand: Stand) -> None:
    """Of 20, four are ours: of the other 16 only seven are left."""
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, *range(4))
    stopped(stand, *range(13))
    await stand.sweep(MINUTE)
    assert "only 7 notebooks run, 16 did in the last listing" in str(await paused(stand))


async def test_what_vanishes_counts(stand: Stand) -> None:
    await running(stand, 20)
    for number in range(12):
        del stand.cloud.notebooks[a_notebook(number).id]
    await stand.sweep(MINUTE)
    assert "only 8 notebooks run, 20 did" in str(await paused(stand))
    await stand.sweep(MINUTE)  # by now they are known to be gone
    (row,) = await stand.rows(select(projects.c.last_running))
    assert row.last_running == 20


async def test_a_page_that_failed_in_between_loses_nothing_of_it(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, *range(12))
    stopped(stand, *range(12))
    stand.cloud.complete = False
    await stand.sweep(MINUTE)
    stand.cloud.complete = True
    await stand.sweep(MINUTE)
    assert await paused(stand) is None
    for number in range(12, 18):
        del stand.cloud.notebooks[a_notebook(number).id]
    await stand.sweep(MINUTE)
    assert "only 2 notebooks run, 8 did" in str(await paused(stand))


async def test_one_that_began_only_since_the_listing_is_not_taken_off(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    stand.cloud.add(a_notebook(30, since=stand.clock.now()))
    await watched(stand, 30)
    await ours(stand, 30)
    stand.clock.at += MINUTE
    stopped(stand, 30)
    await watched(stand, 30)
    (row,) = await stand.rows(select(projects.c.last_running))
    assert row.last_running == 20


async def test_what_was_stopped_while_the_listing_was_read_is_no_part_of_the_figure(stand: Stand) -> None:
    await running(stand, 20)
    stand.clock.at += MINUTE
    await ours(stand, 1)
    async with stand.db.begin() as tx:
        seen = a_notebook(1, status=Status.STOPPED, updated_at=stand.clock.now() + MINUTE)
        await observe(tx, stand.parts.deps, "research", seen, stand.clock.now() + MINUTE)
    await stand.sweep()  # its listing still says RUNNING
    (row,) = await stand.rows(select(projects.c.last_running))
    assert row.last_running == 19


async def test_what_we_stopped_after_the_listing_was_read_is_no_part_of_the_figure(stand: Stand) -> None:
    """Stops go on while a pass asks Slack about people and writes."""
    await running(stand, 20)
    stand.clock.at += MINUTE

    async def stop_twelve() -> None:
        stand.clock.at += timedelta(seconds=5)
        await ours(stand, *range(12))
        stopped(stand, *range(12))
        await watched(stand, *range(12))

    await stand.sweep(meanwhile=stop_twelve)
    (row,) = await stand.rows(select(projects.c.last_running))
    assert row.last_running == 8
    await stand.sweep(MINUTE)
    assert await paused(stand) is None


async def test_nothing_is_confirmed_of_what_is_gone(stand: Stand) -> None:
    """Otherwise each deletion would be carried along by every pass for ever."""
    await running(stand, 2)
    del stand.cloud.notebooks[a_notebook(1).id]
    await stand.sweep(MINUTE)
    await stand.sweep(MINUTE)
    rows = await stand.rows(select(decisions).where(decisions.c.live))
    assert [row.notebook_id for row in rows] == [a_notebook(0).id]
