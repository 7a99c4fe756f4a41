"""Idle sources of each project, put together from the policy file."""

from collections.abc import Mapping

from bot.clock import Clock
from bot.cloud.client import HttpClouds
from bot.config.model import Config
from bot.config.model import Metrics as Section
from bot.http import Client
from bot.idle.aom import HttpAom
from bot.idle.fetch import Fetcher
from bot.idle.jupyter import Jupyter
from bot.idle.metrics import Metrics
from bot.idle.ports import Source
from bot.idle.series import DEFAULT_SERIES, MetricsPolicy, Series


def idle_sources(config: Config, clouds: HttpClouds, http: Client, clock: Clock) -> Mapping[str, Mapping[str, Source]]:
    """Project -> name -> source."""
    jupyter = Jupyter(Fetcher(http), clock)
    policy = metrics_policy(config.metrics)
    found: dict[str, Mapping[str, Source]] = {}
    for name, project in config.projects.items():
        aom = HttpAom(project.endpoint, *clouds.beside(project.endpoint, project.service_account, "metrics"))
        found[name] = {"jupyter": jupyter, "metrics": Metrics(aom, policy, clock)}
    return found


def metrics_policy(section: Section) -> MetricsPolicy:
    """The `[metrics]` section, as the source takes it."""
    return MetricsPolicy(
        series=tuple(_series(default, section) for default in DEFAULT_SERIES),
        namespaces=section.namespaces,
        selector=dict(section.selectors),
    )


def _series(default: Series, section: Section) -> Series:
    scale = float(section.network_factor) if default.kind == "network" else default.scale
    return Series(
        default.kind,
        getattr(section, default.kind),
        float(getattr(section, f"{default.kind}_limit")),
        default.unit,
        scale,
        default.needed_by,
    )
