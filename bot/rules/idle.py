"""How evidence of idleness is combined. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

State = Literal["active", "idle", "unknown"]


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What one source says of one notebook.

    `since`: idle - quiet from then on (it may be younger than `idle_after`: compare); active - its last known use.
    `newest`: the newest thing the source knows, for freshness; None if unknown.
    `details`: for people; `blind` names, comma-joined, what this source cannot see here (terminals, ssh, old_server).
    """

    source: str
    state: State
    since: datetime | None
    reason: str
    newest: datetime | None
    details: Mapping[str, str] = field(default_factory=dict)
