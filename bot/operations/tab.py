"""The App Home tab in the outbox: put there, or asked to be drawn again."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from bot.clock import from_ms, to_ms
from bot.operations.deps import Deps
from bot.outbox import RESULT, Say, say
from bot.stores.database import Tx
from bot.stores.schema import outbox
from bot.work import Item, record

TOGETHER_MS = 2000  # changes within this are one drawing


async def draw(db: Tx, deps: Deps, user: str, facts: dict[str, Any], now: datetime) -> None:
    """Put the tab in the outbox. A drawing that is over leaves, so that its age and its failures do not count."""
    key = f"home:{user}"
    await db.execute(delete(outbox).where(outbox.c.key == key, outbox.c.state != "pending"))
    await say(db, deps.ids, Say(key, "home", "home", user, facts, key, RESULT), now)


async def refresh_home(db: Tx, deps: Deps, user: str, now: datetime) -> None:
    """Have the tab drawn again, for whoever has opened it before. Joins the transaction of what changed."""
    opened = (await db.execute(select(outbox.c.id).where(outbox.c.key == f"home:{user}"))).first()
    if opened is None:
        return
    number = to_ms(now) // TOGETHER_MS
    cause, due = f"home:{user}:{number}", from_ms((number + 1) * TOGETHER_MS)  # once none can be added to it any more
    data: dict[str, Any] = {"verb": "home", "args": {}, "user": user, "team": deps.team, "reply": None, "via": "home"}
    await record(db, deps.ids, Item("request", cause, f"request:{cause}", data, author=user, due=due), now)
