"""Lease arithmetic (contract 1): extending never shortens, and what policy does not give freely becomes a request.

The platform's law: an answer's `duration` counts from the creation, a request's from now, so that
`D = (U - C) + R` and the end is `C + D = U + R`. Every instant here is the server's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.model import LeaseType, Notebook
from bot.rules.durations import format_duration

API_SHORTEST = timedelta(hours=1)
API_LONGEST = timedelta(hours=72)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class LeaseLimits:
    """What policy gives. `lease_max` is how far ahead of now an end may lie at all, approved or not."""

    max_extension: timedelta = timedelta(hours=4)
    free_total: timedelta = timedelta(hours=12)
    max_total: timedelta = timedelta(hours=72)
    hold_max: timedelta = timedelta(hours=2)
    lease_max: timedelta = API_LONGEST


@dataclass(frozen=True, slots=True)
class ExtendBy:
    """So much longer than it would run now."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class ExtendUntil:
    """Until this instant."""

    until: datetime


Wish = ExtendBy | ExtendUntil


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is written; `reason` is for the person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Write:
    """Renew so that it ends at `new_end`; `note` says what was changed about the wish, or is empty."""

    new_end: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class AskApproval:
    """Beyond what policy gives freely. `why` names the limit."""

    new_end: datetime
    needs: Literal["approver", "admin"]
    why: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class NoTimedEnd:
    """It runs without a timed end; offer to set one."""


@dataclass(frozen=True, slots=True)
class NotRunning:
    """It does not run; offer `start`."""


Extension = Nothing | Write | AskApproval | NoTimedEnd | NotRunning


def extend(
    server_now: datetime,
    end: datetime | None,
    running_since: datetime | None,
    kind: LeaseType,
    wish: Wish,
    limits: LeaseLimits,
    *,
    runs: bool = True,
) -> Extension:
    """What becomes of a wish for a longer lease.

    `end` is None without an enabled lease; `running_since` None means that it is not known, and then one must ask.
    """
    if not runs:
        return NotRunning()
    if end is None or kind is not LeaseType.TIMING:
        return NoTimedEnd()
    new_end, note = _clamped(server_now, _wished(server_now, end, wish), limits)
    if new_end <= end:
        return Nothing(note or "it already runs at least that long")
    new_end, note = _at_least_an_hour(server_now, new_end, note)
    return gated(new_end, end, running_since, limits, note)


def extend_notebook(
    server_now: datetime, notebook: Notebook, running_since: datetime | None, wish: Wish, limits: LeaseLimits
) -> Extension:
    """`extend` for a notebook as it was just read."""
    kind = notebook.lease.kind if notebook.lease else LeaseType.UNKNOWN
    since = running_since or notebook.updated_at
    return extend(server_now, notebook.lease_ends, since, kind, wish, limits, runs=notebook.status.runs)


def gate_start(server_now: datetime, wanted: timedelta, limits: LeaseLimits) -> Write | AskApproval:
    """The same gate for `create` and `start`: the lease begins now, and so does the running time."""
    new_end, note = _clamped(server_now, server_now + wanted, limits)
    new_end, note = _at_least_an_hour(server_now, new_end, note)
    return gated(new_end, server_now, server_now, limits, note)


def _wished(server_now: datetime, end: datetime, wish: Wish) -> datetime:
    match wish:
        case ExtendBy(by):
            return max(end, server_now) + by
        case ExtendUntil(until):
            return until


def _clamped(server_now: datetime, wished: datetime, limits: LeaseLimits) -> tuple[datetime, str]:
    ceiling = server_now + min(limits.lease_max, API_LONGEST)
    if wished <= ceiling:
        return wished, ""
    whose = "the platform allows" if limits.lease_max >= API_LONGEST else "policy allows"
    return ceiling, f"{whose} at most {format_duration(ceiling - server_now)} from now"


