"""How evidence is combined: every configured source agrees, fresh, twice; anything else is not idle."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.idle import SourceReading, State, Verdict, combine, decode, encode

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
H, M = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Policy:
    idle_after: timedelta = H
    idle_fresh: timedelta = 15 * M
    idle_blind: bool = False
    idle_sources: tuple[str, ...] = ("jupyter", "metrics")


POLICY, BLIND = Policy(), Policy(idle_blind=True)


def reading(source: str, state: State = "idle", ago: float = 90, old: float = 1, **details: str) -> SourceReading:
    """A server knows of the last use; metrics only how far back they were seen to be low."""
    since = NOW - ago * M
    used = since if source == "jupyter" or state == "active" else None
    return SourceReading(source, state, since, f"{state} it is", NOW - old * M, details, used)


def unknown(source: str) -> SourceReading:
    return SourceReading(source, "unknown", None, "refused", None)


def twice(readings: list[SourceReading], policy: Policy = POLICY) -> Verdict:
    """Two readings six minutes apart that say the same."""
    earlier = [replace(each, newest=each.newest and each.newest - 6 * M) for each in readings]
    return combine(NOW, readings, policy, combine(NOW - 6 * M, earlier, policy))


JUPYTER, METRICS = reading("jupyter"), reading("metrics", ago=80)


def test_both_idle_and_fresh_twice_is_idle_since_the_later() -> None:
    verdict = twice([JUPYTER, METRICS])
    assert (verdict.state, verdict.idle_since, verdict.found_at) == ("idle", NOW - 80 * M, NOW)
    assert "jupyter: idle it is" in verdict.reason


def test_one_idle_result_is_not_enough_and_wants_another() -> None:
    first = combine(NOW, [JUPYTER, METRICS], POLICY)
    assert first.state == "unknown"
    assert first.wants_confirmation


def test_the_same_samples_seen_by_two_passes_count_once() -> None:
    verdict = combine(NOW, [JUPYTER, METRICS], POLICY)
    for later in range(1, 5):
        verdict = combine(NOW + later * M, [JUPYTER, METRICS], POLICY, verdict)
    assert verdict.state == "unknown"
    assert combine(NOW + 6 * M, [replace(JUPYTER, newest=NOW + 5 * M), METRICS], POLICY, verdict).state == "unknown"


@pytest.mark.parametrize(
    ("readings", "policy", "state", "says"),
    [
        pytest.param([reading("jupyter", "active"), METRICS], POLICY, "active", "jupyter", id="jupyter vetoes"),
        pytest.param([JUPYTER, reading("metrics", "active")], POLICY, "active", "metrics", id="metrics veto"),
        pytest.param([JUPYTER, METRICS, reading("other", "active")], POLICY, "active", "other", id="any source vetoes"),
        pytest.param([JUPYTER, reading("metrics", "active")], BLIND, "active", "metrics", id="even if blind"),
        pytest.param([reading("jupyter", "active", ago=30, old=40), METRICS], POLICY, "active", "jupyter",
                     id="old but within idle_after: still a sign of life"),
        pytest.param([reading("jupyter", "active", ago=90, old=40), METRICS], POLICY, "unknown", "40 min old",
                     id="use long ago and a stale sample prove nothing"),
        pytest.param([JUPYTER, unknown("metrics")], POLICY, "unknown", "metrics: refused", id="metrics unknown"),
        pytest.param([unknown("jupyter"), METRICS], POLICY, "unknown", "jupyter: refused", id="jupyter unknown"),
        pytest.param([JUPYTER], POLICY, "unknown", "metrics: no reading", id="metrics missing"),
        pytest.param([METRICS], POLICY, "unknown", "jupyter: no reading", id="jupyter missing"),
        pytest.param([], POLICY, "unknown", "no reading", id="nothing"),
        pytest.param([], BLIND, "unknown", "no reading", id="nothing, blind"),
        pytest.param([replace(JUPYTER, newest=NOW - 16 * M), METRICS], POLICY, "unknown", "16 min old", id="stale"),
        pytest.param([replace(JUPYTER, newest=NOW - 15 * M), METRICS], POLICY, "idle", "", id="just fresh"),
        pytest.param([replace(JUPYTER, newest=None), METRICS], POLICY, "unknown", "jupyter", id="of no known age"),
        pytest.param([reading("jupyter", ago=59), METRICS], POLICY, "active", "quiet for 59 min", id="not long enough"),
        pytest.param([reading("jupyter", ago=66), METRICS], POLICY, "idle", "", id="just long enough at both looks"),
        pytest.param([reading("jupyter", ago=65), METRICS], POLICY, "unknown", "idle once", id="at the second only"),
        pytest.param([JUPYTER, unknown("metrics")], BLIND, "idle", "", id="blind: jupyter alone"),
        pytest.param([JUPYTER], Policy(idle_sources=("jupyter",)), "unknown", "not asked", id="not blind: never alone"),
        pytest.param([JUPYTER], Policy(idle_sources=("jupyter",), idle_blind=True), "idle", "", id="alone and blind"),
        pytest.param([reading("jupyter", blind="terminals"), unknown("metrics")], BLIND, "unknown", "terminals",
                     id="a terminal without metrics"),
        pytest.param([reading("jupyter", blind="ssh")], BLIND, "unknown", "ssh", id="ssh without metrics"),
        pytest.param([reading("jupyter", blind="terminals"), METRICS], POLICY, "idle", "", id="metrics see terminals"),
        pytest.param([unknown("metrics")], Policy(idle_sources=("metrics",), idle_blind=True), "unknown", "no source",
                     id="blind does not mean without any evidence"),
        pytest.param([METRICS], Policy(idle_sources=("metrics",)), "idle", "", id="metrics alone, if so configured"),
    ],
)  # fmt: skip
def test_what_sources_say_together(readings: list[SourceReading], policy: Policy, state: State, says: str) -> None:
    verdict = twice(readings, policy)
    assert verdict.state == state, verdict.reason
    assert says in verdict.reason
    assert (verdict.idle_since is not None) == (state == "idle")


def test_an_unknown_between_breaks_the_row_but_not_the_spell() -> None:
    idle = twice([JUPYTER, METRICS])
    broken = combine(NOW + M, [JUPYTER, unknown("metrics")], POLICY, idle)
    assert (broken.state, broken.in_a_row) == ("unknown", 0)
    moved = [replace(each, newest=NOW + 6 * M, since=each.since and each.since + 20 * timedelta(seconds=1))
             for each in (JUPYTER, METRICS)]  # fmt: skip
    once = combine(NOW + 7 * M, moved, POLICY, broken)
    assert once.state == "unknown"
    again = combine(NOW + 13 * M, [replace(each, newest=NOW + 12 * M) for each in moved], POLICY, once)
    assert (again.state, again.idle_since) == ("idle", idle.idle_since)


def test_activity_ends_the_spell() -> None:
    idle = twice([JUPYTER, METRICS])
    active = combine(NOW + M, [reading("jupyter", "active", ago=0), METRICS], POLICY, idle)
    assert (active.in_a_row, active.spell) == (0, None)


def test_one_spell_stays_one_while_a_source_sees_less_far_back_at_each_look() -> None:
    """Looks are as far apart as the window is long, so that no window reaches back to the one before."""
    verdict = twice([JUPYTER, METRICS])
    for later in range(1, 8):
        now = NOW + later * H
        told = [replace(JUPYTER, newest=now), replace(METRICS, since=now - H, newest=now)]
        verdict = combine(now, told, POLICY, verdict)
        assert (verdict.state, verdict.idle_since) == ("idle", NOW - 80 * M)


def test_a_use_that_no_look_saw_ends_the_spell_even_while_it_cannot_be_told() -> None:
    idle = twice([JUPYTER, METRICS])
    used = NOW + 10 * M
    late = replace(METRICS, since=used, newest=NOW + 2 * H, used=used)
    doubtful = combine(NOW + 2 * H, [unknown("jupyter"), late], POLICY, idle)
    assert (doubtful.state, doubtful.spell) == ("unknown", None)
    told = [replace(JUPYTER, newest=NOW + 2 * H), late]
    again = combine(NOW + 2 * H, told, POLICY, idle)
    assert (again.state, again.in_a_row, again.spell) == ("unknown", 1, used)


@pytest.mark.parametrize(
    ("seen", "state", "says"),
    [(60, "unknown", "idle once"), (58, "unknown", "idle once"), (57, "unknown", "seen quiet for 57 min only")],
)
def test_what_was_seen_for_too_short_is_no_use(seen: int, state: State, says: str) -> None:
    """The clocks of host and cloud may differ a little; a window that is shorter than that is no proof."""
    spell = NOW - 85 * M
    before = Verdict("unknown", None, "", spell=spell)
    verdict = combine(NOW, [JUPYTER, reading("metrics", ago=seen)], POLICY, before)
    assert (verdict.state, verdict.spell) == (state, spell)
    assert says in verdict.reason


def test_a_later_beginning_is_another_spell_and_needs_two_again() -> None:
    idle = twice([JUPYTER, METRICS])
    short = Policy(idle_after=5 * M)
    later = combine(NOW + 10 * M, [reading("jupyter", ago=5, old=-9), reading("metrics", ago=5, old=-9)], short, idle)
    assert (later.state, later.in_a_row, later.spell) == ("unknown", 1, NOW - 5 * M)


def test_an_idle_verdict_stays_while_its_samples_are_fresh() -> None:
    idle = twice([JUPYTER, METRICS])
    assert combine(NOW + 10 * M, [JUPYTER, METRICS], POLICY, idle).state == "idle"
    assert combine(NOW + 15 * M, [JUPYTER, METRICS], POLICY, idle).state == "unknown"


states = st.sampled_from(["active", "idle", "unknown"])
ages = st.none() | st.integers(-5, 200).map(lambda minutes: NOW - minutes * M)
readings = st.builds(SourceReading, st.sampled_from(["jupyter", "metrics"]), states, ages, st.just("said"), ages,
                     st.sampled_from([{}, {"blind": "terminals"}]))  # fmt: skip
policies = st.builds(Policy, st.just(H), st.just(15 * M), st.booleans(),
                     st.sampled_from([("jupyter", "metrics"), ("jupyter",), ("metrics",)]))  # fmt: skip


@given(st.lists(st.lists(readings, max_size=2, unique_by=lambda r: r.source), max_size=6), policies)
def test_idle_is_only_what_every_needed_source_says_twice(rounds: list[list[SourceReading]], policy: Policy) -> None:
    verdict = None
    for told in rounds:
        before, verdict = verdict, combine(NOW, told, policy, verdict)
        if verdict.state != "idle":
            continue
        by_source = {each.source: each for each in told}
        needed = ({*policy.idle_sources} | {"metrics"}) - ({"metrics"} if policy.idle_blind else set())
        assert before is not None
        assert before.in_a_row >= 1
        assert needed <= {*by_source}
        assert all(by_source[source].state == "idle" for source in needed)
        assert all(NOW - (by_source[source].newest or NOW - 99 * H) <= policy.idle_fresh for source in needed)
        assert any(each.state == "idle" for each in told)
        assert verdict.idle_since is not None
        assert NOW - verdict.idle_since >= policy.idle_after


@given(st.lists(readings, max_size=2, unique_by=lambda r: r.source), policies)
def test_a_verdict_survives_a_restart(told: list[SourceReading], policy: Policy) -> None:
    verdict = combine(NOW, told, policy, combine(NOW - 6 * M, told, policy))
    assert decode(encode(verdict)) == verdict


@pytest.mark.parametrize("data", [None, {}, [], {"state": "idle"}, 3])
def test_what_cannot_be_read_is_forgotten(data: object) -> None:
    assert decode(data) is None
