"""Extending: add to what remains, clamp, ask where policy says so, never shorten."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.model import LeaseType
from bot.rules.lease import (
    API_LONGEST,
    API_SHORTEST,
    AskApproval,
    ExtendBy,
    ExtendUntil,
    Lapsed,
    LeaseLimits,
    Nothing,
    NoTimedEnd,
    NotRunning,
    Wish,
    Write,
    extend,
    gate_start,
    granted_end,
    hold_at,
    hold_due,
    hold_end,
    request_base,
    seconds_to_send,
    shortened,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
H, M, S = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LIMITS = LeaseLimits()
TIMING = LeaseType.TIMING

spans = st.timedeltas(timedelta(0), timedelta(hours=100)).map(lambda d: d - d % timedelta(milliseconds=1))
limits = st.builds(
    LeaseLimits, max_extension=spans, free_total=spans, max_total=spans,
    lease_max=st.timedeltas(API_SHORTEST, API_LONGEST),
)  # fmt: skip
wishes = st.one_of(spans.map(ExtendBy), spans.map(lambda d: ExtendUntil(NOW - 10 * H + d)))
ends = spans.map(lambda d: NOW - 5 * H + d)


@pytest.mark.parametrize(
    ("end", "since", "wish", "expected"),
    [
        (NOW + H, NOW - H, ExtendBy(2 * H), Write(NOW + 3 * H)),
        (NOW - M, NOW - H, ExtendBy(2 * H), Write(NOW + 2 * H)),  # over, but still up: counted from now
        (NOW + H, NOW - H, ExtendUntil(NOW + 3 * H), Write(NOW + 3 * H)),
        (NOW + H, NOW - H, ExtendBy(4 * H), Write(NOW + 5 * H)),  # equality passes: max_extension
        (NOW + 10 * H, NOW, ExtendBy(2 * H), Write(NOW + 12 * H)),  # equality passes: free_total
    ],
)
def test_within_policy_it_is_written(end: datetime, since: datetime, wish: ExtendBy, expected: Write) -> None:
    assert extend(NOW, end, since, TIMING, wish, LIMITS) == expected


@pytest.mark.parametrize(
    ("end", "since", "wish", "needs", "limit"),
    [
        (NOW + H, NOW, ExtendBy(4 * H + S), "approver", "max_extension"),
        (NOW + 10 * H, NOW - S, ExtendBy(2 * H), "approver", "free_total"),
        (NOW + H, NOW - 70 * H, ExtendBy(H), "approver", "free_total"),  # exactly max_total
        (NOW + H, NOW - 70 * H - S, ExtendBy(H), "admin", "max_total"),
        (NOW + H, None, ExtendBy(H), "approver", "not known"),
    ],
)
def test_beyond_policy_it_is_asked(end: datetime, since: datetime, wish: ExtendBy, needs: str, limit: str) -> None:
    answer = extend(NOW, end, since, TIMING, wish, LIMITS)
    assert isinstance(answer, AskApproval)
    assert (answer.needs, answer.new_end) == (needs, end + wish.by)
    assert limit in answer.why


@pytest.mark.parametrize(
    ("end", "since", "wish", "why"),
    [
        (NOW + H, NOW, ExtendUntil(NOW + 5 * H + S), "over 4 h in one step; 4 h are free"),
        (NOW + H, NOW, ExtendUntil(NOW + 5 * H + M), "4 h 1 min in one step; 4 h are free"),
        (NOW + H, NOW - 8 * H - S, ExtendBy(3 * H), "it would run over 12 h in all; 12 h are free"),
        (NOW + H, NOW - 70 * H - S, ExtendBy(H), "it would run over 72 h in all; beyond 72 h an admin"),
        (NOW + H, NOW - 80 * H, ExtendBy(H), "it would run 3 d 10 h in all; beyond 72 h an admin"),
    ],
)
def test_a_little_too_much_is_not_said_to_be_what_is_free(end: datetime, since: datetime, wish: Wish, why: str) -> None:
    answer = extend(NOW, end, since, TIMING, wish, LIMITS)
    assert isinstance(answer, AskApproval)
    assert answer.why.startswith(why)


@pytest.mark.parametrize("wish", [ExtendUntil(NOW + H), ExtendUntil(NOW + 30 * M), ExtendUntil(NOW - H)])
def test_a_wish_at_or_before_the_end_writes_nothing(wish: ExtendUntil) -> None:
    assert isinstance(extend(NOW, NOW + H, NOW, TIMING, wish, LIMITS), Nothing)


def test_less_than_the_platforms_hour_becomes_an_hour_and_is_said() -> None:
    answer = extend(NOW, NOW + 10 * M, NOW - H, TIMING, ExtendBy(20 * M), LIMITS)
    assert isinstance(answer, Write)
    assert answer.new_end == NOW + H
    assert "1 h" in answer.note


def test_where_policy_forbids_even_the_hour_it_becomes_a_request() -> None:
    answer = extend(NOW, NOW + 10 * M, NOW - 12 * H, TIMING, ExtendBy(20 * M), LIMITS)
    assert isinstance(answer, AskApproval)
    assert answer.new_end == NOW + H


def test_the_platforms_72_hours_and_policys_own_ceiling() -> None:
    free = LeaseLimits(max_extension=99 * H, free_total=999 * H, max_total=999 * H)
    answer = extend(NOW, NOW + 10 * H, NOW, TIMING, ExtendBy(70 * H), free)
    assert isinstance(answer, Write)
    assert answer.new_end == NOW + 72 * H
    assert "72 h" in answer.note
    lower = LeaseLimits(max_extension=99 * H, free_total=999 * H, lease_max=24 * H)
    answer = extend(NOW, NOW + 10 * H, NOW, TIMING, ExtendBy(70 * H), lower)
    assert isinstance(answer, Write)
    assert answer.new_end == NOW + 24 * H
    assert "policy" in answer.note
    assert isinstance(extend(NOW, NOW + 30 * H, NOW, TIMING, ExtendBy(H), lower), Nothing)


def test_no_timed_end_and_not_running() -> None:
    assert extend(NOW, NOW + H, NOW, LeaseType.IDLE, ExtendBy(H), LIMITS) == NoTimedEnd()
    assert extend(NOW, None, NOW, TIMING, ExtendBy(H), LIMITS) == NoTimedEnd()
    assert extend(NOW, NOW + H, NOW, TIMING, ExtendBy(H), LIMITS, runs=False) == NotRunning()


@given(ends, st.none() | ends, wishes, limits)
def test_extend_never_shortens_nor_passes_a_ceiling(
    end: datetime, since: datetime | None, wish: ExtendBy | ExtendUntil, policy: LeaseLimits
) -> None:
    answer = extend(NOW, end, since, TIMING, wish, policy)
    if isinstance(answer, Write | AskApproval):
        assert end < answer.new_end <= NOW + policy.lease_max
        assert answer.new_end >= NOW + API_SHORTEST
        assert NOW + seconds_to_send(answer.new_end, NOW) >= answer.new_end
    else:
        assert isinstance(answer, Nothing)


@given(ends, ends, wishes, limits)
def test_what_is_written_unasked_is_within_policy_and_what_is_asked_is_not(
    end: datetime, since: datetime, wish: ExtendBy | ExtendUntil, policy: LeaseLimits
) -> None:
    answer = extend(NOW, end, since, TIMING, wish, policy)
    assume(isinstance(answer, Write | AskApproval))
    assert isinstance(answer, Write | AskApproval)
    step, total = answer.new_end - end, answer.new_end - since
    assert (step <= policy.max_extension and total <= policy.free_total) == isinstance(answer, Write)
    if isinstance(answer, AskApproval):
        assert (total > policy.max_total) == (answer.needs == "admin")


@given(ends, ends, wishes, limits, spans)
def test_two_extensions_never_give_less_than_one(
    end: datetime, since: datetime, wish: ExtendBy | ExtendUntil, policy: LeaseLimits, more: timedelta
) -> None:
    granted = getattr(extend(NOW, end, since, TIMING, wish, policy), "new_end", end)
    second = extend(NOW, granted, since, TIMING, ExtendBy(more), policy)
    assert getattr(second, "new_end", granted) >= granted


@pytest.mark.parametrize(
    ("ahead", "sent"),
    [(2 * H, 2 * H), (2 * H + timedelta(milliseconds=1), 2 * H + S), (10 * M, H), (-H, H), (80 * H, 72 * H)],
)
def test_what_is_sent_is_rounded_up_to_a_second_within_the_api(ahead: timedelta, sent: timedelta) -> None:
    assert seconds_to_send(NOW + ahead, NOW) == sent


@given(spans, spans, ends)
def test_the_lease_law_brings_the_end_back(age: timedelta, wanted: timedelta, new_end: datetime) -> None:
    """D = (U - C) + R: what the platform answers, read as C + D, ends where it was asked to end."""
    created, stamped = NOW - age, NOW
    asked = seconds_to_send(new_end, stamped)
    duration = (stamped - created) + asked
    end = created + duration
    assert end == stamped + asked
    if stamped + API_SHORTEST <= new_end <= stamped + API_LONGEST:
        assert timedelta(0) <= end - new_end < S


def test_a_shortened_lease_is_noticed() -> None:
    assert shortened(NOW, NOW - S)
    assert not shortened(NOW, NOW)
    assert not shortened(None, NOW)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(2 * H, Write(NOW + 2 * H)), (4 * H, Write(NOW + 4 * H)), (30 * M, Write), (5 * H, AskApproval)],
)
def test_create_and_start_pass_the_same_gate(wanted: timedelta, expected: object) -> None:
    answer = gate_start(NOW, wanted, LIMITS)
    assert answer == expected or (isinstance(expected, type) and isinstance(answer, expected))
    assert answer.new_end == NOW + max(wanted, H)


def test_the_base_of_a_request_moves_with_a_renewal_but_not_with_a_hold() -> None:
    held = NOW + 55 * M
    assert request_base(NOW, NOW, None) == NOW
    assert request_base(NOW, held, held) == NOW
    assert request_base(NOW, held + timedelta(milliseconds=400), held) == NOW
    assert request_base(NOW, NOW + 3 * H, held) == NOW + 3 * H
    assert request_base(NOW, None, held) == NOW


@pytest.mark.parametrize(
    ("base", "current", "grant", "expected"),
    [
        pytest.param(NOW + H, NOW + H, ExtendBy(4 * H), Write(NOW + 5 * H), id="added to the base"),
        pytest.param(NOW - H, NOW + 30 * M, ExtendBy(4 * H), Write(NOW + 4 * H), id="waiting eats nothing"),
        pytest.param(NOW + H, NOW + H, ExtendUntil(NOW + 9 * H), Write(NOW + 9 * H), id="until T"),
        pytest.param(NOW + H, NOW + H, ExtendUntil(NOW), Lapsed, id="T has passed"),
        pytest.param(NOW + H, NOW + 6 * H, ExtendBy(4 * H), Nothing, id="it already runs longer"),
    ],
)
def test_what_a_grant_gives(base: datetime, current: datetime, grant: ExtendBy, expected: object) -> None:
    answer = granted_end(NOW, base, current, grant, LIMITS)
    assert answer == expected or (isinstance(expected, type) and isinstance(answer, expected))


@given(ends, ends, wishes, limits)
def test_a_grant_never_shortens(
    base: datetime, current: datetime, grant: ExtendBy | ExtendUntil, policy: LeaseLimits
) -> None:
    answer = granted_end(NOW, base, current, grant, policy)
    if isinstance(answer, Write):
        assert answer.new_end > current
        assert answer.new_end <= NOW + policy.lease_max


def test_a_hold_bridges_an_hour_at_a_time_up_to_its_maximum() -> None:
    base = NOW + H
    assert hold_at(base, M) == base - 5 * M
    assert hold_at(base, 10 * M) == base - 30 * M
    assert not hold_due(base - 5 * M - S, base, M)
    assert hold_due(base - 5 * M, base, M)
    first = hold_end(base - 5 * M, base, base, 2 * H)
    assert first == base + 55 * M
    assert first is not None
    second = hold_end(first - 5 * M, first, base, 2 * H)
    assert second == base + 110 * M
    assert second is not None
    assert hold_end(second - 5 * M, second, base, 2 * H) is None


@given(ends, ends, spans)
def test_a_hold_never_passes_its_maximum_nor_shortens(end: datetime, base: datetime, hold_max: timedelta) -> None:
    held = hold_end(NOW, end, base, hold_max)
    assert held is None or end < held <= base + hold_max
