"""What answers to commands are rendered from. `what` names the renderer; the conventions are those of `facts`.

A list's buttons carry the cause `{cause}:{notebook_id}`, so that each row may be acted on once.
"""

from typing import Literal, NotRequired, TypedDict

from bot.render.facts import ApprovalFacts, DigestRow, EvidenceFacts, Oops

RowAction = Literal["extend", "stop", "start", "open", "delete", "keep", "why"]


class NotebookRow(TypedDict):
    """One notebook in a list, in `show` and on App Home."""

    notebook_id: str
    name: str
    project: str
    status: str  # the word of `bot.model.Status`
    flavor: str
    owner: NotRequired[str]  # given when it is somebody else's
    end_ms: NotRequired[int | None]  # None or absent: no timed end
    price: NotRequired[str]  # "0.17 EUR per hour"
    cost: NotRequired[str]  # of this run, so far
    disk_cost: NotRequired[str]  # "2.50 EUR per month"
    idle_since_ms: NotRequired[int | None]
    keep_until_ms: NotRequired[int | None]
    keep_reason: NotRequired[str | None]
    stopped_ms: NotRequired[int | None]
    start_s: NotRequired[int]  # how long "start" would run
    actions: NotRequired[list[RowAction]]  # what the reader may do; absent: what the state allows
    project_shown: NotRequired[bool]  # several projects are listed


class AnswerFacts(TypedDict):
    """The least an answer has."""

    what: str
    notebook_id: NotRequired[str]


class TextAnswer(TypedDict):
    """`text`: a sentence or two."""

    what: Literal["text"]
    text: str
    next_step: NotRequired[str]


class ErrorAnswer(TypedDict):
    """`error`: what failed, what to do, and the reference that is in the log too."""

    what: Literal["error"]
    oops: Oops


class Choice(TypedDict):
    """One of several. `id` comes back as the button's `notebook`, whatever kind of thing is picked."""

    id: str
    label: str
    project: NotRequired[str]
    note: NotRequired[str]  # state, flavor, owner: what tells twins apart


class ChoicesAnswer(TypedDict):
    """`choices`: a name fits several. Buttons `notebook_pick` with the request they continue."""

    what: Literal["choices"]
    cause: str
    request: str
    text: str  # "Two notebooks match “train”."
    choices: list[Choice]
    more: NotRequired[int]  # how many more there are than are shown


class ListAnswer(TypedDict):
    """`list`: one page of notebooks; at most 15 rows are shown."""

    what: Literal["list"]
    cause: str
    request: str
    title: str  # "Your notebooks", "Everyone's notebooks in research"
    filtered: bool  # a scope or words narrowed it: emptiness means something else
    rows: list[NotebookRow]
    page: int  # from 1
    pages: int
    total: int
    as_of_ms: NotRequired[int]  # given when it is not fresh
    failed: NotRequired[list[str]]  # projects that could not be listed


class ShowAnswer(TypedDict):
    """`show`: everything about one notebook."""

    what: Literal["show"]
    cause: str
    notebook_id: str
    row: NotebookRow
    description: NotRequired[str]
    image: NotRequired[str]
    disk: NotRequired[str]  # "50 GB EFS"
    created_ms: NotRequired[int]
    running_since_ms: NotRequired[int]
    lease_kind: NotRequired[Literal["timed", "idle", "none"]]
    free_until_ms: NotRequired[int | None]  # extend to here without asking
    evidence: NotRequired[list[EvidenceFacts]]
    verdict: NotRequired[str]  # "active", "idle since …", "cannot tell: …"
    month_cost: NotRequired[str]
    fail_reason: NotRequired[str]
    may: NotRequired[list[str]]  # "Owner: extend, stop, delete", one line each
    pending: NotRequired[str]  # the approval request that waits


