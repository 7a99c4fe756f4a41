"""Keys of the messages Slack carries for us, exactly as contract 2 names them; one key, one message."""

from datetime import date, datetime, timedelta
from typing import Any, Literal

from bot.clock import from_ms, to_ms

EVENT_TYPES = (
    "lease_warning",
    "idle_warning",
    "stopped",
    "approval_request",
    "approval_settled",
    "operation",
    "digest",
    "alert",
)


def lease_warning(notebook: str, end: datetime, lead: timedelta) -> str:
    """`lead` as configured (before it was scaled to the lease), in seconds; `end` in ms since the epoch."""
    return f"lease_warning:{notebook}:{to_ms(end)}:{lead // timedelta(seconds=1)}"


def idle_warning(notebook: str, idle_since: datetime) -> str:
    """One idle spell, one warning: activity and a new spell make a new key."""
    return f"idle_warning:{notebook}:{to_ms(idle_since)}"


def idle_warning_since(key: str) -> int:
    """When the spell of an idle warning's key began, in milliseconds."""
    return int(key.rpartition(":")[2])


def stopped(notebook: str, stop_at: datetime) -> str:
    """One stop of one notebook, whoever made it."""
    return f"stopped:{notebook}:{to_ms(stop_at)}"


def approval_request(approval_id: str) -> str:
    """The request; each copy (channel, `escalate_to`) carries the same key."""
    return f"approval_request:{approval_id}"


def approval_settled(approval_id: str) -> str:
    """What became of a request."""
    return f"approval_settled:{approval_id}"


def operation(operation_id: str) -> str:
    """One operation is one message."""
    return f"operation:{operation_id}"


def digest(project: str, kind: Literal["daily", "weekly"], day: date) -> str:
    """`day` is the local date on which it is posted."""
    return f"digest:{project}:{kind}:{day.isoformat()}"


def alert(kind: str, subject: str, day: date) -> str:
    """At most one alert a day of one kind about one subject."""
    return f"alert:{kind}:{subject}:{day.isoformat()}"


def event_type(key: str) -> str:
    """The `event_type` a key belongs to: what stands before its first colon."""
    return key.partition(":")[0]


def lease_warning_parts(key: str) -> tuple[str, datetime, timedelta]:
    """(notebook, end, lead) of a lease warning's key. Raises ValueError for any other key."""
    kind, notebook, end_ms, lead_s = key.split(":")
    if kind != "lease_warning":
        raise ValueError(key)
    return notebook, from_ms(int(end_ms)), timedelta(seconds=int(lead_s))


def metadata(row: Any) -> dict[str, Any]:
    """Of a row of the outbox, flat: event type, key, and the ids its facts name. Copies carry the same key.

    Of several notices that one message carries, the first one's key: what it was written with may have been left out.
    """
    key = str(row.facts.get("keys") or base_of(row.key)).partition(",")[0]
    kind = "operation" if row.kind == "answer" else row.kind
    payload = {"key": key if kind == row.kind else operation(key.partition(":")[2])} | {
        name: row.facts[name] for name in ("notebook_id", "keys", "notebook_ids") if row.facts.get(name)
    }
    return {"event_type": kind, "event_payload": {"notebook_id": ""} | payload}


def base_of(key: str) -> str:
    """What a message shares with its copies: `key` of `key@U1`."""
    return key.partition("@")[0]
