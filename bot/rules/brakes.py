"""Brakes (contract 8): signs that something is wrong with what we see. Each pauses stops until an admin releases it."""

from datetime import datetime, timedelta

COLLAPSE_SHARE = 0.5
COLLAPSE_LEAST = 5
JUMP_LEAST = 10
JUMP_SHARE = 0.8
CLOCK_LIMIT = timedelta(seconds=120)
LATE_LEAST = timedelta(minutes=10)
LATE_PASSES = 5  # intervals without a pass
_BY_HAND, _COLLAPSED = " paused them", " did in the last listing"


def late_after(poll: timedelta) -> timedelta:
    """How long a project may be without a pass before somebody is told."""
    return max(LATE_LEAST, poll * LATE_PASSES)


def by_hand(who: str) -> str:
    """Why stops rest where a person has paused them."""
    return f"{who}{_BY_HAND}"


def is_by_hand(reason: str) -> bool:
    """Whether a person has paused them, and no brake: nobody has to be asked."""
    return reason.endswith(_BY_HAND)


def is_collapse(reason: str) -> bool:
    """Whether the listing has collapsed: the figure it was measured against stays until that is released."""
    return reason.endswith(_COLLAPSED)


def collapse(prev_running: int | None, now_running: int, complete: bool) -> str | None:
    """Why the listing looks collapsed, else None. `prev_running` is the last complete listing's; None: the first.

    A listing with a failed page proves no absence, so it never trips this.
    """
    if not complete or prev_running is None:
        return None
    if now_running < COLLAPSE_SHARE * prev_running and prev_running - now_running >= COLLAPSE_LEAST:
        return f"only {now_running} notebooks run, {prev_running}{_COLLAPSED}"
    return None


def jump(due: int, running: int) -> str | None:
    """Why so many due stops look wrong, else None."""
    if due > JUMP_LEAST and due > JUMP_SHARE * running:
        return f"{due} of {running} running notebooks are due to be stopped at once"
    return None


def clock_off(host_now: datetime, remote_now: datetime | None, whose: str = "the cloud") -> str | None:
    """Why the host's clock cannot be trusted, else None; `remote_now` is the `Date` of the cloud or of Slack."""
    if remote_now is None or abs(host_now - remote_now) <= CLOCK_LIMIT:
        return None
    off = int((host_now - remote_now).total_seconds())
    return f"the host's clock differs from {whose}'s by {off} s"
