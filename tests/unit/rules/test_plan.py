"""What a pass decides: an idle notebook as the baseline, one fact changed per row; and the laws over all facts."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.policy import EffectivePolicy
from bot.config.policy_keys import POLICY_KEYS
from bot.model import Lease, LeaseType, Notebook, NotebookId, Status
from bot.rules import keys
from bot.rules.durations import format_duration
from bot.rules.facts import (
    Action,
    Escalate,
    Hold,
    NotebookFacts,
    NoticeState,
    OwnerFacts,
    PendingRequest,
    SettleNotice,
    ShadowStop,
    StopIdle,
    VoidNotice,
    WarnIdle,
    WarnLease,
)
from bot.rules.idle import SourceReading, Verdict
from bot.rules.plan import ENDED, IN_USE, KEPT, RENEWED, decide, plan
from bot.rules.quiet import QuietHours

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
H, M, S = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
UTC_ZONE = ZoneInfo("UTC")
GRACE = 15 * M
SINCE = NOW - 70 * M
KEY = keys.idle_warning("n1", SINCE)


def a_policy(**changes: Any) -> EffectivePolicy:
    values = {key.name: key.default_value for key in POLICY_KEYS} | {"idle_mode": "enforce"} | changes
    return EffectivePolicy(project="research", sources={key.name: "default" for key in POLICY_KEYS}, **values)


POLICY = a_policy()
IDLE = Verdict("idle", SINCE, "jupyter: quiet; metrics: quiet", found_at=NOW - 5 * M, in_a_row=2, spell=SINCE)
ACTIVE = Verdict("active", None, "jupyter: a kernel is at work")
UNKNOWN = Verdict("unknown", None, "metrics: forbidden", spell=SINCE)
OWNER = OwnerFacts("U0ANA", UTC_ZONE, None, True)


def a_notebook(end: datetime | None = NOW + 20 * H, status: Status = Status.RUNNING) -> Notebook:
    stamped = NOW - 4 * H
    lease = Lease(NOW - 40 * H, (end or NOW) - (NOW - 40 * H), end is not None, LeaseType.TIMING, stamped)
    return Notebook(NotebookId("n1"), "exp", status, lease=lease)


def told(ago: timedelta = GRACE, **changes: Any) -> dict[str, NoticeState]:
    """An idle warning written a minute before its delivery, `ago` before now."""
    return {KEY: replace(NoticeState(NOW - ago - M, NOW - ago), **changes)}


BLOCKED: list[tuple[dict[str, Any], str]] = [
    ({"slack_up": False}, "slack_down"),
    ({"paused": "jump"}, "paused"),
    ({"verdict": UNKNOWN}, "unknown"),
    ({"verdict": None}, "unknown"),
]

FACTS = NotebookFacts(
    a_notebook(), OWNER, IDLE, notices=told(), running_since=NOW - 4 * H, seen_first_at=NOW - 4 * H
)  # fmt: skip


def kinds(actions: list[Action]) -> list[type[Action]]:
    return [type(action) for action in actions]


def test_the_baseline_is_stopped_with_its_reason_and_rule() -> None:
    [stop] = plan(NOW, FACTS, POLICY)
    assert isinstance(stop, StopIdle)
    assert (stop.key, stop.idle_since, stop.notice_at) == (KEY, SINCE, NOW - GRACE)
    assert "idle for 1 h 10 min" in stop.reason
    assert stop.rule == "idle_after 1 h, default; idle_grace 15 min, default; idle_mode enforce, default"


@pytest.mark.parametrize(
    ("changes", "expected", "outcome"),
    [
        pytest.param({"notices": told(GRACE - S)}, [], "grace", id="a second before the grace is over"),
        pytest.param({"notices": told(posted_at=NOW - GRACE), "slack_ahead": -100 * S}, [], "grace",
                     id="our clock was put ahead within the grace"),
        pytest.param({"notices": told(posted_at=NOW - GRACE), "slack_ahead": timedelta(0)}, [StopIdle], "stop",
                     id="our clock and Slack's agree"),
        pytest.param({"notices": told(posted_at=NOW - GRACE - 100 * S), "slack_ahead": -100 * S}, [StopIdle], "stop",
                     id="our clock was ahead all the time"),
        pytest.param({"notices": told(delivered_at=None)}, [], "waiting", id="written is not delivered"),
        pytest.param({"notices": {}}, [WarnIdle], "warn", id="not warned yet"),
        pytest.param({"verdict": ACTIVE}, [SettleNotice], "active", id="in use again"),
        pytest.param({"verdict": ACTIVE, "notices": told(settled_at=NOW - M)}, [], "active", id="said once"),
        pytest.param({"notices": told(settled_at=NOW - M)}, [WarnIdle], "warn", id="what was settled is warned anew"),
        pytest.param({"verdict": UNKNOWN}, [], "unknown", id="unknown is never idle"),
        pytest.param({"verdict": None}, [], "unknown", id="no evidence"),
        pytest.param({"verdict": ACTIVE, "notices": told(delivered_at=None)}, [VoidNotice], "active",
                     id="a warning that waits is moot"),
        pytest.param({"verdict": UNKNOWN, "notices": told(delivered_at=None)}, [], "unknown",
                     id="unknown leaves the warning alone"),
        pytest.param({"keep_until": NOW + S}, [SettleNotice], "kept", id="kept on"),
        pytest.param({"keep_until": NOW + S, "notices": told(delivered_at=None)}, [VoidNotice], "kept", id="kept"),
        pytest.param({"keep_until": NOW}, [SettleNotice, WarnIdle], "warn", id="a keep that ran out is warned of anew"),
        pytest.param({"keep_until": SINCE - M}, [StopIdle], "stop", id="a keep from before the spell"),
        pytest.param({"undo_until": NOW + S}, [SettleNotice], "undone", id="a stop marked wrong"),
        pytest.param({"undo_until": NOW}, [SettleNotice, WarnIdle], "warn", id="and warned anew afterwards"),
        pytest.param({"paused": "jump"}, [], "paused", id="a brake"),
        pytest.param({"paused": "jump", "notices": {}}, [], "paused", id="no promise of a stop under a brake"),
        pytest.param({"slack_up": False}, [], "slack_down", id="Slack down"),
        *(
            pytest.param(blocked | {"notices": told(GRACE + 59 * M)}, [], outcome, id=f"{outcome} for an hour less")
            for blocked, outcome in BLOCKED
        ),
        *(
            pytest.param(blocked | {"notices": told(GRACE + H)}, [SettleNotice], outcome, id=f"{outcome} for an hour")
            for blocked, outcome in BLOCKED
        ),
        pytest.param({"owner": replace(OWNER, reachable=None)}, [], "slack_down", id="owner's state not known"),
        pytest.param({"owner": replace(OWNER, reachable=False)}, [Escalate], "escalate", id="owner left since"),
        pytest.param({"owner": replace(OWNER, reachable=False), "notices": {}}, [Escalate], "escalate",
                     id="owner unreachable"),
        pytest.param({"owner": replace(OWNER, reachable=None), "notices": {}}, [], "cannot_ask", id="cannot ask"),
        pytest.param({"owner": OwnerFacts(), "notices": {}}, [Escalate], "escalate", id="nobody in Slack"),
        pytest.param({"notices": told(31 * M, delivered_at=None)}, [Escalate], "escalate", id="undelivered for long"),
        pytest.param({"notices": told(31 * M, delivered_at=None, escalated=True, to="U0ANA")}, [], "undelivered",
                     id="the escalation is not delivered either"),
        pytest.param({"notices": told(31 * M, delivered_at=None, escalated=True)}, [VoidNotice], "void",
                     id="the owner, who was not tried, can be told before the lead is"),
        pytest.param({"notices": told(delivered_at=None, escalated=True, escalation_delivered_at=NOW - GRACE)},
                     [SettleNotice], "void", id="the owner, who was not tried, can be told after the lead"),
        pytest.param({"notices": told(delivered_at=None, escalated=True, escalation_delivered_at=NOW - GRACE,
                                      to="U0ANA")}, [StopIdle], "stop", id="the owner was tried before the lead"),
        pytest.param({"owner": OwnerFacts(), "notices": told(delivered_at=None, escalated=True,
                                                            escalation_delivered_at=NOW - GRACE)}, [StopIdle], "stop",
                     id="grace from the escalation"),
        pytest.param({"owner": OwnerFacts(), "notices": told(delivered_at=None, escalated=True,
                                                            escalation_delivered_at=NOW - GRACE + S)}, [], "grace",
                     id="its grace is not over"),
        pytest.param({"notices": told(delivered_at=None, void=True)}, [], "void", id="a void key is not used again"),
        pytest.param({"notices": told(delivered_at=None, void=True, voided_at=NOW - M)}, [WarnIdle], "warn",
                     id="but a new one from where it was voided"),
        pytest.param({"notebook": a_notebook(status=Status.SNAPSHOTTING)}, [], "busy", id="an image is being saved"),
        pytest.param({"notebook": a_notebook(status=Status.STOPPED)}, [], "not_running", id="stopped"),
        pytest.param({"notebook": a_notebook(status=Status.UNKNOWN)}, [], "unknown", id="a status I do not know"),
        pytest.param({"notebook": a_notebook(status=Status.STOPPED), "notices": told(delivered_at=None)}, [VoidNotice],
                     "not_running", id="stopped before it was told"),
        pytest.param({"notebook": a_notebook(status=Status.STOPPING), "notices": told(delivered_at=None)}, [],
                     "not_running", id="stopping: not yet moot"),
        pytest.param({"notebook": a_notebook(end=None)}, [StopIdle], "stop", id="no timed end"),
    ],
)  # fmt: skip
def test_one_fact_changed(changes: dict[str, Any], expected: list[type[Action]], outcome: str) -> None:
    made = decide(NOW, replace(FACTS, **changes), POLICY)
    assert kinds(list(made.actions)) == expected
    assert made.decision.outcome == outcome
    assert made.decision.because


@pytest.mark.parametrize(
    ("changes", "expected", "outcome"),
    [
        pytest.param({"idle_mode": "off"}, [], "off", id="off"),
        pytest.param({"idle_grace": 16 * M}, [], "grace", id="a longer grace"),
        pytest.param({"idle_mode": "shadow"}, [], "shadow_warned", id="found five minutes ago: would be warned"),
        pytest.param({"idle_mode": "shadow", "idle_grace": 5 * M}, [ShadowStop], "shadow_stop", id="would be stopped"),
    ],
)
def test_one_policy_changed(changes: dict[str, Any], expected: list[type[Action]], outcome: str) -> None:
    made = decide(NOW, replace(FACTS, notices={}), a_policy(**changes)) if "idle_mode" in changes else decide(
        NOW, FACTS, a_policy(**changes)
    )  # fmt: skip
    assert (kinds(list(made.actions)), made.decision.outcome) == (expected, outcome)


def test_shadow_records_each_spell_once_and_sends_nothing() -> None:
    shadow = a_policy(idle_mode="shadow", idle_grace=M)
    [stop] = plan(NOW, replace(FACTS, notices={}), shadow)
    assert isinstance(stop, ShadowStop)
    assert plan(NOW, replace(FACTS, notices={}, shadowed=frozenset({stop.key})), shadow) == []


def test_a_notebook_whose_lease_ends_within_the_grace_gets_no_idle_warning() -> None:
    near = replace(FACTS, notebook=a_notebook(NOW + GRACE), notices={}, seen_first_at=NOW - 4 * H)
    assert WarnIdle not in kinds(plan(NOW, near, POLICY))
    assert WarnIdle in kinds(plan(NOW, replace(near, notebook=a_notebook(NOW + GRACE + S)), POLICY))


def test_a_keep_that_ran_out_makes_a_new_key_and_its_own_grace() -> None:
    facts = replace(FACTS, keep_until=NOW - M, notices=told(settled_at=NOW - H))
    [warning] = plan(NOW, facts, POLICY)
    assert isinstance(warning, WarnIdle)
    assert (warning.idle_since, warning.key) == (NOW - M, keys.idle_warning("n1", NOW - M))
    notices = {**facts.notices} | {warning.key: NoticeState(NOW, NOW)}
    assert plan(NOW + GRACE - S, replace(facts, notices=notices), POLICY) == []
    assert kinds(plan(NOW + GRACE, replace(facts, notices=notices), POLICY)) == [StopIdle]


# --- leases ------------------------------------------------------------------------------------

END = NOW + 50 * M
HOUR_KEY, QUARTER_KEY = keys.lease_warning("n1", END, 60 * M), keys.lease_warning("n1", END, 15 * M)
LEASED = NotebookFacts(a_notebook(END), OWNER, ACTIVE, running_since=NOW - 4 * H, seen_first_at=NOW - 4 * H)
SENT, WAITS = NoticeState(NOW, NOW), NoticeState(NOW - M)


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
@pytest.mark.parametrize("changes", [{"keep_until": NOW - M}, {"notices": told(settled_at=NOW - M)}],
                         ids=["a keep has run out", "announced anew"])  # fmt: skip
def test_what_is_on_record_says_for_how_long_it_was_quiet_in_truth(changes: dict[str, Any], mode: str) -> None:
    """Not since when it is warned of: that would look as if it took less than `idle_after`."""
    for later in (timedelta(0), GRACE):
        decision = decide(NOW + later, replace(FACTS, **changes), a_policy(idle_mode=mode)).decision
        assert f"idle for {format_duration(NOW + later - SINCE)}" in decision.because


def test_a_lease_warning_has_its_key_and_rule() -> None:
    [warning] = plan(NOW, LEASED, POLICY)
    assert isinstance(warning, WarnLease)
    assert (warning.key, warning.lead, warning.end) == (HOUR_KEY, 60 * M, END)
    assert warning.rule == "warnings 1 h, 15 min, default"
    assert plan(NOW, replace(LEASED, notices={HOUR_KEY: SENT}), POLICY) == []


@pytest.mark.parametrize(
    ("after", "notices", "expected"),
    [
        pytest.param(35 * M, {HOUR_KEY: SENT}, [(WarnLease, QUARTER_KEY)], id="the next lead"),
        pytest.param(35 * M, {HOUR_KEY: WAITS}, [(VoidNotice, HOUR_KEY), (WarnLease, QUARTER_KEY)],
                     id="a later one overtakes one that waits"),
        pytest.param(35 * M, {}, [(VoidNotice, HOUR_KEY), (WarnLease, QUARTER_KEY)], id="both late: one message"),
        pytest.param(50 * M, {HOUR_KEY: SENT, QUARTER_KEY: WAITS}, [(VoidNotice, QUARTER_KEY)], id="over, untold"),
        pytest.param(50 * M, {HOUR_KEY: SENT, QUARTER_KEY: SENT}, [], id="over, all told"),
    ],
)  # fmt: skip
def test_leads(after: timedelta, notices: dict[str, NoticeState], expected: list[tuple[type[Action], str]]) -> None:
    actions = plan(NOW + after, replace(LEASED, notices=notices), POLICY)
    assert [(type(each), getattr(each, "key", "")) for each in actions] == expected


def test_a_new_end_voids_what_waits_and_warns_again() -> None:
    renewed = replace(LEASED, notebook=a_notebook(NOW + 58 * M), notices={HOUR_KEY: WAITS}, seen_first_at=NOW - 3 * M)
    void, warning = plan(NOW, renewed, POLICY)
    assert isinstance(void, VoidNotice)
    assert (void.key, void.reason) == (HOUR_KEY, RENEWED)
    assert isinstance(warning, WarnLease)
    assert warning.end == NOW + 58 * M


def test_quiet_hours_of_the_owner_move_lease_warnings_but_no_idle_ones() -> None:
    quiet = replace(OWNER, quiet=QuietHours(time(11, 30), time(13)))
    assert plan(NOW, replace(LEASED, owner=quiet, seen_first_at=NOW - 35 * M), POLICY) != []
    moved = replace(LEASED, owner=quiet, notebook=a_notebook(NOW + 100 * M))
    assert kinds(plan(NOW - 41 * M, moved, POLICY)) == []
    assert kinds(plan(NOW - 40 * M, moved, POLICY)) == [WarnLease]
    assert kinds(plan(NOW, replace(FACTS, owner=quiet), POLICY)) == [StopIdle]


def test_a_lease_without_a_timed_end_is_not_warned_of() -> None:
    [void] = plan(NOW, replace(LEASED, notebook=a_notebook(None), notices={HOUR_KEY: WAITS}), POLICY)
    assert isinstance(void, VoidNotice)


REQUEST = PendingRequest("a1", base=NOW + 4 * M, expires_at=NOW + H)
ASKED = replace(
    LEASED, notebook=a_notebook(NOW + 4 * M), request=REQUEST,
    notices={keys.lease_warning("n1", NOW + 4 * M, lead): SENT for lead in (60 * M, 15 * M)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "new_end"),
    [
        pytest.param({}, NOW + H, id="a hold"),
        pytest.param({"request": None}, None, id="nothing waits"),
        pytest.param({"request": replace(REQUEST, expires_at=NOW)}, None, id="the request has expired"),
        pytest.param(
            {"request": replace(REQUEST, base=NOW - 61 * M, held_to=ASKED.notebook.lease_ends)},
            None,
            id="hold_max is used up",
        ),
        pytest.param(
            {"request": replace(REQUEST, base=NOW - 61 * M)}, NOW + H, id="renewed by its owner: counted from there"
        ),
        pytest.param({"pass_interval": 10 * S}, NOW + H, id="five minutes at least"),
    ],
)
def test_holds(changes: dict[str, Any], new_end: datetime | None) -> None:
    holds = [each for each in plan(NOW, replace(ASKED, **changes), POLICY) if isinstance(each, Hold)]
    assert [hold.new_end for hold in holds] == ([] if new_end is None else [new_end])
    assert plan(NOW - 2 * M, ASKED, POLICY) == []


# --- laws --------------------------------------------------------------------------------------

minutes = st.integers(-180, 180).map(lambda m: NOW + m * M)
maybe = st.none() | minutes
verdicts = st.one_of(
    st.just(ACTIVE), st.just(UNKNOWN), st.none(),
    minutes.map(lambda at: Verdict("idle", at, "quiet", found_at=at, in_a_row=2, spell=at)),
)  # fmt: skip
notice_states = st.builds(NoticeState, minutes, maybe, st.booleans(), maybe, st.booleans(), maybe)
owners = st.builds(OwnerFacts, st.none() | st.just("U0ANA"), st.just(UTC_ZONE), st.none(),
                   st.sampled_from([True, False, None]))  # fmt: skip


@st.composite
def any_facts(draw: st.DrawFn) -> NotebookFacts:
    verdict, end, keep = draw(verdicts), draw(st.none() | minutes), draw(maybe)
    notebook = a_notebook(end, draw(st.sampled_from(Status)))
    candidates = [at for at in (verdict.idle_since if verdict else None, keep) if at]
    names = [keys.idle_warning("n1", at) for at in candidates]
    names += [keys.lease_warning("n1", at, lead) for at in (end, NOW) if at for lead in (60 * M, 15 * M)]
    notices = {name: draw(notice_states) for name in names if draw(st.booleans())}
    request = draw(st.none() | st.builds(PendingRequest, st.just("a1"), minutes, minutes))
    return NotebookFacts(
        notebook, draw(owners), verdict, keep, "training", notices, frozenset(), draw(st.none() | st.just("brake")),
        draw(maybe), draw(st.booleans()), NOW - 4 * H, draw(minutes), request,
    )  # fmt: skip


modes = st.sampled_from(["shadow", "enforce", "off"]).map(lambda mode: a_policy(idle_mode=mode))


@given(minutes, any_facts(), modes)
def test_a_stop_has_every_one_of_its_conditions(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> None:
    stops = [action for action in plan(now, facts, policy) if isinstance(action, StopIdle)]
    for stop in stops:
        notice = facts.notices[stop.key]
        delivered = {notice.delivered_at, notice.escalation_delivered_at} - {None}
        assert stop.notice_at in delivered
        assert now >= stop.notice_at + policy.idle_grace
        assert not notice.void
        if facts.owner.reach is False:
            assert stop.notice_at == notice.escalation_delivered_at
        assert facts.verdict is not None
        assert facts.verdict.state == "idle"
        assert facts.notebook.status is Status.RUNNING
        assert policy.idle_mode == "enforce"
        assert facts.paused is None
        assert facts.slack_up
        assert facts.keep_until is None or facts.keep_until <= stop.idle_since
        assert facts.undo_until is None or facts.undo_until <= stop.idle_since
    assert len(stops) <= 1


@given(minutes, any_facts(), modes)
def test_nothing_is_told_twice_and_nothing_delivered_is_voided(
    now: datetime, facts: NotebookFacts, policy: EffectivePolicy
) -> None:
    actions = plan(now, facts, policy)
    told_keys = [each.key for each in actions if isinstance(each, WarnLease | WarnIdle | Escalate | VoidNotice)]
    assert len(set(told_keys)) == len(told_keys)
    for action in actions:
        match action:
            case WarnLease(key=key) | WarnIdle(key=key):
                assert key not in facts.notices
            case VoidNotice(key=key):
                assert key not in facts.notices or facts.notices[key].pending
            case Escalate(key=key):
                assert key not in facts.notices or not facts.notices[key].escalated
    assert policy.idle_mode == "enforce" or not {WarnIdle, Escalate, StopIdle} & set(kinds(actions))


@given(minutes, any_facts(), modes)
def test_every_action_says_why(now: datetime, facts: NotebookFacts, policy: EffectivePolicy) -> None:
    made = decide(now, facts, policy)
    assert all(action.reason for action in made.actions)
    assert made.decision.outcome
    assert made.decision.because
    assert made == decide(now, facts, policy)


@given(minutes, any_facts(), modes)
def test_a_hold_only_lengthens_and_stays_within_its_maximum(
    now: datetime, facts: NotebookFacts, policy: EffectivePolicy
) -> None:
    for action in plan(now, facts, policy):
        if isinstance(action, Hold):
            assert facts.request is not None
            assert facts.notebook.lease_ends is not None
            assert facts.notebook.lease_ends < action.new_end <= facts.request.base + policy.hold_max


@pytest.mark.parametrize("grace", [5 * M, 15 * M, 60 * M])
def test_a_truly_idle_notebook_is_warned_and_stopped_in_time(grace: timedelta) -> None:
    """Liveness of the rule: passes a minute apart, each notice delivered ten seconds after it was written."""
    policy = a_policy(idle_grace=grace)
    facts = replace(FACTS, notices={}, notebook=a_notebook(NOW + 30 * H))
    started, now, stopped = NOW, NOW, None
    while stopped is None and now < started + 3 * H:
        for action in plan(now, facts, policy):
            if isinstance(action, WarnIdle):
                facts = replace(facts, notices={action.key: NoticeState(now, now + 10 * S)})
            elif isinstance(action, StopIdle):
                stopped = now
        now += M
    assert stopped is not None
    assert started + grace <= stopped <= started + grace + 3 * M


@pytest.mark.parametrize(("used", "words"), [(SINCE, "It counts as idle only after 4 h by now."),
                                             (NOW - 2 * M, "It is in use again.")])  # fmt: skip
def test_what_another_idle_after_calls_off_is_not_said_to_be_in_use(used: datetime, words: str) -> None:
    reading = SourceReading("jupyter", "active", used, "a kernel was in use", NOW, used=used)
    facts = replace(FACTS, verdict=Verdict("active", None, "quiet for 70 min, less than 240 min", (reading,)))
    [settled] = plan(NOW, facts, a_policy(idle_after=4 * H))
    assert (type(settled), settled.reason) == (SettleNotice, words)


def test_reasons_of_voids_are_those_people_read() -> None:
    waiting = told(delivered_at=None)
    for changes, reason in [
        ({"verdict": ACTIVE}, IN_USE),
        ({"keep_until": NOW + H}, KEPT),
        ({"notebook": a_notebook(status=Status.STOPPED)}, ENDED),
    ]:
        [void] = plan(NOW, replace(FACTS, notices=waiting, **changes), POLICY)  # type: ignore[arg-type]
        assert void.reason == reason
