"""Shadow mode's score: how often the owner was in fact active within the hour after the stop that was not made."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.operations.shadow import judged, look_at
from bot.rules.idle import SourceReading, Verdict
from tests.unit.passes.stand import HOUR, NOW

MINUTE = timedelta(minutes=1)
STOP = NOW


def at(minutes: int | None) -> datetime | None:
    return None if minutes is None else STOP + minutes * MINUTE


def reading(state: Any, since: int | None, newest: int, used: int | None = None, source: str = "x") -> SourceReading:
    """Instants are minutes after the stop."""
    return SourceReading(source, state, at(since), "", at(newest), {}, at(used))


def idle(newest: int, since: int = -80, used: int | None = None) -> SourceReading:
    return reading("idle", since, newest, used)


def active(since: int, used: int | None = None) -> SourceReading:
    return reading("active", since, since, used)


@pytest.mark.parametrize(
    ("state", "readings", "said"),
    [
        pytest.param("active", [active(30)], True, id="used within the hour"),
        pytest.param("active", [active(60)], True, id="at its very end"),
        pytest.param("active", [active(59, used=61)], True, id="a minute that began within it"),
        pytest.param("active", [active(-1)], None, id="used before it"),
        pytest.param("active", [active(90)], None, id="used later: it may have begun within the hour"),
        pytest.param("idle", [idle(240, since=20, used=20)], True, id="used for a moment, long ago by now"),
        pytest.param("unknown", [idle(70, since=20, used=20), reading("unknown", None, 0)], True,
                     id="another source cannot tell"),
        pytest.param("idle", [idle(30)], None, id="the hour is not over"),
        pytest.param("idle", [idle(59), idle(75)], None, id="one source has not seen all of it"),
        pytest.param("idle", [idle(60), idle(75)], False, id="the hour was quiet"),
        pytest.param("idle", [idle(75), idle(75, since=10)], None, id="one source looks less far back"),
        pytest.param("idle", [idle(400, since=300, used=300)], None, id="used later and quiet again"),
        pytest.param("unknown", [idle(75), reading("unknown", None, 0)], None, id="it cannot be told"),
        pytest.param("idle", [], None, id="nothing is known"),
    ],
)  # fmt: skip
def test_what_evidence_says_of_the_hour_after(state: Any, readings: list[SourceReading], said: bool | None) -> None:
    assert judged(STOP, Verdict(state, None, "", tuple(readings))) is said


@pytest.mark.parametrize("idle_after", [30 * MINUTE, HOUR, 24 * HOUR])
def test_it_is_looked_at_right_before_the_hour_ends_and_once_all_of_it_is_known(idle_after: timedelta) -> None:
    early = max(5 * MINUTE, idle_after / 6) / 10
    looks = [look_at(STOP, STOP + after * MINUTE, idle_after, MINUTE) for after in (0, 58, 59, 74, 75)]
    due = [look - early if look else None for look in looks]
    assert due == [at(59), at(59), at(75), at(75), None]
