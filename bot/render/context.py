"""What every message is drawn with, beside its facts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """`command` as people type it, with the slash."""

    command: str = "/notebook"
