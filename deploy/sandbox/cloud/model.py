"""What the simulated cloud holds: users, flavors, leases, notebooks. Instants and spans are milliseconds."""

from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.cloud.activity import Activity
from deploy.sandbox.cloud.jupyter import JupyterState

TRANSIENT = frozenset({"INIT", "CREATING", "STARTING", "STOPPING", "DELETING", "SNAPSHOTTING"})
LIVE = frozenset({"RUNNING", "SNAPSHOTTING"})
STATUSES = (
    TRANSIENT | LIVE | {"STOPPED", "CREATE_FAILED", "START_FAILED", "DELETE_FAILED", "ERROR", "FROZEN", "DELETED"}
)

PERSON_RIGHTS = frozenset(
    {f"modelarts:notebook:{verb}" for verb in ("create", "list", "get", "update", "delete", "start", "stop")}
    | {"modelarts:notebook:updateStopPolicy", "modelarts:image:create", "modelarts:image:list"}
    | {"aom:metric:get", "aom:metric:list"}
)
SERVICE_RIGHTS = frozenset(
    {f"modelarts:notebook:{verb}" for verb in ("list", "listAllNotebooks", "get", "stop", "updateStopPolicy")}
    | {"modelarts:image:list", "iam:users:listUsers", "aom:metric:get", "aom:metric:list"}
)


@dataclass
class User:
    """An IAM user with one permanent access key."""

    id: str
    name: str
    password: str
    access_key: str
    secret_key: str
    rights: set[str]
    enabled: bool = True
    account_admin: bool = False
    failures: int = 0
    locked_until_ms: int = 0

    def may(self, right: str) -> bool:
        return self.account_admin or right in self.rights


@dataclass
class Lease:
    """`duration` follows from the law: (update_at - create_at) + what was asked for."""

    create_at: int
    update_at: int
    span: int
    type: str = "TIMING"
    enable: bool = True

    @property
    def duration(self) -> int:
        return (self.update_at - self.create_at) + self.span

    @property
    def end(self) -> int:
        return self.create_at + self.duration

    def stamp(self, at: int, span: int | None = None) -> None:
        """Counts `span` (None: the one it had) from `at`; the origin never moves."""
        self.update_at = at
        if span is not None:
            self.span = span

    def payload(self) -> dict[str, Any]:
        return {
            "create_at": self.create_at,
            "duration": self.duration,
            "enable": self.enable,
            "type": self.type,
            "update_at": self.update_at,
        }


@dataclass
class Volume:
    """The main storage; `capacity` in GB."""

    category: str = "EFS"
    ownership: str = "MANAGED"
    capacity: int = 50
    read_only: bool = False
    mount_path: str = "/home/ma-user/work/"

    def payload(self) -> dict[str, Any]:
        return {
            "category": self.category,
            "ownership": self.ownership,
            "mount_path": self.mount_path,
            "capacity": self.capacity,
            "read_only": self.read_only,
        }


@dataclass
class Notebook:
    """One instance. `version` changes with everything that shows, so that answers can be kept ready."""

    id: str
    name: str
    owner: User
    status: str
    flavor: str
    image: dict[str, Any]
    lease: Lease
    create_at: int
    update_at: int
    token: str
    volume: Volume = field(default_factory=Volume)
    description: str = ""
    feature: str = "NOTEBOOK"
    workspace_id: str = "0"
    asked_endpoints: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    fail_reason: str | None = None
    provisioned: bool = False  # has been RUNNING once: from then on it has a url
    since: int = 0  # when the present status began
    due: int | None = None  # when the present status ends by itself
    will_fail: str | None = None  # why the provisioning under way is going to fail
    version: int = 0
    activity: Activity = field(default_factory=Activity)
    jupyter: JupyterState = field(default_factory=JupyterState)
    runs: list[list[int | None]] = field(default_factory=list)  # [from, to or None], for the metrics
    stop_cause: str | None = None

    @property
    def live(self) -> bool:
        return self.status in LIVE