class ImageRow(TypedDict):
    """One image."""

    id: str
    name: str
    tag: NotRequired[str]
    arch: NotRequired[str]
    kind: NotRequired[str]
    description: NotRequired[str]


class ImagesAnswer(TypedDict):
    """`images`: one page of them; at most 20 rows are shown."""

    what: Literal["images"]
    cause: str
    request: str
    project: str
    words: NotRequired[str]
    rows: list[ImageRow]
    page: int
    pages: int
    total: int


class FlavorRow(TypedDict):
    """One machine size."""

    id: str
    size: str  # "2 vCPUs, 8 GB", "8 vCPUs, 64 GB, 1 x V100"
    category: str  # CPU, GPU, NPU
    price: NotRequired[str]  # "0.17 EUR per hour"
    sold_out: NotRequired[bool]


class FlavorsAnswer(TypedDict):
    """`flavors`: what there is, with price; sold out ones are marked."""

    what: Literal["flavors"]
    project: str
    category: NotRequired[str]
    rows: list[FlavorRow]


class DiskRow(TypedDict):
    """A stopped notebook whose disk still costs money."""

    notebook_id: str
    name: str
    project: str
    cost: str  # "2.50 EUR per month"
    stopped_ms: NotRequired[int | None]


class CostAnswer(TypedDict):
    """`cost`: figures, savings with the method; the chart goes with it where a picture can be shown."""

    what: Literal["cost"]
    cause: str
    title: str  # "Your cost", "Cost of research"
    period: str  # "the last 7 days", "November 2026"
    from_ms: int
    to_ms: int
    currency: str
    total: str
    rows: list[DigestRow]
    saved: str
    saved_method: str
    stops: int
    wrong: int
    idle_stops: NotRequired[int]
    unpriced: list[str]
    budget: NotRequired[str]  # "212.00 of 400.00 EUR this month"
    disks: NotRequired[list[DiskRow]]
    elsewhere: NotRequired[bool]  # the chart is in the person's DM
    chart_only: NotRequired[bool]  # this is that message: the figures stand where they were asked for


class DecisionFacts(TypedDict):
    """One decision on record."""

    at_ms: int
    outcome: str  # "warned", "left alone", "stopped", in words
    rule: str  # "idle for 60 min (idle_after)"
    source: NotRequired[str]  # where the rule's value comes from: "rule 1 of [policy]"
    text: NotRequired[str]
    evidence: list[EvidenceFacts]
    confirmed_ms: NotRequired[int | None]  # last pass that came to the same
    policy: NotRequired[str]  # short hash of the policy file


class WarnedFacts(TypedDict):
    """A warning and what became of it."""

    at_ms: int
    text: str  # "lease warning, 1 h lead: delivered"


class WhyAnswer(TypedDict):
    """`why`: the record of decisions, and of warnings, newest first."""

    what: Literal["why"]
    notebook_id: str
    name: str
    project: str
    decisions: list[DecisionFacts]
    warnings: NotRequired[list[WarnedFacts]]
    more: NotRequired[int]


class PlannedFacts(TypedDict):
    """Something that would happen."""

    at_ms: int
    text: str
    rule: NotRequired[str]


class PlanAnswer(TypedDict):
    """`plan`: what would happen at that instant and by which rule."""

    what: Literal["plan"]
    notebook_id: str
    name: str
    project: str
    at_ms: int
    outcome: str
    rule: str
    source: NotRequired[str]
    evidence: NotRequired[list[EvidenceFacts]]
    ahead: NotRequired[list[PlannedFacts]]
    assumes: NotRequired[str]  # "that nothing is renewed and activity stays as it is"


class PolicyRow(TypedDict):
    """One limit and where it comes from."""

    key: str
    value: str
    source: str  # "default", "[policy]", "rule 1 of [policy]", "project research"


class PolicyAnswer(TypedDict):
    """`policy`: effective values and where each comes from."""

    what: Literal["policy"]
    project: str
    name: NotRequired[str]  # of the notebook, if one was named
    rows: list[PolicyRow]
    hash: NotRequired[str]


