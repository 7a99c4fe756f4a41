"""Troubles on order: which calls go wrong, how, and how often."""

import re
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.asked import typed, within
from deploy.sandbox.cloud.errors import refusal

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
_MATCHERS = {
    "effect": str, "method": str | None, "path": str, "user": str | None, "nth": int, "every": int, "count": int,
}  # fmt: skip
_PARAMETERS = {
    "status": int | None, "body": Any, "headers": dict[str, str] | None, "code": str, "retry_after": int | str | None,
    "ms": float,
}  # fmt: skip
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+: [\x20-\x7e]*", re.ASCII)
_FRAMING = ("content-length", "transfer-encoding", "connection")
_LONGEST_MS = 600_000


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
        if not isinstance(text, dict):
            raise ValueError("a fault rule must be an object")
        typed(text, {**_MATCHERS, **_PARAMETERS}, "a fault rule")
        if text.get("effect") not in EFFECTS:
            raise ValueError(f"unknown effect: {text.get('effect')!r}; one of {', '.join(sorted(EFFECTS))}")
        _check_matchers(text)
        _check_answer(text)
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


def _check_matchers(text: dict[str, Any]) -> None:
    if text.get("method") not in (None, *_METHODS):
        raise ValueError(f"method must be one of {', '.join(sorted(_METHODS))}, not {text['method']}")
    try:
        re.compile(text.get("path", ""))
    except (re.error, RecursionError) as exc:
        raise ValueError(f"path is no regular expression: {exc}") from exc
    for name, least in (("nth", 1), ("every", 1), ("count", 0)):
        within(text, name, least, 10**9)


def _check_answer(text: dict[str, Any]) -> None:
    within(text, "status", 200, 599)
    within(text, "ms", 0, _LONGEST_MS)
    if text["effect"] in ("error", "error_200") and "code" not in text:
        raise ValueError(f"effect {text['effect']} needs a code such as ModelArts.6357")
    try:
        refusal(text.get("code", "ModelArts.6357"))
    except KeyError:
        raise ValueError(f"unknown code: {text['code']}") from None
    after = {"Retry-After": str(text.get("retry_after") or "")}
    for name, value in {**(text.get("headers") or {}), **after}.items():
        if name.lower() in _FRAMING or not _HEADER.fullmatch(f"{name}: {value}"):
            raise ValueError(f"{name!r} with that value is no header that can be ordered")


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
