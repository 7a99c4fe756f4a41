"""`approvals`: what waits for the person to decide, and what they wait for."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from bot.errors import NotAllowed
from bot.operations.answers.reader import Reader
from bot.operations.approvals import request_facts
from bot.operations.ask import Ask
from bot.operations.base import Parts
from bot.operations.decide import Decide
from bot.operations.verbs import Verb
from bot.stores import approvals as store
from bot.stores.schema import approvals
from bot.work import Outcome

LATELY = timedelta(hours=24)


class Waiting(Reader):
    """`approvals`."""

    def table(self) -> dict[str, Verb]:
        return {"approvals": self.approvals}

    async def approvals(self, ask: Ask, now: datetime) -> Outcome:
        mine = (
            select(approvals)
            .where(
                approvals.c.requester == ask.user,
                or_(approvals.c.state == "pending", approvals.c.decided_at > now - LATELY),
            )
            .order_by(approvals.c.created_at.desc())
        )
        async with self.deps.db.read() as db:
            by_me = [request_facts(row) for row in await db.execute(mine)]
        return ask.done("approvals", now, for_me=await for_me(self.parts, ask, now), by_me=by_me)


async def for_me(parts: Parts, ask: Ask, now: datetime) -> list[dict[str, Any]]:
    """Requests on which this person may decide now, oldest first; by the same rule as the click."""
    decide = Decide(parts)
    async with parts.deps.db.read() as db:
        rows = await store.pending(db, list(parts.deps.config.projects))
    found = []
    for row in rows:
        try:
            await decide.may_decide(ask, row, now)
        except NotAllowed:
            continue
        found.append(request_facts(row))
    return found
