"""When to warn of a lease's end (contract 1): scaled to the lease, before quiet hours, late ones merged."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.rules.quiet import QuietHours

BEFORE_QUIET = timedelta(minutes=10)
_SECOND = timedelta(seconds=1)
MERGED = "merged"
OVER = "Slack was down, or we were, until the lease ended"


@dataclass(frozen=True, slots=True)
class WarningPlan:
    """What becomes of the leads of one lease end; leads are as configured, as in the message's key.

    `due`: the lead whose warning goes now (none or one; it stands for all that fell due together).
    `voids`: leads that will get no message, with the reason. `next_at`: when the next lead falls due.
    """

    due: tuple[timedelta, ...] = ()
    voids: tuple[tuple[timedelta, str], ...] = ()
    next_at: datetime | None = None


def plan_warnings(
    now: datetime,
    end: datetime,
    span: timedelta | None,
    leads: Sequence[timedelta],
    quiet: QuietHours | None,
    zone: ZoneInfo,
    settled: Collection[int],
    *,
    known_since: datetime | None = None,
) -> WarningPlan:
    """Which lead to warn of now, at one instant.

    `span` is the duration last stamped (None: not known, leads are not scaled). `settled` are the leads, in seconds,
    that have a message or a void already. `known_since` is when this end was first seen; without it, its stamp.
    """
    known = known_since or (end - span if span is not None else now)
    due_at = _dues(end, span, tuple(leads), quiet, zone, known)
    if not settled and due_at and now < (first := min(due_at.values())):
        return WarningPlan(next_at=first)
    open_leads = [lead for lead in sorted(set(leads)) if lead // _SECOND not in settled]
    if now >= end:
        return WarningPlan(voids=tuple((lead, OVER) for lead in open_leads))
    reached = [lead for lead in open_leads if due_at[lead] <= now]
    ahead = [at for lead in open_leads if (at := due_at[lead]) > now]
    sent = [lead for lead in reached if not _overtaken(lead, due_at, known, settled)][:1]
    voids = tuple((lead, MERGED) for lead in reached if lead not in sent)
    return WarningPlan(tuple(sent), voids, min(ahead, default=None))


@lru_cache(maxsize=32_768)  # the same leads are asked for in every pass
def _dues(
    end: datetime,
    span: timedelta | None,
    leads: tuple[timedelta, ...],
    quiet: QuietHours | None,
    zone: ZoneInfo,
    known: datetime,
) -> Mapping[timedelta, datetime]:
    return {lead: warning_at(end, span, lead, quiet, zone, known) for lead in set(leads)}


def _overtaken(
    lead: timedelta, due_at: Mapping[timedelta, datetime], known: datetime, settled: Collection[int]
) -> bool:
    """A shorter lead was settled already (perhaps one that the policy has no more), or this one lay behind when the
    lease was first seen and another ahead.
    """
    if any(other < lead // _SECOND for other in settled):
        return True
    return due_at[lead] < known and any(at >= known for at in due_at.values())


def warning_at(
    end: datetime,
    span: timedelta | None,
    lead: timedelta,
    quiet: QuietHours | None,
    zone: ZoneInfo,
    known_since: datetime,
) -> datetime:
    """When one lead's warning is due.

    Inside quiet hours it moves to ten minutes before they begin, unless that had passed when the end became known.
    """
    due = end - (lead if span is None else min(lead, span / 2))
    began = quiet.began(due, zone) if quiet else None
    if began is None or began - BEFORE_QUIET < known_since:
        return due
    return began - BEFORE_QUIET
