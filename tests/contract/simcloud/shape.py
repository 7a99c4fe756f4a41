"""The shape of a JSON value: every field's path with the type of what it holds."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "data"


def recorded(name: str) -> Any:
    """A payload kept under `tests/data`, such as `seed/show`."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def paths(value: Any, at: str = "") -> set[tuple[str, str]]:
    if isinstance(value, dict):
        return {pair for key, item in value.items() for pair in paths(item, f"{at}.{key}")} or {(at, "{}")}
    if isinstance(value, list):
        return {pair for item in value for pair in paths(item, f"{at}[]")} or {(at, "[]")}
    return {(at, type(value).__name__)}
