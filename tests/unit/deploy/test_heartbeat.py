"""The watchdog is called right after each pass, and whatever it does, no pass waits for it."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.front import heartbeat


class Dog:
    """A watchdog; `does` is what it does when it is called."""

    def __init__(self, does: Callable[[], Any] | None = None) -> None:
        self.calls, self._does = 0, does
        self.called = asyncio.Event()

    async def remember(self) -> None:
        pass

    async def beat(self, _client: Any) -> None:
        self.calls += 1
        self.called.set()
        if self._does is not None:
            await self._does()


class Process:
    """As much of a bot as listens."""

    def __init__(self) -> None:
        self.drain = SimpleNamespace(listeners=[])

    def advanced(self, kind: str) -> None:
        for listener in self.drain.listeners:
            listener(kind)


async def beaten(dog: Dog) -> None:
    async with asyncio.timeout(5):
        await dog.called.wait()
    dog.called.clear()


def on(process: Process, dog: Dog, patience_s: float = 5) -> Any:
    running: Any = process
    watch: Any = dog
    return heartbeat(running, watch, patience_s)


async def test_it_is_called_after_each_pass_and_after_nothing_else() -> None:
    process, dog = Process(), Dog()
    async with on(process, dog):
        process.advanced("request")
        for _ in range(5):
            await asyncio.sleep(0)
        assert dog.calls == 0
        process.advanced("pass")
        await beaten(dog)
        process.advanced("pass")
        await beaten(dog)
        assert dog.calls == 2
    assert process.drain.listeners == []


async def test_one_that_fails_is_called_again_after_the_next_pass(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("no dog")

    process, dog = Process(), Dog(fail)
    async with on(process, dog):
        for _ in range(2):
            process.advanced("pass")
            await beaten(dog)
    assert "the watchdog could not be called" in caplog.text


async def test_one_that_never_answers_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    process, dog = Process(), Dog(asyncio.Event().wait)
    async with asyncio.timeout(5):
        async with on(process, dog, patience_s=0.05):
            process.advanced("pass")  # returns at once
            await beaten(dog)
            process.advanced("pass")
            await beaten(dog)
    assert "no answer within" in caplog.text


async def test_the_last_pass_before_the_end_is_told_too() -> None:
    process, dog = Process(), Dog()
    async with on(process, dog):
        process.advanced("pass")
    assert dog.calls >= 1
