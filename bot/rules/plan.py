"""What a pass does about one notebook: a pure function of the instant, the facts and the policy.

In order of precedence: not running > the lease's warnings and holds > mode off > keep and undo > evidence > notice >
grace > brake > stop. Unknown is never idle, and nothing is stopped without a delivered notice whose grace has passed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from bot.clock import from_ms, to_ms
from bot.config.policy import EffectivePolicy
from bot.model import Status
from bot.rules import keys
from bot.rules.durations import format_duration
from bot.rules.facts import (
    Action,
    Decision,
    Escalate,
    Hold,
    NotebookFacts,
    NoticeState,
    OwnerFacts,
    SettleNotice,
    ShadowStop,
    StopIdle,
    VoidNotice,
    WarnIdle,
    WarnLease,
)
from bot.rules.idle import SAME_SPELL, Verdict
from bot.rules.lease import hold_due, hold_end, request_base
from bot.rules.warnings import MERGED, OVER, WarningPlan, plan_warnings

ENDED = "the notebook is not running any more"
RENEWED = "the lease was renewed"
IN_USE = "it is in use again"
KEPT = "it is kept"
NO_TIMED_END = "there is no timed end any more"
MODE = "idle stops are not enforced here"
OTHERS = "It belongs to somebody else"
BACK = "Its owner can be told by now"
OVERDUE = timedelta(hours=1)  # a stop that could not be made for so long is announced anew; then for twice as long
CLOCKS_AGREE = timedelta(seconds=2)  # what Slack says of its clock is to the second
MOST_TIMES = 3  # that is, eight hours at most


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions of one pass and the decision about idleness that goes on record."""

    actions: tuple[Action, ...]
    decision: Decision


