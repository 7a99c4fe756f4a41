"""What is wrong with a policy file: collected, each with its line, and told all at once."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from bot.config.toml_lines import Path
from bot.errors import BadInput, SettingsError

T = TypeVar("T")


def nearest(word: str, known: Collection[str]) -> str:
    """`; did you mean "idle_after"?`, or nothing when no known word is near."""
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


@dataclass(slots=True)
class Problems:
    """Lines of the form `FILE:LINE: what`."""

    file: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        """Note one; reading goes on."""
        self.found.append((line, what))

    def error(self) -> SettingsError | None:
        """All of them as one error, in the order of the file; None if there are none."""
        lines = [f"{self.file}:{line}: {what}" for line, what in sorted(set(self.found))]
        return SettingsError("\n".join(lines)) if lines else None


@dataclass(slots=True)
class Table:
    """One table of the file while it is read."""

    title: str  # as an error names it: [policy], [[projects]], service_account
    values: Mapping[str, Any]
    path: Path
    lines: Mapping[Path, int]
    problems: Problems

    def line(self, key: str | None = None) -> int:
        """Line of a key, or of the table itself."""
        path = (*self.path, key) if key is not None else self.path
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def only(self, known: Collection[str], *, elsewhere: Mapping[str, str] | None = None) -> None:
        """Report every key that is not known; `elsewhere` says why a key that exists has no place here."""
        for key in self.values:
            if elsewhere and key in elsewhere:
                self.problems.add(self.line(key), f'key "{key}" in {self.title}: {elsewhere[key]}')
            elif key not in known:
                self.problems.add(self.line(key), f'unknown key "{key}" in {self.title}{nearest(key, known)}')

    def get(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """The key's value, or `default` when it is absent or was reported."""
        if key not in self.values:
            return default
        try:
            return read(self.values[key])
        except BadInput as exc:
            self.problems.add(self.line(key), f'bad value for "{key}" in {self.title}: {exc}')
            return default

    def need(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """Like `get`, and its absence is reported."""
        if key not in self.values:
            self.problems.add(self.line(), f'"{key}" is missing in {self.title}')
        return self.get(key, read, default)

    def table(self, key: str, title: str) -> "Table":
        """The table under `key`; empty when it is absent or was reported not to be one."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.problems.add(self.line(key), f"{title} must be a table")
            value = {}
        return Table(title, value, (*self.path, key), self.lines, self.problems)

    def tables(self, key: str, title: str) -> "list[Table]":
        """The array of tables under `key`."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.problems.add(self.line(key), f'"{key}" must be written as {title}')
            value = []
        return [Table(title, item, (*self.path, key, n), self.lines, self.problems) for n, item in enumerate(value)]
