"""When a lease is warned of: scaled, before quiet hours, merged, once."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BadInput
from bot.rules.quiet import QuietHours, parse_quiet_hours
from bot.rules.warnings import MERGED, OVER, WarningPlan, plan_warnings, warning_at

H, M = timedelta(hours=1), timedelta(minutes=1)
UTC_ZONE, BERLIN, KIRITIMATI = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati")
STAMP = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LEADS = (60 * M, 15 * M)
NIGHT = QuietHours(time(20), time(8))


def planned(minutes_in: float, span: timedelta = 4 * H, settled: tuple[int, ...] = (), **more: object) -> WarningPlan:
    quiet = more.get("quiet")
    zone = more.get("zone", UTC_ZONE)
    assert quiet is None or isinstance(quiet, QuietHours)
    assert isinstance(zone, ZoneInfo)
    known = more.get("known_since")
    assert known is None or isinstance(known, datetime)
    now = STAMP + minutes_in * M
    return plan_warnings(now, STAMP + span, span, LEADS, quiet, zone, settled, known_since=known)


@pytest.mark.parametrize(
    ("minutes_in", "settled", "due", "voids", "next_in"),
    [
        pytest.param(0, (), (), (), 180, id="nothing yet"),
        pytest.param(179.9, (), (), (), 180, id="just before the first"),
        pytest.param(180, (), (60 * M,), (), 225, id="the first, at its instant"),
        pytest.param(200, (), (60 * M,), (), 225, id="late is still due"),
        pytest.param(200, (3600,), (), (), 225, id="each once"),
        pytest.param(225, (3600,), (15 * M,), (), None, id="the second"),
        pytest.param(230, (), (15 * M,), ((60 * M, MERGED),), None, id="two late ones go as one"),
        pytest.param(230, (900,), (), ((60 * M, MERGED),), None, id="a longer one after a shorter is moot"),
        pytest.param(200, (1800,), (), ((60 * M, MERGED),), 225, id="after a shorter one of another policy, too"),
        pytest.param(240, (3600,), (), ((15 * M, OVER),), None, id="the lease is over"),
        pytest.param(230, (900, 3600), (), (), None, id="all done"),
    ],
)
def test_leads_of_a_four_hour_lease(
    minutes_in: float, settled: tuple[int, ...], due: object, voids: object, next_in: int | None
) -> None:
    next_at = None if next_in is None else STAMP + next_in * M
    assert planned(minutes_in, settled=settled) == WarningPlan(due, voids, next_at)  # type: ignore[arg-type]


def test_leads_scale_to_a_short_lease() -> None:
    assert planned(0, H).next_at == STAMP + 30 * M  # not 60 min ahead of an hour
    assert planned(30, H).due == (60 * M,)


def test_leads_that_scale_to_the_same_merge() -> None:
    at = STAMP + 30 * M
    plan = plan_warnings(at, STAMP + H, H, (60 * M, 45 * M, 15 * M), None, UTC_ZONE, ())
    assert plan == WarningPlan((45 * M,), ((60 * M, MERGED),), STAMP + 45 * M)


def test_a_lease_seen_late_is_warned_of_at_once_only_if_no_lead_lies_ahead() -> None:
    seen = STAMP + 200 * M  # the hour's lead has passed, the quarter's lies ahead
    assert planned(200, known_since=seen) == WarningPlan((), ((60 * M, MERGED),), STAMP + 225 * M)
    seen = STAMP + 230 * M
    assert planned(230, known_since=seen) == WarningPlan((15 * M,), ((60 * M, MERGED),), None)


@pytest.mark.parametrize(
    ("end", "known", "expected"),
    [
        # quiet 20:00-08:00 UTC; the lead of 60 min
        pytest.param("24T00:30", "23T12:00", "23T19:50", id="moved before they begin"),
        pytest.param("23T21:00", "23T12:00", "23T19:50", id="the very first quiet instant moves"),
        pytest.param("24T09:00", "23T12:00", "24T08:00", id="the end of quiet is not quiet"),
        pytest.param("24T08:59", "23T12:00", "23T19:50", id="across midnight"),
        pytest.param("23T20:59", "23T12:00", "23T19:59", id="before they begin: stays"),
        pytest.param("24T00:30", "23T19:50", "23T19:50", id="not yet passed when the end became known"),
        pytest.param("24T00:30", "23T19:51", "23T23:30", id="passed when the end became known: stays"),
    ],
)
def test_a_due_instant_inside_quiet_hours(end: str, known: str, expected: str) -> None:
    ends, seen, at = (datetime.fromisoformat(f"2026-11-{each}").replace(tzinfo=UTC) for each in (end, known, expected))
    assert warning_at(ends, 24 * H, 60 * M, NIGHT, UTC_ZONE, seen) == at


def test_leads_that_move_together_become_one() -> None:
    end = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    at = datetime(2026, 11, 23, 19, 50, tzinfo=UTC)
    before = plan_warnings(at - M, end, 12 * H, LEADS, NIGHT, UTC_ZONE, ())
    assert before == WarningPlan(next_at=at)
    assert plan_warnings(at, end, 12 * H, LEADS, NIGHT, UTC_ZONE, ()) == WarningPlan((15 * M,), ((60 * M, MERGED),))


def test_an_outage_over_the_moved_instant_is_made_up_for() -> None:
    end = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    late = plan_warnings(end - 3 * H, end, 12 * H, (60 * M,), NIGHT, UTC_ZONE, ())
    assert late.due == (60 * M,)


@pytest.mark.parametrize(
    ("zone", "at", "began"),
    [
        (BERLIN, "2026-11-23T18:59", None),
        (BERLIN, "2026-11-23T19:00", "2026-11-23T19:00"),  # 20:00 in Berlin
        (BERLIN, "2026-11-24T06:59", "2026-11-23T19:00"),
        (BERLIN, "2026-11-24T07:00", None),
        (KIRITIMATI, "2026-11-23T06:00", "2026-11-23T06:00"),  # 20:00 on the 23rd there
        (KIRITIMATI, "2026-11-23T17:59", "2026-11-23T06:00"),  # 07:59 on the 24th there
        (KIRITIMATI, "2026-11-23T18:00", None),
        (BERLIN, "2026-03-29T05:59", "2026-03-28T19:00"),  # the night that loses an hour
        (BERLIN, "2026-03-29T06:00", None),
        (BERLIN, "2026-10-25T06:59", "2026-10-24T18:00"),  # the night that gains one
        (BERLIN, "2026-10-25T07:00", None),
    ],
)
def test_quiet_hours_are_the_persons_own(zone: ZoneInfo, at: str, began: str | None) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    expected = None if began is None else datetime.fromisoformat(began).replace(tzinfo=UTC)
    assert NIGHT.began(instant, zone) == expected


def test_quiet_hours_within_a_day() -> None:
    noon = QuietHours(time(12), time(13))
    assert noon.began(STAMP + 2 * H, UTC_ZONE) == STAMP + 2 * H
    assert noon.began(STAMP + 3 * H, UTC_ZONE) is None


@pytest.mark.parametrize("text", ["20:00", "20:00-20:00", "8-20", "20:00–08:00", "25:00-08:00"])
def test_quiet_hours_in_another_form_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_quiet_hours(text)


def test_quiet_hours_are_read_and_written_alike() -> None:
    assert str(parse_quiet_hours("20:00-08:00")) == "20:00-08:00"
    assert parse_quiet_hours("none") is None


spans = st.timedeltas(H, 72 * H)
leads = st.lists(st.timedeltas(M, 5 * H).map(lambda d: d - d % M), max_size=4, unique=True)
quiets = st.none() | st.tuples(st.times(), st.times()).filter(lambda t: t[0] != t[1]).map(lambda t: QuietHours(*t))


@given(spans, leads, quiets, st.sampled_from([UTC_ZONE, BERLIN, KIRITIMATI]), st.lists(st.floats(0, 1.1), max_size=20))
def test_over_any_passes_each_lead_is_warned_of_once_or_void(
    span: timedelta, configured: list[timedelta], quiet: QuietHours | None, zone: ZoneInfo, passes: list[float]
) -> None:
    """The law of promise 1: at the end every lead has exactly one fate, and no two messages go in one pass."""
    end = STAMP + span
    fate: dict[timedelta, str] = {}
    for share in [*sorted(passes), 1.2]:
        now = STAMP + span * share
        plan = plan_warnings(now, end, span, configured, quiet, zone, {lead // timedelta(seconds=1) for lead in fate})
        assert len(plan.due) <= 1
        assert plan.next_at is None or now < plan.next_at < end
        for lead in plan.due:
            assert lead not in fate
            assert now < end
            fate[lead] = "sent"
        for lead, reason in plan.voids:
            assert lead not in fate
            assert (reason == OVER) == (now >= end)
            fate[lead] = reason
    assert set(fate) == set(configured)


@given(spans, leads, quiets)
def test_whoever_looks_at_every_next_instant_leaves_no_lead_unwarned(
    span: timedelta, configured: list[timedelta], quiet: QuietHours | None
) -> None:
    """Without an outage nothing is void but what merged into a message that went."""
    settled: set[int] = set()
    now: datetime | None = STAMP
    sent = 0
    while now is not None:
        plan = plan_warnings(now, STAMP + span, span, configured, quiet, BERLIN, settled)
        assert not plan.voids or plan.due or sent
        sent += len(plan.due)
        settled |= {lead // timedelta(seconds=1) for lead in (*plan.due, *(lead for lead, _ in plan.voids))}
        now = plan.next_at
    assert len(settled) == len(configured)
    assert sent >= min(1, len(configured))
