"""`why` and `plan`: what was decided about a notebook, and what would be, by which rule and on which evidence."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from bot.clock import from_ms, to_ms
from bot.errors import BadInput
from bot.operations import gather, records
from bot.operations.answers.foresight import ASSUMES, Ahead, foresee
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.verbs import Verb
from bot.rules.lease import API_LONGEST
from bot.stores import notebooks
from bot.stores.schema import decisions
from bot.work import Outcome

SHOWN = 10
HORIZON = timedelta(hours=24)  # what is ahead, when no instant is named

OUTCOMES = {
    "not_running": "left alone: it does not run",
    "busy": "left alone: an image of it is being saved",
    "off": "left alone: idle stops are off",
    "kept": "left alone: it is kept running",
    "undone": "left alone: a stop was marked wrong",
    "unknown": "left alone: cannot tell whether it is idle",
    "active": "left alone: it is not idle",
    "shadow_warned": "shadow mode: it would be warned",
    "shadow_stop": "shadow mode: it would be stopped",
    "shadow_stopped": "shadow mode: it would have been stopped",
    "paused": "left alone: stops are paused",
    "void": "left alone: its warning no longer held",
    "lease_first": "left alone: its lease ends before the grace would",
    "cannot_ask": "left alone: Slack could not be asked about its owner",
    "warn": "idle: its owner is warned",
    "escalate": "idle: the lead or the channel is warned",
    "waiting": "idle: its warning waits for delivery",
    "grace": "idle: warned, and the grace runs",
    "slack_down": "left alone: Slack does not answer",
    "undelivered": "left alone: no warning could be delivered",
    "turn": "idle: its stop is due and waits for a later pass",
    "stop": "idle: it is stopped",
}


class Reasons(Reader):
    """`why NAME` (it also knows notebooks that are deleted), `plan NAME [at …]`; for members of the project."""

    def table(self) -> dict[str, Verb]:
        return {"why": self.why, "plan": self.plan}

    async def why(self, ask: Ask, now: datetime) -> Outcome:
        row = await self.once(ask, ask.projects)
        mine = (decisions.c.project == row.project) & (decisions.c.notebook_id == row.id)
        async with self.deps.db.read() as db:
            known = await records.about(db, row.project, row.id, SHOWN)
            warned = await records.announced(db, row.project, row.id)
            total = (await db.execute(select(func.count()).select_from(decisions).where(mine))).scalar_one()
        return ask.done(
            "why",
            now,
            notebook_id=row.id,
            name=row.name,
            project=row.project,
            decisions=[decision_facts(each) for each in known],
            warnings=[{"at_ms": to_ms(records.became_at(each)), "text": records.became(each)} for each in warned],
            more=max(0, total - len(known)),
        )

    async def plan(self, ask: Ask, now: datetime) -> Outcome:
        """The pass's own decision, at that instant; everything before it taken as done."""
        row = await self.target(ask)
        at = from_ms(int(ask.args["at_ms"])) if ask.args.get("at_ms") else now
        return ask.done("plan", now, **await plan_facts(self, row, max(at, now), now, named=at > now))


async def plan_facts(reader: Reader, row: Any, at: datetime, now: datetime, *, named: bool) -> dict[str, Any]:
    """What would happen to the notebook at `at`; also for `leasebot plan` on the command line. Raises BadInput."""
    if at > now + API_LONGEST:
        raise BadInput("That is too far ahead to say.", next_step="I can look 72 h ahead.")
    deps = reader.deps
    async with deps.db.read() as db:
        known = await gather.project(db, deps, row.project, now, only=row.id)
    notebook = notebooks.load(row.snapshot)
    owner = gather.owner_id(deps, known, notebook)
    policy = gather.policy_for(deps, known, notebook, owner)
    reachable = await reader.parts.people.reachable(owner) if owner else False
    facts = gather.facts(deps, known, notebook, policy, owner=owner, reachable=reachable, slack_up=True)
    here = foresee(now, at, facts, policy)
    ahead = here if named else foresee(now, min(row.lease_end or now + HORIZON, now + HORIZON), facts, policy)
    decision = here.plan.decision
    return {
        "notebook_id": row.id,
        "name": row.name,
        "project": row.project,
        "at_ms": to_ms(at),
        "outcome": _said(OUTCOMES.get(decision.outcome, decision.outcome), decision.because),
        "rule": decision.rule or "only what runs is decided about",
        "evidence": records.evidence_of(facts),
        "ahead": _ahead(ahead),
        "assumes": ASSUMES,
    }


def _said(outcome: str, because: str) -> str:
    """The outcome with its reason, nothing said twice: `left alone: stops are paused: ana paused them`."""
    words = outcome.partition(": ")[2]
    if words and because.startswith(words):
        return outcome.removesuffix(words) + because
    return f"{outcome} ({because})"


def _ahead(found: Ahead) -> list[dict[str, Any]]:
    return [{"at_ms": to_ms(step.at), "text": step.text, "rule": step.rule} for step in found.steps]


def decision_facts(row: Any) -> dict[str, Any]:
    """One decision on record."""
    return {
        "at_ms": to_ms(row.at),
        "outcome": OUTCOMES.get(row.outcome, row.outcome),
        "rule": row.rule or "only what runs is decided about",
        "text": row.because,
        "evidence": row.evidence,
        "confirmed_ms": to_ms(row.confirmed_at),
        "policy": row.config_hash[:12],
    }
