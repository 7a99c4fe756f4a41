"""What a step has done is not forgotten because the store was away: its result is written again until that succeeds."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")
PAUSE_S = 0.5

# Classes of PostgreSQL: connection, rolled back for the sake of another, resources, operator (shutdown, start-up).
_PASSING = ("08", "40", "53", "57")
_PASSING_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
                             sqlite3.SQLITE_CANTOPEN})  # fmt: skip


async def lasting(write: Callable[[], Awaitable[T]], clock: Clock, until: datetime) -> T:
    """Carry out `write`, a transaction, again and again while the store is away; after `until` its error is raised.

    A commit whose answer was lost may have happened: `write` must see that for itself (a fence).
    """
    while True:
        try:
            return await write()
        except Exception as error:
            if not is_outage(error) or clock.now() >= until:
                raise
            log.warning("the store is away (%s); the result is written again", type(error).__name__)
        await asyncio.sleep(PAUSE_S)


def is_outage(error: BaseException) -> bool:
    """Whether the same transaction may succeed a little later."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | PoolTimeout)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in _PASSING_SQLITE
    return error.connection_invalidated or str(getattr(error.orig, "sqlstate", "")).startswith(_PASSING)
