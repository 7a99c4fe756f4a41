"""The README names everything there is, and the changelog this version."""

import re
import tomllib
from pathlib import Path

import pytest

from bot.config.general import METRICS_MEANING
from bot.config.policy_keys import POLICY_KEYS
from bot.config.projects import _KEYS as PROJECT_KEYS
from bot.config.template import toml_value
from bot.render.help import COMMANDS
from bot.settings import SETTINGS
from deploy.cli import app
from deploy.manifest import APP_SCOPES, BOT_SCOPES, EVENTS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(text: str = README) -> list[list[str]]:
    """Every row of every table, cell by cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


ROWS = rows()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_of_help_stands_in_the_readme(command: object) -> None:
    assert [f"`{command.usage}`", command.line] in ROWS  # type: ignore[attr-defined]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_stands_in_the_readme(setting: object) -> None:
    default = f"`{setting.default}`" if setting.default else ""  # type: ignore[attr-defined]
    assert [f"`{setting.name}`", default, setting.meaning] in ROWS  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", POLICY_KEYS, ids=lambda key: key.name)
def test_every_policy_key_stands_in_the_readme(key: object) -> None:
    expected = [f"`{key.name}`", key.kind, f"`{toml_value(key.default)}`", key.meaning]  # type: ignore[attr-defined]
    assert expected in ROWS


@pytest.mark.parametrize("name", [*METRICS_MEANING])
def test_every_key_of_metrics_stands_in_the_readme(name: str) -> None:
    assert any(row[0] == f"`{name}`" and row[-1] == METRICS_MEANING[name] for row in ROWS)


@pytest.mark.parametrize("name", PROJECT_KEYS)
def test_every_key_of_a_project_stands_in_the_readme(name: str) -> None:
    section = README.partition("| `[[projects]]` |")[2].partition("| `[roles]` |")[0]
    assert f"`{name}`" in section


@pytest.mark.parametrize("listed", [BOT_SCOPES, APP_SCOPES, EVENTS], ids=["bot scopes", "app scopes", "events"])
def test_every_scope_and_event_stands_in_the_readme_with_its_reason(listed: dict[str, str]) -> None:
    assert [row for name, why in listed.items() if (row := [f"`{name}`", why]) not in ROWS] == []


def operator_commands() -> list[str]:
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    for group in app.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        for command in inner.registered_commands:
            assert command.callback is not None
            names.append(f"{inner.info.name} {command.name or command.callback.__name__}")
    return names


@pytest.mark.parametrize("name", operator_commands())
def test_every_command_of_the_operator_stands_in_the_readme(name: str) -> None:
    assert any(f"`leasebot {name}" in row[0] for row in ROWS), name


@pytest.mark.parametrize("name", operator_commands())
def test_every_command_of_the_operator_is_called_by_a_test(name: str) -> None:
    called = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/deploy").glob("*.py"))
    words = ", ".join(f'"{word}"' for word in name.split())
    assert words in called, name


def test_the_pictures_and_files_it_points_to_are_there() -> None:
    named = re.findall(r"\]\(([\w./-]+)\)", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_commands_it_shows_point_to_files_that_are_there() -> None:
    named = set(re.findall(r"\b((?:deploy|tests)/[\w./-]+\.(?:py|sh|yaml|txt)|deploy/Dockerfile|\.ci/run)\b", README))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_changelog_tells_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()
