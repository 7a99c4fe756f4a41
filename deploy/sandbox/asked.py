"""What may be asked of a simulator's control routes: a wrong value is told in words before anything is changed."""

import inspect
import json
import math
from collections.abc import Callable, Collection, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

LATEST_MS = 32_503_680_000_000  # the year 3000: a lease and a `Date` header still fit behind it
_WORDS = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null",
    dict: "an object", list: "a list", tuple: "a list", set: "a list",
}  # fmt: skip
_NUMBERS = {float: (int, float), int: (int,)}


def body_of(raw: bytes) -> dict[str, Any]:
    """The body as an object; none counts as `{}`. Raises ValueError."""
    if not isinstance(body := json_of(raw), dict):
        raise ValueError(f"the body must be a JSON object, not {_shown(body)}")
    return body


def json_of(raw: bytes) -> Any:
    """The body, whatever it is; none counts as `{}`. Raises ValueError."""
    try:
        body = json.loads(raw) if raw.strip() else {}
        json.dumps(body, ensure_ascii=False).encode()  # half a character can be read and not be shown again
    except (ValueError, RecursionError) as exc:
        raise ValueError("the body is not JSON") from exc
    return body


def known(given: Mapping[str, Any], names: Collection[str], what: str) -> None:
    """Raises ValueError for a name that is not among them."""
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"unknown key in {what}: {unknown[0]}; known are {', '.join(names)}")


def typed(given: Mapping[str, Any], hints: Mapping[str, Any], what: str) -> None:
    """Raises ValueError for a name without a hint, and for a value that is not of its kind."""
    known(given, tuple(hints), what)
    for name, value in given.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} must be {_told(hints[name])}, not {_shown(value)}")


def within(given: Mapping[str, Any], name: str, least: float, most: float) -> None:
    """Raises ValueError for a number outside; one that is not given is no matter."""
    value = given.get(name)
    if isinstance(value, int | float) and not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {value}")


def arguments(call: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raises ValueError if `call` does not take these arguments by name."""
    hints = get_type_hints(call)
    taken = inspect.signature(call).parameters
    if missing := [name for name, one in taken.items() if one.default is one.empty and name not in given]:
        raise ValueError(f"{missing[0]} is missing")
    typed(given, {name: hints[name] for name in taken}, call.__name__)
    for name in given:
        within(given, name, -LATEST_MS, LATEST_MS)


def instant(body: Mapping[str, Any], now_ms: int) -> int:
    """The instant that `{"advance_ms": n}` or `{"set_ms": n}` asks for. Raises ValueError."""
    body = {name: int(n) if isinstance(n, float) and n.is_integer() else n for name, n in body.items()}
    typed(body, {"advance_ms": int, "set_ms": int}, "a clock")
    if len(body) != 1:
        raise ValueError("name advance_ms or set_ms, one of them")
    wanted: int = body["set_ms"] if "set_ms" in body else now_ms + body["advance_ms"]
    if not 0 <= wanted <= LATEST_MS:
        raise ValueError(f"{next(iter(body))} leads out of the years 1970 to 2999")
    return wanted


def _fits(value: Any, hint: Any) -> bool:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Any:
        return True
    if kind is Literal:
        return isinstance(value, str) and value in parts
    if kind in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool) and _finite(value)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(each, parts[1]) for each in value.values())
    if kind in (list, tuple, set):
        return isinstance(value, list | tuple | set) and all(_fits(each, parts[0]) for each in value)
    return isinstance(value, kind)


def _finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _told(hint: Any) -> str:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Literal:
        return f"one of {', '.join(part or 'nothing' for part in parts)}"
    if kind in (Union, UnionType):
        return " or ".join(_told(part) for part in parts)
    if kind in (list, tuple, set, dict) and parts[-1] is not Any:
        return f"{_WORDS[kind]} of {_told(next(part for part in reversed(parts) if part is not ...))}"
    return _WORDS[kind]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"
