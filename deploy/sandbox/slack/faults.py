"""Trouble on request: what the next calls of a method run into."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

from deploy.sandbox.asked import within

Effect = Literal["ratelimited", "error", "status", "slow", "reset", "lost", "hang"]


@dataclass
class Fault:
    """One kind of trouble for calls of `method` (a glob; also `response_url` and `upload`).

    `nth` is the first call hit, counted from 1; `count` how many are (None: until cleared). Effects: `ratelimited`
    (429, `retry_after` seconds), `error` (`ok: false` with `error`), `status` (that HTTP status, HTML body), `slow`
    (`seconds` of real time, then as usual), `reset` (nothing done, connection dropped), `lost` (done, then dropped
    without an answer), `hang` (done, and no answer until the caller gives up).
    """

    method: str
    effect: Effect
    nth: int = 1
    count: int | None = 1
    error: str = "internal_error"
    retry_after: int = 1
    seconds: float = 0.0
    status: int = 500
    seen: int = 0

    def __post_init__(self) -> None:
        if self.effect not in get_args(Effect):
            raise ValueError(f"unknown effect {self.effect!r}; one of {', '.join(get_args(Effect))}")
        bounds = (("nth", 1, 10**9), ("count", 0, 10**9), ("retry_after", 0, 10**9), ("seconds", 0, 600),
                  ("status", 200, 599))  # fmt: skip
        for name, least, most in bounds:
            within(vars(self), name, least, most)

    def hits(self, method: str) -> bool:
        """Count this call; True if it is one to spoil."""
        if not fnmatchcase(method, self.method):
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.count is None or self.seen < self.nth + self.count)


class Faults:
    """The faults in force, first match wins."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def next_for(self, method: str) -> Fault | None:
        """The fault this call runs into; every matching one counts the call."""
        hit = [fault for fault in self._faults if fault.hits(method)]
        return hit[0] if hit else None
