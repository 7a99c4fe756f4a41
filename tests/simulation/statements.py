"""The product's statements, compiled by SQLAlchemy for one dialect and kept; bound and read without its engine.

Most of a run would go into what an engine does around each statement, and a run has one connection at a time.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Float
from sqlalchemy.engine import Row
from sqlalchemy.engine.result import SimpleResultMetaData

Processor = Callable[[Any], Any]
_Maker = tuple[str, str | None, Any, Processor | None]  # name, key if it is given, else the value, its processor
_MOVES_DUES = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) (work|outbox|paces)\b")
DOUBLE = 701
_KEPT_MOST = 2000  # statement objects; most are put together once and asked often


class Statements:
    """All that were compiled so far, for one dialect."""

    def __init__(self, dialect: Any) -> None:
        self._dialect = dialect
        self._compiled: dict[Any, Any] = {}
        self._plans: dict[Any, Plan] = {}
        self._kept: dict[tuple[int, tuple[str, ...], bool], Asked] = {}

    def __call__(self, statement: Any, given: Mapping[str, Any], *, many: bool = False) -> "Asked":
        """How it is run. `given`: the first set of parameters."""
        place = id(statement), tuple(given), many
        kept = self._kept.get(place)
        if kept is not None and kept.statement is statement:  # it is held, so that no other one can have its id
            return kept
        compiled, extracted, _params, _hit = statement._compile_w_cache(
            self._dialect, compiled_cache=self._compiled, column_keys=sorted(given), for_executemany=many
        )
        plan = self._plans.get(compiled)
        if plan is None:
            plan = self._plans[compiled] = Plan(compiled, self._dialect)
        if len(self._kept) >= _KEPT_MOST:
            self._kept.clear()
        asked = self._kept[place] = Asked(statement, plan, extracted)
        return asked


class Asked:
    """One statement, with the names of what is given to it."""

    __slots__ = ("_again", "_extracted", "_makers", "plan", "statement")

    def __init__(self, statement: Any, plan: "Plan", extracted: Sequence[Any] | None) -> None:
        self.statement, self.plan, self._extracted = statement, plan, extracted
        self._again = False
        self._makers: list[_Maker] | None = None

    def bound(self, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Its text, and its parameters in order. Most are asked once; for others what never changes is kept."""
        if self._makers is None:
            makers = self.plan.makers(self._extracted, given)
            if self._again:
                self._makers = makers
            self._again = True
        else:
            makers = self._makers
        if self.plan.lists:
            return self.plan.with_lists({name: fixed if key is None else given[key] for name, key, fixed, _ in makers})
        return self.plan.text, [
            fixed if key is None else (given[key] if make is None else make(given[key]))
            for _, key, fixed, make in makers
        ]


class Plan:
    """How one compiled statement is bound, and how its rows are read."""

    def __init__(self, compiled: Any, dialect: Any) -> None:
        self._compiled = compiled
        self.text: str = compiled.string
        self._expanded: dict[tuple[int, ...], tuple[str, list[tuple[str, int, Processor | None]]]] = {}
        expands = bool(compiled.literal_execute_params or compiled.post_compile_params)
        self.lists = [name for bind, name in compiled.bind_names.items() if bind.expanding] if expands else []
        assert bool(self.lists) == expands
        columns = [*(compiled.insert_prefetch or ()), *(compiled.update_prefetch or ())]
        self._defaults = {column.key: column.default.arg for column in columns}
        names = compiled.bind_names.values() if expands else compiled.positiontup or ()
        self._entries = list(_entries(compiled, names))
        self.moves_dues = _MOVES_DUES.match(self.text) is not None  # when something is due may be another time now
        self._columns = compiled._result_columns or []
        self._readers = [each.type._cached_result_processor(dialect, _oid(each.type)) for each in self._columns]
        self._metadata = SimpleResultMetaData([each.keyname for each in self._columns])

    @property
    def returns(self) -> bool:
        """Whether it has rows."""
        return bool(self._columns)

    def makers(self, extracted: Sequence[Any] | None, given: Mapping[str, Any]) -> "list[_Maker]":
        """Of each parameter what `given` will not change, or under which key it is given and what makes a value of it.

        Where lists are among them none is processed yet: their members are.
        """
        made: list[_Maker] = []
        for name, bind, place, processor in self._entries:
            if bind.key in given:
                made.append((name, bind.key, None, processor))
                continue
            if bind.key in self._defaults:
                value = self._defaults[bind.key]
            else:
                param = bind if place is None or extracted is None else extracted[place]
                if param.required:
                    raise KeyError(bind.key)
                value = param.effective_value
            made.append((name, None, value if processor is None or self.lists else processor(value), None))
        return made

    def with_lists(self, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Lists in it have as many members as are given."""
        sizes = tuple([len(values[name]) for name in self.lists])
        found = self._expanded.get(sizes)
        if found is None:
            found = self._expanded[sizes] = self._expand(values)
        text, entries = found
        members = [(values[name] if place < 0 else values[name][place], process) for name, place, process in entries]
        return text, [value if process is None else process(value) for value, process in members]

    def _expand(self, values: Mapping[str, Any]) -> tuple[str, list[tuple[str, int, Processor | None]]]:
        """The text for so many members, and of each parameter: its name, its place in a list (-1: none), its maker."""
        compiled = self._compiled
        expanded = compiled._process_parameters_for_postcompile(dict(values))
        processors = compiled._bind_processors | expanded.processors
        members = {name: (of, place) for of, names in expanded.parameter_expansion.items()
                   for place, name in enumerate(names)}  # fmt: skip
        order = [(name, *members.get(name, (name, -1))) for name in expanded.positiontup]
        return expanded.statement, [(of, place, processors.get(name)) for name, of, place in order]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Row[Any]]:
        """As the product reads them."""
        metadata, readers = self._metadata, self._readers
        return [Row(metadata, readers, metadata._key_to_index, each) for each in found]


def _oid(kind: Any) -> int | None:
    """PostgreSQL's name of the type, where its dialect asks for it."""
    return DOUBLE if isinstance(kind, Float) else None


def _entries(compiled: Any, names: Iterable[str]) -> Iterator[tuple[str, Any, int | None, Processor | None]]:
    """Of each parameter: its name, itself, its place among the extracted ones, what makes a value of it."""
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    matches = compiled._cache_key_bind_match
    places: dict[Any, int] = {}
    if matches is not None:
        for place, original in enumerate(compiled.cache_key[1]):
            places |= dict.fromkeys(matches[0].get(original, ()), place)
    for name in names:
        bind = binds[name]
        yield name, bind, places.get(bind), compiled._bind_processors.get(name)


class Result:
    """All rows of one statement, or how many it changed."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        return self.one() if self._rows else None

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        return self.scalar_one() if self._rows else None

    def scalars(self) -> list[Any]:
        return [row[0] for row in self._rows]
