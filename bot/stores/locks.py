"""One writer at a time about one thing, for the length of a transaction."""

import hashlib

from bot.stores.database import Tx


async def lock(db: Tx, thing: str) -> None:
    """Wait until nobody else is busy with `thing`. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(thing.encode()).digest()[:8], signed=True)
        await db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({number})")


async def lock_brake(db: Tx, project: str) -> None:
    """Nobody else pauses or releases the project's stops until this is written."""
    await lock(db, f"brake {project}")
