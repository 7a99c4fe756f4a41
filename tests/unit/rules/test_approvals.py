"""Nobody decides on their own request; what waits has one end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BadInput
from bot.rules.approvals import (
    Allowed,
    Needs,
    Party,
    Refused,
    Request,
    Roster,
    Route,
    State,
    Waiting,
    granted,
    may_decide,
    route,
    waiting,
)
from bot.rules.lease import ExtendBy, ExtendUntil, Wish

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
H, S = timedelta(hours=1), timedelta(seconds=1)
ANA, OWNER = Party("U0ANA", frozenset({"c-ana"})), Party("U0OWN", frozenset({"c-own"}))
ROSTER = Roster(
    approvers=("U0APP", "S0APP"),
    escalate_to=("U0LEAD",),
    admins=("U0ADMIN",),
    groups={"S0APP": frozenset({"U0GRP", "U0ANA"})},
)


def a_request(needs: Needs = "approver", state: State = State.PENDING, owner: Party = OWNER) -> Request:
    return Request("a1", ANA, owner, needs, state, NOW + H)


@pytest.mark.parametrize(
    ("who", "needs", "allowed"),
    [
        ("U0APP", "approver", True),
        ("U0GRP", "approver", True),
        ("U0LEAD", "approver", True),
        ("U0ADMIN", "approver", True),
        ("U0BOB", "approver", False),
        ("U0ANA", "approver", False),  # in the group, and the requester
        ("U0OWN", "approver", False),
        ("U0APP", "admin", False),
        ("U0ADMIN", "admin", True),
    ],
)
def test_who_may_decide(who: str, needs: Needs, allowed: bool) -> None:
    assert isinstance(may_decide(NOW, a_request(needs), Party(who), ROSTER), Allowed) is allowed


@pytest.mark.parametrize("clouds", [{"c-ana"}, {"c-own"}, {"x", "c-ana"}])
def test_another_slack_account_with_the_same_cloud_user_is_the_same_person(clouds: set[str]) -> None:
    answer = may_decide(NOW, a_request(), Party("U0ADMIN", frozenset(clouds)), ROSTER)
    assert isinstance(answer, Refused)
    assert "their own" in answer.reason


@pytest.mark.parametrize("owner", [Party("U0ADMIN"), OWNER])
def test_not_even_an_admin_decides_on_their_own_wish(owner: Party) -> None:
    own = Request("a1", Party("U0ADMIN"), owner, "admin", State.PENDING, NOW + H)
    assert isinstance(may_decide(NOW, own, Party("U0ADMIN"), ROSTER), Refused)


def test_a_group_that_cannot_be_read_means_no_and_says_so() -> None:
    for groups in ({"S0APP": None}, {}):
        roster = Roster(approvers=("S0APP",), groups=groups)
        answer = may_decide(NOW, a_request(), Party("U0GRP"), roster)
        assert isinstance(answer, Refused)
        assert "cannot read" in answer.reason


@pytest.mark.parametrize("state", [state for state in State if state is not State.PENDING])
def test_what_is_settled_cannot_be_decided(state: State) -> None:
    answer = may_decide(NOW, a_request(state=state), Party("U0APP"), ROSTER)
    assert answer == Refused(f"it was {state.value} already")


def test_a_decision_at_its_expiry_is_refused() -> None:
    assert isinstance(may_decide(NOW + H - S, a_request(), Party("U0APP"), ROSTER), Allowed)
    assert may_decide(NOW + H, a_request(), Party("U0APP"), ROSTER) == Refused("it has expired")


@pytest.mark.parametrize(
    ("roster", "needs", "to"),
    [
        (ROSTER, "approver", "approvers"),
        (Roster(approvers=("U0ANA", "U0OWN"), escalate_to=("U0LEAD",), admins=("U0ADMIN",)), "approver", "escalate_to"),
        (Roster(approvers=("U0ANA",), escalate_to=("U0ANA",), admins=("U0ADMIN",)), "approver", "admins"),
        (Roster(approvers=("S0APP",), admins=("U0ADMIN",)), "approver", "admins"),  # the group cannot be read
        (Roster(approvers=("U0ANA",)), "approver", None),
        (Roster(), "approver", None),
        (ROSTER, "admin", "admins"),
        (Roster(approvers=("U0APP",), admins=("U0ANA",)), "admin", None),
        (Roster(("U0TWIN",), (), ("U0ADMIN",), parties={"U0TWIN": frozenset({"c-ana"})}), "approver", "admins"),
    ],
)  # fmt: skip
def test_whom_a_request_goes_to(roster: Roster, needs: Needs, to: str | None) -> None:
    found = route(a_request(needs), roster)
    assert (found.to if isinstance(found, Route) else None) == to


users = st.sampled_from(["U0A", "U0B", "U0C", "U0D"])
entries = st.lists(users | st.just("S0G"), max_size=3).map(tuple)
clouds = st.frozensets(st.sampled_from(["c1", "c2", "c3"]), max_size=2)
rosters = st.builds(
    Roster, entries, entries, entries,
    st.sampled_from([{}, {"S0G": None}]) | st.frozensets(users).map(lambda members: {"S0G": members}),
    st.dictionaries(users, clouds),
)  # fmt: skip
parties = st.builds(Party, users, clouds)
requests = st.builds(
    Request, st.just("a1"), parties, parties, st.sampled_from(["approver", "admin"]), st.sampled_from(State),
    st.sampled_from([NOW - S, NOW, NOW + S]),
)  # fmt: skip


@given(requests, parties, rosters)
def test_no_roster_lets_anyone_decide_for_themselves_or_late(request: Request, who: Party, roster: Roster) -> None:
    if isinstance(may_decide(NOW, request, who, roster), Allowed):
        assert who.slack not in (request.requester.slack, request.owner.slack)
        assert who.cloud_users.isdisjoint(request.requester.cloud_users | request.owner.cloud_users)
        assert request.state is State.PENDING
        assert request.expires_at > NOW


@given(requests, rosters)
def test_whoever_a_request_is_routed_to_may_decide_it(request: Request, roster: Roster) -> None:
    found = route(request, roster)
    if isinstance(found, Route) and request.state is State.PENDING and request.expires_at > NOW:
        assert found.people
        assert all(isinstance(may_decide(NOW, request, roster.party(u), roster), Allowed) for u in found.people)


@given(requests, rosters, users)
def test_a_request_refused_at_once_could_be_decided_by_nobody(request: Request, roster: Roster, who: str) -> None:
    if isinstance(route(request, roster), Refused):
        assert isinstance(may_decide(NOW, request, roster.party(who), roster), Refused)


def test_a_lesser_grant_becomes_the_amount_and_more_is_refused() -> None:
    assert granted(ExtendBy(4 * H), None) == ExtendBy(4 * H)
    assert granted(ExtendBy(4 * H), ExtendBy(H)) == ExtendBy(H)
    assert granted(ExtendUntil(NOW + H), ExtendUntil(NOW)) == ExtendUntil(NOW)
    refused: list[tuple[Wish, Wish]] = [
        (ExtendBy(4 * H), ExtendBy(5 * H)),
        (ExtendBy(4 * H), ExtendBy(0 * H)),
        (ExtendUntil(NOW), ExtendUntil(NOW + S)),
        (ExtendBy(4 * H), ExtendUntil(NOW)),
    ]
    for wish, less in refused:
        with pytest.raises(BadInput):
            granted(wish, less)


@pytest.mark.parametrize(
    ("after", "escalated", "expected"),
    [
        (0 * H, False, Waiting(None, NOW + H / 2)),
        (H / 2, False, Waiting("escalate", NOW + H)),
        (H / 2, True, Waiting(None, NOW + H)),
        (H, False, Waiting("expire", NOW + H)),
    ],
)
def test_what_falls_due_while_it_waits(after: timedelta, escalated: bool, expected: Waiting) -> None:
    assert waiting(NOW + after, a_request(), NOW + H / 2, escalated) == expected
