"""Read the policy file: every problem with its line, all of them at once."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.config.general import read_budgets, read_metrics, read_people, read_prices, read_roles, read_timezone
from bot.config.model import Config
from bot.config.policy_sections import read_policy, read_rules
from bot.config.problems import Problems, Table
from bot.config.projects import Secrets, read_projects
from bot.config.toml_lines import key_lines
from bot.errors import SettingsError

_SECTIONS = ("timezone", "projects", "roles", "people", "policy", "prices", "budgets", "metrics")
_POSITION = re.compile(r" ?\(at line (\d+), column \d+\)")


def load(path: str | Path, environ: Mapping[str, str]) -> Config:
    """The policy file at `path`; secrets are taken from `environ` and from files named relative to it.

    Raises SettingsError whose text is one line per problem, `FILE:LINE: what`.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as exc:
        hint = "; `leasebot init` writes one" if isinstance(exc, FileNotFoundError) else ""
        raise SettingsError(f"{path}: cannot be read: {exc.strerror}{hint}") from exc
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: not UTF-8 text") from exc
    return load_text(text, str(path), environ, file_hash=hashlib.sha256(raw).hexdigest())


def load_text(text: str, path: str, environ: Mapping[str, str], *, file_hash: str | None = None) -> Config:
    """The same for a text that was read already; `path` is the name in errors."""
    problems = Problems(path)
    root = Table("the file", _parse(text, path), (), key_lines(text), problems)
    root.only(_SECTIONS)
    policy = root.table("policy", "[policy]")
    timezone = read_timezone(root)
    roles = read_roles(root)
    projects = read_projects(root, roles, Secrets(environ, Path(path).parent))
    config = Config(
        projects=MappingProxyType(projects),
        settings=read_policy(policy, sections=("rules",)),
        rules=read_rules(policy, tuple(projects)),
        roles=roles,
        people=read_people(root),
        timezone=timezone,
        prices=read_prices(root),
        budgets=read_budgets(root),
        metrics=read_metrics(root),
        file_hash=file_hash or hashlib.sha256(text.encode()).hexdigest(),
        path=path,
    )
    if error := problems.error():
        raise error
    return config


def _parse(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as exc:
        found = _POSITION.search(str(exc))
        line = int(found[1]) if found else text.count("\n") + 1
        raise SettingsError(f"{path}:{line}: not valid TOML: {_POSITION.sub('', str(exc))}") from exc
