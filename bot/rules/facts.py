"""What a pass knows of one notebook when it decides, and what it may decide to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.model import Notebook
from bot.rules.idle import Verdict
from bot.rules.quiet import QuietHours

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """Who is to be told. `reachable`: an active member whose DM Slack takes; None: Slack could not be asked.

    `quiet` are the person's quiet hours, or the policy's where they chose none.
    """

    slack: str | None = None
    zone: ZoneInfo = _UTC
    quiet: QuietHours | None = None
    reachable: bool | None = None

    @property
    def reach(self) -> bool | None:
        """Whether they can be told; nobody in Slack cannot."""
        return self.reachable if self.slack is not None else False


@dataclass(frozen=True, slots=True)
class NoticeState:
    """What became of one key. `delivered_at` is the receipt of Slack's `ok` with a `ts`, never the sending."""

    created_at: datetime
    delivered_at: datetime | None = None
    void: bool = False
    voided_at: datetime | None = None
    escalated: bool = False  # an escalation to the lead or the channel has been written
    escalation_delivered_at: datetime | None = None
    settled_at: datetime | None = None  # its message says how it ended
    refused: bool = False  # Slack will not take the owner's message
    grace: timedelta = timedelta(0)  # as its message promises it
    to: str | None = None  # the owner it was written to
    posted_at: datetime | None = None  # by Slack's own clock

    @property
    def arrived(self) -> bool:
        """Somebody got it: the owner, or whom it was escalated to."""
        return self.delivered_at is not None or self.escalation_delivered_at is not None

    def stops_at(self, at: datetime, grace: timedelta) -> datetime:
        """The end of the grace after a delivery `at`: never before the time that was promised."""
        return at + max(grace, self.grace)

    @property
    def ended_at(self) -> datetime | None:
        """When it was used up: void, or said to be settled. What comes afterwards is warned of anew."""
        return self.voided_at if self.void else self.settled_at

    @property
    def pending(self) -> bool:
        """Neither delivered nor void."""
        return self.delivered_at is None and not self.void


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request for a longer lease that waits. `held_to`: the end the last hold left, as it was read back."""

    id: str
    base: datetime  # end of the lease when it was asked
    expires_at: datetime
    held_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotebookFacts:
    """Everything `plan` looks at. Instants are the server's where the lease is concerned (the pass corrects `now`).

    `notices` holds every warning of this run by key. `seen_first_at`: when the present lease end was first seen.
    `shadowed`: idle warnings' keys whose stop shadow mode has recorded already. `paused`: why a brake holds stops.
    `undo_until`: a stop was marked wrong; no idle stop until then. `slack_up` is false while Slack does not answer.
    `clock_ahead`: the server's clock minus ours, by which notices are stamped. `slack_ahead`: Slack's minus ours.
    """

    notebook: Notebook
    owner: OwnerFacts = field(default_factory=OwnerFacts)
    verdict: Verdict | None = None
    keep_until: datetime | None = None
    keep_reason: str = ""
    notices: Mapping[str, NoticeState] = field(default_factory=dict)
    shadowed: frozenset[str] = frozenset()
    paused: str | None = None
    undo_until: datetime | None = None
    slack_up: bool = True
    running_since: datetime | None = None
    seen_first_at: datetime | None = None
    request: PendingRequest | None = None
    pass_interval: timedelta = timedelta(minutes=1)
    clock_ahead: timedelta = timedelta(0)
    slack_ahead: timedelta | None = None

    def anew(self, since: datetime) -> bool:
        """Whether an idle spell begins where a notice of it ended: it has been announced before."""
        return any(told.ended_at == since for told in self.notices.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to do. `reason` is for people, `rule` names the policy key, its value and where it stands."""

    reason: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnLease(Action):
    """Tell the owner that the lease ends. `lead` as configured."""

    key: str
    end: datetime
    lead: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnIdle(Action):
    """Tell the owner that it will be stopped `grace` after this message is delivered."""

    key: str
    idle_since: datetime
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(Action):
    """The owner cannot be told: tell the lead or the channel instead; the grace runs from that delivery."""

    key: str
    idle_since: datetime
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StopIdle(Action):
    """Stop it, after a fresh read has led to the same plan again. `notice_at`: when the notice was delivered."""

    key: str
    idle_since: datetime
    notice_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowStop(Action):
    """Record that it would have been stopped now."""

    key: str
    idle_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidNotice(Action):
    """A message is moot: if it is not yet written or not yet delivered it never will be; `reason` is recorded."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleNotice(Action):
    """A delivered message is over: it says how, in the words of `reason`, and loses its buttons."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Action):
    """Bridge the lease while a request waits: one renewal by the service account."""

    request: str
    new_end: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for the record, in one word and one sentence, with the rule that led to it."""

    outcome: str
    because: str
    rule: str
