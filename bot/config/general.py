"""Sections that hold for the whole deployment: timezone, roles, people, prices, budgets, metrics."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import values
from bot.config.model import Budgets, Metrics, PersonHint, Roles
from bot.config.problems import Table, nearest
from bot.errors import BadInput
from bot.model import SlackUserId
from bot.rules.costs import Prices

_UTC = ZoneInfo("UTC")
_NOT_FLAVORS = ("currency", "disk_gb_month")  # of [prices]; a slip of one is no flavor: those have dots


def read_timezone(root: Table) -> ZoneInfo:
    """Zone of people without one, of digests and of months; UTC when the file names none."""
    return root.get("timezone", values.zone, _UTC)


def read_roles(parent: Table, general: Roles | None = None, title: str = "[roles]") -> Roles:
    """`[roles]`, or a project's: a key given there replaces the general one."""
    table = parent.table("roles", title)
    names = tuple(each.name for each in fields(Roles))
    table.only(names)
    ids = values.list_of(values.slack_user_or_group)
    return Roles(**{name: table.get(name, ids, getattr(general, name, ())) for name in names})


def read_people(root: Table) -> tuple[PersonHint, ...]:
    """`[[people]]`; one cloud user stands for one person."""
    people: dict[str, PersonHint] = {}
    for table in root.tables("people", "[[people]]"):
        table.only(("slack", "cloud_user"))
        slack = table.need("slack", values.slack_user, "")
        cloud_user = table.need("cloud_user", values.text, "")
        if cloud_user and cloud_user in people:
            table.problems.add(table.line("cloud_user"), f'cloud user "{cloud_user}" is named twice in [[people]]')
        people.setdefault(cloud_user, PersonHint(SlackUserId(slack), cloud_user))
    return tuple(people.values())


def read_prices(root: Table) -> Prices:
    """`[prices]`: the currency, the disk, and every other key a flavor's price per hour."""
    table = root.table("prices", "[prices]")
    flavors: dict[str, Decimal] = {}
    for key, value in table.values.items():
        if key in _NOT_FLAVORS:
            continue
        if "." not in key and not isinstance(value, dict) and nearest(key, _NOT_FLAVORS):
            table.problems.add(table.line(key), f'unknown key "{key}" in [prices]{nearest(key, _NOT_FLAVORS)}')
        else:
            flavors.update(_flavor_prices(table, key, key, value))
    return Prices(
        currency=table.get("currency", values.currency, "EUR"),
        disk_gb_month=table.get("disk_gb_month", values.number, None),
        flavors=MappingProxyType(flavors),
    )


def _flavor_prices(table: Table, key: str, name: str, value: Any) -> dict[str, Decimal]:
    """A flavor id written without quotes reads as nested tables; it means the same."""
    if isinstance(value, dict):
        return {
            flavor: price
            for part, inner in value.items()
            for flavor, price in _flavor_prices(table, key, f"{name}.{part}", inner).items()
        }
    try:
        return {name: values.number(value)}
    except BadInput as exc:
        table.problems.add(table.line(key), f'bad value for "{name}" in [prices]: {exc}')
        return {}


def read_budgets(root: Table) -> Budgets:
    """`[budgets]`."""
    table = root.table("budgets", "[budgets]")
    names = tuple(each.name for each in fields(Budgets))
    table.only(names)
    return Budgets(**{name: table.get(name, values.number, None) for name in names})


def read_metrics(root: Table) -> Metrics:
    """`[metrics]`; what it does not name keeps its default."""
    table = root.table("metrics", "[metrics]")
    default = Metrics()
    table.only(tuple(METRICS_MEANING))
    given = {name: table.get(name, _metrics_reader(name), getattr(default, name)) for name in METRICS_MEANING}
    return Metrics(**given)


def _metrics_reader(name: str) -> values.Reader:
    if name == "namespaces":
        return values.distinct(values.list_of(values.text))
    if name == "selectors":
        return _selectors
    if name.endswith(("_limit", "_factor")):
        return values.number
    return _needed_series if name == "cpu" else _series_name


def _needed_series(value: Any) -> str:
    if not (name := _series_name(value)):
        raise BadInput("needs a name: without CPU nothing is ever idle")
    return name


def _series_name(value: Any) -> str:
    if not isinstance(value, str):
        raise BadInput("must be the name of a series in quotes; empty for none")
    return value.strip()


def _selectors(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not value:
        raise BadInput('must be a table such as { service_id = "{notebook}" }')
    texts = {str(name): values.text(text) for name, text in value.items()}
    if not any("{notebook}" in text for text in texts.values()):
        raise BadInput("must name {notebook} once, or one notebook's load would count for all")
    return MappingProxyType(texts)


METRICS_MEANING: dict[str, str] = {
    "namespaces": "AOM namespaces, the first that answers is taken",
    "selectors": "dimensions that pick one notebook's series; {notebook} is its id",
    "cpu": "series of the CPU load in percent; always required",
    "gpu": "series of the GPU load in percent; required for GPU flavors",
    "npu": "series of the NPU load in percent; required for Ascend flavors",
    "network": "series of the network load; it can only veto",
    "cpu_limit": "percent above which the CPU is at work",
    "gpu_limit": "percent above which the GPU is at work",
    "npu_limit": "percent above which the NPU is at work",
    "network_limit": "kbit/s above which the network is at work",
    "network_factor": "turns the network series' unit into kbit/s",
}
