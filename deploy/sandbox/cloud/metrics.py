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
        if minute > now - self._cloud.settings.metrics_lag_ms or notebook.activity.missing(minute):
            return None
        if not any(start <= minute and (end is None or minute < end) for start, end in _spans(notebook)):
            return None
        return notebook.activity.at(minute)[kind] * _TO_UNIT.get(kind, 1.0)

    def bucket(self, notebook: Notebook, kind: str, start: int, period_ms: int, now: int) -> list[float]:
        """The values of the minutes in `[start, start + period_ms)`."""
        minutes = range(start, start + period_ms, MINUTE_MS)
        found = (self.value(notebook, kind, minute, now) for minute in minutes)
        return [value for value in found if value is not None]


def _spans(notebook: Notebook) -> Iterable[tuple[int, int | None]]:
    return ((run[0] or 0, run[1]) for run in reversed(notebook.runs))


def figure(value: float) -> str:
    """As AOM writes numbers: text without needless zeros."""
    return f"{value:.4f}".rstrip("0").rstrip(".")
