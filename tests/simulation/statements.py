"""The product's statements, compiled by SQLAlchemy for one dialect and kept; bound and read without its engine.

Most of a run would go into what an engine does around each statement, and a run has one connection at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Float
from sqlalchemy.engine import Row
from sqlalchemy.engine.result import SimpleResultMetaData

Processor = Callable[[Any], Any]
DOUBLE = 701
_KEPT_MOST = 2000  # statement objects; most are put together once and asked often


class Statements:
    """All that were compiled so far, for one dialect."""

    def __init__(self, dialect: Any) -> None:
        self._dialect = dialect
        self._compiled: dict[Any, Any] = {}
        self._plans: dict[Any, Plan] = {}
        self._kept: dict[tuple[int, tuple[str, ...], bool], tuple[Any, Plan, Any]] = {}

    def __call__(self, statement: Any, given: Mapping[str, Any], *, many: bool = False) -> "tuple[Plan, Any]":
        """How it is run, and the parameters that are part of it. `given`: the first set of parameters."""
        place = id(statement), tuple(given), many
        kept = self._kept.get(place)
        if kept is not None and kept[0] is statement:  # it is held, so that no other one can have its id
            return kept[1], kept[2]
        compiled, extracted, _params, _hit = statement._compile_w_cache(
            self._dialect, compiled_cache=self._compiled, column_keys=sorted(given), for_executemany=many
        )
        plan = self._plans.get(compiled)
        if plan is None:
            plan = self._plans[compiled] = Plan(compiled, self._dialect)
        if len(self._kept) >= _KEPT_MOST:
            self._kept.clear()
        self._kept[place] = statement, plan, extracted
        return plan, extracted


class Plan:
    """How one compiled statement is bound, and how its rows are read."""

    def __init__(self, compiled: Any, dialect: Any) -> None:
        self._compiled, self._dialect = compiled, dialect
        self.text: str = compiled.string
        self._expands = bool(compiled.literal_execute_params or compiled.post_compile_params)
        self._expanded: dict[tuple[int, ...], tuple[str, list[tuple[str, int, Processor | None]]]] = {}
        self._lists = [name for bind, name in compiled.bind_names.items() if bind.expanding] if self._expands else []
        columns = [*(compiled.insert_prefetch or ()), *(compiled.update_prefetch or ())]
        self._defaults = {column.key: column.default.arg for column in columns}
        self._entries = [] if self._expands else list(_entries(compiled))
        self._columns = compiled._result_columns or []
        self._readers = [each.type._cached_result_processor(dialect, _oid(each.type)) for each in self._columns]
        self._metadata = SimpleResultMetaData([each.keyname for each in self._columns])

    @property
    def returns(self) -> bool:
        """Whether it has rows."""
        return bool(self._columns)

    def bound(self, extracted: Sequence[Any] | None, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Its text, and its parameters in order."""
        if self._defaults:
            given = {**given, **self._defaults}
        if self._expands:
            return self._with_lists(extracted, given)
        values = []
        for key, bind, place, processor in self._entries:
            if key in given:
                value = given[key]
            else:
                param = bind if place is None or extracted is None else extracted[place]
                if param.required:
                    raise KeyError(key)
                value = param.effective_value
            values.append(value if processor is None else processor(value))
        return self.text, values

    def _with_lists(self, extracted: Sequence[Any] | None, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Lists in it have as many members as are given."""
        values = self._compiled.construct_params(given, extracted_parameters=extracted, escape_names=False)
        sizes = tuple(len(values[name]) for name in self._lists)
        found = self._expanded.get(sizes)
        if found is None:
            found = self._expanded[sizes] = self._expand(values)
        text, entries = found
        members = ((values[name] if place < 0 else values[name][place], process) for name, place, process in entries)
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


def _entries(compiled: Any) -> Iterator[tuple[str, Any, int | None, Processor | None]]:
    """Of each parameter in order: its key, itself, its place among the extracted ones, what makes a value of it."""
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    matches = compiled._cache_key_bind_match
    places: dict[Any, int] = {}
    if matches is not None:
        for place, original in enumerate(compiled.cache_key[1]):
            places |= dict.fromkeys(matches[0].get(original, ()), place)
    for name in compiled.positiontup or ():
        bind = binds[name]
        yield bind.key, bind, places.get(bind), compiled._bind_processors.get(name)


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
