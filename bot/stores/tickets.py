"""Tickets of the linking page: one each, for a quarter of an hour, kept as a hash. Attempts are counted beforehand."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from bot.stores.database import Tx
from bot.stores.schema import tickets

LIFE = timedelta(minutes=15)
ATTEMPTS = 3  # IAM locks users after five failures


def hashed(ticket: str) -> str:
    """What is stored of a ticket. It is a long random text, so a plain hash does."""
    return hashlib.sha256(ticket.encode()).hexdigest()


async def add(
    db: Tx, ticket: str, csrf: str, *, team: str, user: str, name: str, project: str | None, now: datetime
) -> datetime:
    """A new one; returns when it expires."""
    expires = now + LIFE
    row = {"hash": hashed(ticket), "team": team, "slack": user, "name": name, "project": project, "csrf": csrf}
    await db.execute(tickets.insert().values(**row, created_at=now, expires_at=expires, failures=0))
    return expires


async def usable(db: Tx, ticket: str, now: datetime) -> Any | None:
    """The row; None if it is unknown, used or expired."""
    there = (tickets.c.hash == hashed(ticket)) & tickets.c.spent_at.is_(None) & (tickets.c.expires_at > now)
    return (await db.execute(select(tickets).where(there, tickets.c.failures < ATTEMPTS))).first()


async def attempt(db: Tx, ticket: str, now: datetime) -> bool:
    """Take one of its attempts, before the cloud is asked: however many arrive at once, no more get through."""
    open_ = (tickets.c.hash == hashed(ticket)) & tickets.c.spent_at.is_(None) & (tickets.c.expires_at > now)
    change = update(tickets).where(open_, tickets.c.failures < ATTEMPTS).values(failures=tickets.c.failures + 1)
    return bool((await db.execute(change)).rowcount == 1)


async def give_back(db: Tx, ticket: str) -> None:
    """The cloud never judged it: the attempt does not count."""
    change = update(tickets).where(tickets.c.hash == hashed(ticket), tickets.c.failures > 0)
    await db.execute(change.values(failures=tickets.c.failures - 1))


async def spend(db: Tx, ticket: str, now: datetime) -> bool:
    """It has done its work; True only for the one caller that spent it."""
    change = update(tickets).where(tickets.c.hash == hashed(ticket), tickets.c.spent_at.is_(None))
    return bool((await db.execute(change.values(spent_at=now))).rowcount == 1)
