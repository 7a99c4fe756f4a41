"""Rows of the outbox that exist: one message with its copies, and what they should say now."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update

from bot.stores.database import Tx
from bot.stores.schema import outbox

_WITH_COPIES = select(outbox).where(outbox.c.base == bindparam("of_base"))


async def with_copies(db: Tx, key: str) -> list[Any]:
    """The message of this key, and those that say the same to others (`key@U1`)."""
    return list(await db.execute(_WITH_COPIES, {"of_base": key}))


async def revise(db: Tx, row_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of a message and count its revision, so that it goes out anew."""
    await db.execute(_revision(tuple(values)), {"at_id": row_id} | {f"to_{name}": v for name, v in values.items()})


@cache
def _revision(names: tuple[str, ...]) -> Any:
    values: dict[str, Any] = {name: bindparam(f"to_{name}") for name in names}
    return update(outbox).where(outbox.c.id == bindparam("at_id")).values(rev=outbox.c.rev + 1, **values)
