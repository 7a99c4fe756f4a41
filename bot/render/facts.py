"""What messages are rendered from. Outbox rows keep these as JSON: ids, numbers and raw text, never blocks.

Instants are milliseconds since the epoch (`_ms`), durations seconds (`_s`), money is written (`2.04 EUR`). Names and
reasons are raw: rendering escapes them. People are Slack ids and become mentions; somebody without one is written
`cloud user NAME`. `cause` is what buttons are drawn for. Answers to commands are in `bot.render.answer_facts`, modals
and App Home in `bot.render.view_facts`.
"""

from typing import Any, Literal, NotRequired, TypedDict

STARTED_AGAIN = "Started again."  # how a `stopped` message is settled of which its owner may still say it was wrong


def at(ms: int) -> str:
    """An instant inside a raw sentence; rendering turns it into a date that everyone reads in their own zone."""
    return f"[[at:{ms}]]"


class Oops(TypedDict):
    """A failure, in the person's words."""

    what: str
    next_step: str
    ref: NotRequired[str]


class StepFacts(TypedDict):
    """One of the four steps of coming up."""

    step: int
    status: str
    text: str


class OperationFacts(TypedDict):
    """`operation`: one message per operation, updated in place. Key `operation:{id}`."""

    cause: str
    verb: Literal["create", "start", "stop", "delete", "extend", "keep"]
    state: Literal["accepted", "working", "done", "failed", "held", "asked"]
    project: str
    notebook_id: str
    name: str
    others: NotRequired[bool]  # somebody else's, whose link is not the reader's
    steps: NotRequired[list[StepFacts]]
    flavor: NotRequired[str]
    image: NotRequired[str]
    price: NotRequired[str]  # "0.17 EUR per hour"; absent: no price known
    cost: NotRequired[str]
    before_ms: NotRequired[int | None]  # end of the lease before
    after_ms: NotRequired[int | None]  # and after
    until_ms: NotRequired[int | None]  # keep: until then
    note: NotRequired[str]  # one sentence more
    # keep: the lease ends (`after_ms`) before `until_ms`, which the note says first; extend: no timed end, or stopped
    offer: NotRequired[Literal["extend", "set_end", "start"]]
    oops: NotRequired[Oops]
    approval: NotRequired[str]  # state asked: the request's id
    joined: NotRequired[str]  # state asked: whose request waits already
    answered: NotRequired[str]  # state asked: how the request was settled, as in `ApprovalFacts.state`
    started_ms: NotRequired[int]
    idle_stop_ms: NotRequired[int]  # extend: it is idle, and stopped then all the same
    start_s: NotRequired[int]  # stopped: how long "start again" runs; with an offer, how long that is for


class WarningItem(TypedDict):
    """One notebook in a lease warning."""

    key: str
    notebook_id: str
    name: str
    project: str
    end_ms: int
    lead_s: int
    flavor: str
    price: NotRequired[str]
    cost: NotRequired[str]
    cause: NotRequired[str]  # of its buttons; `key` when absent. Drawn again for a second try: a new one
    settled: NotRequired[str]  # what happened meanwhile: its buttons are gone
    settled_ms: NotRequired[int]
    settled_by: NotRequired[str]


class LeaseWarningFacts(TypedDict):
    """`lease_warning`: every notebook of one owner that falls due together."""

    cause: str
    items: list[WarningItem]
    superseded: NotRequired[bool]  # a later warning took the buttons
    owner: NotRequired[str]  # shown when it is an escalation
    keys: NotRequired[str]
    notebook_id: str
    notebook_ids: NotRequired[str]


class EvidenceFacts(TypedDict):
    """One source's word."""

    source: str
    state: str
    text: str


class IdleWarningFacts(TypedDict):
    """`idle_warning`: stop time is counted from delivery, so `grace_s` is given and the time rendered at delivery."""

    cause: str
    project: str
    notebook_id: str
    name: str
    flavor: str
    idle_since_ms: int
    grace_s: int
    evidence: list[EvidenceFacts]
    price: NotRequired[str]
    idle_cost: NotRequired[str]  # what it cost while idle
    end_ms: NotRequired[int | None]
    delivered_ms: NotRequired[int]  # when Slack took it: grace runs from there; absent before that
    owner: NotRequired[str]  # shown when it is an escalation
    settled: NotRequired[str]
    settled_ms: NotRequired[int]
    settled_by: NotRequired[str]


