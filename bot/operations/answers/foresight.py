"""What would happen by an instant ahead: the same decisions as a pass, taken one after the other. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.config.policy import EffectivePolicy
from bot.model import Status
from bot.rules.durations import format_duration
from bot.rules.facts import (
    Action,
    Escalate,
    Hold,
    NotebookFacts,
    NoticeState,
    ShadowStop,
    StopIdle,
    VoidNotice,
    WarnIdle,
    WarnLease,
)
from bot.rules.idle import SAME_SPELL, SourceReading, Verdict, combine
from bot.rules.lease import hold_at
from bot.rules.plan import Plan, decide, warning_plan

ASSUMES = (
    "that nobody renews, starts or stops it, that what was at work when it was last read stays so and nothing else "
    "begins, and that messages are delivered at once"
)
_MOST = 200  # steps; a lease has some ten
_MOMENT = timedelta(milliseconds=1)  # between two looks


@dataclass(frozen=True, slots=True)
class Step:
    """Something that would happen."""

    at: datetime
    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """What leads up to the instant, and the decision at it."""

    steps: tuple[Step, ...]
    plan: Plan


def foresee(now: datetime, until: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> Ahead:
    """Every decision from `now` to `until`, on the facts as they are; each action taken as done at once."""
    known, steps, at = _delivered(now, facts), list[Step](), now
    plan = decide(at, known, policy)
    for _ in range(_MOST):
        known, ended = _lease_ended(at, known)
        steps += ended
        if at > now:
            known = _read_again(at, known, policy)
        plan = decide(at, known, policy)
        for action in plan.actions:
            known, step = _done(at, known, action)
            steps += [step] if step else []
        if at >= until:
            break
        at = min([until, *(ahead for ahead in _instants(at, known, policy) if ahead > at)])
    return Ahead(tuple(steps), plan)


def _delivered(now: datetime, facts: NotebookFacts) -> NotebookFacts:
    told = {
        key: replace(state, delivered_at=now) if state.pending and not state.escalated else state
        for key, state in facts.notices.items()
    }
    return replace(facts, notices=told)


def _read_again(at: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> NotebookFacts:
    """What is quiet stays so, and is idle once that has lasted, by the rule that judges a reading and two in a row."""
    verdict = facts.verdict
    if verdict is None:
        return facts
    if not _changes(verdict):
        seen = tuple(replace(each, newest=each.newest and max(each.newest, at)) for each in verdict.readings)
        return replace(facts, verdict=replace(verdict, readings=seen))
    first = combine(at, _quiet(verdict, at - _MOMENT), policy)
    return replace(facts, verdict=combine(at, _quiet(verdict, at), policy, first))


def _changes(verdict: Verdict) -> bool:
    """By time alone: its use has ended, or a second look is due."""
    if verdict.state == "active":
        return bool(verdict.readings) and not any(_at_work(reading) for reading in verdict.readings)
    return verdict.wants_confirmation


def _at_work(reading: SourceReading) -> bool:
    """It was in use when it was read, and not a while before."""
    newest, last = reading.newest, _last_use(reading)
    return reading.state == "active" and (newest is None or last is None or newest - last < SAME_SPELL)


def _last_use(reading: SourceReading) -> datetime | None:
    return reading.used or reading.since


def _quiet(verdict: Verdict, at: datetime) -> list[SourceReading]:
    """The readings as they would be then, if nothing begins: the last use stays where it was."""
    moved = at - max((each.newest for each in verdict.readings if each.newest is not None), default=at)
    return [
        replace(
            each,
            state="idle" if each.state == "active" else each.state,
            newest=each.newest + moved if each.newest is not None else None,
        )
        for each in verdict.readings
    ]


def _lease_ended(at: datetime, facts: NotebookFacts) -> tuple[NotebookFacts, list[Step]]:
    end = facts.notebook.lease_ends
    if end is None or at < end:
        return facts, []
    return _stopped(facts), [Step(end, "its lease ends and the platform stops it", "the lease")]


def _stopped(facts: NotebookFacts) -> NotebookFacts:
    return replace(facts, notebook=replace(facts.notebook, status=Status.STOPPED))


def _done(at: datetime, facts: NotebookFacts, action: Action) -> tuple[NotebookFacts, Step | None]:
    """The facts after an action, and how it is told."""

    def told(key: str, **state: Any) -> NotebookFacts:
        return replace(facts, notices={**facts.notices, key: NoticeState(at, **state)})

    match action:
        case WarnLease(key=key, lead=lead):
            return told(key, delivered_at=at), Step(at, f"lease warning ({format_duration(lead)} lead)", action.rule)
        case WarnIdle(key=key):
            return told(key, delivered_at=at), Step(at, f"idle warning: {action.reason}", action.rule)
        case Escalate(key=key):
            after = told(key, escalated=True, escalation_delivered_at=at)
            return after, Step(at, f"the lead or the channel is told: {action.reason}", action.rule)
        case VoidNotice(key=key):
            return told(key, void=True, voided_at=at), None
        case ShadowStop(key=key):
            after = replace(facts, shadowed=facts.shadowed | {key})
            return after, Step(at, f"recorded, not done: {action.reason}", action.rule)
        case StopIdle():
            return _stopped(facts), Step(at, f"it is stopped: {action.reason}", action.rule)
        case Hold():
            return replace(facts, request=None), Step(at, f"its lease is bridged: {action.reason}", action.rule)
    return facts, None


def _instants(at: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> Iterator[datetime]:
    """When something may change by itself."""
    end = facts.notebook.lease_ends
    if end is not None:
        yield end
        yield hold_at(end, facts.pass_interval)
        if (warning := warning_plan(at, facts, policy, end).next_at) is not None:
            yield warning
    for until in (facts.keep_until, facts.undo_until):
        if until is not None:
            yield until
            yield until + policy.idle_grace  # a spell that begins there
    for state in facts.notices.values():
        yield state.created_at + policy.escalate_after
        for delivered in (state.delivered_at, state.escalation_delivered_at):
            if delivered is not None:
                yield state.stops_at(delivered, policy.idle_grace)
    if facts.verdict is not None and facts.verdict.found_at is not None:
        yield facts.verdict.found_at + policy.idle_grace
    if facts.verdict is not None and _changes(facts.verdict):
        uses = [last for each in facts.verdict.readings if (last := _last_use(each)) is not None]
        yield max(at + facts.pass_interval, *(use + policy.idle_after for use in uses))
