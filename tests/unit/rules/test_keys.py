"""Keys are a file format: old messages carry them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.rules import keys

AT = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)


def test_every_key_is_written_as_agreed() -> None:
    assert keys.lease_warning("nb-1", AT, timedelta(minutes=60)) == "lease_warning:nb-1:1795435200123:3600"
    assert keys.idle_warning("nb-1", AT) == "idle_warning:nb-1:1795435200123"
    assert keys.stopped("nb-1", AT) == "stopped:nb-1:1795435200123"
    assert keys.approval_request("a7") == "approval_request:a7"
    assert keys.approval_settled("a7") == "approval_settled:a7"
    assert keys.operation("o9") == "operation:o9"
    assert keys.digest("research", "weekly", date(2026, 11, 23)) == "digest:research:weekly:2026-11-23"
    assert keys.alert("brake", "research", date(2026, 11, 23)) == "alert:brake:research:2026-11-23"


def test_a_warnings_key_can_be_read_back() -> None:
    key = keys.lease_warning("nb-1", AT, timedelta(minutes=15))
    assert keys.lease_warning_parts(key) == ("nb-1", AT, timedelta(minutes=15))
    assert keys.event_type(key) == "lease_warning"
    with pytest.raises(ValueError, match="operation"):
        keys.lease_warning_parts("operation:nb:1:2")


def test_every_builder_has_its_event_type() -> None:
    assert all(callable(getattr(keys, kind)) for kind in keys.EVENT_TYPES)
