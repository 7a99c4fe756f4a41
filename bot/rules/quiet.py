"""A person's quiet hours: `[start, end)` on the clock of their zone, across midnight if need be."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.errors import BadInput
from bot.rules.durations import parse_clock, resolve


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until before `end`, every day."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def began(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours that hold at `at` began, in UTC; None outside them."""
        today = at.astimezone(zone).date()
        for day in (today, today - timedelta(days=1)):
            begins = resolve(day, self.start, zone)
            ends = resolve(day + timedelta(days=self.start >= self.end), self.end, zone)
            if begins <= at < ends:
                return begins
        return None


def parse_quiet_hours(text: str) -> QuietHours | None:
    """`20:00-08:00`, or `none` for none. Raises BadInput."""
    if text.strip().lower() in ("", "none", "off"):
        return None
    first, dash, last = text.partition("-")
    if not dash:
        raise BadInput(f'"{text.strip()}" are not quiet hours; write them like 20:00-08:00')
    hours = QuietHours(parse_clock(first), parse_clock(last))
    if hours.start == hours.end:
        raise BadInput("quiet hours must begin and end at different times; write none for none")
    return hours
