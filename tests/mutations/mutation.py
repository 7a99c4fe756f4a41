"""One rule broken: what is replaced by what, and which assertion has to notice."""

from dataclasses import dataclass
from pathlib import Path


class Misplaced(Exception):
    """The text to be replaced does not occur exactly once."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """`name` says what the product does wrong now. `test` is the node that must fail.

    `expected` is a piece of the failing assertion: of its line in the test, or of what pytest says about it.
    """

    name: str
    file: str  # from the root of the repository
    old: str
    new: str
    test: str
    expected: str

    @property
    def module(self) -> str:
        """The module that is broken."""
        return self.file.removesuffix(".py").replace("/", ".")

    def applied(self, root: Path) -> str:
        """The file's text with the rule broken. Raises Misplaced."""
        text = (root / self.file).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise Misplaced(f"{self.file} has {self.old!r} {count} times")
        return text.replace(self.old, self.new)
