"""AOM: series, samples, and a thin Prometheus query face."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.cloud.errors import CloudRefusal
from deploy.sandbox.cloud.exchange import Call, answer, ready
from deploy.sandbox.cloud.metrics import MINUTE_MS, STATISTICS, UNITS, Metrics, figure
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.modelarts import prove

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

PERIODS = frozenset({60, 300, 900, 3600})
MOST_SAMPLES = 20
MOST_POINTS = 11_000
STATISTICS_NAMES = tuple(STATISTICS)  # what is looked for may be unhashable
_LARGEST = 1e15
_SELECTOR = re.compile(r"^\s*([A-Za-z_:][\w:]*)\s*(?:\{(.*)\})?\s*$")
_LABEL = re.compile(r'([A-Za-z_]\w*)\s*(=~|!=|=)\s*"([^"]*)"')


def aom_refusal(message: str, code: str = "AOM.04008001", status: int = 400, kind: str = "BAD_REQUEST") -> CloudRefusal:
    return CloudRefusal(status, {"error_code": code, "error_msg": message, "error_type": kind})


def routes(cloud: "SimCloud") -> list[Route]:
    face = _Face(cloud)
    table: list[tuple[list[str], str, Callable[[Call], Response], str]] = [
        (["POST"], "/v2/{project_id}/series", face.series, "ListSeries"),
        (["POST"], "/v2/{project_id}/samples", face.samples, "ListSample"),
    ]
    for prefix in ("/v1/{project_id}", "/v1/{project_id}/{instance_id}"):
        table.append((["GET", "POST"], f"{prefix}/aom/api/v1/query", face.query, "PrometheusQuery"))
        table.append((["GET", "POST"], f"{prefix}/aom/api/v1/query_range", face.query_range, "PrometheusQueryRange"))
    return [Route(path, _endpoint(cloud, handler, name), methods=verbs) for verbs, path, handler, name in table]


def _endpoint(
    cloud: "SimCloud", handler: Callable[[Call], Response], name: str
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        call = prove(cloud, request, name)
        if not call.caller.user.may("aom:metric:get"):
            raise aom_refusal("The user has no right to read metrics.", "AOM.04030001", 403, "FORBIDDEN")
        if cloud.settings.metrics_down:
            raise aom_refusal("The service is unavailable.", "AOM.05030001", 503, "INTERNAL_ERROR")
        if name.startswith("Prometheus") and cloud.settings.dialect != "hwc":
            raise CloudRefusal(404, {"error_code": "APIGW.0101", "error_msg": "The API does not exist."})
        return handler(call)

    return endpoint


class _Face:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud
        self._metrics = Metrics(cloud)

    # series and samples

    def series(self, call: Call) -> Response:
        asked = _objects(call.json().get("series"), "series")
        found = [described for one in asked for described in self._described(one)]
        shown = found[: int(_figure(call.query, "limit", 1000))]
        meta = {"count": len(shown), "total": len(found), "offset": None, "nextToken": 0}
        return answer({"meta_data": meta, "series": shown})

    def _described(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = _dimensions(asked)
        if asked.get("namespace") not in (None, self._cloud.settings.metrics_namespace):
            return []
        found = []
        for notebook in self._metrics.with_runs():
            if not self._fits(notebook, wanted):
                continue
            for kind in self._metrics.kinds(notebook):
                name = self._cloud.settings.metric_names[kind]
                if asked.get("metric_name") in (None, name):
                    found.append(self._one_series(notebook, kind, name))
        return found

    def _one_series(self, notebook: Notebook, kind: str, name: str) -> dict[str, Any]:
        pairs = self._metrics.dimensions(notebook).items()
        return {
            "namespace": self._cloud.settings.metrics_namespace,
            "metric_name": name,
            "unit": UNITS[kind],
            "dimensions": [{"name": key, "value": value} for key, value in pairs],
        }

    def _fits(self, notebook: Notebook, wanted: list[tuple[str, Any]]) -> bool:
        own = self._metrics.dimensions(notebook)
        return all(own.get(name) == value for name, value in wanted)

    def samples(self, call: Call) -> Response:
        body = call.json()
        asked, period = _objects(body.get("samples"), "samples"), body.get("period")
        if len(asked) > MOST_SAMPLES:
            raise aom_refusal("samples must have 1 to 20 entries.")
        if not isinstance(period, int) or period not in PERIODS:
            raise aom_refusal("period must be 60, 300, 900 or 3600.")
        statistics = body.get("statistics")
        if not isinstance(statistics, list) or not statistics or not all(s in STATISTICS_NAMES for s in statistics):
            raise aom_refusal("statistics is not valid.")
        start, end = _time_range(body.get("time_range"), call.now)
        fill = call.query.get("fill_value", "-1")
        buckets = _steps(start - start % (period * 1000), end, period * 1000)
        # Written as text: thousands of points, most of which say the same.
        told = ((_text(one), self._points(one, buckets, tuple(statistics), fill, call.now)) for one in asked)
        series = ", ".join(f'{{"sample": {one}, "data_points": [{", ".join(points)}]}}' for one, points in told)
        return ready(f'{{"samples": [{series}]}}'.encode())

    def _points(
        self, asked: dict[str, Any], buckets: range, statistics: tuple[str, ...], fill: str, now: int
    ) -> list[str]:
        """Nothing for a series that does not exist; fillers where one has no value."""
        kind = self._metrics.kind(str(asked.get("metric_name")))
        named = asked.get("namespace") == self._cloud.settings.metrics_namespace
        wanted = _dimensions(asked)
        found = [n for n in self._metrics.named(dict(wanted)) if self._fits(n, wanted)] if named else []
        found = [n for n in found if kind in self._metrics.kinds(n)]
        if kind is None or not found:
            return []
        each = zip(*(self._metrics.buckets(notebook, kind, buckets, now) for notebook in found), strict=True)
        values = (tuple(chain.from_iterable(several)) for several in each)
        said = ((at, _said(UNITS[kind], statistics, some, fill)) for at, some in zip(buckets, values, strict=True))
        return [f'{{"timestamp": "{at}", {what}' for at, what in said if what]

    # Prometheus

    def query(self, call: Call) -> Response:
        form = _form(call)
        at = int(_figure(form, "time", call.now / 1000) * 1000)
        result = []
        for notebook, kind, labels in self._selected(form):
            values = self._latest(notebook, kind, at, call.now)
            if values is not None:
                result.append({"metric": labels, "value": [values[0] / 1000, figure(values[1])]})
        return answer({"status": "success", "data": {"resultType": "vector", "result": result}})

    def _latest(self, notebook: Notebook, kind: str, at: int, now: int) -> tuple[int, float] | None:
        """The newest value of the five minutes before `at`, as Prometheus looks back."""
        newest = at - at % MINUTE_MS
        for minute in range(newest, newest - 6 * MINUTE_MS, -MINUTE_MS):
            value = self._metrics.value(notebook, kind, minute, now)
            if value is not None:
                return minute, value
        return None

    def query_range(self, call: Call) -> Response:
        form = _form(call)
        start, end, step = (int(_figure(form, key)) * 1000 for key in ("start", "end", "step"))
        minutes = _steps(start - start % MINUTE_MS, end + 1, max(step, MINUTE_MS))
        result = []
        for notebook, kind, labels in self._selected(form):
            values = []
            for at in minutes:
                value = self._metrics.value(notebook, kind, at, call.now)
                if value is not None:
                    values.append([at / 1000, figure(value)])
            if values:
                result.append({"metric": labels, "values": values})
        return answer({"status": "success", "data": {"resultType": "matrix", "result": result}})

    def _selected(self, form: dict[str, str]) -> list[tuple[Notebook, str, dict[str, str]]]:
        match = _SELECTOR.match(form.get("query", ""))
        kind = self._metrics.kind(match[1]) if match else None
        if match is None:
            raise aom_refusal("The query cannot be parsed.")
        if kind is None:
            return []
        wanted = [_label(*test) for test in _LABEL.findall(match[2] or "")]
        found = []
        for notebook in self._metrics.with_runs():
            labels = {"__name__": match[1], **self._metrics.dimensions(notebook)}
            if kind in self._metrics.kinds(notebook) and all(fits(labels) for fits in wanted):
                found.append((notebook, kind, labels))
        return found


def _label(name: str, operator: str, value: str) -> Callable[[dict[str, str]], bool]:
    """Whether a series' labels pass one test of a selector."""
    if operator != "=~":
        return lambda labels: (labels.get(name, "") == value) == (operator == "=")
    try:
        pattern = re.compile(value)
    except re.error as exc:
        raise aom_refusal("The query holds no regular expression.") from exc
    return lambda labels: pattern.fullmatch(labels.get(name, "")) is not None


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    """A list of objects with at least one in it."""
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise aom_refusal(f"{name} must be a list of objects.")
    return value


