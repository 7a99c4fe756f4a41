"""What a notebook's measurements say about its use. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms, to_ms
from bot.idle.metrics_facts import Point
from bot.idle.ports import Evidence, Memory, Subject
from bot.idle.series import ALWAYS, Series
from bot.rules.idle import SourceReading

NAME = "metrics"
COVERED = 0.8  # of a window's points must be there
LOOK_BACK = timedelta(hours=6)  # at most: for what nobody looked at for longer, quiet begins with the window
STEP = timedelta(hours=1)  # of it, so that many notebooks fit into one request
TOO_EARLY = timedelta(minutes=2)  # a point further ahead of our clock is none


@dataclass(frozen=True, slots=True)
class Measured:
    """One series of one notebook: all points that came, oldest first, in the unit of the limit."""

    series: Series
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """The stretch of one needed series that is judged, and how much of it is there."""

    measured: Measured
    start: datetime
    end: datetime
    share: float  # of the points that should be there


def cannot_tell(reason: str, memory: Memory, details: Mapping[str, str] | None = None) -> Evidence:
    """An unknown reading that keeps what was remembered."""
    return Evidence(SourceReading(NAME, "unknown", None, reason, None, dict(details or {})), memory)


def judge(measured: Sequence[Measured], period: timedelta, subject: Subject, now: datetime) -> Evidence:
    """The reading of one notebook's series, with points `period` apart, at `now`.

    Active: any point above its limit, whether its series is needed or not, and however little else is known.
    Idle: CPU, and the accelerator by the flavor's category, are fresh and covered. Points before the notebook ran do
    not count. Anything else is unknown.
    """
    told = [Measured(each.series, _of_this_run(each.points, subject)) for each in measured]
    if any(point.at > now + max(TOO_EARLY, period) for each in told for point in each.points):
        return cannot_tell("measurements bear times ahead of our clock", subject.memory)
    windows = [_window(each, period, subject, now) for each in told if subject.category in each.series.needed_by]
    real = [each for each in windows if each is not None]
    details = _details(told, real, now)
    if loud := _loudest(told, _veto_start(real, subject, now)):
        newest = min((window.end for window in real), default=loud[1].at)
        used = loud[1].at + period
        memory = _memory(subject, newest=newest, quiet_from=used, used=used)
        reading = SourceReading(NAME, "active", loud[1].at, _work(*loud, now), newest, details, used)
        return Evidence(reading, memory)
    reason = _shortcoming(told, windows, subject, now)
    if reason:
        return cannot_tell(reason, subject.memory, details)
    earlier = _loudest(told, subject.running_since - period)
    return _idle(real, earlier[1].at + period if earlier else None, period, subject, details)


def look_back(subject: Subject, now: datetime) -> timedelta:
    """How far back points are asked for: a window and a bit, so that a lagging series still fills it; or to the last
    reading, so that work between two readings is seen however far apart they are.
    """
    usual = subject.idle_after + subject.idle_fresh
    known = _Remembered.of(subject)
    if known is None or now - known.newest <= usual:
        return usual
    return min(-(-(now - known.newest) // STEP) * STEP, max(LOOK_BACK, usual))


def _of_this_run(points: tuple[Point, ...], subject: Subject) -> tuple[Point, ...]:
    return tuple(point for point in points if point.at >= subject.running_since)


def _window(measured: Measured, period: timedelta, subject: Subject, now: datetime) -> _Window | None:
    """The last `idle_after`; or, where the service lags too far behind for it, as long before the newest point."""
    if not measured.points:
        return None
    end = measured.points[-1].at
    lately = now - subject.idle_after
    share = _there(measured, lately, period) / max(subject.idle_after // period, 1)
    if lately >= subject.running_since and share >= COVERED:
        return _Window(measured, lately, end, share)
    start = max(end - subject.idle_after, subject.running_since)
    expected = (end - start) // period
    return _Window(measured, start, end, _there(measured, start, period) / expected if expected else 0.0)


def _there(measured: Measured, start: datetime, period: timedelta, end: datetime | None = None) -> int:
    """How many periods after `start`, and up to `end`, have a point."""
    width = period // timedelta(milliseconds=1)
    counted = (point for point in measured.points if point.at > start and (end is None or point.at <= end))
    return len({to_ms(point.at) // width for point in counted})


def _veto_start(windows: Sequence[_Window], subject: Subject, now: datetime) -> datetime:
    """Older points do not veto: the start of the windows, but never later than `idle_after` ago."""
    return min([now - subject.idle_after, *(window.start for window in windows if _fresh(window, subject, now))])


def _loudest(measured: Sequence[Measured], start: datetime) -> tuple[Series, Point] | None:
    """The newest point above its limit."""
    loud = [
        (each.series, point)
        for each in measured
        for point in each.points
        if point.at > start and point.value > each.series.limit
    ]
    return max(loud, key=lambda found: found[1].at, default=None)


def _shortcoming(
    measured: Sequence[Measured],
    windows: Sequence[_Window | None],
    subject: Subject,
    now: datetime,
) -> str:
    """Why these series prove nothing; empty if they do."""
    if subject.category not in ALWAYS:
        return "the flavor's category is not known"
    needed = [each.series for each in measured if subject.category in each.series.needed_by]
    for series, window in zip(needed, windows, strict=True):
        name = series.kind.upper()
        if window is None:
            return f"no {name} measurements"
        if not _fresh(window, subject, now):
            return f"the newest {name} measurement is {(now - window.end) // timedelta(minutes=1)} min old"
        if window.share < COVERED:
            return f"only {window.share:.0%} of the {name} measurements are there"
    return "" if _complete(needed, subject.category) else "not all needed measurements are asked for"


def _complete(needed: Sequence[Series], category: str) -> bool:
    kinds = {"cpu"} | {"GPU": {"gpu"}, "ASCEND": {"npu"}}.get(category, set())
    return kinds <= {series.kind for series in needed}


def _fresh(window: _Window, subject: Subject, now: datetime) -> bool:
    return now - window.end <= subject.idle_fresh


def _work(series: Series, point: Point, now: datetime) -> str:
    return f"{series.kind.upper()} was at {point.value:.3g} {series.unit}, {_ago(now - point.at)}"


def _idle(
    windows: Sequence[_Window], load: datetime | None, period: timedelta, subject: Subject, details: Mapping[str, str]
) -> Evidence:
    """Idle from the end of the last load (`load`) or of an earlier reading's quiet on, if all since then was seen."""
    start, newest = max(window.start for window in windows), min(window.end for window in windows)
    known = _Remembered.of(subject)
    began, seen_to, used = (known.quiet_from, known.newest, known.used) if known else (start, start, None)
    if load is not None and (known is None or load > began):
        began, seen_to, used = load, load, load
    if start <= subject.running_since:
        used = used or subject.running_since  # that it began to run is all there is
    since = began if _seen(windows, seen_to, start, period) else start
    kinds = ", ".join(window.measured.series.kind.upper() for window in windows)
    reading = SourceReading(NAME, "idle", since, f"{kinds} below the limit", newest, dict(details), used)
    return Evidence(reading, _memory(subject, newest=newest, quiet_from=since, used=used))


