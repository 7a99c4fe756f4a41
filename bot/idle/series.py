"""What is asked of the metrics service: names, selectors and limits. Section `[metrics]` of the policy file.

```toml
[metrics]
namespaces = ["PAAS.CONTAINER", "CUSTOMMETRICS"]   # tried in this order
selector = { service_id = "{notebook}" }           # dimensions of a notebook's series
statistic = "maximum"                              # maximum, average
period = 60                                        # seconds: 60, 300, 900, 3600
[metrics.network]
name = "ma_container_network_receive_bytes"        # "" does not ask for it
scale = 0.008                                      # raw value times this is in the unit of the limit
limit = 1.6                                        # kbit/s
```
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from bot.errors import SettingsError

ALWAYS = frozenset({"CPU", "GPU", "ASCEND"})
PERIODS = (60, 300, 900, 3600)
STATISTICS = ("maximum", "average")
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


def metrics_policy(section: Mapping[str, Any]) -> MetricsPolicy:
    """The policy of a `[metrics]` section; what is not named keeps its default. Raises SettingsError."""
    kinds = {each.kind: each for each in DEFAULT_SERIES}
    _known(section, ("namespaces", "selector", "statistic", "period", *kinds), "[metrics]")
    chosen = tuple(_series(each, section.get(each.kind, {})) for each in DEFAULT_SERIES)
    if not chosen[0].name:
        raise SettingsError("[metrics.cpu] needs a name: without CPU nothing is ever idle")
    default = MetricsPolicy()
    return MetricsPolicy(
        chosen,
        _texts(section.get("namespaces", list(default.namespaces))),
        _selector(section.get("selector", default.selector)),
        _one_of("statistic", section.get("statistic", default.statistic), STATISTICS),
        timedelta(seconds=_one_of("period", section.get("period", 60), PERIODS)),
    )


def _series(default: Series, told: Any) -> Series:
    where = f"[metrics.{default.kind}]"
    if not isinstance(told, Mapping):
        raise SettingsError(f"{where} must be a table")
    _known(told, ("name", "limit", "scale"), where)
    name = told.get("name", default.name)
    if not isinstance(name, str):
        raise SettingsError(f"{where} name must be a text")
    limit, scale = (_number(where, key, told.get(key, getattr(default, key))) for key in ("limit", "scale"))
    if limit < 0 or scale <= 0:
        raise SettingsError(f"{where} limit must not be negative and scale must be above 0")
    return replace(default, name=name, limit=limit, scale=scale)


def _known(told: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in told:
        if key not in keys:
            near = get_close_matches(key, keys, n=1)
            raise SettingsError(f'unknown key "{key}" in {where}' + (f'; did you mean "{near[0]}"?' if near else ""))


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{where} {key} must be a number")
    return float(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise SettingsError("[metrics] namespaces must be a list of names")
    return tuple(value)


def _selector(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise SettingsError("[metrics] selector must be a table of texts")
    if not any(PLACEHOLDER in each for each in value.values()):
        raise SettingsError(f'[metrics] selector must name "{PLACEHOLDER}" once, or every notebook would be the same')
    return dict(value)


def _one_of(key: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices or isinstance(value, bool):
        raise SettingsError(f"[metrics] {key} must be one of {', '.join(map(str, choices))}")
    return value