def _dimensions(asked: dict[str, Any]) -> list[tuple[str, Any]]:
    """Names and values a series must have; none at all is fine."""
    given = _objects(asked["dimensions"], "dimensions") if asked.get("dimensions") else []
    return [(str(one.get("name")), one.get("value")) for one in given]


def _figure(form: Mapping[str, str], name: str, default: float | None = None) -> float:
    try:
        figure = float(form[name]) if name in form or default is None else default
    except (KeyError, ValueError) as exc:
        raise aom_refusal(f"{name} must be a number.") from exc
    if not abs(figure) < _LARGEST:
        raise aom_refusal(f"{name} must be a number.")
    return figure


def _steps(start: int, end: int, step: int) -> range:
    found = range(start, end, step)
    if len(found) > MOST_POINTS:
        raise aom_refusal(f"The time range holds more than {MOST_POINTS} points.")
    return found


@lru_cache(maxsize=10_000)
def _said(unit: str, statistics: tuple[str, ...], values: tuple[float, ...], fill: str) -> str:
    """A point without its instant, as text; empty if there is none."""
    if not values and fill == "null":
        return ""
    shown = [{"statistic": s, "value": figure(STATISTICS[s](list(values))) if values else fill} for s in statistics]
    return _text({"unit": unit, "statistics": shown})[1:]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _time_range(text: Any, now: int) -> tuple[int, int]:
    """`start.end.minutes`; -1 for start and end means the last so many minutes. In ms."""
    try:
        start, end, minutes = (int(part) for part in str(text).split("."))
    except ValueError as exc:
        raise aom_refusal("time_range is not valid.") from exc
    if minutes <= 0:
        raise aom_refusal("time_range is not valid.")
    end = now if end == -1 else end
    return (end - minutes * MINUTE_MS if start == -1 else start), end


def _form(call: Call) -> dict[str, str]:
    """Parameters come in the query, or in the body of a POST."""
    if call.exchange.method == "GET" or not call.exchange.body:
        return call.query
    return {**call.query, **dict(parse_qsl(call.exchange.body.decode("utf-8", "replace")))}
