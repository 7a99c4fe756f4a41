"""The README names every alert and every metric."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.render.alerts import TITLES
from deploy.health import _COUNTERS, _GAUGES

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
KIND = 3  # place among the arguments of `alert`


def kinds() -> Iterator[str]:
    for path in (*(ROOT / "bot").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "alert":
                kind = node.args[KIND] if len(node.args) > KIND else None
                if isinstance(kind, ast.Constant):
                    yield str(kind.value)
                elif isinstance(kind, ast.Name) and kind.id in names:
                    yield str(names[kind.id])


def metrics() -> set[str]:
    source = (ROOT / "deploy" / "health.py").read_text(encoding="utf-8")
    plain = {name for name in re.findall(r"leasebot_[a-z_]+", source) if not name.endswith("_")}
    return plain | {f"leasebot_cloud_{name}" for name in (*_GAUGES.values(), *_COUNTERS.values())}


def test_alerts_are_found() -> None:
    assert {"brake", "cannot_tell", "undelivered", "scheduler_dead"} <= set(kinds())


@pytest.mark.parametrize("kind", sorted(set(kinds())))
def test_every_alert_stands_in_the_readme(kind: str) -> None:
    table = README.partition("### Alerts")[2].partition("###")[0]
    assert f"`{kind}`" in table


@pytest.mark.parametrize("kind", sorted(set(kinds())))
def test_every_alert_says_in_its_title_what_it_is_about(kind: str) -> None:
    assert TITLES[kind]


def test_every_title_belongs_to_an_alert() -> None:
    assert set(TITLES) == set(kinds())


@pytest.mark.parametrize("name", sorted(metrics()))
def test_every_metric_stands_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README
