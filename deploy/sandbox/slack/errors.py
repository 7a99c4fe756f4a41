"""What Slack answers instead of doing it."""

from typing import Any


class Refused(Exception):
    """`ok: false`: the error's name as Slack spells it, and what else the answer carries."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra

    def answer(self) -> dict[str, Any]:
        """The JSON body of the refusal."""
        return {"ok": False, "error": self.error, **self.extra}


class NotThere(LookupError):
    """A driver asked for a message, view or button that the person cannot see."""
