"""What is asked of the metrics service: names, selectors and limits, as `[metrics]` of the policy file says them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

PERIODS = (60, 300, 900, 3600)  # seconds, that the service offers
ALWAYS = frozenset({"CPU", "GPU", "ASCEND"})
PLACEHOLDER = "{notebook}"


@dataclass(frozen=True, slots=True)
class Series:
    """One measurement. A point above `limit` is work; without enough points a category that needs it is unknown."""

    kind: str
    name: str
    limit: float
    unit: str
    scale: float = 1.0
    needed_by: frozenset[str] = frozenset()


# The names of NPU and network are by analogy: the service's reference lists CPU and GPU (API digest 17.3).
DEFAULT_SERIES = (
    Series("cpu", "ma_container_cpu_util", 5.0, "%", needed_by=ALWAYS),
    Series("gpu", "ma_container_gpu_util", 1.0, "%", needed_by=frozenset({"GPU"})),
    Series("npu", "ma_container_npu_util", 1.0, "%", needed_by=frozenset({"ASCEND"})),
    Series("network", "ma_container_network_receive_bytes", 1.6, "kbit/s", scale=0.008),
)


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """How a project's metrics are asked for."""

    series: tuple[Series, ...] = DEFAULT_SERIES
    namespaces: tuple[str, ...] = ("PAAS.CONTAINER", "CUSTOMMETRICS")
    selector: Mapping[str, str] = field(default_factory=lambda: {"service_id": PLACEHOLDER})
    statistic: str = "maximum"
    period: timedelta = timedelta(minutes=1)

    def asked(self, category: str) -> tuple[Series, ...]:
        """What is asked for a flavor of this category: the needed series, and those that only veto."""
        return tuple(each for each in self.series if each.name and (not each.needed_by or category in each.needed_by))

    def dimensions(self, notebook_id: str) -> dict[str, str]:
        """The dimensions of this notebook's series."""
        return {name: value.replace(PLACEHOLDER, notebook_id) for name, value in self.selector.items()}
