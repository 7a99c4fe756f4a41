"""One quiet spell is one spell, however seldom somebody looks; whatever was used in between ends it.

Metrics as they are read, remembered and combined: points every minute with a lag, a failed reading now and then.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.idle.metrics_facts import Point
from bot.idle.metrics_verdict import LOOK_BACK, Measured, judge, look_back
from bot.idle.ports import Memory, Subject
from bot.idle.series import DEFAULT_SERIES
from bot.rules.idle import SourceReading, Verdict, combine

from .jupyter_answers import a_subject

START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CPU = DEFAULT_SERIES[0]
LAG = 7 * MINUTE


@dataclass(frozen=True)
class Policy:
    idle_after: timedelta
    idle_fresh: timedelta = 15 * MINUTE
    idle_blind: bool = False
    idle_sources: tuple[str, ...] = ("metrics",)


class Watched:
    """A notebook with work at some minutes, and what was found out about it so far."""

    def __init__(self, idle_after: timedelta, work: frozenset[int]) -> None:
        self._policy, self._work = Policy(idle_after), work
        self._memory: Memory = {}
        self.verdict: Verdict | None = None

    def subject(self) -> Subject:
        return a_subject(running_since=START, idle_after=self._policy.idle_after, memory=self._memory)

    def look(self, now: datetime, *, fails: bool = False) -> Verdict:
        subject = self.subject()
        if fails:
            told = SourceReading("metrics", "unknown", None, "refused", None)
        else:
            evidence = judge([Measured(CPU, self._points(now, look_back(subject, now)))], MINUTE, subject, now)
            told, self._memory = evidence.reading, evidence.memory
        self.verdict = combine(now, [told], self._policy, self.verdict)
        return self.verdict

    def _points(self, now: datetime, back: timedelta) -> tuple[Point, ...]:
        first, last = max(0, (now - back - START) // MINUTE), (now - LAG - START) // MINUTE
        return tuple(Point(START + n * MINUTE, 80.0 if n in self._work else 1.0) for n in range(first, last + 1))


@settings(max_examples=50, deadline=None)
@given(
    interval=st.integers(1, 60),
    idle_after=st.integers(10, 120),
    failing=st.sets(st.integers(3, 40), max_size=12),
)
@example(interval=30, idle_after=30, failing=set())
@example(interval=60, idle_after=60, failing={5})
@example(interval=60, idle_after=10, failing=set())
def test_one_quiet_spell_is_one_spell(interval: int, idle_after: int, failing: set[int]) -> None:
    watched = Watched(idle_after * MINUTE, frozenset(range(20)))
    found: set[datetime] = set()
    for n in range(1, 45):
        verdict = watched.look(START + n * interval * MINUTE, fails=n in failing)
        found |= {verdict.idle_since} if verdict.idle_since else set()
        assert verdict.state != "active" or n * interval < 20 + idle_after + 10
    assert len(found) <= 1
    if 45 * interval > 2 * idle_after + 60 + 14 * interval:
        assert found


@settings(max_examples=50, deadline=None)
@given(
    interval=st.integers(1, 60),
    idle_after=st.integers(10, 120),
    begin=st.integers(400, 700),
    length=st.integers(1, 30),
)
@example(interval=60, idle_after=10, begin=485, length=5)
@example(interval=60, idle_after=30, begin=500, length=1)
def test_whatever_was_used_in_between_ends_it(interval: int, idle_after: int, begin: int, length: int) -> None:
    watched = Watched(idle_after * MINUTE, frozenset(range(begin, begin + length)))
    before, after = set(), set()
    for n in range(1, 1200 // interval):
        verdict = watched.look(START + n * interval * MINUTE)
        if verdict.idle_since is not None:
            (before if n * interval <= begin else after).add(verdict.idle_since)
    used_until = START + (begin + length) * MINUTE
    late = {at for at in after if at >= used_until}
    assert len(before) == 1
    assert len(late) == 1
    assert after <= before | late


@pytest.mark.parametrize("hours", [1, 5, 12])
def test_no_more_is_asked_for_than_is_needed(hours: int) -> None:
    watched = Watched(30 * MINUTE, frozenset())
    watched.look(START + 60 * MINUTE)
    now = START + 60 * MINUTE + timedelta(hours=hours)
    subject = watched.subject()
    assert look_back(subject, now) == min(LOOK_BACK, timedelta(hours=hours + 1))
    assert look_back(replace(subject, memory={}), now) == 45 * MINUTE
