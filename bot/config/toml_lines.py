"""On which line of a TOML text each key stands. `tomllib` reads the values but keeps no positions."""

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_BARE_VALUE = re.compile(r"[^,\]}\n#]+")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


def key_lines(text: str) -> dict[Path, int]:
    """Path of every table, key and list item -> its line, from 1. `text` must be valid TOML."""
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    """Walks a text that `tomllib` has accepted, so that it need not judge anything itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._arrays: dict[Path, int] = {}  # array of tables -> index of its last table
        self.lines: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._peek_statement():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _peek_statement(self) -> bool:
        self._skip(_BLANK)
        return self._at < len(self._text)

    def _skip(self, what: re.Pattern[str]) -> str:
        found = what.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _mark(self, path: Path, at: int) -> None:
        self.lines.setdefault(path, bisect_right(self._line_starts, at))

    def _header(self) -> Path:
        start = self._at
        double = self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        *parents, last = self._keys()
        self._at += 2 if double else 1
        path: Path = ()
        for key in parents:
            path = self._inside((*path, key))
        path = (*path, last)
        if double:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            self._mark(path, start)
            path = (*path, self._arrays[path])
        else:
            path = self._inside(path)
        self._mark(path, start)
        return path

    def _inside(self, path: Path) -> Path:
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACES)
            keys.append(self._key())
            self._skip(_SPACES)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _key(self) -> str:
        if self._text[self._at] in "\"'":
            return str(tomllib.loads(f"key = {self._string()}")["key"])
        return self._skip(_BARE_KEY)

    def _string(self) -> str:
        return next(found for pattern in _STRINGS if (found := self._skip(pattern)))

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for key in self._keys():
            path = (*path, key)
            self._mark(path, start)
        self._at += 1  # the equals sign
        self._skip(_SPACES)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._items(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._skip(_BARE_VALUE)

    def _items(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._next_member("]"):
            self._mark((*path, index), self._at)
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._next_member("}"):
            self._pair(path)

    def _next_member(self, closing: str) -> bool:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._text[self._at] != closing:
            return True
        self._at += 1
        return False
