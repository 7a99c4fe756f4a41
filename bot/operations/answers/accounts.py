"""`cost` and a digest's details: figures where it was asked, the chart in the person's DM."""

from datetime import date, datetime, timedelta
from typing import Any

from bot.clock import to_ms
from bot.errors import NotAllowed, NotLinked
from bot.model import Status
from bot.operations.answers.reader import Reader
from bot.operations.answers.rows import disk_cost
from bot.operations.ask import Ask
from bot.operations.costs import Bill, bill
from bot.operations.digests import money_facts, owner_names
from bot.operations.facts import ms
from bot.operations.resolve import owns
from bot.operations.verbs import Verb
from bot.operations.whose import by_hint
from bot.outbox import RESULT, Say, say
from bot.rules import costs
from bot.rules.durations import resolve
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.work import Done, Outcome

Window = tuple[datetime, datetime]
_DAYS = {"7d": 7, "30d": 30}


class Accounts(Reader):
    """`cost [me|team|@user] [7d|30d|month]`; `details` of a digest. A team is a project."""

    def table(self) -> dict[str, Verb]:
        return {"cost": self.cost, "details": self.details}

    async def cost(self, ask: Ask, now: datetime) -> Outcome:
        scope, period = str(ask.args.get("scope") or "me"), str(ask.args.get("period") or "30d")
        if not ask.projects:
            raise NotAllowed("You are in no project's channel.", next_step="Join one, then try again.")
        window, said = self._window(period, now)
        if scope == "team":
            here = self.project_here(ask)
            facts = await self._team(ask, [here] if here else list(ask.projects), window, now)
        else:
            facts = await self._person(ask, ask.user if scope == "me" else scope.removeprefix("@"), window, now)
        return self._told(ask, facts | {"period": said} | _instants(window, now), now)

    async def details(self, ask: Ask, now: datetime) -> Outcome:
        """What stands behind a digest, by notebook."""
        project = str(ask.args.get("project"))
        if project not in ask.projects:
            raise NotAllowed("That is the digest of a project whose channel you are not in.")
        window, said = self._of_digest(ask.cause, now)
        async with self.deps.db.read() as db:
            spent = await bill(db, self.deps, [project], window, now)
        facts = money_facts(self.parts, spent) | {"title": f"Cost of {project} by notebook", "period": said}
        return self._told(ask, facts | _instants(window, now), now)

    def _window(self, period: str, now: datetime) -> tuple[Window, str]:
        if period in _DAYS:
            return (now - timedelta(days=_DAYS[period]), now), f"the last {_DAYS[period]} days"
        month = costs.month_of(now, self.deps.config.timezone)
        return month, f"{now.astimezone(self.deps.config.timezone):%B %Y}"

    def _of_digest(self, key: str, now: datetime) -> tuple[Window, str]:
        """The days a digest was about, from its key; the last seven if the key says nothing."""
        period, _colon, day = key.removeprefix("digest:").rpartition(":")
        try:
            today = date.fromisoformat(day)
        except ValueError:
            return self._window("7d", now)
        days = 7 if period.endswith(":weekly") else 1
        midnight, zone = datetime.min.time(), self.deps.config.timezone
        first = today - timedelta(days=days)
        window = resolve(first, midnight, zone), resolve(today, midnight, zone)
        return window, f"{first}" if days == 1 else f"{first} to {today - timedelta(days=1)}"

    async def _person(self, ask: Ask, user: str, window: Window, now: datetime) -> dict[str, Any]:
        """One person's, in the projects that whoever asks belongs to."""
        person, projects = await self.parts.people.get(user), list(ask.projects)
        named: frozenset[str] = frozenset()
        if not person.cloud_users:
            if user == ask.user:
                raise NotLinked("I do not know your cloud user yet, so I cannot tell what is yours.")
            named = await self._named(user, projects)
            if not named:
                raise NotAllowed("That person has not linked a cloud user.", next_step="Ask them to type `link`.")

        def mine(row: Any) -> bool:
            return row.owner_id in named or owns(person, row)

        async with self.deps.db.read() as db:
            spent = await bill(db, self.deps, projects, window, now, mine=mine)
            month = costs.month_of(now, self.deps.config.timezone)
            this_month = await bill(db, self.deps, projects, month, now, mine=mine)
            disks = await self._disks(db, projects, mine) if user == ask.user else []
        facts = money_facts(self.parts, spent) | {"title": "Your cost" if user == ask.user else "Their cost"}
        limit = self.deps.config.budgets.per_person_month
        return facts | self._budget(this_month, limit) | ({"disks": disks} if disks else {})

    async def _named(self, user: str, projects: list[str]) -> frozenset[str]:
        """Cloud users that an admin or the policy file says to be theirs."""
        found: set[str] = set()
        async with self.deps.db.read() as db:
            for project in projects:
                whose = await by_hint(db, self.deps, project)
                for cloud_id, name in (await owner_names(db, project)).items():
                    if cloud_id and whose(cloud_id, name) == user:
                        found.add(cloud_id)
        return frozenset(found)

    async def _team(self, ask: Ask, projects: list[str], window: Window, now: datetime) -> dict[str, Any]:
        """By person, under the name the cloud gives."""
        async with self.deps.db.read() as db:
            names: dict[str | None, str] = {}
            for project in projects:
                names |= await owner_names(db, project)
            spent = await bill(db, self.deps, projects, window, now, by=lambda row: names.get(row.owner_id, "unknown"))
            month = costs.month_of(now, self.deps.config.timezone)
            this_month = await bill(db, self.deps, projects, month, now)
            disks = await self._disks(db, projects, lambda row: owns(ask.person, row))
        limit = self.deps.config.budgets.per_project_month if len(projects) == 1 else None
        facts = money_facts(self.parts, spent) | {"title": f"Cost of {', '.join(projects)}"}
        return facts | self._budget(this_month, limit) | ({"disks": disks} if disks else {})

    def _budget(self, spent: Bill, limit: Any) -> dict[str, str]:
        if limit is None:
            return {}
        currency = self.deps.config.prices.currency
        return {"budget": f"{spent.total.said(currency)} of {costs.format_money(limit, currency)} this month"}

    async def _disks(self, db: Tx, projects: list[str], mine: Any) -> list[dict[str, Any]]:
        """Stopped notebooks whose disk costs on; offered for deletion, which asks again."""
        found = []
        for row in await notebooks.of_projects(db, projects):
            cost = disk_cost(self.deps, row)
            if row.status == Status.STOPPED and cost and mine(row):
                about = {"notebook_id": row.id, "name": row.name, "project": row.project}
                found.append(about | {"cost": cost, "stopped_ms": ms(row.stopped_at)})
        return found

    def _told(self, ask: Ask, facts: dict[str, Any], now: datetime) -> Outcome:
        """The figures where it was asked; the chart in the DM, since no picture fits an ephemeral answer."""
        here = bool(ask.claim.data.get("reply"))
        facts = {"what": "cost", "cause": ask.claim.id} | facts
        elsewhere = here and bool(facts["rows"])

        async def write(db: Tx) -> None:
            await ask.answer(db, now=now, **(facts | ({"elsewhere": True} if elsewhere else {})))
            if elsewhere:
                key = f"answer:{ask.claim.id}:chart"
                await say(db, self.deps.ids, _chart(key, ask.user, facts), now)

        return Done({"what": "cost"}, write=write)


def _chart(key: str, user: str, facts: dict[str, Any]) -> Say:
    return Say(key, "answer", "dm", user, facts | {"chart_only": True}, key, RESULT)


def _instants(window: Window, now: datetime) -> dict[str, int]:
    return {"from_ms": to_ms(window[0]), "to_ms": to_ms(min(window[1], now))}
