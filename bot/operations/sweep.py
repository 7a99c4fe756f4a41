"""A pass of one project: list once, adopt, decide for all at one instant, write it all in one transaction.

Nothing is remembered that the cloud can tell; what is late is still due; effects follow from committed rows only.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.cloud.port import Cloud
from bot.config.policy import EffectivePolicy
from bot.errors import CloudError, CloudNotFound
from bot.model import Listing, Notebook, NotebookId
from bot.operations import gather, housekeeping, records
from bot.operations.acts import Acts
from bot.operations.adopt import gone
from bot.operations.base import Parts
from bot.operations.gather import Project
from bot.operations.told import observe
from bot.rules import brakes
from bot.rules.facts import Action, NotebookFacts, StopIdle, VoidNotice
from bot.rules.plan import Plan, decide
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.work import Claim, Done, Outcome

log = logging.getLogger(__name__)

CONFIRM_MOST = 25  # disappeared notebooks looked up in one pass
NEEDED_TO_BELIEVE = 2  # not-founds in a row


@dataclass(slots=True)
class Decided:
    """One notebook's plan."""

    facts: NotebookFacts
    policy: EffectivePolicy
    plan: Plan
    owner: str | None


@dataclass(slots=True)
class Looked:
    """What the cloud said."""

    listing: Listing
    found: list[Notebook] = field(default_factory=list)  # absent from the listing, yet there
    absent: list[str] = field(default_factory=list)  # not found