def _seen(windows: Sequence[_Window], since: datetime, start: datetime, period: timedelta) -> bool:
    """Whether enough points of the stretch from `since` to the windows' start are there."""
    expected = max(0, (start - since) // period)
    return all(_there(each.measured, since, period, start) >= COVERED * expected for each in windows)


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What an earlier reading of this run left."""

    newest: datetime
    quiet_from: datetime
    used: datetime | None

    @staticmethod
    def of(subject: Subject) -> "_Remembered | None":
        try:
            memory = subject.memory
            if int(memory["run"]) != to_ms(subject.running_since):
                return None
            used = memory.get("used")
            return _Remembered(
                from_ms(int(memory["newest"])), from_ms(int(memory["quiet_from"])),
                None if used is None else from_ms(int(used)),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


def _memory(subject: Subject, *, newest: datetime, quiet_from: datetime, used: datetime | None) -> dict[str, Any]:
    told = {"run": subject.running_since, "newest": newest, "quiet_from": quiet_from, "used": used}
    return {name: to_ms(at) for name, at in told.items() if at is not None}


def _details(measured: Sequence[Measured], windows: Sequence[_Window], now: datetime) -> dict[str, str]:
    """Highest values, coverage and lag, for people."""
    told = {
        each.series.kind: f"at most {max(point.value for point in each.points):.3g} {each.series.unit}"
        for each in measured
        if each.points
    }
    silent = [each.series.kind for each in measured if not each.points]
    if silent:
        told["missing"] = ",".join(silent)
    if windows:
        told["coverage"] = f"{min([1.0, *(window.share for window in windows)]):.0%}"
        told["lag_s"] = f"{max((now - min(window.end for window in windows)).total_seconds(), 0):.0f}"
    return told


def _ago(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    return f"{minutes} min ago" if minutes > 0 else "just now"
