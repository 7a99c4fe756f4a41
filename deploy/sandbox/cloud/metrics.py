"""Measurements out of activity scripts: one value a minute while a notebook runs, later than it happened."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from deploy.sandbox.cloud.model import Notebook

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

MINUTE_MS = 60_000
UNITS = {"cpu": "Percent", "gpu": "Percent", "npu": "Percent", "memory": "Percent", "network": "Byte/s"}
# Activity is told in kbit/s, the collector reports bytes per second.
_TO_UNIT = {"network": 125.0}
_CATEGORY_SERIES = {"GPU": ("gpu",), "ASCEND": ("npu",)}
CONTAINER = "modelarts-notebook"

STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "maximum": max,
    "minimum": min,
    "sum": sum,
    "average": lambda values: sum(values) / len(values),
    "sampleCount": len,
}


class Metrics:
    """What the collector knows about each notebook, by the names of the settings."""

    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    def kinds(self, notebook: Notebook) -> list[str]:
        """`cpu`, `memory`, `network` for all; `gpu` or `npu` by flavor."""
        category = str(self._cloud.catalog.flavor(notebook.flavor)["category"])
        return ["cpu", "memory", "network", *_CATEGORY_SERIES.get(category, ())]

    def kind(self, metric_name: str) -> str | None:
        names = self._cloud.settings.metric_names
        return next((kind for kind, name in names.items() if name == metric_name), None)

    def with_runs(self) -> list[Notebook]:
        """Notebooks that have ever run: only these have series."""
        return [notebook for notebook in self._cloud.index.by_id.values() if notebook.runs]

    def named(self, wanted: dict[str, Any]) -> list[Notebook]:
        """The one that is asked for by id, else all of them."""
        if not isinstance(asked := wanted.get("service_id"), str):
            return self.with_runs()
        found = self._cloud.index.by_id.get(asked)
        return [found] if found is not None and found.runs else []

    def dimensions(self, notebook: Notebook) -> dict[str, str]:
        return {"service_id": notebook.id, "container_name": CONTAINER, "clusterName": "modelarts-notebook-pool"}

    def value(self, notebook: Notebook, kind: str, minute: int, now: int) -> float | None:
        """The measurement stamped `minute`; None if none was taken or it has not arrived yet."""
        return self._values(notebook, kind, range(minute, minute + 1, MINUTE_MS), now)[0]

    def buckets(self, notebook: Notebook, kind: str, starts: range, now: int) -> list[list[float]]:
        """The values of the minutes from each of these instants to the next."""
        minutes = range(starts.start, starts.start + len(starts) * starts.step, MINUTE_MS)
        each, values = starts.step // MINUTE_MS, self._values(notebook, kind, minutes, now)
        parts = (values[first : first + each] for first in range(0, len(values), each))
        return [[value for value in part if value is not None] for part in parts]

    def _values(self, notebook: Notebook, kind: str, minutes: range, now: int) -> list[float | None]:
        """Of each of these minutes, a step of what the notebook did at a time."""
        found: list[float | None] = [None] * len(minutes)
        arrived, unit = now - self._cloud.settings.metrics_lag_ms + 1, _TO_UNIT.get(kind, 1.0)
        for start, end in _spans(notebook):
            at, last = _first(minutes, start), _first(minutes, arrived if end is None else min(end, arrived))
            while at < last:
                values, until = notebook.activity.step(minutes[at])
                rest = last if until is None else min(last, _first(minutes, until))
                found[at:rest] = [values[kind] * unit] * (rest - at)
                at = rest
        for start, end in notebook.activity.gaps:
            at, last = _first(minutes, start), _first(minutes, end)
            found[at:last] = [None] * max(0, last - at)
        return found


def _first(minutes: range, instant: int) -> int:
    """The place of the first of these minutes that is not before this instant; behind the last if there is none."""
    return min(max(0, -((minutes.start - instant) // minutes.step)), len(minutes))


def _spans(notebook: Notebook) -> Iterable[tuple[int, int | None]]:
    return ((run[0] or 0, run[1]) for run in reversed(notebook.runs))


def figure(value: float) -> str:
    """As AOM writes numbers: text without needless zeros."""
    return f"{value:.4f}".rstrip("0").rstrip(".")
