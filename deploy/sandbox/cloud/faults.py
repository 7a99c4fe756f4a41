"""Troubles on order: which calls go wrong, how, and how often."""

import re
from dataclasses import dataclass, field
from typing import Any

EFFECTS = frozenset(
    {
        "status",  # `status`, `body` (object or text), `headers`: answered instead of carrying it out
        "error",  # `code` of the error table, `status` if another than the table's
        "throttle",  # 429 APIGW.0308; `retry_after`: seconds as text, "date" or absent
        "reset",  # the connection is reset before anything is done
        "slow",  # carried out after `ms` of the host's time
        "lost",  # carried out, then the connection is reset instead of an answer
        "html",  # a proxy's page; `status` 200 unless said otherwise
        "truncated",  # carried out, the JSON ends in the middle
        "empty",  # carried out, 200 without a body
        "no_content",  # carried out, 204
        "error_200",  # `code` in a 200 body, nothing carried out
        "token_dies",  # the caller's token ends before this call is looked at
    }
)
_PARAMETERS = {"status", "body", "headers", "code", "retry_after", "ms"}
_MATCHERS = {"method", "path", "nth", "every", "count", "effect", "user"}


@dataclass
class Rule:
    """Hits calls whose method, path (regular expression) and user fit: from the `nth` on, `count` times (0: always)."""

    effect: str
    method: str | None = None
    path: str = ""
    user: str | None = None
    nth: int = 1
    every: int = 1
    count: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0

    @classmethod
    def parse(cls, text: dict[str, Any]) -> "Rule":
        """Raises ValueError naming what is wrong with it."""
        if unknown := set(text) - _PARAMETERS - _MATCHERS:
            raise ValueError(f"unknown key in a fault rule: {sorted(unknown)[0]}")
        if text.get("effect") not in EFFECTS:
            raise ValueError(f"unknown effect: {text.get('effect')!r}; one of {', '.join(sorted(EFFECTS))}")
        re.compile(text.get("path", ""))
        return cls(
            **{name: text[name] for name in _MATCHERS if name in text},
            parameters={name: text[name] for name in _PARAMETERS if name in text},
        )

    def strikes(self, method: str, path: str, user: str | None) -> bool:
        if self.count and self.hits >= self.count:
            return False
        if self.method not in (None, method) or not re.search(self.path, path) or self.user not in (None, user):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.seen - self.nth) % self.every:
            return False
        self.hits += 1
        return True


class Faults:
    """The first rule that strikes a call decides."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, effect: str, **rule: Any) -> Rule:
        """`add("lost", method="POST", path=r"/notebooks$")`; see `Rule` and `EFFECTS`."""
        parsed = Rule.parse({"effect": effect, **rule})
        self.rules.append(parsed)
        return parsed

    def clear(self) -> None:
        self.rules.clear()

    def strike(self, method: str, path: str, user: str | None) -> Rule | None:
        return next((rule for rule in self.rules if rule.strikes(method, path, user)), None)
