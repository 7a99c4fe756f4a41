"""When passes are asked for: `poll` after the last has ended, once over all replicas, at once for `tick`."""

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from bot.stores.schema import work
from scheduler.jobs import ask_now, ask_passes
from tests.unit.passes.stand import NOW, Stand

POLL = timedelta(minutes=1)


async def ask(stand: Stand) -> int:
    return await ask_passes(stand.db, stand.parts.deps.ids, ["research"], stand.clock.now(), POLL)


async def end(stand: Stand) -> None:
    """The pass that was asked for has run."""
    await stand.write(update(work).values(state="done", due_at=None, updated_at=stand.clock.now()))


async def test_two_replicas_at_once_ask_for_one_pass(stand: Stand) -> None:
    assert sum(await asyncio.gather(*(ask(stand) for _ in range(4)))) == 1


async def test_the_interval_counts_from_the_end_of_the_last(stand: Stand) -> None:
    await ask(stand)
    stand.clock.at += timedelta(seconds=50)  # it took so long
    await end(stand)
    stand.clock.at += timedelta(seconds=10)
    assert await ask(stand) == 1
    (row,) = await stand.rows(select(work).where(work.c.state == "open"))
    assert row.due_at == NOW + timedelta(seconds=50) + POLL


async def test_none_is_asked_for_while_one_waits(stand: Stand) -> None:
    await ask(stand)
    stand.clock.at += 5 * POLL
    assert await ask(stand) == 0


async def test_after_a_long_rest_it_is_due_at_once(stand: Stand) -> None:
    await ask(stand)
    await end(stand)
    stand.clock.at += 10 * POLL
    await ask(stand)
    (row,) = await stand.rows(select(work).where(work.c.state == "open"))
    assert row.due_at == stand.clock.now()


async def test_tick_brings_the_one_that_waits_forward(stand: Stand) -> None:
    await ask(stand)
    await end(stand)
    await ask(stand)
    (waiting,) = await stand.rows(select(work).where(work.c.state == "open"))
    assert waiting.due_at > stand.clock.now()
    assert await ask_now(stand.db, stand.parts.deps.ids, ["research"], stand.clock.now()) == [waiting.id]
    (row,) = await stand.rows(select(work).where(work.c.state == "open"))
    assert row.due_at == stand.clock.now()
