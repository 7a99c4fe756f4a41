"""How fast we may call one project: halved when the cloud says 429, recovering; commands go before passes."""

import asyncio
import math
from collections import deque
from datetime import timedelta

from bot.cloud.pace import Pace
from bot.errors import CloudThrottled

_FLOOR = 1 / 32  # of the nominal rate
_GAIN = 0.01  # of the nominal rate, for each call that was not refused
_PASS_EVERY = 10  # one slot in so many goes to a waiting pass, so that passes never starve
_LONGEST_HOLD = 300.0


class Limiter:
    """A token bucket of one second's burst with two queues."""

    def __init__(self, rate: float, pace: Pace) -> None:
        """`rate` in requests per second; infinity means no limit."""
        self.nominal = rate
        self.rate = rate
        self._pace = pace
        self._tokens = max(1.0, rate)
        self._at = pace.now()
        self._hold_until = -math.inf
        self._halved_at = -math.inf
        self._slots = 0
        self._commands: deque[asyncio.Future[None]] = deque()
        self._passes: deque[asyncio.Future[None]] = deque()
        self._pump: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return len(self._commands) + len(self._passes)

    async def acquire(self, interactive: bool, patience: float) -> None:
        """Wait for a slot; CloudThrottled if there is surely none within `patience` seconds."""
        wait = self._until_free()
        if not self.waiting and wait <= 0:
            self._take()
            return
        if wait > patience:
            raise CloudThrottled("The cloud asks us to slow down", retry_after=timedelta(seconds=wait))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._commands if interactive else self._passes).append(turn)
        self._keep_pumping()
        await turn

    def refused(self, pause: float = 0.0) -> None:
        """The cloud said 429, with `pause` seconds of Retry-After if it gave one."""
        now = self._pace.now()
        self._refill()
        if now - self._halved_at >= 1.0:  # answers to calls already under way are the same news
            self.rate = max(self.rate / 2, self.nominal * _FLOOR)
            self._halved_at = now
        self._tokens = 0.0
        self._hold_until = max(self._hold_until, now + min(pause, _LONGEST_HOLD))

    def accepted(self) -> None:
        """The cloud took a call."""
        if self.rate < self.nominal:
            self._refill()
            self.rate = min(self.nominal, self.rate + self.nominal * _GAIN)

    def _refill(self) -> None:
        now = self._pace.now()
        if now > self._at and not math.isinf(self.rate):
            self._tokens = min(max(1.0, self.rate), self._tokens + (now - self._at) * self.rate)
        self._at = now

    def _until_free(self) -> float:
        self._refill()
        held = self._hold_until - self._pace.now()
        return max(held, 0.0 if self._tokens >= 1 else (1 - self._tokens) / self.rate)

    def _take(self) -> None:
        self._tokens -= 1
        self._slots += 1

    def _keep_pumping(self) -> None:
        loop = asyncio.get_running_loop()
        if self._pump is None or self._pump.done() or self._pump.get_loop() is not loop:
            self._pump = loop.create_task(self._hand_out(), name="cloud rate limit")

    async def _hand_out(self) -> None:
        while self.waiting:
            if (wait := self._until_free()) > 0:
                await self._pace.sleep(wait)
                continue
            turn = self._next()
            if not turn.done():  # else whoever waited gave up
                self._take()
                turn.set_result(None)

    def _next(self) -> asyncio.Future[None]:
        for_pass = not self._commands or (self._passes and self._slots % _PASS_EVERY == _PASS_EVERY - 1)
        return (self._passes if for_pass else self._commands).popleft()