def _at_least_an_hour(server_now: datetime, new_end: datetime, note: str) -> tuple[datetime, str]:
    if new_end >= server_now + API_SHORTEST:
        return new_end, note
    return server_now + API_SHORTEST, "the platform allows no less than 1 h from now"


def gated(
    new_end: datetime, end: datetime, running_since: datetime | None, limits: LeaseLimits, note: str = ""
) -> Write | AskApproval:
    """Whether policy gives freely that it runs until `new_end`, or who must be asked and because of which limit."""
    if running_since is None:
        return AskApproval(new_end, "approver", "it is not known since when it runs", note)
    step, total = new_end - end, new_end - running_since
    if step <= limits.max_extension and total <= limits.free_total:
        return Write(new_end, note)
    if total > limits.max_total:
        why = f"it would run {_over(total, limits.max_total)} in all; beyond {_said(limits.max_total)} an admin"
        return AskApproval(new_end, "admin", f"{why} must approve (max_total)", note)
    if total > limits.free_total:
        why = f"it would run {_over(total, limits.free_total)} in all; {_said(limits.free_total)} are free (free_total)"
        return AskApproval(new_end, "approver", why, note)
    why = f"{_over(step, limits.max_extension)} in one step; {_said(limits.max_extension)} are free (max_extension)"
    return AskApproval(new_end, "approver", why, note)


_said = format_duration


def _over(length: timedelta, limit: timedelta) -> str:
    """A length beyond the limit, never in the limit's own words: a few seconds too much are rounded off otherwise."""
    said = _said(length)
    return f"over {_said(limit)}" if said == _said(limit + _SECOND) else said


def seconds_to_send(new_end: datetime, server_now: datetime) -> timedelta:
    """What the renewal asks for, counted from now: rounded up to a whole second, within the API's 1 h to 72 h."""
    exact = new_end - server_now
    rounded = -(-exact // _SECOND) * _SECOND
    return min(max(rounded, API_SHORTEST), API_LONGEST)


def shortened(before: datetime | None, after: datetime | None) -> bool:
    """A renewal that was read back ends earlier than the lease did: renew the old end at once and report it."""
    return before is not None and after is not None and after < before


# --- requests ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lapsed:
    """The granted instant has passed; nothing is written."""

    reason: str


def request_base(end_at_request: datetime, current_end: datetime | None, held_to: datetime | None) -> datetime:
    """What a granted D is added to: the end at the time of the request, or the current end if somebody renewed.

    A hold does not move it: `held_to` is the end that the last hold left, as it was read back.
    """
    if current_end is None or current_end == end_at_request or (held_to and abs(current_end - held_to) < _SECOND):
        return end_at_request
    return current_end


def granted_end(
    server_now: datetime, base: datetime, current_end: datetime | None, grant: Wish, limits: LeaseLimits
) -> Write | Nothing | Lapsed:
    """Where a granted request leads: `max(now, base) + D`, or T if that is still ahead; never earlier than now set."""
    if isinstance(grant, ExtendUntil) and grant.until <= server_now:
        return Lapsed("the time that was granted has passed")
    new_end, note = _clamped(server_now, _wished(server_now, base, grant), limits)
    if current_end is not None and new_end <= current_end:
        return Nothing(note or "it already runs at least that long")
    return Write(*_at_least_an_hour(server_now, new_end, note))


def hold_at(end: datetime, pass_interval: timedelta) -> datetime:
    """When a lease whose request still waits is bridged: five minutes or three passes before its end."""
    return end - max(timedelta(minutes=5), 3 * pass_interval)


def hold_due(now: datetime, end: datetime, pass_interval: timedelta) -> bool:
    """Whether the hold falls due in this pass."""
    return now >= hold_at(end, pass_interval)


def hold_end(now: datetime, end: datetime, base: datetime, hold_max: timedelta) -> datetime | None:
    """The end one hold gives: an hour from now; None if that would pass base + `hold_max` or gains nothing.

    The API renews for no less than an hour, so a shorter last piece cannot be had.
    """
    held = now + API_SHORTEST
    return held if end < held <= base + hold_max else None
