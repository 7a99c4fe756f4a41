"""Alerts: to each admin by DM, at most one a day of one kind about one subject, with the one next step."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from bot.clock import to_ms
from bot.model import Notebook
from bot.operations.base import Parts
from bot.outbox import NOTICE, Say, say
from bot.rules import keys
from bot.stores.database import Tx
from bot.stores.messages import with_copies
from bot.stores.schema import outbox
from bot.work import Claim


async def alert(
    parts: Parts,
    db: Tx,
    to: frozenset[str],
    kind: str,
    subject: str,
    now: datetime,
    *,
    text: str,
    next_step: str,
    project: str | None = None,
    button: str = "none",
    day: date | None = None,
    **facts: Any,
) -> None:
    """Tell each of `to`, looked up before the transaction; once, however often it is asked for on that day.

    Copies carry the same key. `day`: when it happened, if not today.
    """
    key = keys.alert(kind, subject, day or now.astimezone(parts.deps.config.timezone).date())
    known = await db.execute(select(outbox.c.target).where(outbox.c.key.in_([f"{key}@{user}" for user in to])))
    for user in sorted(to - {row.target for row in known}):
        await say(
            db,
            parts.deps.ids,
            Say(
                key=f"{key}@{user}",
                kind="alert",
                target_kind="dm",
                target=user,
                subject=f"alert:{kind}:{subject}:{user}",
                rank=NOTICE,
                project=project,
                facts={
                    "cause": key,
                    "kind": kind,
                    "subject": subject,
                    "text": text,
                    "next_step": next_step,
                    "project": project,
                    "button": button,
                    "at_ms": to_ms(now),
                    **facts,
                },
            ),
            now,
        )


async def told_since(db: Tx, kind: str, subject: str, day: date) -> int | None:
    """Since when that was so which such an alert told of (`since_ms` of its facts); None: there is none."""
    copies = await with_copies(db, keys.alert(kind, subject, day))
    return int(copies[0].facts.get("since_ms") or 0) if copies else None


async def numbered(db: Tx, kind: str, subject: str, since: datetime, day: date) -> str:
    """`subject`, with a number where such an alert of this day told of another time that it happened.

    Otherwise the second time of a day would be kept from everybody.
    """
    number, name = 1, subject
    while await told_since(db, kind, name, day) not in (None, to_ms(since)):
        number, name = number + 1, f"{subject}#{number + 1}"
    return name


async def lease_shortened(
    parts: Parts, db: Tx, claim: Claim, notebook: Notebook, to: frozenset[str], now: datetime
) -> None:
    """A renewal came back shorter than the lease was; the old end is being restored."""
    await alert(
        parts,
        db,
        to,
        "lease_shortened",
        notebook.id,
        now,
        project=str(claim.data["project"]),
        notebook_id=notebook.id,
        button="why",
        text=f"After a renewal of {notebook.name} its lease ended earlier than before. "
        "I renewed it to the old end at once.",
        next_step="Check with the cloud provider if this happens again.",
    )
