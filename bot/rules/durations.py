"""What people type for a length of time or an instant, and how a length is said back (contract 1)."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.errors import BadInput

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=72)
LONGEST_IN_POLICY = timedelta(days=3650)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DURATION = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?", re.IGNORECASE)
_BARE_NUMBER = re.compile(r"[0-9]{1,4}")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


def parse_duration(text: str) -> timedelta:
    """`[Nd][Nh][Nm]`, from 1m to 72h. Raises BadInput, which says what was probably meant."""
    return _within(text, SHORTEST, LONGEST)


def parse_policy_duration(text: str) -> timedelta:
    """The same form for the policy file, where `90d` has a meaning: from 1m to ten years. Raises BadInput."""
    return _within(text, SHORTEST, LONGEST_IN_POLICY)


def _within(text: str, shortest: timedelta, longest: timedelta) -> timedelta:
    length = _read(text)
    if not shortest <= length <= longest:
        limits = f"{compact(shortest)} to {compact(longest)}"
        raise BadInput(f'"{text.strip()}" is out of range: from {limits}')
    return length


def _read(text: str) -> timedelta:
    word = text.strip()
    if _BARE_NUMBER.fullmatch(word):
        unit = "h" if int(word) * 60 * SHORTEST <= LONGEST else "m"
        raise BadInput(f'"{word}" has no unit; did you mean {word}{unit}?')
    found = _DURATION.fullmatch(word)
    if not word or found is None:
        raise BadInput(f'"{word}" is not a duration{_meant(word)}')
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def _meant(word: str) -> str:
    """`; did you mean 1h30m?` for the usual slips: spaces, long units, `1.5h`, a last number without its unit."""
    tidy = re.sub(r"[\s,]+", "", word.lower())
    tidy = re.sub(r"(?<=[0-9])(hours?|hrs?|std)", "h", tidy)
    tidy = re.sub(r"(?<=[0-9])(minutes?|mins?)", "m", tidy)
    tidy = re.sub(r"(?<=[0-9])days?", "d", tidy)
    if fraction := re.fullmatch(r"([0-9]{1,3})\.([0-9])h", tidy):
        tidy = f"{fraction[1]}h{int(fraction[2]) * 6}m"
    if re.fullmatch(r"(?:[0-9]+d)?[0-9]+h[0-9]{1,2}", tidy):
        tidy += "m"
    usable = _DURATION.fullmatch(tidy) and tidy
    return f"; did you mean {tidy}?" if usable else "; write it like 30m, 4h, 1h30m or 2d"


def compact(length: timedelta) -> str:
    """As it is typed: `1h30m`, `72h`; whole minutes. Days only beyond 72 h, so that the limit reads as stated."""
    minutes = max(0, length // SHORTEST)
    days, rest = divmod(minutes, 24 * 60) if length > LONGEST else (0, minutes)
    hours, minutes = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if n]
    return "".join(parts) or "0m"


def format_duration(length: timedelta) -> str:
    """For people: `1 h 30 min`, `45 min`, `under 1 min`; to the nearest minute, in days and hours beyond 72 h."""
    if length <= timedelta(0):
        return "0 min"
    minutes = (length + timedelta(seconds=30)) // SHORTEST
    if minutes == 0:
        return "under 1 min"
    if length > LONGEST:
        days, hours = divmod((minutes + 30) // 60, 24)
        return _spoken((days, "d"), (hours, "h"))
    hours, minutes = divmod(minutes, 60)
    return _spoken((hours, "h"), (minutes, "min"))


def _spoken(*parts: tuple[int, str]) -> str:
    return " ".join(f"{n} {unit}" for n, unit in parts if n)


def parse_clock(text: str) -> time:
    """`18:00` as a time of day, 00:00 to 23:59. Raises BadInput."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise BadInput(f'"{text.strip()}" is not a time of day; write it like 18:00')
    return time(int(found[1]), int(found[2]))


def parse_instant(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """`18:00` (the next one), `today|tomorrow|mon…sun 18:00`, `2026-11-25 18:00`, as read on a clock in `zone`.

    Returns a UTC instant after `now`; raises BadInput for another form or an instant that has passed.
    """
    words = text.lower().split()
    if not words or len(words) > 2:
        raise BadInput(f'"{text.strip()}" is not an instant; {_INSTANT_FORMS}')
    clock = parse_clock(words[-1])
    if len(words) == 1:
        return _next_of(range(3), clock, now, zone)
    if (weekday := _weekday(words[0])) is not None:
        ahead = (weekday - now.astimezone(zone).weekday()) % 7
        return _next_of(range(ahead, ahead + 15, 7), clock, now, zone)
    day = _named_day(words[0], now.astimezone(zone).date())
    try:
        at = resolve(day, clock, zone)
    except OverflowError as exc:  # at either end of the calendar a zone's hours fall out of it
        raise BadInput(f'"{words[0]}" is not a date') from exc
    if at <= now:
        raise BadInput(f'"{text.strip()}" has passed')
    return at


_INSTANT_FORMS = "write it like 18:00, tomorrow 18:00, fri 18:00 or 2026-11-25 18:00"


def _next_of(days_ahead: range, clock: time, now: datetime, zone: ZoneInfo) -> datetime:
    today = now.astimezone(zone).date()
    candidates = (resolve(today + timedelta(days=days), clock, zone) for days in days_ahead)
    return next(at for at in candidates if at > now)


def _weekday(word: str) -> int | None:
    names = WEEKDAYS if word in WEEKDAYS else _WEEKDAY_NAMES
    return names.index(word) if word in names else None


def _named_day(word: str, today: date) -> date:
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    found = _DATE.fullmatch(word)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as exc:
        raise BadInput(f'"{word}" is not a date') from exc
    raise BadInput(f'"{word}" is not a day; {_INSTANT_FORMS}')


def resolve(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a clock in `zone` shows `clock` on `day`.

    An hour that does not exist means the first instant after the gap; one that exists twice means the later one.
    """
    later = datetime.combine(day, clock.replace(fold=1), tzinfo=zone).astimezone(UTC)
    earlier = datetime.combine(day, clock.replace(fold=0), tzinfo=zone).astimezone(UTC)
    # In a gap the two readings are swapped: the transition lies between them.
    return _transition(later, earlier, zone) if later < earlier else later


def _transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second in (before, after] at which the offset of `after` holds."""
    new_offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        changed = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == new_offset
        low, high = (low, middle) if changed else (middle, high)
    return before + timedelta(seconds=high)
