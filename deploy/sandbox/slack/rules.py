"""The vocabulary in which Block Kit's limits are written down (`limits.py`)."""

from dataclasses import dataclass, field

MESSAGE, MODAL, HOME = "message", "modal", "home"
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})


@dataclass(frozen=True)
class Text:
    """A text object of `least` to `most` characters; `plain`: mrkdwn is refused."""

    most: int
    plain: bool = False
    least: int = 1


@dataclass(frozen=True)
class Str:
    """A string."""

    most: int = 3000
    least: int = 0
    pattern: str | None = None


@dataclass(frozen=True)
class Url:
    """An http or https address."""

    most: int = 3000


@dataclass(frozen=True)
class Flag:
    """true or false."""


@dataclass(frozen=True)
class Number:
    """An integer within bounds."""

    least: int
    most: int


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    values: frozenset[str]


@dataclass(frozen=True)
class Typed:
    """An object whose `type` is one of these."""

    types: frozenset[str]


@dataclass(frozen=True)
class TypedList:
    """A list of such objects."""

    types: frozenset[str]
    most: int
    least: int = 1


@dataclass(frozen=True)
class Shape:
    """An object without a type of its own, by its name in `limits.SHAPES`."""

    name: str


@dataclass(frozen=True)
class ShapeList:
    """A list of such objects."""

    name: str
    most: int
    least: int = 1


@dataclass(frozen=True)
class Words:
    """A list of strings."""

    most: int


@dataclass(frozen=True)
class Rows:
    """A table's rows: lists of cells, all typed."""

    cells: frozenset[str]
    most: int
    columns: int
    equal: bool = False


@dataclass(frozen=True)
class Anything:
    """Not looked into."""


Rule = Text | Str | Url | Flag | Number | Choice | Typed | TypedList | Shape | ShapeList | Words | Rows | Anything


@dataclass(frozen=True)
class Spec:
    """What an object may hold. `any_of`: at least one of these; `only_one_of`: exactly one of them."""

    fields: dict[str, Rule]
    required: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    only_one_of: frozenset[str] = frozenset()
    surfaces: frozenset[str] = field(default=EVERYWHERE)


@dataclass(frozen=True)
class Finding:
    """One thing Slack refuses (`severity` error) or merely regrets (warning), with its JSON pointer."""

    code: str
    message: str
    pointer: str
    severity: str = "error"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def line(self) -> str:
        """As Slack puts it into `response_metadata.messages`."""
        return f"[{'ERROR' if self.is_error else 'WARN'}] {self.message} [json-pointer:{self.pointer}]"
