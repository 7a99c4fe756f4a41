"""The policy file as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bot.model import Credentials, Endpoint, SlackUserId
from bot.rules.costs import Prices
from bot.rules.quiet import QuietHours

Value = timedelta | time | QuietHours | tuple[timedelta, ...] | tuple[str, ...] | str | bool | int | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A policy value that the file gives, and where it stands."""

    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class Roles:
    """Slack users (U…) and user groups (S…) by role. A key given inside a project replaces the general one there."""

    admins: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    auditors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonHint:
    """Who gets notices about a cloud user's notebooks before they have linked; gives no rights."""

    slack: SlackUserId
    cloud_user: str


@dataclass(frozen=True, slots=True)
class Budgets:
    """Gates that open an approval; amounts in the currency of `[prices]`, per calendar month in `timezone`."""

    per_person_month: Decimal | None = None
    per_project_month: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Names, selectors and limits of AOM series. An empty name means that there is no such series.

    Limits in percent, network in kbit/s; `network_factor` turns the series' unit into kbit/s.
    `selectors` are dimensions; `{notebook}` stands for the notebook's id.
    """

    namespaces: tuple[str, ...] = ("PAAS.CONTAINER", "CUSTOMMETRICS")
    selectors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"service_id": "{notebook}"}))
    cpu: str = "ma_container_cpu_util"
    gpu: str = "ma_container_gpu_util"
    npu: str = "ma_container_npu_util"  # this name and the next are by analogy (API digest 17.3)
    network: str = "ma_container_network_receive_bytes"
    cpu_limit: Decimal = Decimal(5)
    gpu_limit: Decimal = Decimal(1)
    npu_limit: Decimal = Decimal(1)
    network_limit: Decimal = Decimal("1.6")
    network_factor: Decimal = Decimal("0.008")  # from bytes per second


@dataclass(frozen=True, slots=True)
class PriceBound:
    """`>2.5`: a comparison with the flavor's price per hour. An unknown price satisfies none."""

    sign: str
    amount: Decimal

    def holds(self, price: Decimal | None) -> bool:
        """Whether the price satisfies it."""
        if price is None:
            return False
        match self.sign:
            case ">":
                return price > self.amount
            case ">=":
                return price >= self.amount
            case "<":
                return price < self.amount
            case "<=":
                return price <= self.amount
            case _:
                return price == self.amount


@dataclass(frozen=True, slots=True)
class When:
    """Condition of a rule: every key given must hold; a list holds if one of its items does. () means not given."""

    category: tuple[str, ...] = ()
    flavor: tuple[str, ...] = ()  # globs
    owner: tuple[str, ...] = ()  # cloud user name or id, or Slack id
    tag: tuple[str, ...] = ()  # `key` or `key=value`
    workspace: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    price_per_hour: PriceBound | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[policy.rules]]`."""

    when: When
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Project:
    """One `[[projects]]`, with its secrets resolved."""

    name: str
    endpoint: Endpoint
    channel: str
    service_account: Credentials = field(repr=False)
    roles: Roles = field(default_factory=Roles)
    settings: Mapping[str, Setting] = field(default_factory=dict)  # [projects.policy]


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """The whole file. `file_hash` is the SHA-256 of its bytes: it stands in every decision."""

    projects: Mapping[str, Project]
    settings: Mapping[str, Setting]  # [policy]
    rules: tuple[Rule, ...]
    roles: Roles
    people: tuple[PersonHint, ...]
    timezone: ZoneInfo
    prices: Prices
    budgets: Budgets
    metrics: Metrics
    file_hash: str
    path: str

    @property
    def rules_by_owner(self) -> bool:
        """Whether any rule holds for some owners only."""
        return any(rule.when.owner for rule in self.rules)

    def person_of(self, cloud_user: str) -> SlackUserId | None:
        """Who gets notices for a cloud user that has not linked."""
        return _hinted(self).get(cloud_user)


@lru_cache(maxsize=8)
def _hinted(config: Config) -> Mapping[str, SlackUserId]:
    """Of several about one cloud user the first."""
    return {hint.cloud_user: hint.slack for hint in reversed(config.people)}
