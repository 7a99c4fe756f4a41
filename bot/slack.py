"""What the bot needs from Slack, in our words; and the one way it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

Block = dict[str, Any]
View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: `text` carries the entire meaning (phones, screen readers), `blocks` the rest."""

    text: str
    blocks: Sequence[Block] = ()
    image: bytes | None = field(default=None, repr=False)  # a PNG put into the message's thread
    image_title: str = ""
    image_alt: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """Where Slack put a message."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class SlackPerson:
    """What `users.info` says of somebody."""

    id: str
    team: str
    name: str
    zone: str | None
    deleted: bool
    guest: bool
    stranger: bool
    bot: bool


class Slack(Protocol):
    """The Web API. Raises subclasses of `bot.errors.SlackError`; `SlackAnswerLost` when a post may have happened."""

    async def post(self, channel: str, message: Message, metadata: Mapping[str, Any]) -> Posted: ...
    async def update(self, channel: str, ts: str, message: Message, metadata: Mapping[str, Any]) -> None: ...
    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None: ...
    async def open_dm(self, user: str) -> str: ...
    async def find(self, channel: str, key: str, oldest: datetime) -> str | None:
        """The `ts` of our message with this metadata key posted at or after `oldest`, if it is there."""
        ...

    async def open_view(self, trigger_id: str, view: View) -> str:
        """Open a modal; returns its view id."""
        ...

    async def update_view(self, view_id: str, view: View) -> None: ...
    async def publish_home(self, user: str, view: View) -> None: ...
    async def upload(self, channel: str, thread_ts: str | None, png: bytes, *, title: str, alt: str) -> None: ...
    async def person(self, user: str) -> SlackPerson: ...
    async def group(self, group: str, *, fresh: bool = False) -> frozenset[str]: ...
    async def members(self, channel: str) -> frozenset[str]: ...
    def skew(self) -> timedelta | None:
        """Slack's clock minus ours, by the `Date` of its last answer; None before the first."""
        ...

    async def whoami(self) -> Mapping[str, Any]:
        """`auth.test`: team, bot user, and `scopes` as granted."""
        ...
