"""A pass of one project: list once, adopt, decide for all at one instant, write it all in one transaction.

Nothing is remembered that the cloud can tell; what is late is still due; effects follow from committed rows only.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.config.policy import EffectivePolicy
from bot.errors import CloudError
from bot.model import Notebook
from bot.operations import flavors, gather, housekeeping, records
from bot.operations.acts import Acts
from bot.operations.adopt import adopt_new
from bot.operations.base import Parts
from bot.operations.gather import Project
from bot.operations.look import Looked, look
from bot.operations.notices import promise_anew, was_away
from bot.operations.orders import Orders, earlier_stops
from bot.operations.told import deleted, observe
from bot.rules import brakes
from bot.rules.facts import Action, Escalate, NotebookFacts, SettleNotice, StopIdle, VoidNotice, WarnIdle
from bot.rules.plan import Plan, decide, held_back
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.locks import lock_brake
from bot.work import Claim, Done, Outcome

log = logging.getLogger(__name__)

NEEDED_TO_BELIEVE = 2  # not-founds in a row


@dataclass(slots=True)
class Decided:
    """One notebook's plan."""

    facts: NotebookFacts
    policy: EffectivePolicy
    plan: Plan
    owner: str | None


class Sweep:
    """Kind `pass`; `data`: project."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps
        self._acts = Acts(parts)

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        project = str(claim.data["project"])
        try:
            looked = await look(self.deps, self.parts.tokens.service(project), project, now)
        except CloudError as error:
            return await self._failed(project, error, now)
        await self._adopt(project, looked, now)
        return await self._decide(project, looked, now)

    async def _failed(self, project: str, error: CloudError, now: datetime) -> Outcome:
        """Nothing is decided; what people wait for of the bot itself is done all the same."""
        async with self.deps.db.read() as db:
            standing = await gather.standing(db, project)
        await housekeeping.chores(self.parts, standing, now)
        admins = await self.parts.people.admins(project)

        async def write(db: Tx) -> None:
            await housekeeping.failed(self.parts, db, project, error, admins, now)

        return Done({"project": project, "error": str(error)}, write=write)

    # --- adopt ----------------------------------------------------------------------------------

    async def _adopt(self, project: str, looked: Looked, now: datetime) -> None:
        """What changed since it was last seen; all in one transaction, or each for itself if one of them is broken."""
        server_now = looked.listing.server_now  # whether a lease had ended is told by the cloud's clock
        changed = [
            each if each.server_now else replace(each, server_now=server_now)
            for each in looked.seen
            if _changed(looked.before.get(each.id), each)
        ]
        if changed:
            looked.stale = await self._adopt_all(project, changed, looked.before, now)
        if looked.absent:
            async with self.deps.db.begin() as db:
                for notebook_id in looked.absent:
                    await self._absent(db, project, notebook_id, now)

    async def _adopt_all(
        self, project: str, changed: list[Notebook], before: Mapping[str, Any], now: datetime
    ) -> set[str]:
        """Returns those of which we know something newer."""
        try:
            async with self.deps.db.begin() as db:
                return await self._take(db, project, changed, before, now)
        except Exception:
            log.exception("the listing of %s cannot be adopted at once; trying each notebook", project)
            return {str(each.id) for each in changed if not await self._adopt_alone(project, each, now)}

    async def _take(
        self, db: Tx, project: str, changed: list[Notebook], before: Mapping[str, Any], now: datetime
    ) -> set[str]:
        """Adopt them; those never seen before together. Returns those of which we know something newer."""
        unknown = {each.id for each in changed if each.id not in before}
        fresh = unknown - await notebooks.gone_before(db, project, unknown)
        await adopt_new(db, self.deps, project, [each for each in changed if each.id in fresh], now)
        stale: set[str] = set()
        for each in changed:
            if each.id not in fresh and (await observe(db, self.deps, project, each, now)).stale:
                stale.add(each.id)
        return stale

    async def _adopt_alone(self, project: str, notebook: Notebook, now: datetime) -> bool:
        try:
            async with self.deps.db.begin() as db:
                return not (await observe(db, self.deps, project, notebook, now)).stale
        except Exception:
            log.exception("notebook %s cannot be adopted", notebook.id)
            return False

    async def _absent(self, db: Tx, project: str, notebook_id: str, now: datetime) -> None:
        row = await notebooks.get(db, project, notebook_id)
        if row is None or row.deleted_at is not None:
            return
        if row.missing + 1 >= NEEDED_TO_BELIEVE:
            await deleted(db, self.deps, row, now)
        else:
            await notebooks.change(db, project, notebook_id, missing=row.missing + 1)

    # --- decide --------------------------------------------------------------------------------

    async def _decide(self, project: str, looked: Looked, now: datetime) -> Outcome:
        server_now = looked.listing.server_now
        known, before, found = await self._known(project, looked, now)
        if was_away(known.last_ok_at, now):
            async with self.deps.db.begin() as db:
                await promise_anew(db, project, now)
            known, before, found = await self._known(project, looked, now)
        known.clock_ahead = server_now - now
        await flavors.refresh(self.parts, known, {each.flavor for each in found}, now)
        brake = self._brake(known, looked, now)
        decided = await self._plans(known, found, server_now, brake)
        jump = self._jump(decided, known.released_at)
        escalate_to = await self._acts.escalation_targets(project, decided)
        admins = await self.parts.people.admins(project)
        orders = await self._orders(project, decided)
        stops = [] if brake or jump else self._stops(decided, orders)
        taken = _taken(decided, stops, orders, jump)

        async def write(db: Tx) -> None:
            await lock_brake(db, project)  # before anything else of this is locked
            await records.record(db, self.deps.ids, project, taken, before, self.deps.config.file_hash, now)
            await self._acts.write(db, project, decided, stops, escalate_to, now)
            await housekeeping.passed(self.parts, db, project, looked, brake or jump, admins, now)

        await housekeeping.before(self.parts, known, decided, now)
        counts = {"project": project, "notebooks": len(looked.seen), "complete": looked.listing.complete}
        return Done(counts | ({"paused": brake or jump} if brake or jump else {}), write=write)

    async def _known(
        self, project: str, looked: Looked, now: datetime
    ) -> tuple[Project, Mapping[str, Any], list[Notebook]]:
        """What is stored, the last decisions, and those that have to be decided about."""
        async with self.deps.db.read() as db:
            known = await gather.project(db, self.deps, project, now, rows={})
            before = await records.live(db, project)
            concerned = {*before, *_owed(known)}
            seen = [*looked.seen, *await _at_rest(db, project, looked, concerned)]
            found = [each for each in seen if each.id not in looked.stale and _matters(each, concerned)]
            known.rows = await notebooks.known_running(db, project, [each.id for each in found])
        return known, before, found

    def _brake(self, known: Project, looked: Looked, now: datetime) -> str | None:
        """Signs that what we see is wrong; they hold stops, never notices."""
        skew = self.deps.slack.skew()
        return (
            brakes.collapse(known.last_running, len(looked.running), looked.listing.complete)
            or brakes.clock_off(looked.read_at, looked.listing.server_now)
            or brakes.clock_off(now, now + skew if skew is not None else None, "Slack")
        )

    async def _plans(
        self, known: Project, found: list[Notebook], server_now: datetime, brake: str | None
    ) -> list[Decided]:
        """For all at one instant; whether an owner can be reached is asked only where something depends on it."""
        if brake:
            known.paused = known.paused or brake
        decided = [each for notebook in found if (each := self._plan_alone(known, notebook, server_now))]
        asked = [(place, each) for place, each in enumerate(decided) if each.owner is not None and _tells(each.plan)]
        reach = await self.parts.people.reach_each(str(each.owner) for _place, each in asked)
        for place, each in asked:
            if not (reachable := reach[str(each.owner)]):
                decided[place] = self._plan(known, each.facts.notebook, server_now, reachable=reachable)
        return await self._with_slack(known, decided, server_now)

    async def _with_slack(self, known: Project, decided: list[Decided], server_now: datetime) -> list[Decided]:
        """Slack is asked whether it answers only when something is due to be stopped, or to be announced anew."""
        due = {n for n, each in enumerate(decided) if any(_needs_slack(each.facts, a) for a in each.plan.actions)}
        if not due or await self.parts.people.slack_answers():
            return decided
        return [
            self._plan(known, each.facts.notebook, server_now, reachable=each.facts.owner.reachable, slack_up=False)
            if n in due
            else each
            for n, each in enumerate(decided)
        ]

    def _plan_alone(self, known: Project, notebook: Notebook, now: datetime) -> Decided | None:
        """One that cannot be decided about keeps none of the others from it."""
        try:
            return self._plan(known, notebook, now, reachable=True)
        except Exception:
            log.exception("notebook %s cannot be decided about", notebook.id)
            return None

    def _plan(
        self, known: Project, notebook: Notebook, now: datetime, *, reachable: bool | None, slack_up: bool = True
    ) -> Decided:
        owner = gather.owner_id(self.deps, known, notebook)
        policy = gather.policy_for(self.deps, known, notebook, owner)
        facts = gather.facts(
            self.deps, known, notebook, policy, owner=owner, slack_up=slack_up,
            reachable=reachable and owner is not None,
        )  # fmt: skip
        return Decided(facts, policy, decide(now, facts, policy), owner)

    def _jump(self, decided: list[Decided], released_at: datetime | None) -> str | None:
        """What an admin has looked at and released does not count again, though it is warned anew."""
        fresh = [
            a
            for each, a in actions_of(decided, StopIdle)
            if released_at is None
            or (a.notice_at > released_at and not (a.idle_since <= released_at and each.facts.anew(a.idle_since)))
        ]
        return brakes.jump(len(fresh), sum(1 for each in decided if each.facts.notebook.status.runs))

    async def _orders(self, project: str, decided: list[Decided]) -> Orders:
        """What passes before have ordered for those that are due."""
        due = [(each.facts.notebook.id, stop.notice_at) for each, stop in actions_of(decided, StopIdle)]
        if not due:
            return Orders()
        async with self.deps.db.read() as db:
            return await earlier_stops(db, project, due)

    def _stops(self, decided: list[Decided], orders: Orders) -> list[tuple[Decided, StopIdle]]:
        """At most so many per pass; whoever was told first is stopped first.

        Those that came to nothing before come last, so that what cannot be stopped keeps nobody else from it.
        """
        due = actions_of(decided, StopIdle)
        most = min((each.policy.max_stops_per_pass for each, _action in due), default=0)
        ready = [pair for pair in due if pair[0].facts.notebook.id not in orders.under_way]
        ready.sort(key=lambda pair: (orders.ended[pair[0].facts.notebook.id], pair[1].notice_at))
        return ready[:most]


async def _at_rest(db: Tx, project: str, looked: Looked, concerned: set[str]) -> list[Notebook]:
    """Of those concerned, what a brief listing leaves out because it rested when it was last seen."""
    if not looked.brief:
        return []
    left_out = concerned - looked.before.keys() - {each.id for each in looked.seen}
    rows = [row for some in notebooks.chunks(sorted(left_out)) for row in await notebooks.last_seen(db, project, some)]
    return [notebooks.load(row.snapshot) for row in rows]


def _taken(
    decided: list[Decided], stops: list[tuple[Decided, StopIdle]], orders: Orders, jump: str | None
) -> list[records.Taken]:
    """For the record: a stop that is due but neither ordered now nor under way is not said to be one."""
    ordered = {each.facts.notebook.id for each, _stop in stops} | orders.under_way
    taken = []
    for each in decided:
        notebook, decision = each.facts.notebook, each.plan.decision
        if decision.outcome == "stop" and notebook.id not in ordered:
            decision = held_back(decision, each.policy, jump)
        taken.append(records.Taken(each.facts, decision, notebook.status.runs))
    return taken


def _changed(row: Any | None, notebook: Notebook) -> bool:
    """Whether there is anything to adopt. A pass costs what changed, not what there is."""
    return row is None or bool(row.missing) or row.digest != notebooks.digest(notebook)


def _needs_slack(facts: NotebookFacts, action: Action) -> bool:
    """A stop; or a warning after one whose stop could not be made, perhaps because Slack did not answer then."""
    again = isinstance(action, WarnIdle | Escalate) and facts.anew(action.idle_since)
    return again or isinstance(action, StopIdle)


def _tells(plan: Plan) -> bool:
    """It does more than to end what was told before; or it ends that because its owner can be told."""
    more = any(not isinstance(action, VoidNotice | SettleNotice) for action in plan.actions)
    return more or plan.decision.outcome == "void"


def _owed(known: Project) -> list[str]:
    """Those of which somebody still waits to be told."""
    return [each for each, told in known.notices.items() if any(notice.pending for notice in told.values())]


def _matters(notebook: Notebook, concerned: set[str]) -> bool:
    """It runs, or did when it was last decided about, or somebody still waits to be told about it."""
    return notebook.status.runs or notebook.id in concerned


def actions_of(decided: list[Decided], kind: type[Action]) -> list[tuple[Decided, Any]]:
    """Every action of one kind, with whom it concerns."""
    return [(each, action) for each in decided for action in each.plan.actions if isinstance(action, kind)]
