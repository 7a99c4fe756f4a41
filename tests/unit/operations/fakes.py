"""A cloud and a Slack that do what a test tells them; each call is on record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms
from bot.errors import CloudLoginFailed, CloudNotFound, SlackError
from bot.model import (
    CloudIdentity,
    CloudUserId,
    Credentials,
    Endpoint,
    Flavor,
    Image,
    Lease,
    Listing,
    Notebook,
    NotebookId,
    PasswordCredentials,
    Status,
)
from bot.slack import Message, Posted, SlackPerson, View

TEAM = "T0TEAM"
START = from_ms(1_763_974_800_000)  # Monday 2025-11-24, 09:00 UTC


@dataclass(slots=True)
class SetClock:
    """Stands still until it is told."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def go(self, span: timedelta) -> None:
        self.at += span


@dataclass(slots=True)
class CountedIds:
    """`id1`, `id2`, …"""

    count: int = 0

    def new(self) -> str:
        self.count += 1
        return f"id{self.count}"

    def secret(self) -> str:
        return f"secret-{self.new()}"


@dataclass(slots=True)
class Account:
    """One cloud user, with the password that is right."""

    name: str
    password: str = "right"

    @property
    def id(self) -> CloudUserId:
        return CloudUserId(f"cloud-{self.name}")


@dataclass(slots=True)
class FakeClouds:
    """All projects share these notebooks; `down` is raised by every call of a project that is named in it."""

    clock: SetClock
    accounts: dict[str, Account] = field(default_factory=dict)
    notebooks: dict[str, Notebook] = field(default_factory=dict)
    there: tuple[Image, ...] = ()
    sizes: tuple[Flavor, ...] = ()
    down: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)  # project, who, what
    forgotten: list[tuple[str, str]] = field(default_factory=list)

    def connect(self, endpoint: Endpoint, credentials: Credentials, *, interactive: bool = True) -> "FakeCloud":
        return FakeCloud(self, endpoint, credentials)

    def forget(self, endpoint: Endpoint, credentials: Credentials) -> None:
        self.forgotten.append((endpoint.project, _who(credentials)))

    def said(self, what: str) -> list[str]:
        """Who asked for that."""
        return [who for _project, who, called in self.calls if called == what]


def _who(credentials: Credentials) -> str:
    return credentials.user if isinstance(credentials, PasswordCredentials) else credentials.access_key


@dataclass(slots=True)
class FakeCloud:
    """One project as one account sees it."""

    on: FakeClouds
    endpoint: Endpoint
    credentials: Credentials

    def _call(self, what: str) -> Account:
        who = _who(self.credentials)
        self.on.calls.append((self.endpoint.project, who, what))
        if error := self.on.down.get(self.endpoint.project):
            raise error
        account = self.on.accounts.get(who)
        secret = getattr(self.credentials, "password", None) or getattr(self.credentials, "secret_key", "")
        if account is None or secret != account.password:
            raise CloudLoginFailed("The cloud did not accept user or password.")
        return account

    async def whoami(self) -> CloudIdentity:
        account = self._call("whoami")
        return CloudIdentity(account.id, account.name, "d1", "DOMAIN", "p1", "eu-de")

    async def images(self) -> tuple[Image, ...]:
        self._call("images")
        return self.on.there

    async def flavors(self) -> tuple[Flavor, ...]:
        self._call("flavors")
        return self.on.sizes

    async def list_own(self) -> Listing:
        account = self._call("list_own")
        mine = tuple(n for n in self.on.notebooks.values() if n.owner_id == account.id)
        return Listing(mine, True, self.on.clock.now())

    async def show(self, notebook_id: NotebookId) -> Notebook:
        self._call("show")
        if notebook_id not in self.on.notebooks:
            raise CloudNotFound("There is no such notebook.")
        return self.on.notebooks[notebook_id]

    def server_now(self) -> datetime:
        return self.on.clock.now()


@dataclass(slots=True)
class FakeSlack:
    """Knows people, channels and groups; keeps what it was handed."""

    people: dict[str, SlackPerson] = field(default_factory=dict)
    channels: dict[str, frozenset[str]] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    responded: list[tuple[str, Message]] = field(default_factory=list)
    refuses: SlackError | None = None

    def add(self, user: str, name: str, **more: Any) -> None:
        known = SlackPerson(user, TEAM, name, "Europe/Berlin", deleted=False, guest=False, stranger=False, bot=False)
        self.people[user] = replace(known, **more)

    def skew(self) -> timedelta | None:
        """Its clock and ours agree."""
        return timedelta(0)

    async def person(self, user: str) -> SlackPerson:
        if user not in self.people:
            raise SlackError("user_not_found")
        return self.people[user]

    async def members(self, channel: str) -> frozenset[str]:
        return self.channels.get(channel, frozenset())

    async def group(self, group: str, *, fresh: bool = False) -> frozenset[str]:
        if group not in self.groups:
            raise SlackError("missing_scope")
        return self.groups[group]

    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.responded.append((url, message))

    async def post(self, channel: str, message: Message, metadata: Mapping[str, Any]) -> Posted:
        raise AssertionError("answers go through the outbox")

    async def update_view(self, view_id: str, view: View) -> None:
        raise AssertionError("views go through the outbox")


def a_notebook(name: str = "train-1", owner: str = "ana", **changes: Any) -> Notebook:
    """Running since an hour ago, with a lease that ends in an hour."""
    known = Notebook(
        id=NotebookId(f"nb-{name}"),
        name=name,
        status=Status.RUNNING,
        flavor="modelarts.vm.cpu.2u",
        image_name="pytorch1.8",
        lease=Lease(START - timedelta(hours=1), timedelta(hours=2), stamped_at=START - timedelta(hours=1)),
        owner_id=Account(owner).id,
        owner_name=owner,
        created_at=START - timedelta(hours=1),
        updated_at=START - timedelta(hours=1),
        volume_gb=50,
        volume_category="EFS",
        url=f"https://notebook.example.com/nb-{name}/lab",
        token=f"token-of-{name}",
    )
    return replace(known, **changes)
