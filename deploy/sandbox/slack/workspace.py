"""The state of one simulated workspace: people, conversations, messages, views, files."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Literal

from deploy.sandbox.clock import SimClock

Kind = Literal["channel", "group", "im", "mpim"]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Ids:
    """Ids of Slack's form: a letter and nine upper-case alphanumerics, never the same twice."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def new(self, prefix: str) -> str:
        number, digits = next(self._count) * 7919, ""
        while number:
            number, rest = divmod(number, 36)
            digits = _DIGITS[rest] + digits
        return prefix + "0" + digits.rjust(8, "0")


@dataclass
class User:
    """A person or bot; `role` is only what the page shows."""

    id: str
    name: str
    real_name: str
    tz: str = "Europe/Berlin"
    role: str = "member"
    team_id: str = "T0LEASEBOT"
    email: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    avatar_color: str = "#4a6fa5"
    locale: str = "en-GB"
    dnd: dict[str, Any] = field(default_factory=dict)


@dataclass
class Message:
    """A message as it stands; `versions` keeps earlier blocks, because people press what they still see."""

    ts: str
    user: str
    text: str
    posted_ms: int
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    edited: dict[str, str] | None = None
    files: list["File"] = field(default_factory=list)
    ephemeral_to: str | None = None
    via_response_url: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[list[dict[str, Any]]] = field(default_factory=list)

    def replace(self, text: str, blocks: list[dict[str, Any]]) -> None:
        """Show other content; what was shown before stays in `versions`."""
        self.versions.append(self.blocks)
        self.text, self.blocks = text, blocks


@dataclass
class Channel:
    """A conversation; `im` has two members, one of them the bot."""

    id: str
    name: str
    kind: Kind
    members: list[str]
    is_archived: bool = False
    is_ext_shared: bool = False
    messages: list[Message] = field(default_factory=list)
    last_us: int = 0

    def message(self, ts: str) -> Message | None:
        return next((message for message in self.messages if message.ts == ts), None)


@dataclass
class View:
    """A modal or Home tab. `state` holds what the person typed, by block and action."""

    id: str
    user: str
    body: dict[str, Any]
    hash: str
    root_id: str
    previous_id: str | None = None
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def blocks(self) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = self.body["blocks"]
        return blocks


@dataclass
class UserGroup:
    """A user group such as @approvers."""

    id: str
    handle: str
    name: str
    users: list[str]
    disabled: bool = False


@dataclass
class File:
    """An uploaded file; `content` is None until its bytes have come."""

    id: str
    name: str
    length: int
    alt: str
    secret: str
    title: str = ""
    content: bytes | None = None
    completed: bool = False
    shares: list[tuple[str, str]] = field(default_factory=list)


class Workspace:
    """Everything a team has; ids and ts are handed out here."""

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.ids = Ids()
        self.team_id = "T0LEASEBOT"
        self.team_name = "Leasebot Lab"
        self.team_domain = "leasebot-lab"
        self.app_id = "A0LEASEBOT"
        self.bot_user = "U0LEASEBOT"
        self.bot_id = "B0LEASEBOT"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, UserGroup] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, str] = {}
        self.files: dict[str, File] = {}
        self.read_us: dict[tuple[str, str], int] = {}
        self._hashes = itertools.count(1)

    def next_ts(self, channel: Channel) -> str:
        """Unix seconds with six digits, strictly increasing within the channel."""
        channel.last_us = max(self.clock.now_ms() * 1000, channel.last_us + 1)
        return f"{channel.last_us // 1_000_000}.{channel.last_us % 1_000_000:06d}"

    def next_hash(self) -> str:
        """`<unix>.<8 characters>`, another one for each change of a view."""
        return f"{self.clock.now_ms() // 1000}.{next(self._hashes):08x}"

    def open_im(self, user: str) -> Channel:
        """The bot's direct conversation with `user`; the same one each time."""
        for channel in self.channels.values():
            if channel.kind == "im" and user in channel.members:
                return channel
        channel = Channel(self.ids.new("D"), "directmessage", "im", [user, self.bot_user])
        self.channels[channel.id] = channel
        return channel

    def add_message(self, channel: Channel, message: Message) -> Message:
        """Append with its block ids filled in; its ts must come from `next_ts`."""
        message.blocks = self.with_block_ids(message.blocks)
        channel.messages.append(message)
        return message

    def with_block_ids(self, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The blocks with an id on each; the ones Slack would make up are five characters long."""
        return [block if block.get("block_id") else {**block, "block_id": self.ids.new("")[-5:]} for block in blocks]

    def sees(self, user: str, channel: Channel) -> bool:
        """Whether the channel is in the person's side bar."""
        return user in channel.members

    def top_view(self, user: str) -> View | None:
        """The modal on top of the person's stack."""
        stack = self.stacks.get(user) or []
        return self.views[stack[-1]] if stack else None

    def is_open(self, view: View) -> bool:
        """Whether the view is on somebody's screen (a Home tab always is)."""
        return view.type == "home" or view.id in self.stacks.get(view.user, [])