class Sweep:
    """Kind `pass`; `data`: project."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps
        self._acts = Acts(parts)

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        project = str(claim.data["project"])
        try:
            looked = await self._look(project)
        except CloudError as error:
            return self._failed(project, error, now)
        await self._adopt(project, looked, now)
        return await self._decide(project, looked, now)

    def _failed(self, project: str, error: CloudError, now: datetime) -> Outcome:
        async def write(db: Tx) -> None:
            await housekeeping.failed(self.parts, db, project, error, now)

        return Done({"project": project, "error": str(error)}, write=write)

    # --- look ----------------------------------------------------------------------------------

    async def _look(self, project: str) -> Looked:
        """One walk over the listing; who is missing from a complete one is looked up (API digest 12)."""
        cloud = self.parts.tokens.service(project)
        looked = Looked(await cloud.list_all())
        if not looked.listing.complete:
            return looked
        listed = {notebook.id for notebook in looked.listing.notebooks}
        async with self.deps.db.read() as db:
            rows = await notebooks.of_projects(db, [project])
        for row in [row for row in rows if row.id not in listed][:CONFIRM_MOST]:
            await self._confirm(cloud, row.id, looked)
        return looked

    async def _confirm(self, cloud: Cloud, notebook_id: str, looked: Looked) -> None:
        try:
            looked.found.append(await cloud.show(NotebookId(notebook_id)))
        except CloudNotFound:
            looked.absent.append(notebook_id)
        except CloudError as error:
            log.warning("notebook %s cannot be shown: %s", notebook_id, error)

    async def _adopt(self, project: str, looked: Looked, now: datetime) -> None:
        """All in one transaction; if one is broken, each for itself, so that it fails alone."""
        seen = [*looked.listing.notebooks, *looked.found]
        try:
            async with self.deps.db.begin() as db:
                for notebook in seen:
                    await observe(db, self.deps, project, notebook, now)
        except Exception:
            log.exception("the listing of %s cannot be adopted at once; trying each notebook", project)
            for notebook in seen:
                await self._adopt_alone(project, notebook, now)
        async with self.deps.db.begin() as db:
            for notebook_id in looked.absent:
                await self._absent(db, project, notebook_id, now)

    async def _adopt_alone(self, project: str, notebook: Notebook, now: datetime) -> None:
        try:
            async with self.deps.db.begin() as db:
                await observe(db, self.deps, project, notebook, now)
        except Exception:
            log.exception("notebook %s cannot be adopted", notebook.id)

    async def _absent(self, db: Tx, project: str, notebook_id: str, now: datetime) -> None:
        row = await notebooks.get(db, project, notebook_id)
        if row is None or row.deleted_at is not None:
            return
        if row.missing + 1 >= NEEDED_TO_BELIEVE:
            await gone(db, self.deps, row, now)
        else:
            await notebooks.change(db, project, notebook_id, missing=row.missing + 1)

    # --- decide --------------------------------------------------------------------------------

    async def _decide(self, project: str, looked: Looked, now: datetime) -> Outcome:
        server_now = looked.listing.server_now
        async with self.deps.db.read() as db:
            known = await gather.project(db, self.deps, project, now)
        brake = self._brake(known, looked, now)
        decided = await self._plans(known, [*looked.listing.notebooks, *looked.found], server_now, brake)
        jump = self._jump(decided)
        escalate_to = await self._acts.escalation_targets(project, decided)
        admins = await self.parts.people.admins(project)

        async def write(db: Tx) -> None:
            before = await records.latest(db, project)
            for each in decided:
                await records.record(
                    db,
                    self.deps.ids,
                    project,
                    each.facts,
                    each.plan.decision,
                    before.get(each.facts.notebook.id),
                    self.deps.config.file_hash,
                    now,
                )
            stops = [] if brake or jump else self._stops(decided)
            await self._acts.write(db, project, decided, stops, escalate_to, now)
            await housekeeping.passed(self.parts, db, project, looked.listing, brake or jump, admins, now)

        await housekeeping.before(self.parts, project, decided, now)
        counts = {"project": project, "notebooks": len(decided), "complete": looked.listing.complete}
        return Done(counts | ({"paused": brake or jump} if brake or jump else {}), write=write)

    def _brake(self, known: Project, looked: Looked, now: datetime) -> str | None:
        """Signs that what we see is wrong; they hold stops, never notices."""
        running = sum(1 for n in looked.listing.notebooks if n.status.runs)
        return brakes.collapse(known.last_running, running, looked.listing.complete) or brakes.clock_off(
            now, looked.listing.server_now
        )

    async def _plans(
        self, known: Project, found: list[Notebook], server_now: datetime, brake: str | None
    ) -> list[Decided]:
        """For all at one instant; whether an owner can be reached is asked only where something depends on it."""
        if brake:
            known.paused = known.paused or brake
        decided = [self._plan(known, notebook, server_now, reachable=True) for notebook in found]
        reach: dict[str, bool] = {}
        for place, each in enumerate(decided):
            if each.owner is None or all(isinstance(action, VoidNotice) for action in each.plan.actions):
                continue
            if each.owner not in reach:
                reach[each.owner] = await self.parts.people.reachable(each.owner)
            if not reach[each.owner]:
                decided[place] = self._plan(known, each.facts.notebook, server_now, reachable=False)
        return decided

    def _plan(self, known: Project, notebook: Notebook, now: datetime, *, reachable: bool) -> Decided:
        owner = gather.owner_id(self.deps, known, notebook)
        policy = gather.policy_for(self.deps, known, notebook, owner)
        facts = gather.facts(
            self.deps, known, notebook, policy, owner=owner, slack_up=True, reachable=reachable and owner is not None
        )
        return Decided(facts, policy, decide(now, facts, policy), owner)

    def _jump(self, decided: list[Decided]) -> str | None:
        due = sum(1 for each in decided if any(isinstance(a, StopIdle) for a in each.plan.actions))
        return brakes.jump(due, sum(1 for each in decided if each.facts.notebook.status.runs))

    def _stops(self, decided: list[Decided]) -> list[tuple[Decided, StopIdle]]:
        """At most so many per pass; whoever was told first is stopped first."""
        due = [(each, action) for each in decided for action in each.plan.actions if isinstance(action, StopIdle)]
        most = min((each.policy.max_stops_per_pass for each, _action in due), default=0)
        return sorted(due, key=lambda pair: pair[1].notice_at)[:most]


def actions_of(decided: list[Decided], kind: type[Action]) -> list[tuple[Decided, Any]]:
    """Every action of one kind, with whom it concerns."""
    return [(each, action) for each in decided for action in each.plan.actions if isinstance(action, kind)]