class ApprovalsAnswer(TypedDict):
    """`approvals`: what waits for the reader and by the reader. Each request's own `cause` is on its buttons."""

    what: Literal["approvals"]
    for_me: list[ApprovalFacts]
    by_me: list[ApprovalFacts]


class AuditRow(TypedDict):
    """Who did what, when, on whose request."""

    at_ms: int
    actor: str  # a Slack id, or "leasebot"
    action: str  # in words: "stopped it"
    on_request_of: NotRequired[str]
    rule: NotRequired[str]
    result: NotRequired[str]
    shown: NotRequired[str]  # what they were shown when they decided


class AuditAnswer(TypedDict):
    """`audit`: newest first."""

    what: Literal["audit"]
    notebook_id: str
    name: str
    project: str
    rows: list[AuditRow]
    head: NotRequired[str]
    more: NotRequired[int]


class CloudLink(TypedDict):
    """A person's identity in one project."""

    project: str
    cloud_user: str
    domain: NotRequired[str]
    kind: str  # "password", "access key", "temporary access key"
    state: Literal["working", "expired", "refused", "waiting"]
    expires_ms: NotRequired[int | None]


class WhoamiAnswer(TypedDict):
    """`whoami`: who the bot takes the person for."""

    what: Literal["whoami"]
    user: str
    zone: str
    links: list[CloudLink]
    roles: list[str]  # "member of research", "admin"
    projects: list[str]


class NoticeSetting(TypedDict):
    """A notice one may mute."""

    key: str  # stored, at most 75 characters
    label: str
    on: bool


class SettingsAnswer(TypedDict):
    """`settings`: what is set; the button opens the form."""

    what: Literal["settings"]
    cause: str
    zone: str
    zone_source: str  # "from your Slack profile", "leasebot's default"
    quiet: str  # "20:00-08:00", "" for none
    notices: list[NoticeSetting]


class LinkAnswer(TypedDict):
    """`link`: the private page. Ephemeral; the address is a secret of the person."""

    what: Literal["link"]
    project: str
    url: str
    expires_ms: int


class NotLinkedAnswer(TypedDict):
    """`not_linked`: the one next step. With `url` the page is offered at once."""

    what: Literal["not_linked"]
    project: str
    text: NotRequired[str]  # what is wrong, when it is not simply unknown
    url: NotRequired[str]
    expires_ms: NotRequired[int]


class ConfirmStopAnswer(TypedDict):
    """`confirm_stop`: a typed stop asks once."""

    what: Literal["confirm_stop"]
    cause: str
    notebook_id: str
    name: str
    project: str
    flavor: str
    owner: NotRequired[str]  # when it is somebody else's
    end_ms: NotRequired[int | None]
    busy: NotRequired[str]  # "A kernel is busy." given when something runs


class OpenAnswer(TypedDict):
    """`open`: the private link. Built at the click and sent once; never an outbox row."""

    what: Literal["open"]
    name: str
    project: str
    url: str
    end_ms: NotRequired[int | None]


class JoinedAnswer(TypedDict):
    """`joined`: the same text by the same person is still under way."""

    what: Literal["joined"]
    text: str  # what is under way: "starting train"
    since_ms: int


class TooFastAnswer(TypedDict):
    """`too_fast`: over the limit per minute."""

    what: Literal["too_fast"]
    wait_s: int


class AlreadyAnswer(TypedDict):
    """`already`: a click on something settled; says what happened."""

    what: Literal["already"]
    text: str  # "It was extended by 1 h.", "This request was denied."
    by: NotRequired[str]
    at_ms: NotRequired[int]
    next_step: NotRequired[str]


class HelpAnswer(TypedDict):
    """`help`: one screen, or one command in full."""

    what: Literal["help"]
    topic: NotRequired[str]
