"""The bot's verbs on a real SQLite file, with a hand-driven cloud, Slack and clock around them."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.config.model import Config
from bot.model import CloudIdentity, Notebook, PasswordCredentials
from bot.operations.base import Parts
from bot.operations.decide import Decide
from bot.operations.deps import Deps, Workspace
from bot.operations.people import People
from bot.operations.requests import Requests, Sorry
from bot.operations.table import read_verbs
from bot.operations.told import observe
from bot.operations.verbs import Verbs
from bot.render.context import Context
from bot.render.registry import render
from bot.secrets import RESPONSE_PLACE, Sealer
from bot.stores import identities
from bot.stores.database import Database
from bot.stores.identities import Place
from bot.stores.schema import outbox, work
from bot.tokens import Tokens
from bot.work import Item, Workshop, record
from tests.unit.operations.fakes import TEAM, Account, CountedIds, FakeClouds, FakeSlack, SetClock

ANA, BEN, LEAD, ADMIN, AUDITOR, GUEST = "U0ANA", "U0BEN", "U0LEAD", "U0ADMIN", "U0AUDITOR", "U0GUEST"
RESEARCH, VISION = "C0RESEARCH", "C0VISION"

POLICY = """\
timezone = "Europe/Berlin"

[[projects]]
name = "research"
cloud = "otc"
region = "eu-de"
channel = "C0RESEARCH"
service_account = { domain = "DOMAIN", user = "robot", password = "env:ROBOT" }

[[projects]]
name = "vision"
cloud = "otc"
region = "eu-de"
channel = "C0VISION"
service_account = { domain = "DOMAIN", user = "robot", password = "env:ROBOT" }

[projects.policy]
idle_mode = "enforce"

[roles]
admins = ["U0ADMIN"]
leads = ["U0LEAD"]
auditors = ["U0AUDITOR"]

[policy]
approvers = ["U0LEAD"]
quiet_hours = "20:00-08:00"

[[policy.rules]]
when = { category = "GPU" }
idle_after = "30m"

[prices]
currency = "EUR"
disk_gb_month = 0.05
"modelarts.vm.cpu.2u" = 0.17

[budgets]
per_person_month = 400
"""


@dataclass(slots=True)
class Stage:
    """What a test does and sees."""

    db: Database
    clock: SetClock
    clouds: FakeClouds
    slack: FakeSlack
    parts: Parts
    asked: int = 0
    last: str = ""  # id of the last request's work
    workshop: Workshop | None = None
    verbs: dict[str, Any] = field(default_factory=dict)

    async def link(self, user: str, name: str, project: str = "research", **state: Any) -> None:
        """As if it had been proven; the account's password is `right`."""
        self.clouds.accounts.setdefault(name, Account(name))
        who = CloudIdentity(Account(name).id, name, "d1", "DOMAIN", "p1", "eu-de")
        place, given = Place(TEAM, user, project), PasswordCredentials("DOMAIN", name, state.pop("password", "right"))
        async with self.db.begin() as db:
            await identities.save(
                db, self.parts.deps.sealer, place, given, who, state=state.pop("state", "active"), now=self.clock.now()
            )

    async def see(self, *seen: Notebook, project: str = "research") -> None:
        """A pass saw these."""
        for notebook in seen:
            self.clouds.notebooks[notebook.id] = notebook
        async with self.db.begin() as db:
            for notebook in seen:
                await observe(db, self.parts.deps, project, notebook, self.clock.now())

    async def ask(
        self,
        user: str,
        verb: str,
        /,
        *,
        via: str = "command",
        channel: str = "",
        cause: str | None = None,
        shown_in: str | None = None,
        reply: bool = True,
        **args: Any,
    ) -> dict[str, Any] | None:
        """Carry a request out to its end; returns the facts of its answer, None if there is none."""
        self.asked += 1
        sealed = self.parts.deps.sealer.seal(f"https://hooks.slack.com/{self.asked}", bound_to=RESPONSE_PLACE)
        data = {
            "verb": verb, "args": args, "user": user, "team": TEAM, "channel": channel, "via": via, "cause": cause,
            "reply": sealed if reply else None, "view": shown_in,
        }  # fmt: skip
        async with self.db.begin() as db:
            item = Item("request", f"test:{self.asked}", f"request:test:{self.asked}", data, author=user)
            self.last, _new = await record(db, self.parts.deps.ids, item, self.clock.now())
        await self.drain()
        return await self.said(f"answer:{self.last}")

    async def drain(self) -> None:
        """Do everything that is due."""
        assert self.workshop is not None
        while claim := await self.workshop.claim():
            await self.workshop.advance(claim)

    async def said(self, key: str) -> dict[str, Any] | None:
        """The facts of the message with this key; it can be drawn."""
        rows = [row for row in await self.rows(outbox) if row.key == key]
        if not rows:
            return None
        assert render(rows[0].kind, rows[0].facts, self.clock.now(), Context()) is not None
        return dict(rows[0].facts)

    async def view(self) -> dict[str, Any]:
        """The facts of the view that the last request drew; it can be drawn."""
        facts = await self.said(f"view:{self.last}")
        assert facts is not None
        return facts

    async def rows(self, table: Any) -> list[Any]:
        """Every row of a table."""
        async with self.db.read() as db:
            return list(await db.execute(select(table)))

    async def state(self) -> str:
        """What became of the last request's work."""
        return next(str(row.state) for row in await self.rows(work) if row.id == self.last)


def put_together(db: Database, config: Config) -> Stage:
    """Everybody is in #research; Ana is in #vision too."""
    clock, ids, slack = SetClock(), CountedIds(), FakeSlack()
    for user, name in ((ANA, "ana"), (BEN, "ben"), (LEAD, "lena"), (ADMIN, "ada"), (AUDITOR, "audrey")):
        slack.add(user, name)
    slack.add(GUEST, "gus", guest=True)
    slack.channels = {RESEARCH: frozenset({ANA, BEN, LEAD, ADMIN, GUEST}), VISION: frozenset()}
    clouds = FakeClouds(clock, {"robot": Account("robot")})
    deps = Deps(
        db, clock, ids, config, clouds, slack, Sealer({"k1": bytes(32)}), lambda: 0.5, "/notebook",
        "https://bot.example.com", timedelta(minutes=1), Workspace(TEAM),
    )  # fmt: skip
    parts = Parts(deps, People(deps), Tokens(deps), b"chain")
    verbs = {**Verbs(parts).table(), **Decide(parts).table(), **read_verbs(parts)}
    handlers = {"request": Requests(parts, verbs)}
    made = Stage(db, clock, clouds, slack, parts, verbs=verbs)
    made.workshop = Workshop(db, clock, ids, handlers, Sorry(parts), jitter=lambda: 0.5, owner="test")
    return made


__all__ = ["ADMIN", "ANA", "AUDITOR", "BEN", "GUEST", "LEAD", "POLICY", "RESEARCH", "VISION", "Stage", "put_together"]
