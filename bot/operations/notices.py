"""Messages that warned of something: settled in place when it is over, voided when they were overtaken."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from bot.clock import to_ms
from bot.rules.warnings import MERGED
from bot.stores.database import Tx
from bot.stores.messages import revise, with_copies
from bot.stores.schema import notices, outbox
from bot.stores.upsert import change, find

AWAY = timedelta(hours=2)  # without a pass; longer than any schedule of passes
WARNINGS = ("lease_warning", "idle_warning")
NEWER = "A newer warning follows below."
REFUSED = "Slack: "  # how the reason of a notice begins that Slack did not take

_ABOUT = (notices.c.project == bindparam("of_project")) & (notices.c.notebook_id == bindparam("of_id"))
_OPEN = select(notices).where(
    _ABOUT, notices.c.kind.in_(bindparam("kinds", expanding=True)), notices.c.state.in_(("pending", "delivered"))
)
_BEFORE = (
    select(notices.c.outbox_key)
    .where(_ABOUT, notices.c.kind == "lease_warning", notices.c.state == "delivered",
           notices.c.outbox_key != bindparam("but"))
    .distinct()
)  # fmt: skip
_COMING = (
    select(notices.c.notebook_id, notices.c.delivered_at, outbox.c.facts)
    .join(outbox, outbox.c.key == notices.c.outbox_key)
    .where(notices.c.project == bindparam("of_project"), notices.c.notebook_id.in_(bindparam("ids", expanding=True)),
           notices.c.kind == "idle_warning", notices.c.state == "delivered", notices.c.settled_at.is_(None),
           notices.c.over_at.is_(None))
)  # fmt: skip
_STOPPED = select(outbox.c.key).where(outbox.c.subject == bindparam("of_subject"), outbox.c.kind == "stopped")


async def settle(
    db: Tx,
    project: str,
    notebook_id: str,
    words: str,
    now: datetime,
    kinds: tuple[str, ...] = WARNINGS,
    at: datetime | None = None,
) -> None:
    """Say on every warning about this notebook what happened, and take its buttons off; void what still waits.

    `at`: when it happened, if not now.
    """
    about = {"of_project": project, "of_id": notebook_id, "kinds": kinds}
    for notice in list(await db.execute(_OPEN, about)):
        await _end(db, notice, words, now, at)
    if "stopped" in kinds:
        await _settle_stopped(db, notebook_id, words, now)


async def end(db: Tx, key: str, words: str, now: datetime) -> None:
    """One notice is over: void if it still waits, settled where it was delivered; nothing else on its message is."""
    notice = await find(db, notices, key=key)
    if notice is not None and notice.state != "void":
        await _end(db, notice, words, now)


async def idle_stops(db: Tx, project: str, ids: Collection[str]) -> dict[str, datetime]:
    """When those of them that were warned are stopped, unless they are kept or used."""
    rows = await db.execute(_COMING, {"of_project": project, "ids": list(ids)})
    return {row.notebook_id: row.delivered_at + timedelta(seconds=row.facts["grace_s"]) for row in rows}


async def said(db: Tx, cause: str, notebook_id: str) -> dict[str, Any] | None:
    """How the message a button of this cause stands on was settled: `settled` and `settled_ms`; None while it is open.

    `cause` is the key of a warning or of a `stopped` message; any other button's is never settled here.
    """
    notice = await find(db, notices, key=cause) if cause.startswith(tuple(f"{kind}:" for kind in WARNINGS)) else None
    if notice is None and not cause.startswith("stopped:"):
        return None
    for row in await with_copies(db, notice.outbox_key if notice is not None else cause):
        for item in row.facts.get("items") or [row.facts]:
            if item.get("settled", NEWER) != NEWER and item["notebook_id"] == notebook_id:
                return {name: item[name] for name in ("settled", "settled_ms")}
    if notice is not None and notice.settled_at is not None:  # a newer one took its buttons before it was settled
        return {"settled": "A newer warning of it is settled.", "settled_ms": to_ms(notice.settled_at)}
    return None


async def _end(db: Tx, notice: Any, words: str, now: datetime, at: datetime | None = None) -> None:
    values: dict[str, Any] = {"settled_at": now}
    if notice.state == "pending":
        values |= {"state": "void", "reason": words, "voided_at": now}
    await change(db, notices, {"key": notice.key}, values)
    for key in {notice.outbox_key, notice.escalated_key} - {None}:
        await _settle_message(db, key, notice.notebook_id, words, now, at=at)


async def _settle_stopped(db: Tx, notebook_id: str, words: str, now: datetime) -> None:
    """What told of a stop carries no notice: nothing depends on its delivery."""
    for row in list(await db.execute(_STOPPED, {"of_subject": f"notebook:{notebook_id}"})):
        await _settle_message(db, row.key, notebook_id, words, now)


def was_away(last_ok_at: datetime | None, now: datetime) -> bool:
    """Whether there was no pass for long."""
    return last_ok_at is not None and now - last_ok_at >= AWAY


async def promise_anew(db: Tx, project: str, now: datetime, why: str = "I was away in between") -> None:
    """After a long silence nobody is stopped by what was announced before it: all are warned anew (design 2, 9)."""
    told = notices.c.project == project, notices.c.kind == "idle_warning", notices.c.state == "delivered"
    rows = await db.execute(select(notices).where(*told, notices.c.settled_at.is_(None)))
    for notice in list(rows):
        await _end(db, notice, f"{why}; should it still be idle, you are warned again.", now)


async def withdraw(db: Tx, key: str, notebook_id: str, words: str, now: datetime) -> None:
    """Void one notice that waits. Its message goes without it, or not at all if it carries nothing else.

    What may have been posted already is looked for first, and then says the same.
    """
    found = await find(db, notices, key=key, state="pending")
    if found is None:
        return
    await change(db, notices, {"key": key}, {"state": "void", "reason": words, "voided_at": now})
    for message in {found.outbox_key, found.escalated_key} - {None}:
        await _settle_message(db, message, notebook_id, NEWER if words == MERGED else words, now)


async def settle_alerts(db: Tx, project: str, kind: str, words: str, by: str, now: datetime) -> None:
    """Say on every alert of this kind in the project what has become of it, and take its button off."""
    told = outbox.c.kind == "alert", outbox.c.project == project, outbox.c.base.startswith(f"alert:{kind}:")
    for row in list(await db.execute(select(outbox.c.base).where(*told).distinct())):
        await _settle_message(db, row.base, "", words, now, by)


async def take_enforce_off(db: Tx, project: str, now: datetime) -> None:
    """The button that has been pressed stands on older digests too."""
    rows = await db.execute(select(outbox).where(outbox.c.kind == "digest", outbox.c.project == project))
    for row in [row for row in rows if row.facts.get("may_enforce")]:
        values: dict[str, Any] = {"facts": {**row.facts, "may_enforce": False}}
        await revise(db, row.id, values | ({"state": "pending", "due_at": now} if row.state == "sent" else {}))


async def _settle_message(
    db: Tx, key: str, notebook_id: str, words: str, now: datetime, by: str = "", at: datetime | None = None
) -> None:
    for row in await with_copies(db, key):
        facts, left = _settled(row.facts, notebook_id, words, at or now, by)
        if facts == row.facts:
            continue
        values: dict[str, Any] = {"facts": facts}
        if row.state == "sent":
            values |= {"state": "pending", "due_at": now}
        elif row.state == "pending" and not left and row.sent_rev == 0 and row.attempted_at is None:
            values |= {"state": "void", "reason": words}
        await revise(db, row.id, values)


def _settled(facts: dict[str, Any], notebook_id: str, words: str, at: datetime, by: str) -> tuple[dict[str, Any], bool]:
    """The facts with this notebook settled, and whether anything on the message is still open."""
    mark = {"settled": words, "settled_ms": to_ms(at)} | ({"settled_by": by} if by else {})
    if "items" not in facts:
        return (facts if facts.get("settled") else facts | mark), False
    items = [
        item | mark if item["notebook_id"] == notebook_id and not item.get("settled") else item
        for item in facts["items"]
    ]
    return facts | {"items": items}, any(not item.get("settled") for item in items)


async def supersede(db: Tx, project: str, notebook_id: str, but: str, now: datetime) -> None:
    """A newer lease warning takes the buttons off the ones before (contract 1)."""
    about = {"of_project": project, "of_id": notebook_id, "but": but}
    for notice in list(await db.execute(_BEFORE, about)):
        for row in await with_copies(db, notice.outbox_key):
            await _supersede_item(db, row, notebook_id, now)


async def _supersede_item(db: Tx, row: Any, notebook_id: str, now: datetime) -> None:
    items = [
        item | {"settled": NEWER, "settled_ms": to_ms(now)}
        if item["notebook_id"] == notebook_id and not item.get("settled")
        else item
        for item in row.facts.get("items", [])
    ]
    if items != row.facts.get("items"):
        state = "pending" if row.state == "sent" else row.state
        await revise(db, row.id, {"facts": row.facts | {"items": items}, "due_at": now, "state": state})
