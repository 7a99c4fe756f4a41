"""The project's rate on our side: a burst of a second, halved on 429, commands before passes."""

import asyncio
import math

import pytest

from bot.cloud.limiter import Limiter
from bot.cloud.pace import Pace
from bot.errors import CloudThrottled


class Waits:
    """Sleeps at once and remembers how long it should have been; time stands still otherwise."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.pace = Pace(self.sleep, lambda: 0.0)

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


async def test_a_burst_of_one_second_goes_at_once_then_it_is_paced() -> None:
    waits = Waits()
    limiter = Limiter(10, waits.pace)
    for _ in range(10):
        await limiter.acquire(True, 30)
    assert waits.seconds == []
    for _ in range(5):
        await limiter.acquire(True, 30)
    assert sum(waits.seconds) == pytest.approx(0.5)


async def test_a_command_goes_before_the_passes_that_wait() -> None:
    limiter = Limiter(1, Waits().pace)
    order: list[str] = []

    async def call(name: str, interactive: bool) -> None:
        await limiter.acquire(interactive, 1000)
        order.append(name)

    await call("first", False)
    passes = [asyncio.create_task(call(f"pass {n}", False)) for n in range(3)]
    await asyncio.sleep(0)
    command = asyncio.create_task(call("command", True))
    await asyncio.gather(*passes, command)
    assert order == ["first", "command", "pass 0", "pass 1", "pass 2"]


async def test_passes_do_not_starve_behind_commands() -> None:
    limiter = Limiter(1, Waits().pace)
    order: list[str] = []

    async def call(name: str, interactive: bool) -> None:
        await limiter.acquire(interactive, 1000)
        order.append(name)

    await call("first", True)
    await asyncio.gather(call("pass", False), *(call(f"command {n}", True) for n in range(30)))
    assert order.index("pass") <= 10


async def test_429_halves_the_rate_once_per_second_and_success_brings_it_back() -> None:
    waits = Waits()
    limiter = Limiter(10, waits.pace)
    limiter.refused()
    limiter.refused()  # the answer to a call already under way
    assert limiter.rate == 5
    await waits.pace.sleep(1)
    limiter.refused()
    assert limiter.rate == 2.5
    for _ in range(200):
        limiter.accepted()
    assert limiter.rate == 10


async def test_the_rate_never_falls_to_nothing() -> None:
    waits = Waits()
    limiter = Limiter(10, waits.pace)
    for _ in range(20):
        limiter.refused()
        await waits.pace.sleep(1)
    assert limiter.rate == 10 / 32


async def test_retry_after_holds_everybody() -> None:
    waits = Waits()
    limiter = Limiter(10, waits.pace)
    limiter.refused(7)
    await limiter.acquire(True, 30)
    assert sum(waits.seconds) == pytest.approx(7)


async def test_whoever_cannot_wait_that_long_is_told_when() -> None:
    limiter = Limiter(10, Waits().pace)
    limiter.refused(60)
    with pytest.raises(CloudThrottled) as caught:
        await limiter.acquire(True, 5)
    assert caught.value.retry_after is not None
    assert 59 < caught.value.retry_after.total_seconds() <= 60


async def test_one_who_gave_up_does_not_take_the_slot() -> None:
    limiter = Limiter(1, Waits().pace)
    await limiter.acquire(True, 30)
    gone = asyncio.create_task(limiter.acquire(True, 30))
    stays = asyncio.create_task(limiter.acquire(True, 30))
    await asyncio.sleep(0)
    assert limiter.waiting == 2
    gone.cancel()
    await stays
    assert limiter.waiting == 0
    assert gone.cancelled()


async def test_without_a_limit_nobody_waits() -> None:
    waits = Waits()
    limiter = Limiter(math.inf, waits.pace)
    for _ in range(1000):
        await limiter.acquire(False, 0)
    assert waits.seconds == []
