"""A project whose cloud does not answer is left alone for a while, then tried with one call."""

import math
from datetime import timedelta
from typing import Literal

from bot.cloud.pace import Pace
from bot.errors import CloudDown

State = Literal["closed", "open", "half-open"]
_FAILURES = 5
_FIRST_REST = 15.0
_LONGEST_REST = 60.0


class Breaker:
    """Opens after five failures in a row; rests 15 s, twice as long each time the trial fails, at most a minute."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.failures = 0
        self._rest = _FIRST_REST
        self._open_until = -math.inf
        self._trial = False

    @property
    def state(self) -> State:
        """`half-open`: the next call, or the one under way, decides."""
        if self.failures < _FAILURES:
            return "closed"
        return "open" if self._pace.now() < self._open_until else "half-open"

    @property
    def rests_for(self) -> timedelta:
        """How long it stays open."""
        return timedelta(seconds=max(0.0, self._open_until - self._pace.now()) if self.state == "open" else 0.0)

    def admit(self) -> bool:
        """Let a call through, true if it is the trial; CloudDown while open or while a trial is under way."""
        state = self.state
        if state == "closed":
            return False
        if state == "open" or self._trial:
            wait = self.rests_for or timedelta(seconds=1)
            raise CloudDown("The cloud has not answered for a while", retry_after=wait)
        self._trial = True
        return True

    def succeeded(self) -> None:
        """The cloud answered, whatever it said."""
        self.failures, self._rest, self._trial = 0, _FIRST_REST, False

    def failed(self) -> None:
        """No answer, or one that says the cloud is broken."""
        was_closed = self.failures < _FAILURES
        self.failures += 1
        if self.failures < _FAILURES:
            return
        if was_closed:
            self._rest = _FIRST_REST
        elif self._trial:
            self._rest = min(_LONGEST_REST, self._rest * 2)
        if was_closed or self._trial:
            self._open_until = self._pace.now() + self._rest
        self._trial = False

    def abandoned(self) -> None:
        """The trial ended without an answer of either kind (cancelled): the next call is the trial."""
        self._trial = False
