"""Requests to and answers of the metrics service, in our words. Pure.

Source: AOM API reference, `POST /v2/{project_id}/samples` and `/v2/{project_id}/series`; API digest 17.3.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot.clock import from_ms
from bot.idle.ports import Malformed
from bot.idle.series import PERIODS, MetricsPolicy, Series

AT_MOST = 20  # entries in one request
FILLER = "-1"  # stands where there is no point
POINTS_AT_MOST = 1440  # of one series in one answer
_FINE = ("SVCSTG.AMS.2000", "SVCSTG.AMS.2000000")  # success, said as an error code

Key = tuple[str, tuple[str, ...]]  # metric name, values of the selector's dimensions


@dataclass(frozen=True, slots=True)
class Question:
    """One series of one notebook."""

    notebook_id: str
    series: Series
    namespace: str


class Point(NamedTuple):
    """A measurement, in the unit of its series' limit."""

    at: datetime
    value: float


def period(policy: MetricsPolicy, window: timedelta) -> timedelta:
    """The distance of two points: the policy's, or the next one at which the window fits into an answer."""
    fitting = [timedelta(seconds=each) for each in PERIODS if timedelta(seconds=each) >= policy.period]
    return next((each for each in fitting if window / each <= POINTS_AT_MOST), fitting[-1])


def request(questions: Sequence[Question], policy: MetricsPolicy, window: timedelta) -> dict[str, Any]:
    """The body that asks for the `window` up to now; `questions` are at most `AT_MOST`."""
    return {
        "samples": [
            {
                "namespace": each.namespace,
                "metric_name": each.series.name,
                "dimensions": [
                    {"name": name, "value": value} for name, value in policy.dimensions(each.notebook_id).items()
                ],
            }
            for each in questions
        ],
        "statistics": [policy.statistic],
        "period": int(period(policy, window).total_seconds()),
        "time_range": f"-1.-1.{math.ceil(window / timedelta(minutes=1))}",
    }


def key(name: str, policy: MetricsPolicy, notebook_id: str) -> Key:
    """Where `points` puts the series of this notebook."""
    return name, tuple(policy.dimensions(notebook_id).values())


def points(body: Any, policy: MetricsPolicy) -> Mapping[Key, tuple[Point, ...]]:
    """Points by series, oldest first, without fillers. Of several (one per accelerator) the highest counts.

    Values and instants come as text. A negative value or `NaN` is a filler: no data. Raises Malformed.
    """
    _check(body)
    found: dict[Key, dict[int, float]] = defaultdict(dict)
    for entry in _entries(body, "samples"):
        told = _mapping(entry.get("sample"), "sample")
        name = told.get("metric_name")
        dimensions = {str(each.get("name")): each.get("value") for each in _entries(told, "dimensions")}
        series = found[str(name), tuple(str(dimensions.get(each, "")) for each in policy.selector)]
        for point in _entries(entry, "data_points"):
            at, value = _point(point, policy.statistic)
            if value >= 0 and value > series.get(at, -1.0):  # false for NaN too
                series[at] = value
    return {each: _in_order(values) for each, values in found.items()}


def series_count(body: Any, policy: MetricsPolicy) -> tuple[int, int]:
    """How many series an answer to `aom_series` lists, and how many carry the selector's dimensions.

    Raises Malformed.
    """
    _check(body)
    entries = _entries(body, "series")
    names = [{str(each.get("name")) for each in _entries(entry, "dimensions")} for entry in entries]
    return len(entries), sum(set(policy.selector) <= each for each in names)


def _check(body: Any) -> None:
    told = _mapping(body, "answer")
    code = told.get("error_code") or told.get("errorCode")
    if code and code not in _FINE:
        raise Malformed(f"error {str(code)[:40]}")


def _point(raw: Mapping[str, Any], statistic: str) -> tuple[int, float]:
    """Its instant in ms and its value; negative if it has none. Of a pass over thousands most is spent here."""
    highest = -1.0
    try:
        for each in raw["statistics"]:
            if each["statistic"] == statistic:
                value = float(each["value"])
                highest = max(highest, value)
        return int(raw["timestamp"]), highest
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Malformed("data_points") from error


def _in_order(values: Mapping[int, float]) -> tuple[Point, ...]:
    try:
        return tuple([Point(from_ms(at), values[at]) for at in sorted(values)])
    except OverflowError as error:
        raise Malformed("data_points") from error


def _entries(raw: Any, name: str) -> list[Mapping[str, Any]]:
    entries = _mapping(raw, name).get(name)
    if not isinstance(entries, list):
        raise Malformed(name)
    return [_mapping(each, name) for each in entries]


def _mapping(raw: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise Malformed(name)
    return raw
