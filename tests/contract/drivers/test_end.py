"""A process that is told to end does end, whatever has just been recorded."""

import asyncio
from typing import cast

import pytest

from bot.drivers import Drain, Local


class Nothing:
    """Nothing is ever due."""

    async def one_work(self) -> None:
        return None

    async def one_message(self) -> None:
        return None


@pytest.mark.parametrize("turns", range(6), ids="{} turns of the loop later".format)
async def test_local_ends_even_if_it_was_woken_a_moment_ago(turns: int) -> None:
    driver = Local(cast("Drain", Nothing()))

    async def run() -> None:
        async with driver:
            await asyncio.sleep(0.01)  # all hands sleep by now
            driver.wake()
            for _ in range(turns):
                await asyncio.sleep(0)

    running = asyncio.create_task(run())
    ended, _ = await asyncio.wait({running}, timeout=5)
    if not ended:
        running.cancel()
    assert ended, "it goes on after its end"
