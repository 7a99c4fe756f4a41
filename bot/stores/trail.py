"""Audit: who did what, on whose request, by which rule; append-only, one HMAC chain per project.

The chain's key is kept sealed (bot.stores.vault), so that whoever can write the database, but has no encryption key,
cannot forge a chain that verifies; and rotating encryption keys leaves every chain as it is.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.clock import to_ms
from bot.stores.database import Tx
from bot.stores.schema import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing done."""

    project: str
    actor: str  # Slack id, or `scheduler`
    action: str
    notebook_id: str | None = None
    request: str | None = None
    rule: str = ""
    data: dict[str, Any] | None = None


def mac(key: bytes, before: str, seq: int, at: datetime, entry: Entry) -> str:
    """Binds an entry to everything before it."""
    said = json.dumps(
        [
            before,
            entry.project,
            seq,
            to_ms(at),
            entry.actor,
            entry.request,
            entry.action,
            entry.notebook_id,
            entry.rule,
            entry.data or {},
        ],
        ensure_ascii=False,
        sort_keys=True,
    )
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


async def append_once(db: Tx, key: bytes, entry: Entry, at: datetime) -> None:
    """The same, unless it is there: for what is recorded before it is done, and done again after a death."""
    of_notebook = audit.c.project == entry.project, audit.c.notebook_id == entry.notebook_id
    same = audit.c.request == entry.request, audit.c.action == entry.action
    if (await db.execute(select(audit.c.seq).where(*of_notebook, *same).limit(1))).first() is None:
        await append(db, key, entry, at)


async def append(db: Tx, key: bytes, entry: Entry, at: datetime) -> None:
    """Add an entry at the head of its project's chain, in the transaction of what it reports."""
    if db.dialect.name == "postgresql":  # one writer of a chain at a time; SQLite has one writer anyway
        lock = int.from_bytes(hashlib.sha256(entry.project.encode()).digest()[:8], signed=True)
        await db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")
    seq, before = await head(db, entry.project)
    await db.execute(
        audit.insert().values(
            project=entry.project,
            seq=seq + 1,
            at=at,
            actor=entry.actor,
            request=entry.request,
            action=entry.action,
            notebook_id=entry.notebook_id,
            rule=entry.rule,
            data=entry.data or {},
            mac=mac(key, before, seq + 1, at, entry),
        )
    )


async def head(db: Tx, project: str) -> tuple[int, str]:
    """Number and mac of the last entry; (0, "") of an empty chain."""
    row = (
        await db.execute(
            select(audit.c.seq, audit.c.mac).where(audit.c.project == project).order_by(audit.c.seq.desc()).limit(1)
        )
    ).first()
    return (row.seq, row.mac) if row else (0, "")


async def broken_at(db: Tx, key: bytes, project: str) -> int | None:
    """The first entry that does not verify; None if the whole chain does."""
    before, expected = "", 1
    for row in await db.execute(select(audit).where(audit.c.project == project).order_by(audit.c.seq)):
        entry = Entry(row.project, row.actor, row.action, row.notebook_id, row.request, row.rule, row.data)
        if row.seq != expected or not hmac.compare_digest(row.mac, mac(key, before, row.seq, row.at, entry)):
            return int(row.seq)
        before, expected = row.mac, expected + 1
    return None


async def of_notebook(db: Tx, project: str, notebook_id: str, limit: int = 25) -> list[Any]:
    """The latest entries about one notebook, newest first."""
    return list(
        await db.execute(
            select(audit)
            .where(audit.c.project == project, audit.c.notebook_id == notebook_id)
            .order_by(audit.c.seq.desc())
            .limit(limit)
        )
    )
