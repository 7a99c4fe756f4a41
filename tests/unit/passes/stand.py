"""Operations on a real store, with a cloud and a Slack that are only values: for single passes, without a server."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.config.load import load_text
from bot.errors import CloudDown, CloudInvalid, CloudNotFound, SlackDown
from bot.ids import RandomIds
from bot.model import Flavor, Lease, Listing, Notebook, NotebookId, Status
from bot.operations.base import Parts
from bot.operations.deps import Deps, Workspace
from bot.operations.people import People
from bot.operations.sweep import Sweep
from bot.secrets import Sealer
from bot.slack import SlackPerson
from bot.stores.database import Database
from bot.tokens import Tokens
from bot.work import Claim, Done

Meanwhile = Callable[[], Awaitable[None]]

TEAM = "T0TEAM"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = """
timezone = "UTC"
[[projects]]
name = "research"
cloud = "otc"
region = "eu-de"
channel = "C0RESEARCH"
service_account = { domain = "D", user = "bot", password = "env:BOT_PASSWORD" }
[roles]
admins = ["U0DORA"]
leads = ["U0CARLA"]
[[people]]
slack = "U0ANA"
cloud_user = "ana"
[policy]
warnings = ["60m", "15m"]
idle_after = "60m"
idle_grace = "15m"
idle_mode = "enforce"
[prices]
currency = "EUR"
disk_gb_month = 0.05
"modelarts.vm.cpu.2u" = 0.17
"""


@dataclass(slots=True)
class HandClock:
    """A clock that is set by hand."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class ListedCloud:
    """One project's cloud as a service account sees it: notebooks are values, and so is the listing."""

    clock: HandClock
    notebooks: dict[str, Notebook] = field(default_factory=dict)
    complete: bool = True
    skew: timedelta = timedelta(0)  # server minus host
    failure: Exception | None = None
    takes: timedelta = timedelta(0)  # to read all pages of the listing
    endpoint: Any = None
    mute: set[str] = field(default_factory=set)  # cannot be looked at one by one
    shown: list[str] = field(default_factory=list)  # notebooks that were looked at one by one
    listed: list[Status | None] = field(default_factory=list)  # what the listings were asked for
    left_out: set[str] = field(default_factory=set)  # of listings by state
    lost: set[str] = field(default_factory=set)  # of every listing
    refuses_filter: bool = False
    no_filter: bool = False  # listings by state show every state

    def add(self, *made: Notebook) -> None:
        self.notebooks.update({each.id: each for each in made})

    def change(self, notebook_id: str, **values: Any) -> None:
        self.notebooks[notebook_id] = replace(self.notebooks[notebook_id], **values)

    def server_now(self) -> datetime:
        return self.clock.now() + self.skew

    async def list_all(self, status: Status | None = None) -> Listing:
        if self.failure:
            raise self.failure
        self.clock.at += self.takes
        self.listed.append(status)
        if status and self.refuses_filter:
            raise CloudInvalid("status is not valid")
        said = [each for each in self.notebooks.values() if self._answers_to(status, each)]
        return Listing(tuple(said), self.complete, self.server_now())

    def _answers_to(self, status: Status | None, each: Notebook) -> bool:
        if each.id in self.lost:
            return False
        if status is None or self.no_filter:
            return True
        return each.status is status and each.id not in self.left_out

    async def flavors(self) -> tuple[Flavor, ...]:
        return (Flavor("modelarts.vm.cpu.2u", "", "CPU"),)

    async def show(self, notebook_id: NotebookId) -> Notebook:
        if notebook_id in self.mute:
            raise CloudDown("no answer")
        if notebook_id not in self.notebooks:
            raise CloudNotFound("it is gone")
        self.shown.append(notebook_id)
        return replace(self.notebooks[notebook_id], server_now=self.server_now())


@dataclass(slots=True)
class OneCloud:
    """Every credential leads to the same cloud."""

    cloud: ListedCloud

    def connect(self, *_args: Any, **_options: Any) -> Any:
        return self.cloud

    def forget(self, *_args: Any) -> None:
        return None


@dataclass(slots=True)
class Members:
    """Slack as far as people go; nothing is ever posted."""

    gone: set[str] = field(default_factory=set)
    down: bool = False
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    off: timedelta | None = None  # its clock minus ours

    def skew(self) -> timedelta | None:
        return self.off

    async def whoami(self) -> dict[str, Any]:
        if self.down:
            raise SlackDown("down")
        return {"team_id": TEAM}

    async def person(self, user: str) -> SlackPerson:
        if self.down:
            raise SlackDown("down")
        return SlackPerson(user, TEAM, user, "UTC", user in self.gone, False, False, False)

    async def members(self, _channel: str) -> frozenset[str]:
        return frozenset()

    async def group(self, group: str, *, fresh: bool = False) -> frozenset[str]:
        if self.down:
            raise SlackDown("down")
        return self.groups.get(group, frozenset())


@dataclass(slots=True)
class Stand:
    """What a test holds in its hands."""

    db: Database
    clock: HandClock
    cloud: ListedCloud
    slack: Members
    parts: Parts

    async def sweep(self, by: timedelta = timedelta(0), meanwhile: Meanwhile | None = None) -> Done:
        """One pass, `by` later; `meanwhile`: what others do between its decisions and its writing."""
        self.clock.at += by
        now = self.clock.now()
        claim = Claim("w", "pass", "c", "project:research", "start", {"project": "research"}, None, now, 1, 0)
        outcome = await Sweep(self.parts)(claim, now)
        assert isinstance(outcome, Done)
        if meanwhile:
            await meanwhile()
        if outcome.write:
            async with self.db.begin() as tx:
                await outcome.write(tx)
        return outcome

    async def rows(self, query: Any) -> Sequence[Any]:
        async with self.db.read() as tx:
            return list(await tx.execute(query))

    async def write(self, statement: Any) -> None:
        async with self.db.begin() as tx:
            await tx.execute(statement)


def a_stand(db: Database, policy: str = POLICY) -> Stand:
    """On a store whose schema is in place."""
    clock, slack = HandClock(), Members()
    cloud = ListedCloud(clock)
    config = load_text(policy, "leasebot.toml", {"BOT_PASSWORD": "sesame"})
    made: Mapping[str, Any] = {"db": db, "clock": clock, "ids": RandomIds(), "config": config, "slack": slack}
    deps = Deps(
        **made, clouds=OneCloud(cloud), sealer=Sealer({"k": b"k" * 32}), jitter=lambda: 0.5, command="/notebook",
        public_url="", poll=timedelta(minutes=1), workspace=Workspace(TEAM),
    )  # fmt: skip
    return Stand(db, clock, cloud, slack, Parts(deps, People(deps), Tokens(deps), b"audit"))


def a_notebook(
    number: int = 1, *, status: Status = Status.RUNNING, owner: str = "ana", since: datetime = NOW - HOUR,
    lease: timedelta = 24 * HOUR, **values: Any,
) -> Notebook:  # fmt: skip
    """One as a listing shows it; its lease began with its run."""
    known: dict[str, Any] = {
        "id": NotebookId(f"{number:08x}-0000-4000-8000-000000000000"), "name": f"experiment-{number}",
        "flavor": "modelarts.vm.cpu.2u", "owner_name": owner, "owner_id": f"id-{owner}", "created_at": since,
        "updated_at": since, "volume_gb": 50, "lease": Lease(since, lease, stamped_at=since), "status": status,
    }  # fmt: skip
    return Notebook(**(known | values))
