"""What was done outside, by whom and when: all processes append to one file, so that it is counted, not guessed."""

import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Effect:
    """`at` is in seconds of the machine's monotonic clock, which is the same for all processes."""

    at: float
    pid: int
    what: str
    key: str


class Effects:
    """One line each, in one write: lines of several processes never mix, and a killed process leaves whole ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def add(self, what: str, key: str, at: float | None = None) -> None:
        """`what` was done `at` (None: now), by this process, about `key`; no blanks in `what`."""
        moment = time.monotonic() if at is None else at
        os.write(self._file, f"{moment:.6f} {os.getpid()} {what} {key}\n".encode())

    def all(self, what: str | None = None, *, pid: int | None = None, key: str | None = None) -> list[Effect]:
        """In the order in which they were made."""
        lines = (line.split(" ", 3) for line in self._path.read_text(encoding="utf-8").splitlines())
        every = [Effect(float(at), int(who), done, about) for at, who, done, about in lines]
        return [e for e in every if what in (None, e.what) and pid in (None, e.pid) and key in (None, e.key)]

    def keys(self, what: str, *, pid: int | None = None) -> list[str]:
        """About what, in that order."""
        return [effect.key for effect in self.all(what, pid=pid)]

    def close(self) -> None:
        os.close(self._file)
