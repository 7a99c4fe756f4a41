"""What is stored per notebook and source, so that a restart forgets nothing: the last reading and the memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.clock import from_ms, to_ms
from bot.idle.ports import Memory
from bot.rules.idle import SourceReading

VERSION = 1
_STATES = ("active", "idle", "unknown")


@dataclass(frozen=True, slots=True)
class Sample:
    """One source's last word on one notebook."""

    read_at: datetime
    reading: SourceReading
    memory: Memory = field(default_factory=dict)


def encode(sample: Sample) -> dict[str, Any]:
    """As JSON. It holds no token and no address of the notebook."""
    reading = sample.reading
    told = {
        "source": reading.source,
        "state": reading.state,
        "since": _ms(reading.since),
        "reason": reading.reason,
        "newest": _ms(reading.newest),
        "details": dict(reading.details),
        "used": _ms(reading.used),
    }
    return {"v": VERSION, "read_at": to_ms(sample.read_at), "reading": told, "memory": dict(sample.memory)}


def decode(data: Any) -> Sample | None:
    """The stored sample; None for what cannot be read or is of another version: then we start from nothing."""
    try:
        return _sample(data) if data["v"] == VERSION else None
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
        return None


def _sample(data: Mapping[str, Any]) -> Sample:
    told = data["reading"]
    if told["state"] not in _STATES:
        raise ValueError("state")
    details = {str(key): str(value) for key, value in told["details"].items()}
    reading = SourceReading(
        source=str(told["source"]),
        state=told["state"],
        since=_at(told["since"]),
        reason=str(told["reason"]),
        newest=_at(told["newest"]),
        details=details,
        used=_at(told.get("used")),
    )
    return Sample(from_ms(int(data["read_at"])), reading, dict(data["memory"]))


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
