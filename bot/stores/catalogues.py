"""Images and flavors as last listed, so that a typed search answers at once."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from bot.model import Flavor, Image
from bot.stores.database import Tx
from bot.stores.schema import catalogues
from bot.stores.upsert import find, put

Kind = Literal["images", "flavors"]


async def get(db: Tx, project: str, kind: Kind) -> tuple[list[dict[str, Any]], datetime | None]:
    """The entries and when they were listed."""
    row = await find(db, catalogues, project=project, kind=kind)
    return (list(row.data), row.at) if row else ([], None)


async def save(
    db: Tx, project: str, kind: Kind, entries: tuple[Image, ...] | tuple[Flavor, ...], now: datetime
) -> None:
    """Replace the entries."""
    await put(db, catalogues, {"project": project, "kind": kind, "at": now, "data": [asdict(e) for e in entries]})


def images(entries: list[dict[str, Any]]) -> tuple[Image, ...]:
    """The entries as values again."""
    return tuple(Image(**_tuples(entry)) for entry in entries)


def flavors(entries: list[dict[str, Any]]) -> tuple[Flavor, ...]:
    """The entries as values again."""
    return tuple(Flavor(**_tuples(entry)) for entry in entries)


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
