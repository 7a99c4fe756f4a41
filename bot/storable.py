"""Text that every store can hold: PostgreSQL knows no zero byte, and half of a character has no bytes at all. Pure."""

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INSTEAD = "\ufffd"


def storable(text: str) -> str:
    """The same text, with the sign for an unreadable character where one cannot be stored."""
    return _UNSTORABLE.sub(_INSTEAD, text)


def storable_json(value: Any) -> Any:
    """The same of every text, keys included, in what a JSON answer holds."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [storable_json(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): storable_json(each) for name, each in value.items()}
    return value
