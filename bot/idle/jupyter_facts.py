"""A notebook server's JSON as typed facts. Pure.

Source: Jupyter Server REST API (`/api`, `/api/status`, `/api/kernels`, `/api/sessions`, `/api/terminals`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.clock import EPOCH
from bot.idle.ports import Malformed

WORKING = frozenset({"busy", "starting", "restarting", "autorestarting", "terminating"})
RESTING = frozenset({"idle", "dead"})
FIRST_WITH_TRACKED_MESSAGES = (2, 15)
LAST_YEAR = 3000  # no time of anything that runs; sums stay within `datetime`


@dataclass(frozen=True, slots=True)
class Kernel:
    """`last_activity` is the server's; a long silent cell does not move it, so `state` comes first."""

    id: str
    state: str
    last_activity: datetime


@dataclass(frozen=True, slots=True)
class Terminal:
    """`last_activity` counts bytes through an open tab only; with the tab closed a working terminal looks still."""

    name: str
    last_activity: datetime


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Everything one reading of a server told, in the server's own time."""

    started: datetime
    last_activity: datetime  # an open tab moves it by itself: only ever an upper bound
    connections: int
    kernels: tuple[Kernel, ...]
    terminals: tuple[Terminal, ...]
    sessions: int
    version: str  # "" where it was not told
    counted: int = 0  # kernels the server says it has; it may list one more that has just begun, never fewer

    @property
    def uses(self) -> tuple[datetime, ...]:
        """The last use of each kernel and terminal."""
        kernels = tuple(each.last_activity for each in self.kernels)
        return kernels + tuple(each.last_activity for each in self.terminals)


def facts(status: Any, kernels: Any, sessions: Any, terminals: Any, about: Any) -> ServerFacts:
    """The facts in five answers; `terminals` and `about` may be None (disabled, not told). Raises Malformed."""
    told = _mapping(status, "status")
    in_sessions = [_mapping(each, "sessions").get("kernel") for each in _list(sessions, "sessions")]
    listed = [*(kernel for kernel in in_sessions if kernel is not None), *_list(kernels, "kernels")]
    return ServerFacts(
        started=_instant(told, "started"),
        last_activity=_instant(told, "last_activity"),
        connections=_count(told.get("connections", 0)),
        kernels=_once(map(_kernel, listed)),
        terminals=tuple(map(_terminal, _list([] if terminals is None else terminals, "terminals"))),
        sessions=len(in_sessions),
        version=_version(about),
        counted=_count(told.get("kernels", 0)),
    )


def is_old(version: str) -> bool:
    """Whether this server moves kernels' last activity, or their state, for messages that are no work (before 2.15).

    An unknown version counts as old.
    """
    parts = version.split(".")
    if len(parts) < 2 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        return True
    return (int(parts[0]), int(parts[1])) < FIRST_WITH_TRACKED_MESSAGES


def instant(text: str) -> datetime:
    """An ISO 8601 instant with or without fraction; without a zone it is UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if not EPOCH.year <= at.year < LAST_YEAR:
        raise ValueError(text)
    return at


def _once(kernels: Iterable[Kernel]) -> tuple[Kernel, ...]:
    """Each kernel once, at its most active: the answers are not of the same instant."""
    seen: dict[str, Kernel] = {}
    for kernel in kernels:
        other = seen.get(kernel.id, kernel)
        seen[kernel.id] = max(other, kernel, key=lambda each: (each.state not in RESTING, each.last_activity))
    return tuple(seen.values())


def _kernel(raw: Any) -> Kernel:
    told = _mapping(raw, "kernels")
    return Kernel(_text(told, "id"), _text(told, "execution_state"), _instant(told, "last_activity"))


def _terminal(raw: Any) -> Terminal:
    told = _mapping(raw, "terminals")
    return Terminal(_text(told, "name"), _instant(told, "last_activity"))


def _instant(told: Mapping[str, Any], name: str) -> datetime:
    try:
        return instant(_text(told, name))
    except (ValueError, OverflowError) as error:
        raise Malformed(name) from error


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(name)
    return value


def _mapping(raw: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise Malformed(name)
    return raw


def _list(raw: Any, name: str) -> list[Any]:
    if not isinstance(raw, list):
        raise Malformed(name)
    return raw


def _count(raw: Any) -> int:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and raw > 0 else 0


def _version(about: Any) -> str:
    version = about.get("version") if isinstance(about, dict) else None
    return version[:40] if isinstance(version, str) else ""