class StoppedFacts(TypedDict):
    """`stopped`: why, by whom, what was saved."""

    cause: str
    project: str
    notebook_id: str
    name: str
    flavor: str
    reason: Literal["idle", "lease", "person", "outside"]
    by: NotRequired[str]
    at_ms: int
    idle_since_ms: NotRequired[int]
    failed: NotRequired[str]  # nobody stopped it: the cloud says that it has failed, and this
    saved: NotRequired[str]
    start_s: int  # how long "start again" runs
    settled: NotRequired[str]
    settled_ms: NotRequired[int]
    settled_by: NotRequired[str]
    wrong_by: NotRequired[str]  # who has said that it was wrong
    wrong_ms: NotRequired[int]


class ApprovalFacts(TypedDict):
    """`approval_request`: with the facts to decide on; redrawn with its outcome."""

    cause: str
    id: str
    project: str
    notebook_id: str
    name: str
    kind: Literal["extension", "create", "start"]
    requester: str
    wish: str  # "4 h" or "until ..."
    wish_s: NotRequired[int]
    until_ms: NotRequired[int]
    base_end_ms: NotRequired[int | None]
    new_end_ms: NotRequired[int | None]
    why_asked: str  # which limit it goes beyond
    reason: str
    flavor: str
    cost: NotRequired[str]
    idle_record: str
    renewals: int
    expires_ms: int
    needs: Literal["approver", "admin"]
    escalated: NotRequired[bool]
    state: Literal["pending", "approved", "denied", "withdrawn", "expired", "lapsed"]
    decided_by: NotRequired[str]
    decided_ms: NotRequired[int]
    answer: NotRequired[str]  # the reason of a denial
    granted: NotRequired[str]
    outcome: NotRequired[str]  # "renewed until ..." once read back; "" while it is under way
    outcome_ms: NotRequired[int | None]


class SettledFacts(TypedDict):
    """`approval_settled`: to the requester."""

    cause: str
    id: str
    project: str
    notebook_id: str
    name: str
    state: Literal["approved", "denied", "withdrawn", "expired", "lapsed"]
    decided_by: NotRequired[str]
    answer: NotRequired[str]
    granted: NotRequired[str]
    note: NotRequired[str]  # what was changed about the wish
    end_ms: NotRequired[int | None]
    start_s: NotRequired[int]  # it stopped meanwhile: offer to start for this long
    start_until_ms: NotRequired[int | None]  # so long that it ends then
    outcome: NotRequired[str]  # what came of what was approved
    idle_stop_ms: NotRequired[int]  # it is idle, and stopped then all the same
    failed: NotRequired[str]  # why it could not be carried out, and what to do next
    held: NotRequired[str]  # waits for re-linking and the like
    expires_ms: NotRequired[int]


class AlertFacts(TypedDict):
    """`alert`: something to know, and the one next step."""

    cause: str
    kind: str
    subject: str
    text: str
    next_step: str
    project: NotRequired[str]
    notebook_id: NotRequired[str]
    button: NotRequired[Literal["release", "link", "why", "none"]]
    at_ms: NotRequired[int]
    settled: NotRequired[str]  # what has become of it: no next step any more
    settled_by: NotRequired[str]
    settled_ms: NotRequired[int]


class DigestRow(TypedDict):
    """One line of a digest or cost answer."""

    label: str
    hours: str
    cost: str
    value: float  # for the chart


class DigestFacts(TypedDict):
    """`digest`: what the project ran, cost and saved; in shadow mode what would have been stopped."""

    cause: str
    project: str
    period: Literal["daily", "weekly"]
    from_ms: int
    to_ms: int
    currency: str
    total: str
    rows: list[DigestRow]
    saved: str
    saved_method: str
    stops: int
    wrong: int
    idle_stops: NotRequired[int]  # of which `wrong` were marked
    shadow: list[dict[str, Any]]  # name, owner, idle_since_ms, at_ms, money, active_later (None: cannot be told)
    may_enforce: NotRequired[bool]  # the policy file names no mode
    mode: str
    running: int
    pending: int
    unpriced: list[str]
    audit_head: str
    notebook_id: str
