"""What modals and App Home are rendered from. `view` names the renderer; the conventions are those of `facts`."""

from typing import Literal, NotRequired, TypedDict

from bot.render.answer_facts import FlavorRow, NotebookRow, NoticeSetting
from bot.render.facts import ApprovalFacts, Oops


class ViewFacts(TypedDict):
    """The least a view has."""

    view: str


class LoadingView(TypedDict):
    """`loading`: opened before the acknowledgement, replaced when the facts are there."""

    view: Literal["loading"]
    callback: str
    title: str


class ImageChoice(TypedDict):
    """The image that is picked already."""

    id: str
    name: str


class CreateView(TypedDict):
    """`notebook_create`. Fields: project, name, image, flavor, disk, for, stop_type."""

    view: Literal["notebook_create"]
    cause: str
    projects: list[str]
    project: str
    flavors: list[FlavorRow]
    name: NotRequired[str]
    image: NotRequired[ImageChoice]
    flavor: NotRequired[str]
    disk_gb: int
    disk_max_gb: NotRequired[int]
    lease_s: int
    max_lease_s: NotRequired[int]  # more needs an approval
    stop_type: NotRequired[Literal["timed", "idle"]]
    price: NotRequired[str]  # of the flavor picked, "0.17 EUR per hour"
    cost: NotRequired[str]  # of the whole lease
    end_ms: NotRequired[int]
    asks: NotRequired[str]  # why it would become a request


class DeleteView(TypedDict):
    """`notebook_delete`. Field: typed_name."""

    view: Literal["notebook_delete"]
    cause: str
    project: str
    notebook_id: str
    name: str
    running: bool
    disk: NotRequired[str]  # "50 GB EFS"
    disk_cost: NotRequired[str]
    restorable: NotRequired[bool]  # never, with today's cloud


class ExtendView(TypedDict):
    """`extend_other`. Fields: for or until, reason."""

    view: Literal["extend_other"]
    cause: str
    project: str
    notebook_id: str
    name: str
    end_ms: NotRequired[int | None]
    free_until_ms: NotRequired[int | None]
    ceiling_ms: NotRequired[int | None]
    price: NotRequired[str]
    zone: str


class KeepView(TypedDict):
    """`keep_until`. Fields: until, reason."""

    view: Literal["keep_until"]
    cause: str
    project: str
    notebook_id: str
    name: str
    ceiling_ms: int
    end_ms: NotRequired[int | None]
    zone: str


class DenyView(TypedDict):
    """`approval_deny_reason`. Field: reason."""

    view: Literal["approval_deny_reason"]
    cause: str
    approval: str
    project: str
    notebook_id: str
    name: str
    requester: str
    wish: str


class LessView(TypedDict):
    """`approval_less`. Fields: for or until."""

    view: Literal["approval_less"]
    cause: str
    approval: str
    project: str
    notebook_id: str
    name: str
    requester: str
    wish: str
    wish_s: NotRequired[int]
    until_ms: NotRequired[int]
    cost: NotRequired[str]
    zone: str


class SettingsView(TypedDict):
    """`settings`. Fields: quiet, notices."""

    view: Literal["settings"]
    cause: str
    zone: str
    zone_source: str
    quiet: str
    notices: list[NoticeSetting]


class DoneView(TypedDict):
    """`done`: how it ended, or that it is under way."""

    view: Literal["done"]
    title: str
    text: str
    next_step: NotRequired[str]


class ErrorView(TypedDict):
    """`error`: what failed and what to do."""

    view: Literal["error"]
    title: str
    oops: Oops


class Attention(TypedDict):
    """Something that waits for the person, on top of App Home. `row` brings buttons."""

    text: str
    row: NotRequired[NotebookRow]
    approval: NotRequired[ApprovalFacts]  # waits for the reader: decide there
    settings: NotRequired[bool]


class ProjectState(TypedDict):
    """A project, as its admins see it."""

    project: str
    mode: Literal["shadow", "enforce", "off"]
    mode_from_file: bool  # then the button is hidden
    brake: NotRequired[str]  # why stops are paused
    running: int
    last_pass_ms: NotRequired[int | None]
    pending: list[ApprovalFacts]
    trouble: NotRequired[str]


class HomeFacts(TypedDict):
    """App Home."""

    view: NotRequired[Literal["home"]]
    cause: str  # of this drawing
    user: str
    as_of_ms: NotRequired[int]
    linked: bool
    has_project: bool
    attention: list[Attention]
    running: list[NotebookRow]
    stopped: list[NotebookRow]
    zone: str
    quiet: str
    admin: NotRequired[list[ProjectState]]
