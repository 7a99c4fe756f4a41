"""What people do in the vendor's console, behind the bot's back."""

from typing import TYPE_CHECKING, Any

from deploy.sandbox.asked import arguments
from deploy.sandbox.cloud.model import Lease, Notebook, Volume
from deploy.sandbox.cloud.settings import DEFAULT_LEASE_MS

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

DEFAULT_IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
DEFAULT_FLAVOR = "modelarts.vm.cpu.2u"
ACTIONS = ("create", "renew", "start", "stop", "delete", "vanish", "set_status", "rename")


class Console:
    """Acts at once at the clock's present; needs no credentials, asks no quota and no rights."""

    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    def create(
        self,
        owner: str,
        name: str,
        *,
        status: str = "RUNNING",
        flavor: str = DEFAULT_FLAVOR,
        image_id: str = DEFAULT_IMAGE,
        lease_ms: int = DEFAULT_LEASE_MS,
        lease_type: str = "TIMING",
        enable: bool = True,
        age_ms: int = 0,
        settled_ago_ms: int = 0,
        capacity: int = 50,
        description: str = "",
        feature: str = "NOTEBOOK",
        workspace_id: str = "0",
        notebook_id: str | None = None,
        fail_reason: str | None = None,
    ) -> Notebook:
        """A notebook of `owner`, made `age_ms` ago, in `status` for `settled_ago_ms`; `lease_ms` are left from now.

        Raises KeyError for an unknown owner or flavor. Other than `-1`, no bounds are put on the lease.
        """
        cloud, now = self._cloud, self._cloud.settle()
        made = now - max(age_ms, settled_ago_ms)
        lease = Lease(create_at=made, update_at=now, span=lease_ms, type=lease_type, enable=enable)
        notebook = Notebook(
            id=notebook_id or cloud.new_uuid(),
            name=name,
            owner=cloud.identity.users[owner],
            status="",
            flavor=str(cloud.catalog.flavor(flavor)["id"]),
            image=cloud.catalog.image(image_id, now),
            lease=lease,
            create_at=made + cloud.settings.create_at_lag_ms,
            update_at=now,
            token=cloud.new_uuid(),
            volume=Volume(capacity=capacity),
            description=description,
            feature=feature,
            workspace_id=workspace_id,
            fail_reason=fail_reason,
        )
        cloud.index.add(notebook)
        cloud.lifecycle.place(notebook, status, now - settled_ago_ms)
        return notebook

    def renew(self, notebook_id: str, duration_ms: int, lease_type: str | None = None) -> None:
        """The lease counts `duration_ms` from now, longer or shorter than before."""
        notebook, now = self._find(notebook_id)
        notebook.lease.stamp(now, duration_ms)
        notebook.lease.enable = True
        notebook.lease.type = lease_type or notebook.lease.type
        self._cloud.lifecycle.renewed(notebook, now, by="console")

    def start(self, notebook_id: str, duration_ms: int = DEFAULT_LEASE_MS) -> None:
        notebook, now = self._find(notebook_id)
        lease = Lease(notebook.lease.create_at, now, duration_ms)
        self._cloud.lifecycle.start(notebook, now, lease, self._cloud.new_uuid(), by="console")

    def stop(self, notebook_id: str) -> None:
        notebook, now = self._find(notebook_id)
        self._cloud.lifecycle.stop(notebook, now, by="console")

    def delete(self, notebook_id: str) -> None:
        notebook, now = self._find(notebook_id)
        self._cloud.lifecycle.delete(notebook, now, by="console")

    def vanish(self, notebook_id: str) -> None:
        """Gone at once, without DELETING in between."""
        notebook, now = self._find(notebook_id)
        self._cloud.lifecycle.vanish(notebook, now)

    def set_status(self, notebook_id: str, status: str, fail_reason: str | None = None) -> None:
        """Any status, a made-up one included: it stays until somebody changes it, unless it is a passing one."""
        notebook, now = self._find(notebook_id)
        notebook.fail_reason = fail_reason
        self._cloud.lifecycle.place(notebook, status, now)

    def rename(self, notebook_id: str, name: str) -> None:
        notebook, now = self._find(notebook_id)
        notebook.name, notebook.update_at = name, now
        notebook.version += 1

    def act(self, request: dict[str, Any]) -> Notebook | None:
        """`{"action": "create"|"renew"|"start"|"stop"|"delete"|"vanish"|"set_status"|"rename", ...arguments}`."""
        given = dict(request)
        action = given.pop("action", None)
        if action not in ACTIONS:
            raise ValueError(f"action must be one of {', '.join(ACTIONS)}")
        act = getattr(self, action)
        arguments(act, given)
        made = act(**given)
        return made if isinstance(made, Notebook) else None

    def _find(self, notebook_id: str) -> tuple[Notebook, int]:
        notebook = self._cloud.notebook(notebook_id)
        return notebook, self._cloud.clock.now_ms()
