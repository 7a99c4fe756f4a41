"""What kernels, terminals and sessions say: a busy kernel vetoes, unknown is never idle, an open tab is no work."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.idle.jupyter_facts import WORKING, facts, is_old
from bot.idle.jupyter_verdict import judge
from bot.idle.ports import Evidence, Malformed
from bot.rules.idle import SourceReading

from .jupyter_answers import MINUTE, NOW, STARTED, a_subject, iso, kernel, server, session, status, terminal

HOUR = 60 * MINUTE


def read(of: Any, *, now: datetime = NOW, date: datetime | None = NOW, **changes: Any) -> SourceReading:
    return judge(of, date, a_subject(**changes), now).reading


@pytest.mark.parametrize("state", sorted(WORKING))
def test_a_working_kernel_is_active_however_old_its_last_message(state: str) -> None:
    told = read(server([kernel(8 * HOUR, state), kernel(8 * HOUR, id_="k2")], seen=8 * HOUR))
    assert (told.state, told.since, told.newest) == ("active", NOW, NOW)
    assert told.reason == "a kernel is at work"
    assert told.details["busy"] == "1"


def test_a_working_kernel_that_only_a_session_names_counts_too() -> None:
    told = read(server([kernel(8 * HOUR)], sessions=[session(kernel(8 * HOUR, "busy", "k9"))]))
    assert told.state == "active"


def test_of_two_answers_about_one_kernel_the_more_active_counts() -> None:
    assert read(server([kernel(8 * HOUR)], sessions=[session(kernel(8 * HOUR, "busy"))])).state == "active"
    assert read(server([kernel(8 * HOUR, "busy")], sessions=[session(kernel(8 * HOUR))])).state == "active"


def test_a_kernel_state_that_is_not_known_is_unknown_and_no_evidence_of_rest() -> None:
    told = read(server([kernel(8 * HOUR, "meditating"), kernel(8 * HOUR, id_="k2")]))
    assert told.state == "unknown"
    assert "meditating" in told.reason


@pytest.mark.parametrize(
    ("ago", "state"),
    [(HOUR - timedelta(milliseconds=1), "active"), (HOUR, "idle"), (8 * HOUR, "idle")],
)
def test_a_resting_kernel_counts_from_its_own_last_activity(ago: timedelta, state: str) -> None:
    told = read(server([kernel(ago)]))
    assert (told.state, told.since) == (state, NOW - ago)


def test_an_open_tab_does_not_make_a_resting_kernel_young() -> None:
    assert read(server([kernel(3 * HOUR)], seen=timedelta())).since == NOW - 3 * HOUR


def test_a_dead_kernel_is_no_work_and_is_told() -> None:
    told = read(server([kernel(3 * HOUR, "dead")]))
    assert (told.state, told.since, told.details["dead"]) == ("idle", NOW - 3 * HOUR, "1")


def test_a_terminal_younger_than_idle_after_is_live() -> None:
    told = read(server([kernel(3 * HOUR)], [terminal(59 * MINUTE)]))
    assert (told.state, told.reason) == ("active", "a terminal was in use 59 min ago")


def test_an_old_terminal_is_idle_and_flagged_as_something_only_metrics_can_clear() -> None:
    told = read(server([], [terminal(2 * HOUR)]))
    assert (told.state, told.since) == ("idle", NOW - 2 * HOUR)
    assert (told.details["terminals"], told.details.get("blind")) == ("1", "terminals")


def test_what_jupyter_cannot_see_is_told() -> None:
    told = read(server([kernel(3 * HOUR)], [terminal(2 * HOUR)], version="2.14.2"), ssh=True)
    assert told.details["blind"] == "terminals,ssh,old_server"
    assert "blind" not in read(server([kernel(3 * HOUR)])).details


@pytest.mark.parametrize(
    ("version", "old"),
    [("2.14.2", True), ("1.24.0", True), ("2.15.0", False), ("2.21.1", False), ("3.0.0a1", False), ("", True)],
)
def test_servers_before_2_15_are_told_apart(version: str, old: bool) -> None:
    assert is_old(version) is old


def test_nothing_is_idle_from_before_the_notebook_ran() -> None:
    started = NOW - 20 * MINUTE
    told = read(server([], seen=20 * MINUTE, started=started), running_since=started + MINUTE)
    assert (told.state, told.since) == ("idle", started + MINUTE)


def test_without_kernels_and_memory_the_servers_own_last_activity_bounds_the_use() -> None:
    assert read(server([], seen=3 * HOUR)).since == NOW - 3 * HOUR
    assert read(server([], seen=5 * MINUTE)).state == "active"


@pytest.mark.parametrize("passes", [0 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 60 * MINUTE])
def test_an_open_tab_without_kernels_does_not_stay_young_for_ever(passes: timedelta) -> None:
    """However seldom passes come, and with every second reading lost."""
    subject, now = a_subject(pass_interval=passes), NOW
    told = judge(server([]), now, subject, now)
    for _ in range(7):
        now += 2 * max(10 * MINUTE, passes) + 5 * timedelta(seconds=1)
        subject = replace(subject, memory=told.memory)
        told = judge(server([], seen=NOW - now), now, subject, now)  # the tab polls: the server was used right now
    assert (told.reading.state, told.reading.since) == ("idle", NOW)


def later(first: Evidence, of: Any, after: timedelta) -> Evidence:
    return judge(of, NOW + after, a_subject(memory=first.memory), NOW + after)


def test_a_culled_kernel_leaves_its_last_activity_behind() -> None:
    first = judge(server([kernel(2 * HOUR)], seen=2 * HOUR), NOW, a_subject(), NOW)
    told = later(first, server([], seen=2 * HOUR), 10 * MINUTE).reading
    assert (told.state, told.since) == ("idle", NOW - 2 * HOUR)


def test_what_went_since_the_last_reading_may_have_worked_until_the_servers_last_activity() -> None:
    first = judge(server([kernel(2 * HOUR)]), NOW, a_subject(), NOW)
    told = later(first, server([], seen=-9 * MINUTE), 10 * MINUTE).reading
    assert (told.state, told.since) == ("active", NOW + 9 * MINUTE)


def test_a_kernel_that_was_seen_working_is_remembered_after_it_has_gone() -> None:
    first = judge(server([kernel(2 * HOUR, "busy")]), NOW, a_subject(), NOW)
    told = later(first, server([], seen=2 * HOUR), 10 * MINUTE).reading
    assert (told.state, told.since) == ("active", NOW)


def test_a_new_run_of_the_server_forgets_the_old_one() -> None:
    first = judge(server([kernel(timedelta(), "busy")], started=STARTED), NOW, a_subject(), NOW)
    again = server([], started=NOW - HOUR, seen=HOUR)
    assert judge(again, NOW, a_subject(memory=first.memory), NOW).reading.since == NOW - HOUR


@pytest.mark.parametrize("memory", [{}, {"run": "x"}, {"run": 1}, {"run": None, "read_at": []}, {"present": 3}])
def test_a_memory_that_cannot_be_read_is_no_memory(memory: Any) -> None:
    assert read(server([kernel(2 * HOUR)]), memory=memory).since == NOW - 2 * HOUR


def test_times_are_compared_on_the_servers_clock_and_told_on_ours() -> None:
    told = read(server([kernel(2 * HOUR)]), now=NOW + 10 * MINUTE, date=NOW)
    assert (told.state, told.since) == ("idle", NOW - 110 * MINUTE)
    assert told.details["clock_ahead_s"] == "600"


@pytest.mark.parametrize(("ahead", "word"), [(16 * MINUTE, "16 min ago"), (-16 * MINUTE, "16 min ahead")])
def test_an_answer_dated_beyond_freshness_proves_nothing(ahead: timedelta, word: str) -> None:
    told = read(server([kernel(3 * HOUR)]), now=NOW + ahead, date=NOW)
    assert (told.state, told.reason) == ("unknown", f"the notebook's answer is dated {word}")


def test_the_start_of_idleness_does_not_tremble_with_the_seconds_of_the_date() -> None:
    subject, told = a_subject(), []
    for second in (0, 2, 4, 1, 3):
        now = NOW + timedelta(seconds=second)
        evidence = judge(server([kernel(2 * HOUR)]), NOW, subject, now)
        subject = replace(subject, memory=evidence.memory)
        told.append(evidence.reading.since)
    assert set(told) == {NOW - 2 * HOUR}


def test_times_ahead_of_the_servers_own_clock_are_a_contradiction() -> None:
    told = read(server([kernel(-10 * MINUTE)]))
    assert (told.state, told.reason) == ("unknown", "the notebook's times are ahead of its own clock")
    assert read(server([kernel(-MINUTE)])).state == "active"


GOOD: dict[str, Any] = {
    "status": status(),
    "kernels": [kernel(HOUR)],
    "sessions": [session(kernel(HOUR))],
    "terminals": [terminal(HOUR)],
    "about": {"version": "2.16.0"},
}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("status", None),
        ("status", []),
        ("status", {}),
        ("status", {**status(), "started": "yesterday"}),
        ("status", {**status(), "last_activity": 5}),
        ("kernels", {}),
        ("kernels", [None]),
        ("kernels", None),
        ("kernels", [{**kernel(HOUR), "execution_state": None}]),
        ("kernels", [{**kernel(HOUR), "last_activity": ""}]),
        ("kernels", [{"id": "k"}]),
        ("sessions", "x"),
        ("sessions", [{"kernel": 5}]),
        ("terminals", [{"name": 1}]),
        ("terminals", {"1": {}}),
        ("terminals", [{**terminal(HOUR), "last_activity": "0000-13-01T00:00:00Z"}]),
    ],
)
def test_malformed_answers_are_named(part: str, value: Any) -> None:
    with pytest.raises(Malformed):
        facts(**{**GOOD, part: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda sub: (
        st.lists(sub)
        | st.dictionaries(
            st.sampled_from(["id", "execution_state", "last_activity", "kernel", "name", "started", "connections"]),
            sub,
        )
    ),
    max_leaves=8,
)


@given(part=st.sampled_from(sorted(GOOD)), value=JSON)
def test_any_json_is_read_or_refused_and_never_breaks(part: str, value: Any) -> None:
    try:
        reading = judge(facts(**{**GOOD, part: value}), NOW, a_subject(), NOW).reading
    except Malformed as error:
        said = str(error)
    else:
        assert reading.state in ("active", "idle", "unknown")
        said = reading.reason
    assert said, "no word of why"


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%S+00:00"])
def test_stamps_come_with_and_without_fraction(form: str) -> None:
    raw = {**kernel(HOUR), "last_activity": (NOW - 2 * HOUR).strftime(form)}
    assert read(server([raw])).since == NOW - 2 * HOUR
    assert iso(NOW).endswith("Z")


@given(
    states=st.lists(st.sampled_from([*sorted(WORKING), "idle", "dead", "other"]), max_size=4),
    ages=st.lists(st.integers(0, 600), min_size=4, max_size=4),
    terminals=st.lists(st.integers(0, 600), max_size=3),
    seen=st.integers(0, 600),
)
def test_idle_is_said_only_when_nothing_works_and_nothing_was_used_lately(
    states: list[str],
    ages: list[int],
    terminals: list[int],
    seen: int,
) -> None:
    kernels = [kernel(ages[n] * MINUTE, state, f"k{n}") for n, state in enumerate(states)]
    opened = [terminal(age * MINUTE, str(n)) for n, age in enumerate(terminals)]
    told = read(server(kernels, opened, seen=seen * MINUTE))
    if told.state == "idle":
        assert not set(states) - {"idle", "dead"}
        assert told.since is not None
        assert told.since <= NOW - 60 * MINUTE or told.since == STARTED
        assert all(age * MINUTE >= NOW - told.since for age in [*ages[: len(states)], *terminals] if age < 540)
