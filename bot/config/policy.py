"""Effective policy: per key the first matching rule, then the project's, then the general one, then the default."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, cast

from bot.config.model import Config, Setting, When
from bot.config.policy_keys import POLICY_KEYS
from bot.model import Flavor, Notebook
from bot.rules.lease import LeaseLimits
from bot.rules.quiet import QuietHours

IdleMode = Literal["shadow", "enforce", "off"]
ADMIN_CHOICE = "an admin's choice"
DEFAULT = "default"


@dataclass(frozen=True, slots=True, eq=False)
class EffectivePolicy:
    """One notebook's (or project's) policy; `sources` says where each value comes from.

    `effective` gives the same object for the same answer, so it is compared and hashed by identity.
    """

    project: str
    lease: timedelta
    max_extension: timedelta
    free_total: timedelta
    max_total: timedelta
    lease_max: timedelta
    warnings: tuple[timedelta, ...]
    idle_after: timedelta
    idle_grace: timedelta
    idle_mode: IdleMode
    idle_sources: tuple[str, ...]
    idle_fresh: timedelta
    idle_blind: bool
    keep_max: timedelta
    undo_for: timedelta
    approvers: tuple[str, ...]
    approval_expires: timedelta
    escalate_after: timedelta
    escalate_to: tuple[str, ...]
    hold_max: timedelta
    quorum: int
    quiet_hours: QuietHours | None
    max_stops_per_pass: int
    digest_at: time
    digest_weekday: str
    keep_decisions: timedelta
    sources: Mapping[str, str]

    @property
    def limits(self) -> LeaseLimits:
        """What the lease rules need of it."""
        return LeaseLimits(self.max_extension, self.free_total, self.max_total, self.hold_max, self.lease_max)

    @property
    def mode_is_fixed(self) -> bool:
        """The file names the idle mode, so nobody can choose it in Slack."""
        return self.sources["idle_mode"] not in (ADMIN_CHOICE, DEFAULT)


@dataclass(frozen=True, slots=True)
class _Subject:
    project: str
    category: str | None
    flavor: str
    owners: frozenset[str]
    tags: frozenset[str]
    workspace: str
    price: Decimal | None


def effective(
    config: Config,
    project: str,
    notebook: Notebook | None = None,
    flavor: Flavor | None = None,
    *,
    owner_slack: str | None = None,
    stored_mode: IdleMode | None = None,
) -> EffectivePolicy:
    """The policy that holds for a notebook, for one about to be created (`flavor` only), or for a project (neither).

    `stored_mode` is an admin's choice for the project; it holds where the file names no mode.
    """
    subject = _subject(config, project, notebook, flavor, owner_slack)
    matching = tuple(n for n, rule in enumerate(config.rules) if _matches(rule.when, subject))
    return _effective(config, project, matching, stored_mode)


@lru_cache(maxsize=512)
def _effective(
    config: Config, project: str, matching: tuple[int, ...], stored_mode: IdleMode | None
) -> EffectivePolicy:
    layers = [*(config.rules[n].settings for n in matching), config.projects[project].settings, config.settings]
    found = {key.name: next((layer[key.name] for layer in layers if key.name in layer), None) for key in POLICY_KEYS}
    if found["idle_mode"] is None and stored_mode is not None:
        found["idle_mode"] = Setting(stored_mode, ADMIN_CHOICE)
    settled = {key.name: found[key.name] or Setting(key.default_value, DEFAULT) for key in POLICY_KEYS}
    values = cast("dict[str, Any]", {name: setting.value for name, setting in settled.items()})
    sources = MappingProxyType({name: setting.source for name, setting in settled.items()})
    return EffectivePolicy(project=project, **values, sources=sources)


def _subject(
    config: Config, project: str, notebook: Notebook | None, flavor: Flavor | None, owner_slack: str | None
) -> _Subject:
    flavor_id = (notebook.flavor if notebook else "") or (flavor.id if flavor else "")
    owners = {owner_slack, notebook.owner_id, notebook.owner_name} if notebook else {owner_slack}
    tags = notebook.tags if notebook else ()
    return _Subject(
        project=project,
        category=category_of(flavor_id, flavor),
        flavor=flavor_id,
        owners=frozenset(owner for owner in owners if owner),
        tags=frozenset({name for name, _ in tags} | {f"{name}={value}" for name, value in tags}),
        workspace=notebook.workspace if notebook else config.projects[project].endpoint.workspace,
        price=config.prices.per_hour(flavor_id),
    )


_CATEGORY_IN_ID = re.compile(r"(?:^|[._-])(cpu|gpu|npu|ascend)(?:[._-]|$)", re.IGNORECASE)


def category_of(flavor_id: str, flavor: Flavor | None) -> str | None:
    """CPU, GPU or ASCEND: as the cloud lists the flavor, else as its id says; None when neither tells."""
    if flavor is not None and flavor.category:
        return flavor.category.upper()
    found = _CATEGORY_IN_ID.search(flavor_id)
    return None if found is None else {"NPU": "ASCEND"}.get(found[1].upper(), found[1].upper())


def _matches(when: When, subject: _Subject) -> bool:
    return (
        (not when.category or subject.category in when.category)
        and (not when.flavor or any(fnmatchcase(subject.flavor, glob) for glob in when.flavor))
        and (not when.owner or not subject.owners.isdisjoint(when.owner))
        and (not when.tag or not subject.tags.isdisjoint(when.tag))
        and (not when.workspace or subject.workspace in when.workspace)
        and (not when.project or subject.project in when.project)
        and (when.price_per_hour is None or when.price_per_hour.holds(subject.price))
    )


def rule_source(number: int, rule_line: int) -> str:
    """How a rule is named as a source: counted from 1, with the line it begins on."""
    return f"[[policy.rules]] #{number} (line {rule_line})"


__all__ = ["ADMIN_CHOICE", "EffectivePolicy", "IdleMode", "category_of", "effective", "rule_source"]
