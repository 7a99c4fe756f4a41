"""What is asked for twice is done once; what is asked of one notebook is done one piece at a time."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

from bot.stores.schema import work
from tests.contract.drivers.crew import Crew, Worker, keys, until


async def test_forty_keys_enqueued_eighty_times_by_two_processes_run_forty_times(crew: Crew) -> None:
    two, wanted = await crew.start_two(), keys(40)

    async def ask(worker: Worker, key: str) -> str:
        return str(
            (await worker.ask("enqueue", key=key, serial=key, seconds=0.2))["stored"]
        )  # long enough for both to have a turn

    ids = await asyncio.gather(*(ask(worker, key) for key in wanted for worker in two))
    assert len(ids) == 80
    assert len(set(ids)) == len(await crew.rows(work)) == 40
    await until(lambda: crew.finished(40), "all forty are done")
    once = Counter(dict.fromkeys(wanted, 1))
    assert Counter(crew.effects.keys("act")) == once
    assert await crew.recorded() == once
    assert {effect.pid for effect in crew.effects.all("act")} == {worker.pid for worker in two}


def spans(crew: Crew) -> dict[str, tuple[float, float]]:
    """When each call began and ended."""
    ends = {effect.key: effect.at for effect in crew.effects.all("act")}
    return {effect.key: (effect.at, ends[effect.key]) for effect in crew.effects.all("begin")}


def at_once(times: Iterable[tuple[float, float]]) -> int:
    """The most of these that went on at one instant."""
    steps = sorted((at, change) for begin, end in times for at, change in ((begin, 1), (end, -1)))
    return max(accumulate(change for _at, change in steps))


async def test_calls_on_one_notebook_go_one_at_a_time_in_order_and_those_on_ten_go_side_by_side(crew: Crew) -> None:
    two, notebooks, turns = await crew.start_two(), range(10), range(4)
    for turn in turns:
        for notebook in notebooks:
            await crew.enqueue(two[notebook % 2], f"n{notebook}.{turn}", serial=f"n{notebook}", seconds=0.15)
    await until(lambda: crew.finished(40), "all forty are done")
    assert Counter(crew.effects.keys("act")) == await crew.recorded() == Counter(spans(crew).keys())
    for notebook in notebooks:
        mine = {key: span for key, span in spans(crew).items() if key.startswith(f"n{notebook}.")}
        assert at_once(mine.values()) == 1, f"overlaps on notebook {notebook}: {mine}"
        assert sorted(mine, key=lambda key: mine[key][0]) == [f"n{notebook}.{turn}" for turn in turns]
    # One drain makes one call at a time, so two processes make two; the others have several hands each.
    assert at_once(spans(crew).values()) >= (2 if crew.driver == "drain" else 3)
