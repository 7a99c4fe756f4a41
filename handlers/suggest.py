"""Typed search: what was typed so far and the catalogue -> the options of a select. Pure.

There is no place for an error text in a select, so "nothing yet" is an option too (`NONE`), which no form accepts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

MOST, LENGTH = 100, 75
NONE = "-"


def images(entries: Sequence[Mapping[str, Any]], typed: str) -> list[dict[str, Any]]:
    """Images whose name, tag or description hold every typed word; twins are told apart by their id."""
    return _found(entries, typed, ("name", "tag", "description", "id"), _image)


def flavors(entries: Sequence[Mapping[str, Any]], typed: str) -> list[dict[str, Any]]:
    """Flavors by name, id, description or category; sold out ones are marked and come last."""
    ordered = sorted(entries, key=lambda entry: bool(entry.get("sold_out")))
    return _found(ordered, typed, ("name", "id", "description", "category"), _flavor)


def _found(entries: Sequence[Mapping[str, Any]], typed: str, keys: tuple[str, ...], draw: Any) -> list[dict[str, Any]]:
    if not entries:
        return [_option("The list is not here yet. Close this and try again in a minute.", NONE)]
    wanted = typed.casefold().split()
    hits = [entry for entry in entries if _holds(entry, keys, wanted) and len(str(entry["id"])) <= LENGTH]
    twins = _twins(hits)
    return [draw(entry, twins) for entry in hits[:MOST]]


def _holds(entry: Mapping[str, Any], keys: tuple[str, ...], wanted: Sequence[str]) -> bool:
    text = " ".join(str(entry.get(key) or "") for key in keys).casefold()
    return all(word in text for word in wanted)


def _twins(entries: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Names that stand for several."""
    counted = Counter(_name(entry) for entry in entries)
    return frozenset(name for name, times in counted.items() if times > 1)


def _name(entry: Mapping[str, Any]) -> str:
    name, tag = str(entry.get("name") or entry["id"]), str(entry.get("tag") or "")
    return f"{name}:{tag}" if tag and tag not in name else name


def _image(entry: Mapping[str, Any], twins: frozenset[str]) -> dict[str, Any]:
    name = _name(entry)
    if name in twins:
        mark = f" ({str(entry['id'])[:8]})"
        name = name[: LENGTH - len(mark)] + mark
    return _option(name, str(entry["id"]), str(entry.get("description") or ""))


def _flavor(entry: Mapping[str, Any], _: frozenset[str]) -> dict[str, Any]:
    mark = "sold out · " if entry.get("sold_out") else ""
    return _option(mark + _name(entry), str(entry["id"]), str(entry["id"]))


def _option(text: str, value: str, description: str = "") -> dict[str, Any]:
    option: dict[str, Any] = {"text": {"type": "plain_text", "text": _cut(text)}, "value": value}
    if description:
        option["description"] = {"type": "plain_text", "text": _cut(description)}
    return option


def _cut(text: str) -> str:
    flat = " ".join(text.split()) or "-"
    return flat if len(flat) <= LENGTH else flat[: LENGTH - 1] + "…"
