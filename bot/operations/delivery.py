"""What the outbox sends, drawn at delivery; and what a delivery means for the notices it carried."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select

from bot.clock import from_ms, to_ms
from bot.errors import SlackError
from bot.model import Status
from bot.operations.notices import REFUSED, WARNINGS, supersede
from bot.render.context import Context
from bot.render.registry import render
from bot.rules.approvals import State
from bot.rules.keys import base_of
from bot.rules.plan import ENDED, KEPT, RENEWED
from bot.rules.warnings import OVER
from bot.slack import Message, Posted
from bot.stores.database import Database, Tx
from bot.stores.schema import notebooks, notices
from bot.stores.upsert import change

_CARRIED = select(notices).where(
    or_(notices.c.outbox_key == bindparam("at_key"), notices.c.escalated_key == bindparam("at_key"))
)
_SPOKEN_OF = select(notebooks).where(
    notebooks.c.project == bindparam("of_project"), notebooks.c.id.in_(bindparam("ids", expanding=True))
)


class Drawing:
    """Implements `bot.outbox.Renderer`: a message, or the reason why it is no longer worth sending."""

    def __init__(self, command: str, db: Database | None = None) -> None:
        """`db`: where what has happened since a warning was written is looked up right before it goes."""
        self._ctx, self._db = Context(command), db

    async def __call__(self, row: Any, now: datetime) -> Message | str:
        if row.sent_rev == 0 and (reason := _overtaken(row, now) or await self._moot(row, now)):
            return reason
        facts = dict(row.facts)
        if row.kind == "idle_warning" and row.delivered_at:  # redrawn, it names the time that was promised
            facts["delivered_ms"] = to_ms(row.delivered_at)
        if row.kind == "digest" or row.facts.get("what") == "cost":  # charts take time: off the loop
            message = await asyncio.to_thread(render, row.kind, facts, now, self._ctx)
        else:
            message = render(row.kind, facts, now, self._ctx)
        return message if message is not None else f"nothing is known of {row.kind}"

    async def _moot(self, row: Any, now: datetime) -> str | None:
        """Why none of the notebooks it speaks of is as it says any more; None while one still is."""
        if self._db is None or row.kind not in WARNINGS or row.project is None:
            return None
        items = row.facts.get("items") or [row.facts]
        async with self._db.read() as db:
            ids = [item["notebook_id"] for item in items]
            found = await db.execute(_SPOKEN_OF, {"of_project": row.project, "ids": ids})
            known = {each.id: each for each in found}
        reasons = [_past(item, known.get(item["notebook_id"]), now) for item in items]
        return None if None in reasons else reasons[0]


def _past(item: Mapping[str, Any], row: Any | None, now: datetime) -> str | None:
    if item.get("settled"):
        return str(item["settled"])
    if row is None or row.deleted_at is not None or not Status(row.status).runs:
        return ENDED
    if item.get("lead_s") is not None:  # a lease warning
        return None if row.lease_end is not None and to_ms(row.lease_end) == item["end_ms"] else RENEWED
    return KEPT if row.keep_until is not None and row.keep_until > now else None


def _overtaken(row: Any, now: datetime) -> str | None:
    """Why a notice that was never sent is void by now; None if it still holds."""
    facts: Mapping[str, Any] = row.facts
    if row.kind == "idle_warning" and facts.get("settled"):
        return str(facts["settled"])
    if row.kind == "approval_request":  # one that cannot be edited any more has been seen, and is posted anew
        return _answered(facts, now) if row.delivered_at is None else None
    if row.kind != "lease_warning":
        return None
    left = [item for item in facts["items"] if not item.get("settled") and from_ms(item["end_ms"]) > now]
    if left:
        return None
    return next((str(item["settled"]) for item in facts["items"] if item.get("settled")), OVER)


def _answered(facts: Mapping[str, Any], now: datetime) -> str | None:
    """Why a request that nobody has seen yet has nothing to ask any more."""
    if facts["state"] != State.PENDING:
        return f"the request was settled: {facts['state']}"
    return "the request has expired" if to_ms(now) >= facts["expires_ms"] else None


class Receipts:
    """Implements `bot.outbox.Events`: a notice counts as delivered with Slack's `ok`, and not before."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake

    async def delivered(self, db: Tx, row: Any, posted: Posted, now: datetime) -> None:
        """Graces run from here. A newer lease warning takes the buttons off those before."""
        for notice in await _carried(db, row):
            if notice.state == "void":  # the message went without it, so that nothing of an earlier one is overtaken
                continue
            await change(db, notices, _waiting(notice), {"state": "delivered", "delivered_at": now})
            if row.kind == "lease_warning":
                await supersede(db, notice.project, notice.notebook_id, notice.outbox_key, now)

    def left(self, row: Any, now: datetime) -> Mapping[str, Any] | None:
        """A message about several notebooks goes without those whose lease is over or that were settled by then."""
        items = row.facts["items"] if row.kind == "lease_warning" else []
        still = [item for item in items if not item.get("settled") and from_ms(item["end_ms"]) > now]
        if not still or len(still) == len(items):
            return None
        names = {"notebook_id": still[0]["notebook_id"]} | {
            f"{name}s": ",".join(str(item[name]) for item in still) for name in ("key", "notebook_id")
        }
        return dict(row.facts) | names | {"items": still}

    async def left_out(self, db: Tx, row: Any, facts: Mapping[str, Any], now: datetime) -> None:
        """Whoever was to hear of it hears nothing of it any more: void, and on record."""
        for item in [each for each in row.facts["items"] if each not in facts["items"]]:
            void = {"state": "void", "reason": item.get("settled") or OVER, "voided_at": now}
            await change(db, notices, {"key": item["key"], "state": "pending"}, void)

    async def voided(self, db: Tx, row: Any, reason: str, now: datetime) -> None:
        """On record with its reason."""
        for notice in await _carried(db, row):
            await change(db, notices, _waiting(notice), {"state": "void", "reason": reason, "voided_at": now})

    async def undeliverable(self, db: Tx, row: Any, error: SlackError, now: datetime) -> None:
        """The next pass escalates what still waits: a notice that nobody got is no notice."""
        for notice in await _carried(db, row):
            await change(db, notices, _waiting(notice), {"reason": f"{REFUSED}{error.code}"})


async def _carried(db: Tx, row: Any) -> list[Any]:
    """The notices a message, or its escalated copy, carries."""
    key = base_of(row.key)
    return list(await db.execute(_CARRIED, {"at_key": key}))


def _waiting(notice: Any) -> dict[str, Any]:
    return {"key": notice.key, "state": "pending"}
