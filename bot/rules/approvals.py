"""Approvals (contract 3): who may decide, whom a request goes to, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from bot.errors import BadInput
from bot.rules.durations import format_duration
from bot.rules.lease import ExtendBy, ExtendUntil, Wish

Needs = Literal["approver", "admin"]


class State(StrEnum):
    """Of a request; all but PENDING are final."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"  # granted until an instant that had passed


BECAME: Mapping[str, str] = {  # what is said of a request in each state
    State.PENDING: "waits for an approval",
    State.APPROVED: "was approved",
    State.DENIED: "was denied",
    State.WITHDRAWN: "was withdrawn",
    State.EXPIRED: "expired, for nobody answered in time",
    State.LAPSED: "was approved, and lapsed before it could be carried out",
}


@dataclass(frozen=True, slots=True)
class Party:
    """A person by both identities; either may be unknown."""

    slack: str | None = None
    cloud_users: frozenset[str] = frozenset()  # cloud user ids they are linked to

    def same_as(self, other: "Party") -> bool:
        """One of the two identities is shared."""
        return (self.slack is not None and self.slack == other.slack) or not self.cloud_users.isdisjoint(
            other.cloud_users
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What the rules need of an approval request."""

    id: str
    requester: Party
    owner: Party  # of the notebook; the requester's own for `create`
    needs: Needs
    state: State
    expires_at: datetime
    owner_then: Party = Party()  # whose it was when it was asked: unlinking makes nobody somebody else


@dataclass(frozen=True, slots=True)
class Roster:
    """Who holds what, as it is now: entries are users (U…) and groups (S…).

    `groups` holds each group's members as just read; a group that could not be read is None or absent, and means no.
    `parties` gives a Slack user's linked cloud ids. `gone` are known to be deactivated or no full members any more.
    """

    approvers: tuple[str, ...] = ()
    escalate_to: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    groups: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    parties: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def members(self, entries: tuple[str, ...]) -> frozenset[str]:
        """The users named, and the members of the groups that could be read; nobody who is gone."""
        users = {entry for entry in entries if not entry.startswith("S")}
        for group in (entry for entry in entries if entry.startswith("S")):
            users |= self.groups.get(group) or frozenset()
        return frozenset(users) - self.gone

    def unread(self, entries: tuple[str, ...]) -> tuple[str, ...]:
        """The groups among them that could not be read."""
        return tuple(entry for entry in entries if entry.startswith("S") and self.groups.get(entry) is None)

    def party(self, slack: str) -> Party:
        """A Slack user with what they are linked to."""
        return Party(slack, self.parties.get(slack, frozenset()))


@dataclass(frozen=True, slots=True)
class Allowed:
    """They may decide."""


@dataclass(frozen=True, slots=True)
class Refused:
    """They may not, or nobody can; `reason` is for the person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Route:
    """Whom a request goes to. `people` could decide it now (never requester or owner)."""

    to: Literal["approvers", "escalate_to", "admins"]
    people: frozenset[str]


def route(request: Request, roster: Roster) -> Route | Refused:
    """approvers -> escalate_to -> admins: the first of whom somebody else could decide; refused at once if none."""
    admins = Route("admins", _able(request, roster, roster.admins))
    if request.needs == "admin":
        nobody = "beyond max_total an admin must approve, and there is no other admin"
        return admins if admins.people else Refused(nobody)
    approvers = Route("approvers", _able(request, roster, roster.approvers))
    escalation = Route("escalate_to", _able(request, roster, roster.escalate_to))
    found = next((each for each in (approvers, escalation, admins) if each.people), None)
    return found or Refused("nobody could approve it who did not ask and does not own it")


def escalation(request: Request, roster: Roster) -> frozenset[str]:
    """Who is told of one that nobody has answered: those of `escalate_to` who could decide it, else such admins."""
    named = roster.escalate_to if request.needs == "approver" else ()
    return _able(request, roster, named) or _able(request, roster, roster.admins)


def _able(request: Request, roster: Roster, entries: tuple[str, ...]) -> frozenset[str]:
    return frozenset(user for user in roster.members(entries) if not _conflict(roster.party(user), request))


def _conflict(party: Party, request: Request) -> str:
    if party.same_as(request.requester):
        return "nobody decides on their own request"
    if party.same_as(request.owner) or party.same_as(request.owner_then):
        return "nobody decides on a request for their own notebook"
    return ""


def may_decide(now: datetime, request: Request, decider: Party, roster: Roster) -> Allowed | Refused:
    """Whether this person's click counts, checked at the click. The rule against oneself has no exception."""
    if settled := settled_reason(now, request):
        return Refused(settled)
    if conflict := _conflict(decider, request):
        return Refused(conflict)
    entries = roster.admins
    if request.needs == "approver":
        entries = (*roster.approvers, *roster.escalate_to, *roster.admins)
    if decider.slack in roster.members(entries):
        return Allowed()
    if roster.unread(entries):
        return Refused("I cannot read who is in the approvers' group, so this does not count; try again later")
    return Refused("only an admin may decide this" if request.needs == "admin" else "you are not an approver here")


def settled_reason(now: datetime, request: Request) -> str:
    """Why nothing can be decided any more; empty while it waits. At its expiry it has expired."""
    if request.state is not State.PENDING:
        return f"it was {request.state.value} already"
    return "it has expired" if now >= request.expires_at else ""


# --- amounts -----------------------------------------------------------------------------------


LESS = "Nothing was decided: press *Approve less…* on the request again."


def granted(wish: Wish, less: Wish | None) -> Wish:
    """What is granted: the wish, or the lesser amount. Raises BadInput for more than was asked, or for another kind."""
    match wish, less:
        case _, None:
            return wish
        case ExtendBy(asked), ExtendBy(given):
            return ExtendBy(_no_more(given, asked))
        case ExtendUntil(asked), ExtendUntil(given):
            if given > asked:
                raise BadInput("That is later than what was asked for.", next_step=LESS)
            return ExtendUntil(given)
    raise BadInput("A length was given where an instant was asked for, or the other way round.", next_step=LESS)


def _no_more(given: timedelta, asked: timedelta) -> timedelta:
    if not timedelta(0) < given <= asked:
        raise BadInput(f"At most {format_duration(asked)} can be granted: that is what was asked for.", next_step=LESS)
    return given


# --- time --------------------------------------------------------------------------------------


def expires_at(asked_at: datetime, expires: timedelta) -> datetime:
    """When an unanswered request expires; at that instant a decision is refused."""
    return asked_at + expires


@dataclass(frozen=True, slots=True)
class Waiting:
    """What falls due about a request that waits: one step now, and when to look again."""

    step: Literal["expire", "escalate"] | None
    next_at: datetime


def waiting(now: datetime, request: Request, escalate_at: datetime | None, escalated: bool) -> Waiting:
    """Expiry comes first; a request is escalated once, and not at the instant it expires."""
    if now >= request.expires_at:
        return Waiting("expire", now)
    if escalate_at is None or escalated or escalate_at >= request.expires_at:
        return Waiting(None, request.expires_at)
    return Waiting("escalate", request.expires_at) if now >= escalate_at else Waiting(None, escalate_at)
