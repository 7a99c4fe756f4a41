"""What `leasebot check` says: one line each."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `todo` says what to do about it."""

    level: Level
    about: str
    what: str
    todo: str = ""

    @property
    def stops_the_start(self) -> bool:
        """Settings or policy are wrong: whatever is started ends with 2."""
        return self.level == "wrong" and self.about in ("settings", "policy")

    def __str__(self) -> str:
        return f"{self.level:<5} {self.about}: {self.what}" + (f" -> {self.todo}" if self.todo else "")


def ok(about: str, what: str) -> Finding:
    """All is well."""
    return Finding("ok", about, what)


def note(about: str, what: str, todo: str = "") -> Finding:
    """It works, but it should be known."""
    return Finding("note", about, what, todo)


def wrong(about: str, what: str, todo: str) -> Finding:
    """It will not work; `check` ends with 1, or with 2 where settings or policy stop the start."""
    return Finding("wrong", about, what, todo)
