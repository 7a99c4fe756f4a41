"""Our own secrets, made once and kept sealed: what they protect stays readable when encryption keys are rotated."""

import secrets

from sqlalchemy import select, update

from bot.secrets import Sealer
from bot.stores.database import Database, Tx
from bot.stores.schema import vault
from bot.stores.upsert import insert_once

AUDIT = "audit"


def place(name: str) -> str:
    """What a sealed secret of ours is bound to."""
    return f"v1|vault|{name}"


async def audit_key(db: Database, sealer: Sealer) -> bytes:
    """The key of the audit chains. Whoever has only the database cannot open it, so cannot forge a chain."""
    async with db.begin() as tx:
        known = await _read(tx, AUDIT)
        if known is None:
            fresh = sealer.seal(secrets.token_hex(32), bound_to=place(AUDIT))
            await insert_once(tx, vault, {"name": AUDIT, "sealed": fresh})
            known = await _read(tx, AUDIT) or fresh
    return bytes.fromhex(sealer.open(known, bound_to=place(AUDIT)))


async def reseal(tx: Tx, sealer: Sealer) -> int:
    """Seal every one with the current key; returns how many."""
    rows = list(await tx.execute(select(vault)))
    for row in rows:
        clear = sealer.open(row.sealed, bound_to=place(row.name))
        sealed = sealer.seal(clear, bound_to=place(row.name))
        await tx.execute(update(vault).where(vault.c.name == row.name).values(sealed=sealed))
    return len(rows)


async def _read(tx: Tx, name: str) -> str | None:
    row = (await tx.execute(select(vault.c.sealed).where(vault.c.name == name))).first()
    return str(row.sealed) if row else None
