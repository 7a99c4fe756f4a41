"""How fast Slack may be called: per method, by its tiers; shared by all replicas through the store."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, or_, select

from bot.stores.database import Tx
from bot.stores.schema import outbox, paces
from bot.stores.upsert import put

# Slack's tiers, with room to spare: one call in so long on the average, and this much at once.
TIERS = {
    "chat.postMessage": (timedelta(milliseconds=200), timedelta(seconds=10)),  # "several hundred per minute" in all
    "chat.update": (timedelta(milliseconds=1200), timedelta(seconds=30)),  # tier 3: 50 per minute
    "views.update": (timedelta(milliseconds=600), timedelta(seconds=30)),  # tier 4: 100 per minute
    "views.publish": (timedelta(milliseconds=600), timedelta(seconds=30)),  # tier 4
}
POST = "chat.postMessage"
NO_TIER = "response_url"


async def tick(db: Tx, name: str, now: datetime) -> None:
    """One more call of this method: the next may come when on the average it is its turn."""
    if name not in TIERS:
        return
    row = (await db.execute(select(paces.c.next_at).where(paces.c.name == name))).first()
    await put(db, paces, {"name": name, "next_at": max(row.next_at if row else now, now) + TIERS[name][0]})


async def rest(db: Tx, name: str, until: datetime) -> None:
    """Slack asked for a rest, and it counts per method: nobody calls it before either. Posts it counts per channel."""
    if name in TIERS and name != POST:
        await put(db, paces, {"name": name, "next_at": until + TIERS[name][1]})


def method() -> Any:
    """Which of Slack's methods a row will call."""
    of_kind = {"response": NO_TIER, "view": "views.update", "home": "views.publish"}
    whens = [(outbox.c.target_kind == kind, name) for kind, name in of_kind.items()]
    return case(*whens, (outbox.c.sent_rev > 0, "chat.update"), else_="chat.postMessage")


def resting() -> Any:
    """Whether a row's method has used up what may be called at once."""
    ahead = [
        and_(paces.c.name == name, paces.c.next_at > bindparam(name.replace(".", "_"), type_=paces.c.next_at.type))
        for name in TIERS
    ]
    return exists().where(paces.c.name == method(), or_(*ahead))


def instants(now: datetime) -> dict[str, datetime]:
    """What the question for the next row is asked with."""
    return {"now": now} | {name.replace(".", "_"): now + burst for name, (_every, burst) in TIERS.items()}


def may_go(row: Any) -> datetime:
    """When a row of `Postman.next_due` may be sent."""
    instants: list[datetime] = [row.due_at]
    if row.next_at and not row.sent_rev:
        instants.append(row.next_at)
    if row.method_at and row.method in TIERS:
        instants.append(row.method_at - TIERS[row.method][1])
    return max(instants)
