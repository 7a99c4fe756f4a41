"""Frozen values that every layer speaks in. Instants are aware and UTC, durations are `timedelta`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NewType

NotebookId = NewType("NotebookId", str)
CloudUserId = NewType("CloudUserId", str)
SlackUserId = NewType("SlackUserId", str)

Dialect = Literal["otc", "hwc"]


class Status(StrEnum):
    """State of a notebook; UNKNOWN is a word we do not know, on which nothing is ever done."""

    INIT = "INIT"
    CREATING = "CREATING"
    STARTING = "STARTING"
    STOPPING = "STOPPING"
    DELETING = "DELETING"
    SNAPSHOTTING = "SNAPSHOTTING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    CREATE_FAILED = "CREATE_FAILED"
    START_FAILED = "START_FAILED"
    DELETE_FAILED = "DELETE_FAILED"
    ERROR = "ERROR"
    FROZEN = "FROZEN"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"

    runs: bool  # compute is billed and the lease counts
    transient: bool  # it will change by itself: wait and read again
    rests: bool  # it neither runs nor changes by itself
    said: str  # after "it is"

    def __init__(self, word: str) -> None:
        """Attributes, not properties: a pass asks some forty thousand times."""
        self.runs = word in {"RUNNING", "SNAPSHOTTING"}
        self.transient = word in {
            "INIT", "CREATING", "STARTING", "STOPPING", "DELETING", "SNAPSHOTTING", "UNKNOWN",
        }  # fmt: skip
        self.rests = not self.runs and not self.transient
        odd = {"ERROR": "in error", "UNKNOWN": "in a state that I do not know"}
        self.said = odd.get(word, word.lower().replace("_", " "))


class LeaseType(StrEnum):
    """How the platform stops a notebook by itself."""

    TIMING = "TIMING"
    IDLE = "IDLE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Lease:
    """What the cloud says: `duration` spans from `created_at`, never from now (API digest 4.9)."""

    created_at: datetime
    duration: timedelta
    enabled: bool = True
    kind: LeaseType = LeaseType.TIMING
    stamped_at: datetime | None = None

    @property
    def ends(self) -> datetime | None:
        """When the platform stops it; None without a timed end. Only meaningful while it runs."""
        if not self.enabled or self.kind is not LeaseType.TIMING:
            return None
        return self.created_at + self.duration

    @property
    def span(self) -> timedelta | None:
        """The duration last stamped: from the stamp to the end."""
        return self.ends - self.stamped_at if self.ends and self.stamped_at else None


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One of the four steps of coming up: 1 storage, 2 compute, 3 network, 4 start-up."""

    step: int
    status: str  # WAITING, PROCESSING, FAILED, COMPLETED, or a word we do not know
    text: str = ""


@dataclass(frozen=True, slots=True)
class Notebook:
    """One notebook as the cloud last told it. `token` and `url` are secrets of its owner."""

    id: NotebookId
    name: str
    status: Status
    flavor: str = ""
    image_id: str = ""
    image_name: str = ""
    description: str = ""
    lease: Lease | None = None
    owner_id: CloudUserId | None = None
    owner_name: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    volume_gb: int | None = None
    volume_category: str = ""
    fail_reason: str = ""
    workspace: str = "0"
    feature: str = "NOTEBOOK"
    tags: tuple[tuple[str, str], ...] = ()
    progress: tuple[ProgressStep, ...] = ()
    ssh: bool = False  # an SSH endpoint exists, so Jupyter alone cannot see all work
    raw_status: str = ""
    server_now: datetime | None = None  # `current_time` of the answer, when given
    url: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def lease_ends(self) -> datetime | None:
        """End of the lease; None unless it runs with an enabled, timed lease (contract 1)."""
        return self.lease.ends if self.lease and self.status.runs else None


@dataclass(frozen=True, slots=True)
class Image:
    """An image one can create from."""

    id: str
    name: str
    tag: str = ""
    description: str = ""
    arch: str = ""
    status: str = "ACTIVE"
    kind: str = "BUILD_IN"
    services: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    swr_path: str = ""


@dataclass(frozen=True, slots=True)
class Flavor:
    """A machine size. The API knows no price: prices come from the policy file."""

    id: str
    name: str = ""
    description: str = ""
    category: str = "CPU"  # CPU, GPU, ASCEND
    arch: str = "x86_64"
    vcpus: int | None = None
    memory_gb: float | None = None
    accelerators: float | None = None
    accelerator_type: str = ""
    sold_out: bool = False
    free: bool = False
    storages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """One walk over all pages. Only a complete one says anything about what is absent."""

    notebooks: tuple[Notebook, ...]
    complete: bool
    server_now: datetime


@dataclass(frozen=True, slots=True)
class NewNotebook:
    """What `create` asks the cloud for."""

    name: str
    image_id: str
    flavor: str
    lease: timedelta
    kind: LeaseType = LeaseType.TIMING
    disk_gb: int = 50
    disk_category: str = "EFS"
    description: str = ""
    workspace: str = ""  # "": the endpoint's


@dataclass(frozen=True, slots=True)
class CloudIdentity:
    """Who the cloud says these credentials are."""

    user_id: CloudUserId
    user_name: str
    domain_id: str
    domain_name: str
    project_id: str
    project_name: str
    password_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PasswordCredentials:
    """An IAM user with API access."""

    domain: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """AK/SK; with `security_token` they are temporary."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


Credentials = PasswordCredentials | KeyCredentials


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a project's cloud answers. URLs have no trailing slash."""

    project: str  # our name of the project
    cloud: Dialect
    region: str
    modelarts: str
    iam: str
    aom: str
    scope: str  # name of the cloud project the token is for: the region, or region_sub
    project_id: str | None = None  # None: taken from the token
    notebook_hosts: tuple[str, ...] = ()  # globs
    rate: float = 10.0  # requests per second, contract 11
    workspace: str = "0"  # the only one that is listed and made in; "0" is the default one


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Slack, and the cloud user they are linked to, if they are."""

    team: str
    slack: SlackUserId
    name: str = ""
    zone: str | None = None  # IANA name
    deleted: bool = False
    guest: bool = False
    stranger: bool = False
    cloud_users: Mapping[str, CloudUserId] = field(default_factory=dict)  # project -> cloud user id
