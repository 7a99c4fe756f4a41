"""Readers of single values: TOML in, typed value out, BadInput that says what was expected."""

import re
from collections.abc import Callable
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.config.problems import nearest
from bot.errors import BadInput
from bot.rules.durations import LONGEST, WEEKDAYS, compact, parse_clock, parse_policy_duration
from bot.rules.quiet import QuietHours, parse_quiet_hours

T = TypeVar("T")
Reader = Callable[[Any], Any]

_SLACK_USER = re.compile(r"[UW][A-Z0-9]+")
_SLACK_USER_OR_GROUP = re.compile(r"[UWS][A-Z0-9]+")
_SLACK_CHANNEL = re.compile(r"[CG][A-Z0-9]+")
_PROJECT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def text(value: Any) -> str:
    """A string that is not blank."""
    if not isinstance(value, str):
        raise BadInput(f"must be text in quotes, not {_shown(value)}")
    if not value.strip():
        raise BadInput("must not be empty")
    return value


def _shown(value: Any) -> str:
    kinds = {bool: "true or false", dict: "a table", list: "a list"}
    return kinds.get(type(value), str(value))


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if pattern.fullmatch(word := text(value)) is None:
            raise BadInput(f'"{word}" is not {what}')
        return word

    return read


slack_user = _matching(_SLACK_USER, "a Slack user id (U…)")
slack_user_or_group = _matching(_SLACK_USER_OR_GROUP, "a Slack user (U…) or user group (S…) id")
slack_channel = _matching(_SLACK_CHANNEL, "a Slack channel id (C…)")
project_name = _matching(_PROJECT_NAME, "a project name: letters, digits, dot, dash and underscore, at most 64")
currency = _matching(_CURRENCY, "an ISO currency code such as EUR")


def list_of(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """A list whose items `read` accepts."""

    def read_all(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise BadInput("must be a list in brackets")
        return tuple(read(item) for item in value)

    return read_all


def one_or_list(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """One value, or a list of which any may match; an empty one could match nothing."""
    many = list_of(read)

    def read_some(value: Any) -> tuple[T, ...]:
        if value == []:
            raise BadInput("must name at least one")
        return many(value if isinstance(value, list) else [value])

    return read_some


def duration(
    shortest: timedelta = timedelta(minutes=1), longest: timedelta = timedelta(days=3650)
) -> Callable[[Any], timedelta]:
    """A length of time within bounds (both included)."""

    def read(value: Any) -> timedelta:
        if not isinstance(value, str):
            raise BadInput(f'must be a duration in quotes such as "4h", not {_shown(value)}')
        length = parse_policy_duration(value)
        if not shortest <= length <= longest:
            raise BadInput(f"must be from {compact(shortest)} to {compact(longest)}, not {value}")
        return length

    return read


def leads(value: Any) -> tuple[timedelta, ...]:
    """Lead times, longest first, each once."""
    return tuple(sorted(set(list_of(duration(longest=LONGEST))(value)), reverse=True))


def choice(*words: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        word = text(value)
        if word not in words:
            raise BadInput(f'must be one of {", ".join(words)}, not "{word}"{nearest(word, words)}')
        return word

    return read


weekday = choice(*WEEKDAYS)


def distinct(read: Callable[[Any], tuple[str, ...]]) -> Callable[[Any], tuple[str, ...]]:
    """The same list, each item once, in its first place; not empty."""

    def read_once(value: Any) -> tuple[str, ...]:
        items = tuple(dict.fromkeys(read(value)))
        if not items:
            raise BadInput("must name at least one")
        return items

    return read_once


def boolean(value: Any) -> bool:
    """True or false, without quotes."""
    if not isinstance(value, bool):
        raise BadInput(f"must be true or false without quotes, not {_shown(value)}")
    return value


def whole(least: int, most: int) -> Callable[[Any], int]:
    """A whole number within bounds (both included)."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadInput(f"must be a whole number without quotes, not {_shown(value)}")
        if not least <= value <= most:
            raise BadInput(f"must be from {least} to {most}, not {value}")
        return value

    return read


def quorum(value: Any) -> int:
    """1 in this version (contract 3)."""
    if whole(1, 100)(value) != 1:
        raise BadInput("one approval is enough in this version; only 1 is possible")
    return 1


def number(value: Any) -> Decimal:
    """A finite number that is not negative, exactly as written."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadInput(f"must be a number without quotes, not {_shown(value)}")
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        raise BadInput("must be a number that is not negative")
    return amount


def rate(value: Any) -> float:
    """Requests per second, above 0 and at most 1000."""
    amount = number(value)
    if not 0 < amount <= 1000:
        raise BadInput("must be above 0 and at most 1000 requests per second")
    return float(amount)


def clock(value: Any) -> time:
    """A time of day."""
    return parse_clock(text(value))


def quiet_hours(value: Any) -> QuietHours | None:
    """`20:00-08:00`, or `none`."""
    if not isinstance(value, str):
        raise BadInput('must be written like "20:00-08:00", or "none"')
    return parse_quiet_hours(value)


def zone(value: Any) -> ZoneInfo:
    """An IANA time zone."""
    name = text(value)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        known = {known.lower(): known for known in available_timezones()}
        near = nearest(name, known)
        near = f'; did you mean "{known[near.split(chr(34))[1]]}"?' if near else ""
        raise BadInput(f'"{name}" is not a time zone such as Europe/Berlin{near}') from exc
