"""How fast Slack may be called: per method, by its tiers; shared by all replicas through the store.

What messages need is reckoned when one is claimed; what is looked up (people, members, histories) right at the call.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, or_

from bot.clock import SKEW, Clock
from bot.errors import SlackBusy
from bot.stores.database import Database, Tx
from bot.stores.locks import lock
from bot.stores.schema import outbox, paces
from bot.stores.upsert import find, put

# Slack's tiers, with room to spare: one call in so long on the average, and this much at once.
TIERS = {
    "chat.postMessage": (timedelta(milliseconds=200), timedelta(seconds=10)),  # "several hundred per minute" in all
    "chat.update": (timedelta(milliseconds=1200), timedelta(seconds=30)),  # tier 3: 50 per minute
    "views.update": (timedelta(milliseconds=600), timedelta(seconds=30)),  # tier 4: 100 per minute
    "views.publish": (timedelta(milliseconds=600), timedelta(seconds=30)),  # tier 4
    "conversations.open": (timedelta(milliseconds=1200), timedelta(seconds=30)),  # tier 3
}
LOOKUPS = {
    "users.info": (timedelta(milliseconds=600), timedelta(seconds=30)),  # tier 4
    "conversations.members": (timedelta(milliseconds=600), timedelta(seconds=30)),  # tier 4
    "conversations.history": (timedelta(milliseconds=1200), timedelta(seconds=30)),  # tier 3
    "usergroups.users.list": (timedelta(seconds=3), timedelta(seconds=30)),  # tier 2: 20 per minute
}
PACED = "paced"  # the code of a refusal that is ours: Slack was not asked
POST, UPDATE, OPEN = "chat.postMessage", "chat.update", "conversations.open"
NO_TIER = "response_url"


async def tick(db: Tx, name: str, now: datetime) -> None:
    """One more call of this method: the next may come when on the average it is its turn."""
    if name not in TIERS:
        return
    row = await find(db, paces, name=name)
    last = row.next_at if row and believed(row, now) else now
    await pace(db, name, max(last, now) + TIERS[name][0], now)


async def tick_row(db: Tx, row: Any, now: datetime) -> None:
    """What sending a claimed row will call."""
    await tick(db, row.method, now)
    if opens(row.target_kind, row.sent_rev, row.channel):
        await tick(db, OPEN, now)


def opens(target_kind: str, sent_rev: int, channel: str | None) -> bool:
    """Whether the conversation must be opened before the message is posted."""
    return target_kind == "dm" and not sent_rev and channel is None


async def rest(db: Tx, name: str, until: datetime, now: datetime) -> None:
    """Slack asked for a rest, and it counts per method: nobody calls it before either. Posts it counts per channel."""
    if name in TIERS and name != POST:
        await pace(db, name, until + TIERS[name][1], now)


async def pace(db: Tx, name: str, until: datetime, now: datetime) -> None:
    """Nothing more goes to this channel, or by this method, before `until`."""
    await put(db, paces, {"name": name, "next_at": until, "at": now})


def believed(row: Any, now: datetime) -> bool:
    """Whether a pace was reckoned by a clock that went right."""
    return row.at is None or bool(row.at <= now + SKEW)


def holds(table: Any) -> Any:
    """The same, as a condition."""
    return or_(table.c.at.is_(None), table.c.at <= bindparam("ahead", type_=paces.c.at.type))


def method() -> Any:
    """Which of Slack's methods a row will call."""
    of_kind = {"response": NO_TIER, "view": "views.update", "home": "views.publish"}
    whens = [(outbox.c.target_kind == kind, name) for kind, name in of_kind.items()]
    return case(*whens, (outbox.c.sent_rev > 0, UPDATE), else_=POST)


def used_up(name: str) -> Any:
    """The pace of a method that has used up what may be called at once, or that Slack wants to rest."""
    until = bindparam(name.replace(".", "_"), type_=paces.c.next_at.type)
    return and_(paces.c.name == name, paces.c.next_at > until, holds(paces))


def resting() -> Any:
    """Whether a row's method has used up what may be called at once."""
    opening = and_(outbox.c.target_kind == "dm", outbox.c.sent_rev == 0, outbox.c.channel.is_(None))
    return or_(
        exists().where(paces.c.name == method(), or_(*(used_up(name) for name in TIERS))),
        and_(opening, exists().where(used_up(OPEN))),
    )


def instants(now: datetime) -> dict[str, datetime]:
    """What the question for the next row is asked with."""
    return {"now": now, "ahead": now + SKEW} | {
        name.replace(".", "_"): now + burst for name, (_every, burst) in TIERS.items()
    }


def may_go(row: Any) -> datetime:
    """When a row of `Postman.next_due` may be sent."""
    instants: list[datetime] = [row.due_at]
    if row.claim_until:  # a runner has it, or died with it
        instants.append(row.claim_until)
    if row.next_at and not row.sent_rev:
        instants.append(row.next_at)
    if row.method_at and row.method in TIERS:
        instants.append(row.method_at - TIERS[row.method][1])
    if row.open_at and opens(row.target_kind, row.sent_rev, row.known_channel):
        instants.append(row.open_at - TIERS[OPEN][1])
    return max(instants)


class Turns:
    """Whose turn it is to look something up, for all replicas. A call whose turn has not come is not made."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._until: dict[str, datetime] = {}  # what need not be asked of the store before

    async def take(self, name: str) -> None:
        """Raises SlackBusy if `name` has used up its tier, or Slack has asked for a rest."""
        if name not in LOOKUPS:
            return
        now, (every, burst) = self._clock.now(), LOOKUPS[name]
        if timedelta(0) < self._until.get(name, now) - now <= burst:
            raise self._busy(name, self._until[name] - now)
        async with self._db.begin() as db:
            await lock(db, f"turns {name}")
            row = await find(db, paces, name=name)
            last = row.next_at if row and believed(row, now) else now
            wait = last - burst - now
            if wait <= timedelta(0):
                await pace(db, name, max(last, now) + every, now)
                return
        self._until[name] = now + min(wait, burst)
        raise self._busy(name, wait)

    async def rest(self, name: str, wait: timedelta) -> None:
        """Slack's `Retry-After` counts for every replica."""
        if name in LOOKUPS:
            now = self._clock.now()
            async with self._db.begin() as db:
                await pace(db, name, now + wait + LOOKUPS[name][1], now)

    def _busy(self, name: str, wait: timedelta) -> SlackBusy:
        return SlackBusy(PACED, f"{name} is called no faster than Slack wants.", retry_after=wait)
