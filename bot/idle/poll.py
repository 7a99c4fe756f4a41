"""When a notebook's evidence is read next: seldom while nothing can happen, in time when something may."""

from datetime import datetime, timedelta
from hashlib import blake2b

from bot.model import NotebookId

SHORTEST = timedelta(minutes=5)
PARTS = 6  # readings per idle_after
NEAR_A_STOP = timedelta(minutes=1)
SECOND_LOOK = timedelta(minutes=2)  # after a first idle result: every source has a newer sample by then


def interval(idle_after: timedelta) -> timedelta:
    """The usual time between two readings: max(5 min, idle_after / 6)."""
    return max(SHORTEST, idle_after / PARTS)


def due(at: datetime, now: datetime, idle_after: timedelta) -> bool:
    """Whether a reading is taken now that was to come `at`.

    Up to a tenth of the interval early: where passes come as often as readings, each would otherwise just miss
    the pass before it, and only every second pass would read.
    """
    return at <= now + interval(idle_after) / 10


def first_poll(notebook_id: NotebookId, running_since: datetime, idle_after: timedelta) -> datetime:
    """The first reading of a run: spread over one interval, so that many notebooks are not read at once.

    It depends on its arguments only; a notebook seen late in its run is due at once.
    """
    place = int.from_bytes(blake2b(notebook_id.encode(), digest_size=4).digest()) / 2**32
    return running_since + interval(idle_after) * place


def next_poll(
    read_at: datetime,
    idle_after: timedelta,
    *,
    idle_since: datetime | None = None,
    stop_at: datetime | None = None,
    confirm: bool = False,
) -> datetime:
    """The next reading after the one of `read_at`, never sooner than a minute after it.

    It is brought forward to the instant the idle time is up (`idle_since`, all sources agreeing), to a minute before
    an announced stop (`stop_at`, so that it is decided on fresh data), and to the soonest allowed when the last
    result was the first idle one of the two in a row that are needed (`confirm`).
    """
    wishes = [read_at + interval(idle_after)]
    if confirm:
        wishes.append(read_at)
    if idle_since is not None and read_at < idle_since + idle_after:
        wishes.append(idle_since + idle_after)
    if stop_at is not None:
        wishes.append(stop_at - NEAR_A_STOP)
    return max(read_at + NEAR_A_STOP, min(wishes))
