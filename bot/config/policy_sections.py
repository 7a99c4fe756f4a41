"""`[policy]`, `[projects.policy]` and `[[policy.rules]]`."""

import re
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bot.config import values
from bot.config.model import PriceBound, Rule, Setting, When
from bot.config.policy import rule_source
from bot.config.policy_keys import BY_NAME
from bot.config.problems import Table, nearest
from bot.errors import BadInput

_WHOLE_PROJECT = "it holds for a whole project; set it in [policy] or [projects.policy]"
_FOR_PROJECTS = {name: _WHOLE_PROJECT for name, key in BY_NAME.items() if not key.in_rules}
_CATEGORIES = {"CPU": "CPU", "GPU": "GPU", "ASCEND": "ASCEND", "NPU": "ASCEND"}
_BOUND = re.compile(r"\s*(>=|<=|>|<|=)?\s*([0-9]+(?:\.[0-9]+)?)\s*")


def read_policy(table: Table, *, sections: tuple[str, ...] = ()) -> Mapping[str, Setting]:
    """The keys a policy table gives; `sections` are its subtables, read elsewhere."""
    table.only((*BY_NAME, *sections))
    return _settings(table, table.title, by_line=True)


def read_rules(policy: Table, projects: tuple[str, ...]) -> tuple[Rule, ...]:
    """`[[policy.rules]]`, in their order."""
    tables = policy.tables("rules", "[[policy.rules]]")
    return tuple(_rule(table, number, projects) for number, table in enumerate(tables, 1))


def _rule(table: Table, number: int, projects: tuple[str, ...]) -> Rule:
    table.only((*BY_NAME, "when"), elsewhere=_FOR_PROJECTS)
    when = table.table("when", "when")
    if not when.values:
        table.problems.add(table.line(), "a rule in [[policy.rules]] needs a `when` that names at least one key")
    return Rule(_when(when, projects), _settings(table, rule_source(number, table.line()), by_line=False))


def _settings(table: Table, source: str, *, by_line: bool) -> Mapping[str, Setting]:
    found: dict[str, Setting] = {}
    for name in table.values:
        if name in BY_NAME:
            where = f"{source} line {table.line(name)}" if by_line else source
            value = table.get(name, BY_NAME[name].read, None)
            found[name] = Setting(value, where)
    return MappingProxyType(found)


def _when(table: Table, projects: tuple[str, ...]) -> When:
    table.only(tuple(each.name for each in fields(When)))
    texts = values.one_or_list(values.text)
    return When(
        category=table.get("category", values.one_or_list(_category), ()),
        flavor=table.get("flavor", texts, ()),
        owner=table.get("owner", texts, ()),
        tag=table.get("tag", texts, ()),
        workspace=table.get("workspace", texts, ()),
        project=table.get("project", values.one_or_list(_known(projects)), ()),
        price_per_hour=table.get("price_per_hour", _bound, None),
    )


def _category(value: Any) -> str:
    word = values.text(value)
    if word.upper() not in _CATEGORIES:
        raise BadInput(f'must be CPU, GPU or ASCEND, not "{word}"')
    return _CATEGORIES[word.upper()]


def _known(projects: tuple[str, ...]) -> values.Reader:
    def read(value: Any) -> str:
        name = values.text(value)
        if name not in projects:
            raise BadInput(f'no project is called "{name}"{nearest(name, projects)}')
        return name

    return read


def _bound(value: Any) -> PriceBound:
    found = _BOUND.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise BadInput('must be a comparison in quotes such as ">2.5"')
    return PriceBound(found[1] or "=", Decimal(found[2]))
