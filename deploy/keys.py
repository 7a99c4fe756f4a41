"""`leasebot keys new` and `keys rotate`: the ring that encrypts what people entrust to the bot."""

import os
import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from bot.secrets import SealBroken, Sealer, credential_place
from bot.settings import EncryptionKey, Settings, format_key
from bot.stores.database import Database, Tx
from bot.stores.migrate import ready
from bot.stores.schema import identities
from bot.stores.vault import reseal


def new_key(key_id: str | None = None) -> str:
    """A fresh key as it stands in `LEASEBOT_ENCRYPTION_KEYS`."""
    return format_key(EncryptionKey(key_id or f"k{secrets.token_hex(3)}", os.urandom(32)))


@dataclass(slots=True)
class Rotation:
    """What a rotation did. `broken`: links whose secrets no key of the ring opens, as `person in project`."""

    current: str
    fresh: int = 0
    moved: int = 0
    broken: list[str] = field(default_factory=list)


async def rotate(settings: Settings) -> Rotation:
    """Seal every stored credential with the first key of the ring; the bot may run meanwhile.

    Each link is read and written in a transaction of its own, so that a link made at the same moment is not lost.
    """
    sealer = Sealer({key.id: key.secret for key in settings.key_ring})
    done = Rotation(sealer.current)
    db = Database(settings.engine_url)
    try:
        await ready(db)
        async with db.read() as tx:
            places = [(r.team, r.slack, r.project) for r in await tx.execute(select(identities))]
        for place in places:
            async with db.begin() as tx:
                await _one(tx, sealer, place, done)
        async with db.begin() as tx:
            await reseal(tx, sealer)
    finally:
        await db.dispose()
    return done


async def _one(tx: Tx, sealer: Sealer, place: tuple[str, str, str], done: Rotation) -> None:
    team, user, project = place
    here = (identities.c.team == team) & (identities.c.slack == user) & (identities.c.project == project)
    row = (await tx.execute(select(identities).where(here).with_for_update())).first()
    if row is None:
        return
    if all(sealed.startswith(f"{sealer.current}.") for sealed in row.secrets.values()):
        done.fresh += 1
        return
    try:
        again = _sealed_again(sealer, place, row.secrets)
    except SealBroken:
        done.broken.append(f"{user} in {project}")
        return
    await tx.execute(update(identities).where(here).values(secrets=again))
    done.moved += 1


def _sealed_again(sealer: Sealer, place: tuple[str, str, str], sealed: dict[str, Any]) -> dict[str, str]:
    """Field by field, bound to the same place as before."""
    found: dict[str, str] = {}
    for name, text in sealed.items():
        bound = credential_place(*place, name)
        found[name] = sealer.seal(sealer.open(text, bound_to=bound), bound_to=bound)
    return found
