"""Single values of an answer, read liberally: wrong types are coerced or read as absent, never raised. Pure.

Sources of the variants: API digest, traps 11 and 12.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.clock import EPOCH

Json = dict[str, Any]
_LAST_MS = 32_503_680_000_000  # the year 3000: what lies beyond is no time, and sums stay within `datetime`
_FLOAT_IS_EXACT_MS = 4_000_000_000_000  # the year 2096; below it rounding to microseconds undoes the float's error
_from_seconds = datetime.fromtimestamp
_LONGEST_MS = 10**13  # some 300 years; beyond it a duration is nonsense


def text(value: object) -> str:
    """A string; numbers are written out, everything else is absent."""
    if type(value) is str:
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def whole(value: object) -> int | None:
    """An integer, given as int, integral float or digits."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        value = _from_digits(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: object) -> float | None:
    """A finite number, given as int, float or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if abs(read) < 1e15 else None  # also false for nan and inf


def flag(value: object, default: bool) -> bool:
    """A boolean, given as such, as 0 or 1, or as a word."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower(), default)
    return bool(value) if isinstance(value, int) else default


def instant(value: object) -> datetime | None:
    """Epoch milliseconds as an instant; None when absent, unreadable or not a time."""
    if type(value) is int and 0 < value < _FLOAT_IS_EXACT_MS:
        return _from_seconds(value / 1000, UTC)
    ms = whole(value)
    if ms is None or not 0 < ms < _LAST_MS:
        return None
    return EPOCH + timedelta(0, ms // 1000, ms % 1000 * 1000)


def span(value: object) -> timedelta | None:
    """Milliseconds as a duration; negative ones are kept (-1 means no automatic stop)."""
    ms = value if type(value) is int else whole(value)
    if ms is None or abs(ms) > _LONGEST_MS:
        return None
    return timedelta(0, ms // 1000, ms % 1000 * 1000)


def iso_instant(value: object) -> datetime | None:
    """An ISO-8601 instant of IAM (`2026-03-02T08:00:00.123000Z`)."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if read is None:
        return None
    try:
        return read.replace(tzinfo=EPOCH.tzinfo) if read.tzinfo is None else read.astimezone(EPOCH.tzinfo)
    except OverflowError:
        return None


def mapping(value: object) -> Json:
    """An object; anything else is an empty one."""
    return value if type(value) is dict else {}


def items(value: object) -> list[Any]:
    """A list; anything else is an empty one."""
    return value if type(value) is list else []


def first_text(raw: Json, *names: str) -> str:
    """The first of several spellings of a field that is there."""
    for name in names:
        if found := text(raw.get(name)):
            return found
    return ""


def texts(value: object) -> tuple[str, ...]:
    """The strings of a list; one string alone counts as a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in items(value) if isinstance(item, str))


def _from_digits(digits: str) -> int | float | None:
    cut = digits.strip()
    if len(cut) > 20:
        return None
    try:
        return int(cut)
    except ValueError:
        return number(cut)
