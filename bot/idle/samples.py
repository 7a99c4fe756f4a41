"""What is stored per notebook and source, so that a restart forgets nothing: the last reading and the memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from bot.clock import from_ms, to_ms
from bot.idle.ports import Evidence, Memory
from bot.rules.idle import SourceReading

VERSION = 1
_STATES = ("active", "idle", "unknown")


@dataclass(frozen=True, slots=True)
class Sample:
    """One source's last word on one notebook.

    `idle_since_read` is the instant of the first of the idle readings in a row that led here, None if the last one
    was not idle; `idle_readings` is how many there were.
    """

    read_at: datetime
    reading: SourceReading
    memory: Memory = field(default_factory=dict)
    idle_readings: int = 0


def next_sample(before: Sample | None, evidence: Evidence, now: datetime) -> Sample:
    """The sample to store after a reading made at `now`."""
    streak = before.idle_readings if before else 0
    return Sample(now, evidence.reading, evidence.memory, streak + 1 if evidence.reading.state == "idle" else 0)


def encode(sample: Sample) -> str:
    """As JSON text. It holds no token and no address of the notebook."""
    reading = sample.reading
    told = {
        "source": reading.source, "state": reading.state, "since": _ms(reading.since), "reason": reading.reason,
        "newest": _ms(reading.newest), "details": dict(reading.details),
    }
    return json.dumps(
        {
            "v": VERSION, "read_at": to_ms(sample.read_at), "idle_readings": sample.idle_readings, "reading": told,
            "memory": dict(sample.memory),
        },
        separators=(",", ":"),
    )


def decode(text: str | None) -> Sample | None:
    """The stored sample; None for what cannot be read or is of another version: then we start from nothing."""
    try:
        data = json.loads(text or "null")
        return _sample(data) if data["v"] == VERSION else None
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
        return None


def _sample(data: Mapping[str, Any]) -> Sample:
    told = data["reading"]
    if told["state"] not in _STATES:
        raise ValueError("state")
    details = {str(key): str(value) for key, value in told["details"].items()}
    reading = SourceReading(
        source=str(told["source"]), state=told["state"], since=_at(told["since"]), reason=str(told["reason"]),
        newest=_at(told["newest"]), details=details,
    )
    memory = cast(dict[str, Any], dict(data["memory"]))
    return Sample(from_ms(int(data["read_at"])), reading, memory, int(data["idle_readings"]))


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