def plan(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> list[Action]:
    """What to do now; the same facts at the same instant give the same list."""
    return list(decide(now, facts, policy).actions)


def decide(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> Plan:
    """`plan`, with the decision for `why` and `plan NAME at …`."""
    status = facts.notebook.status
    if status is Status.UNKNOWN:
        rule = "nothing is done on a word that is not known"
        return Plan((), Decision("unknown", "the cloud names a state that I do not know", rule))
    if not status.runs:
        voids = [] if status.transient else [_void(key, ENDED) for key in _pending(facts, "")]
        return Plan(tuple(voids), Decision("not_running", f"it is {status.said}", ""))
    idle_actions, decision = _idle(now, facts, policy)
    return Plan((*_lease(now, facts, policy), *idle_actions), decision)


def held_back(stop: Decision, policy: EffectivePolicy, jump: str | None) -> Decision:
    """A stop that is due and that this pass does not order: so many at once look wrong, or its turn has not come."""
    if jump:
        return replace(stop, outcome="paused", because=f"stops are paused: {jump}")
    most = f"at most {policy.max_stops_per_pass} are stopped in one pass, whoever was told first comes first"
    return Decision("turn", f"{stop.because}; {most}", rule_of(policy, "max_stops_per_pass"))


@lru_cache(maxsize=4096)
def rule_of(policy: EffectivePolicy, *names: str) -> str:
    """`idle_after 30 min, [policy] line 12`: the keys that led somewhere, with value and source."""
    return "; ".join(f"{name} {_said(getattr(policy, name))}, {policy.sources[name]}" for name in names)


def _said(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    return ", ".join(map(_said, value)) if isinstance(value, tuple) else str(value)


def _void(key: str, reason: str) -> VoidNotice:
    return VoidNotice(key=key, reason=reason, rule="")


def _pending(facts: NotebookFacts, kind: str) -> list[str]:
    return [key for key, state in facts.notices.items() if state.pending and key.startswith(kind)]


# --- the lease ---------------------------------------------------------------------------------


def _lease(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> list[Action]:
    end = facts.notebook.lease_ends
    if end is None:
        return [_void(key, NO_TIMED_END) for key in _pending(facts, "lease_warning:")]
    return [*_overtaken(facts, end), *_warnings(now, facts, policy, end), *_hold(now, facts, policy, end)]


def _overtaken(facts: NotebookFacts, end: datetime) -> list[Action]:
    pending = _pending(facts, "lease_warning:")
    return [_void(key, RENEWED) for key in pending if keys.lease_warning_parts(key)[1] != end]


def _warnings(now: datetime, facts: NotebookFacts, policy: EffectivePolicy, end: datetime) -> list[Action]:
    known = warning_plan(now, facts, policy, end)
    rule = rule_of(policy, "warnings")
    actions: list[Action] = [
        VoidNotice(key=keys.lease_warning(facts.notebook.id, end, lead), reason=reason, rule=rule)
        for lead, reason in known.voids
    ]
    for key in _of_this_end(facts, end):
        lead = keys.lease_warning_parts(key)[2]
        if facts.notices[key].pending and (now >= end or any(shorter < lead for shorter in known.due)):
            actions.append(VoidNotice(key=key, reason=OVER if now >= end else MERGED, rule=rule))
    for lead in known.due:
        key = keys.lease_warning(facts.notebook.id, end, lead)
        reason = f"its lease ends in {format_duration(end - now)}"
        actions.append(WarnLease(key=key, end=end, lead=lead, reason=reason, rule=rule))
    return actions


def warning_plan(now: datetime, facts: NotebookFacts, policy: EffectivePolicy, end: datetime) -> WarningPlan:
    """The leads of the present end: due now, void, and when the next falls due."""
    lease = facts.notebook.lease
    settled = {keys.lease_warning_parts(key)[2] // timedelta(seconds=1) for key in _of_this_end(facts, end)}
    return plan_warnings(
        now, end, lease.span if lease else None, policy.warnings, facts.owner.quiet, facts.owner.zone, settled,
        known_since=facts.seen_first_at,
    )  # fmt: skip


def _of_this_end(facts: NotebookFacts, end: datetime) -> list[str]:
    warnings = [key for key in facts.notices if key.startswith("lease_warning:")]
    return [key for key in warnings if keys.lease_warning_parts(key)[1] == end]


def _hold(now: datetime, facts: NotebookFacts, policy: EffectivePolicy, end: datetime) -> list[Action]:
    request = facts.request
    if request is None or now >= request.expires_at or not hold_due(now, end, facts.pass_interval):
        return []
    base = request_base(request.base, end, request.held_to)
    new_end = hold_end(now, end, base, policy.hold_max)
    if new_end is None:
        return []
    reason = "a request for a longer lease waits"
    return [Hold(request=request.id, new_end=new_end, reason=reason, rule=rule_of(policy, "hold_max"))]


# --- idleness ----------------------------------------------------------------------------------

Outcome = tuple[list[Action], Decision]


def _idle(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> Outcome:
    if facts.notebook.status is not Status.RUNNING:
        return [], Decision("busy", "an image of it is being saved", "nothing is stopped while its image is saved")
    if policy.idle_mode == "off":
        return _leave(facts, Decision("off", "idle stops are off", rule_of(policy, "idle_mode")), MODE)
    if decision := _protected(now, facts, policy):
        return _leave(facts, decision, KEPT)
    verdict = facts.verdict
    if verdict is None or verdict.state == "unknown":
        because = verdict.reason if verdict else "there is no evidence yet"
        over = _overdue(now, facts, policy, "Nobody could tell then whether it was idle")
        return over, Decision("unknown", because, rule_of(policy, "idle_sources"))
    if verdict.state == "active" or verdict.idle_since is None:
        active = Decision("active", verdict.reason, rule_of(policy, "idle_after"))
        return _leave(facts, active, _why_active(facts, policy))
    if old := _outdated(now, verdict, policy, facts.pass_interval):
        over = _overdue(now, facts, policy, "Nobody could tell then whether it was idle")
        return over, Decision("unknown", old, rule_of(policy, "idle_sources", "idle_fresh"))
    since = spell_start(now, facts, verdict.idle_since)
    if policy.idle_mode == "shadow":
        return _shadow(now, facts, policy, since)
    return _enforced(now, facts, policy, since)


def _why_active(facts: NotebookFacts, policy: EffectivePolicy) -> str:
    """Why what was warned of counts as active: it was used since, or `idle_after` is longer than it was then."""
    warned = [
        min(from_ms(keys.idle_warning_since(key)) + SAME_SPELL, told.created_at)
        for key, told in facts.notices.items()
        if key.startswith("idle_warning:") and told.ended_at is None
    ]
    used = facts.verdict.last_use if facts.verdict else None
    if not warned or used is None or used > max(warned):
        return IN_USE
    return f"it counts as idle only after {format_duration(policy.idle_after)} by now"


READ_SELDOM = timedelta(minutes=5)  # evidence is read every idle_after / 6, and no more often than this


def _outdated(now: datetime, verdict: Verdict, policy: EffectivePolicy, pass_interval: timedelta) -> str:
    """Why an idle verdict proves nothing now: nobody has been able to look since, or the rule was another one then.

    Empty: it does.
    """
    quiet = now - (verdict.idle_since or now)
    if quiet < policy.idle_after:
        return f"quiet for {format_duration(quiet)}, as it was judged by another idle_after"
    newest = [each.newest for each in verdict.readings if each.newest is not None]
    most = policy.idle_fresh + max(READ_SELDOM, policy.idle_after / 6) + 2 * pass_interval
    if not newest or now - max(newest) <= most:
        return ""
    return f"the newest evidence is {format_duration(now - max(newest))} old"


def spell_start(now: datetime, facts: NotebookFacts, idle_since: datetime) -> datetime:
    """Where the idle spell that is warned of begins: a keep (or an undo) that has run out begins a new one.

    So whoever said "still training" is warned anew afterwards, and never stopped on the strength of an old notice.
    """
    protections = [at for at in (facts.keep_until, facts.undo_until) if at is not None and at <= now]
    since = max([idle_since, *protections])
    while told := facts.notices.get(keys.idle_warning(facts.notebook.id, since)):
        if told.ended_at is None or told.ended_at <= since:
            break
        since = told.ended_at  # its key is used up: from there on a new one
    return since


def _leave(facts: NotebookFacts, decision: Decision, why: str) -> Outcome:
    """Nothing to stop: an idle warning that still waits is moot, one that was delivered is settled."""
    return [*(_void(key, why) for key in _pending(facts, "idle_warning:")), *_settled(facts, why)], decision


def _settled(facts: NotebookFacts, why: str, but: str = "") -> list[Action]:
    """Delivered idle warnings whose spell is over."""
    return [
        SettleNotice(key=key, reason=f"{why[0].upper()}{why[1:]}.", rule="")
        for key, told in facts.notices.items()
        if key.startswith("idle_warning:") and key != but and told.ended_at is None and told.arrived
    ]


def _overdue(now: datetime, facts: NotebookFacts, policy: EffectivePolicy, why: str) -> list[Action]:
    """Warnings whose stop could not be made for long: nobody is stopped by what was announced hours ago.

    Each time it takes twice as long: where it can be told now and then only, nobody is warned again and again.
    """
    words = f"It was not stopped. {why}; should it still be idle, you are warned again."
    over: list[Action] = []
    for key, told in facts.notices.items():
        at = notice_at(facts, told) if key.startswith("idle_warning:") and told.ended_at is None else None
        if at is None:
            continue
        patience = OVERDUE * 2 ** _announced_before(facts, key)
        if now - facts.clock_ahead >= told.stops_at(at, policy.idle_grace) + patience:
            over.append(SettleNotice(key=key, reason=words, rule=""))
    return over


def _announced_before(facts: NotebookFacts, key: str) -> int:
    """How often the spell of this warning was announced before: each began where the notice before it ended."""
    idle = [(key, told.ended_at) for key, told in facts.notices.items() if key.startswith("idle_warning:")]
    ended = {to_ms(at): key for key, at in idle if at is not None}
    times, before = 0, ended.get(keys.idle_warning_since(key))
    while before is not None and times < MOST_TIMES:
        times, before = times + 1, ended.get(keys.idle_warning_since(before))
    return times


def _protected(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> Decision | None:
    if facts.keep_until is not None and now < facts.keep_until:
        because = f"it is kept for another {format_duration(facts.keep_until - now)}"
        because += f": {facts.keep_reason}" if facts.keep_reason else ""
        return Decision("kept", because, rule_of(policy, "keep_max"))
    if facts.undo_until is not None and now < facts.undo_until:
        because = f"a stop was marked wrong; no idle stop for another {format_duration(facts.undo_until - now)}"
        return Decision("undone", because, rule_of(policy, "undo_for"))
    return None


def _shadow(now: datetime, facts: NotebookFacts, policy: EffectivePolicy, since: datetime) -> Outcome:
    """The stop that would have been: found idle, and the grace after that has passed; recorded once per spell."""
    key = keys.idle_warning(facts.notebook.id, since)
    moot: list[Action] = [_void(waiting, MODE) for waiting in _pending(facts, "idle_warning:")]
    rule = rule_of(policy, "idle_mode", "idle_after", "idle_grace")
    if over := _settled(facts, MODE):  # announced while stops were enforced: that is off, and counts no more later on
        return [*moot, *over], Decision("shadow_warned", f"it would be warned: {_quiet(now, facts, since)}", rule)
    found_at = max(since, facts.verdict.found_at or now) if facts.verdict else now
    if key in facts.shadowed:
        return moot, Decision("shadow_stopped", f"it would have been stopped: {_quiet(now, facts, since)}", rule)
    if now < found_at + policy.idle_grace:
        return moot, Decision("shadow_warned", f"it would be warned: {_quiet(now, facts, since)}", rule)
    reason = f"it would be stopped: {_quiet(now, facts, since)}"
    return [*moot, ShadowStop(key=key, idle_since=since, reason=reason, rule=rule)], Decision(
        "shadow_stop", reason, rule
    )


def quiet_since(facts: NotebookFacts, spell: datetime) -> datetime:
    """The spell that is warned of may begin where a keep or an older notice ended; quiet it has been for longer."""
    return min(spell, (facts.verdict and facts.verdict.idle_since) or spell)


def _quiet(now: datetime, facts: NotebookFacts, spell: datetime) -> str:
    return f"idle for {format_duration(now - quiet_since(facts, spell))}"


def _enforced(now: datetime, facts: NotebookFacts, policy: EffectivePolicy, since: datetime) -> Outcome:
    key = keys.idle_warning(facts.notebook.id, since)
    rule = rule_of(policy, "idle_after", "idle_grace", "idle_mode")
    moot: list[Action] = [_void(other, IN_USE) for other in _pending(facts, "idle_warning:") if other != key]
    moot += _settled(facts, IN_USE, but=key)
    told = facts.notices.get(key)
    if facts.paused:
        moot += _overdue(now, facts, policy, "Stops were paused then")
        return moot, Decision("paused", f"stops are paused: {facts.paused}", rule)
    if told is not None and told.ended_at is None and (words := _for_others(told, facts.owner)):
        over: Action = SettleNotice(key=key, reason=f"{words}.", rule="") if told.arrived else _void(key, words)
        return [*moot, over], Decision("void", f"{words}: they are warned anew", rule)
    if told is None or told.ended_at is not None or told.void:
        warned, decision = _warn(now, facts, policy, key, since, told)
    else:
        # What has passed since a notice is told by the clock that stamped it: ours.
        warned, decision = _told(now - facts.clock_ahead, facts, policy, key, since, told)
    return [*moot, *warned], decision


def _for_others(told: NoticeState, owner: OwnerFacts) -> str:
    """Why a notice is none to this owner; empty if it is, or if it counts as one because they cannot be told.

    It was written to somebody whose notebook it is no longer; or to the lead or the channel, without trying the owner.
    """
    if told.escalated:
        return BACK if owner.reach and told.to != owner.slack else ""
    return OTHERS if None not in (told.to, owner.slack) and told.to != owner.slack else ""


def _warn(
    now: datetime, facts: NotebookFacts, policy: EffectivePolicy, key: str, since: datetime, told: NoticeState | None
) -> Outcome:
    rule = rule_of(policy, "idle_after", "idle_grace", "idle_mode")
    end = facts.notebook.lease_ends
    if told is not None:
        return [], Decision("void", "its idle warning was void; the next idle spell is warned of", rule)
    if end is not None and end <= now + policy.idle_grace:
        return [], Decision("lease_first", "its lease ends before the grace would", rule)
    if not facts.slack_up:
        return [], Decision("slack_down", "Slack does not answer, so nothing is announced anew", rule)
    if facts.owner.reach is None:
        return [], Decision("cannot_ask", "Slack could not say whether the owner can be reached", rule)
    reason = _quiet(now, facts, since)
    if facts.owner.reach:
        warning: Action = WarnIdle(key=key, idle_since=since, grace=policy.idle_grace, reason=reason, rule=rule)
        return [warning], Decision("warn", reason, rule)
    return [_escalation(policy, key, since, "the owner cannot be reached in Slack")], Decision("escalate", reason, rule)


def _escalation(policy: EffectivePolicy, key: str, since: datetime, reason: str) -> Escalate:
    rule = rule_of(policy, "escalate_after", "idle_grace")
    return Escalate(key=key, idle_since=since, grace=policy.idle_grace, reason=reason, rule=rule)


def notice_at(facts: NotebookFacts, told: NoticeState) -> datetime | None:
    """When the notice that counts was delivered: the owner's, or the escalation's if the owner was not told.

    An owner who was told but cannot be reached any more needs an escalation like one who never was.
    """
    if told.delivered_at is not None and facts.owner.reach is not False:
        return told.delivered_at
    return told.escalation_delivered_at


def _told(
    now: datetime, facts: NotebookFacts, policy: EffectivePolicy, key: str, since: datetime, told: NoticeState
) -> Outcome:
    """A notice was written: wait for its delivery, then for the grace, then stop."""
    rule = rule_of(policy, "idle_after", "idle_grace", "idle_mode")
    delivered = notice_at(facts, told)
    if delivered is None:
        return _undelivered(now, facts, policy, key, since, told)
    stops_at = told.stops_at(delivered, policy.idle_grace)
    stops_at = max(stops_at, _by_slack(facts, policy, told) or stops_at)
    if now < stops_at:
        left = format_duration(stops_at - now)
        return [], Decision("grace", f"{_quiet(now, facts, since)}; it is stopped in {left} unless it is used", rule)
    if not facts.slack_up or facts.owner.reach is None:
        over = _overdue(now + facts.clock_ahead, facts, policy, "Slack did not answer then")
        return over, Decision("slack_down", "Slack does not answer, so nothing is stopped", rule)
    reason = f"{_quiet(now, facts, since)}; the notice was delivered {format_duration(now - delivered)} ago"
    stop = StopIdle(key=key, idle_since=since, notice_at=delivered, reason=reason, rule=rule)
    return [stop], Decision("stop", reason, rule)


def _by_slack(facts: NotebookFacts, policy: EffectivePolicy, told: NoticeState) -> datetime | None:
    """The same by Slack's clock, told as ours: should ours have been put right meanwhile, no grace is shorter."""
    if told.posted_at is None or facts.slack_ahead is None:
        return None
    return told.stops_at(told.posted_at, policy.idle_grace) - facts.slack_ahead - CLOCKS_AGREE


def _undelivered(
    now: datetime, facts: NotebookFacts, policy: EffectivePolicy, key: str, since: datetime, told: NoticeState
) -> Outcome:
    rule = rule_of(policy, "escalate_after")
    waited = format_duration(now - told.created_at)
    if told.escalated:
        return [], Decision("undelivered", "neither the notice nor its escalation is delivered; it is left alone", rule)
    if facts.owner.reach is False:
        reason = "the owner cannot be reached in Slack"
    elif told.refused:
        reason = "Slack did not take the owner's notice"
    elif now >= told.created_at + policy.escalate_after:
        reason = f"the notice has waited {waited} for delivery"
    else:
        return [], Decision("waiting", "its idle warning waits for delivery", rule)
    return [_escalation(policy, key, since, reason)], Decision("escalate", reason, rule)
