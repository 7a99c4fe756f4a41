"""What the intake needs from outside. Nothing here imports a driver, so that a small function can bring its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.errors import StoreDown
from bot.slack import Message, SlackPerson, View

Outcome = Literal["new", "again", "joined", "counted", "too_fast", "refused"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One request to be kept as one row of work. `text`: a command's, as `data["text"]`, by which twins join."""

    cause: str
    author: str
    team: str
    data: Mapping[str, Any]
    text: str | None = None
    counted: bool = True  # against the person's rate
    kept: bool = True  # False: it was answered already, and is only counted

    @property
    def serial(self) -> str:
        """Requests do not wait for each other."""
        return f"request:{self.cause}"


class Gate:
    """Stands before the commit: once the intake has said "not stored", nothing may be committed any more."""

    def __init__(self) -> None:
        self.given_up = False
        self.committing = False

    def enter(self) -> None:
        """To be called as the last thing before the commit. Raises StoreDown if it is too late for it."""
        if self.given_up:
            raise StoreDown("It came too late to be stored.")
        self.committing = True


class IntakeStore(Protocol):
    """What a request reads and writes before it is acknowledged. Raises StoreDown when the store fails."""

    async def keep(self, entry: Entry, now: datetime, gate: Gate) -> tuple[Outcome, str | None]:
        """In one transaction that ends with `gate`: refuse known guests, take from the person's rate, join or insert.

        `new`; `again`: the cause is known; `joined`: the same text is under way; each with the id of its work. Else
        nothing is stored. `counted`: there was nothing to keep.
        """
        ...

    async def zone(self, team: str, user: str) -> str | None:
        """The person's time zone, if it is known."""
        ...

    async def catalogue(self, project: str | None, kind: Literal["images", "flavors"]) -> Sequence[Mapping[str, Any]]:
        """Entries as last listed; of any project if none is named. Empty if nothing was listed yet."""
        ...

    async def notebook_name(self, project: str, notebook: str) -> str | None:
        """The name a notebook was last seen with."""
        ...


class Quick(Protocol):
    """The calls to Slack that may happen before the acknowledgement. Part of `bot.slack.Slack`."""

    async def open_view(self, trigger_id: str, view: View) -> str: ...
    async def update_view(self, view_id: str, view: View) -> None: ...
    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None: ...
    async def person(self, user: str) -> SlackPerson: ...


class Seal(Protocol):
    """Part of `bot.secrets.Sealer`."""

    def seal(self, clear: str, *, bound_to: str) -> str: ...


class Dispatch(Protocol):
    """A verified, parsed Slack payload -> what Slack is answered. Through Bolt, or without it in functions."""

    async def __call__(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> "Answer": ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to Slack's request; `body` None is the empty 200 that shows nothing."""

    status: int = 200
    body: Mapping[str, Any] | None = None
