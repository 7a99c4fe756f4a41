"""Lines of keys, for every way TOML can write one."""

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.config.toml_lines import Path, key_lines

TEXT = (
    '''\
# a = 1
a = """
b = 2
"""
"quoted key" = 'it # is'
c.d."e.f" = [ # one
  1, 2,
  { g = "]", h = [1] }, # }
]
[t.u]
x = '''.removesuffix("x = ")
    + """x = '''
y = 1'''
y = 2026-11-25 18:00:00 # when
[[t.list]]
z = { a = 1, b = { c = "}" } }
[t.list.sub]
w = true
[[t.list]]
z = -0.5e3
"""
    + 'v = "\\"[x]\\\\"\n'
)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from paths(inner, (*path, key))


def test_every_key_of_a_crooked_text_is_found_on_its_line() -> None:
    lines = key_lines(TEXT)
    expected = set(paths(tomllib.loads(TEXT))) - {("t",)}
    assert set(lines) == expected
    assert {lines[path] for path in [("a",), ("quoted key",), ("c", "d", "e.f")]} == {2, 5, 6}
    assert lines[("c", "d", "e.f", 2, "g")] == 8
    assert (lines[("t", "u", "x")], lines[("t", "u", "y")]) == (11, 13)
    assert (lines[("t", "list", 0, "z", "b", "c")], lines[("t", "list", 1, "z")]) == (15, 19)
    assert lines[("t", "list", 0, "sub", "w")] == 17


@given(st.dictionaries(st.text("ab-_é\" '\n", min_size=1, max_size=4), st.text(max_size=6), max_size=6))
def test_keys_of_any_text_are_found(table: dict[str, str]) -> None:
    quoted = {key: "".join(f"\\U{ord(c):08X}" for c in key) for key in table}
    text = "".join(f'"{quoted[key]}" = "{"".join(f"{chr(92)}U{ord(c):08X}" for c in value)}"\n'
                   for key, value in table.items())  # fmt: skip
    assert key_lines(text) == {(key,): n for n, key in enumerate(table, 1)}
