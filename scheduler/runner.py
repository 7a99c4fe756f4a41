"""APScheduler: starts passes in every long-running replica. What runs, and that it runs once, is the store's matter."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

LATE = 60  # seconds a run may be late and still run; the interval is a floor, not an appointment


def passes_every(poll: timedelta, ask: Callable[[], Awaitable[None]]) -> AsyncIOScheduler:
    """A scheduler, not yet started, that asks for passes every `poll`."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        ask,
        IntervalTrigger(seconds=poll.total_seconds()),
        id="passes",
        coalesce=True,
        max_instances=1,
        misfire_grace_time=LATE,
    )
    return scheduler
