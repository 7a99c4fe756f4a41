"""The operations on one notebook."""

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from deploy.sandbox.cloud.errors import CloudRefusal, refusal
from deploy.sandbox.cloud.exchange import Call, answer
from deploy.sandbox.cloud.intake import Intake, asked_lease, lease_type, new_lease, span
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.settings import DEFAULT_LEASE_MS

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_SPECIFIC = {"RUNNING": "6305", "STARTING": "6306", "STOPPED": "6307", "STOPPING": "6308"}
_FEATURES = frozenset({"NOTEBOOK", "DEFAULT"})
_STOPPED_ONLY = ("flavor", "image_id", "storage_new_size")


class Notebooks:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud
        self._intake = Intake(cloud)

    def find(self, call: Call) -> Notebook:
        """The one named in the path; gone, deleted and never been are the same."""
        notebook = self._cloud.index.by_id.get(call.parameters["notebook_id"])
        if notebook is None or notebook.status == "DELETED":
            raise self._not_found()
        foreign = notebook.owner is not call.caller.user and not call.caller.user.may(
            "modelarts:notebook:listAllNotebooks"
        )
        if foreign and not self._cloud.settings.foreign_access:
            raise refusal("0108", "The instance belongs to another user.")
        return notebook

    def _not_found(self) -> CloudRefusal:
        style = self._cloud.settings.not_found
        if style == "404":
            return refusal("6309", status=404)
        return refusal(style.removeprefix("400-"))

    # create

    def create(self, call: Call) -> Response:
        body, settings = call.json(), self._cloud.settings
        call.exchange.details["name"] = body.get("name")
        name = str(self._intake.name(body, required=True))
        description = self._intake.description(body) or ""
        feature = str(body.get("feature") or "NOTEBOOK").upper()
        if feature not in _FEATURES:
            raise refusal("6335", "feature is not valid.")
        flavor = self._intake.flavor(body, sold_out="6329")
        image = self._intake.image(call, body, str(flavor["arch"]))
        volume, lease = self._intake.volume(body), asked_lease(body, call.now)
        workspace = str(body.get("workspace_id") or "0")
        if workspace not in settings.workspaces:
            raise refusal("0102")
        endpoints = self._intake.endpoints(body)
        self._admit(call)
        notebook = Notebook(
            id=self._cloud.new_uuid(),
            name=name,
            owner=call.caller.user,
            status="",
            flavor=str(flavor["id"]),
            image=image,
            lease=lease,
            create_at=call.now + settings.create_at_lag_ms,
            update_at=call.now + settings.accept_ms,
            token=self._cloud.new_uuid(),
            volume=volume,
            description=description,
            feature=feature,
            workspace_id=workspace,
            asked_endpoints=endpoints,
            will_fail=self._cloud.next_failure("CREATING"),
        )
        call.exchange.notebook_id = notebook.id
        call.exchange.details["lease"] = lease.payload()
        self._cloud.index.add(notebook)
        self._cloud.lifecycle.begin(notebook, call.now)
        return answer(self._cloud.shapes.created(notebook, call.now))

    def _admit(self, call: Call) -> None:
        if self._cloud.arrears:
            raise refusal("6326")
        owned = self._cloud.index.view(call.caller.user.id, "NOTEBOOK", "0")
        if len(owned) >= self._cloud.settings.quota_per_user:
            raise refusal("6302")

    # read

    def show(self, call: Call) -> Response:
        return answer(self._cloud.shapes.shown(self.find(call), call.now))

    def show_lease(self, call: Call) -> Response:
        notebook = self.find(call)
        if not notebook.live and not self._cloud.settings.show_lease_stopped:
            raise refusal("6327")
        return answer(notebook.lease.payload())

    # run

    def start(self, call: Call) -> Response:
        notebook = self.find(call)
        if notebook.status == "FROZEN" or self._cloud.arrears:
            raise refusal("6326")
        kind = lease_type(call.query.get("type"))
        lease = new_lease(notebook.lease.create_at, call.now, call.query.get("duration"), kind)
        if notebook.status not in {"STOPPED", "START_FAILED"}:
            raise self._conflict(notebook)
        if self._cloud.catalog.flavor(notebook.flavor)["sold_out"]:
            raise refusal("6360")
        notebook.will_fail = self._cloud.next_failure("STARTING")
        call.exchange.details["lease"] = lease.payload()
        self._cloud.lifecycle.start(notebook, call.now, lease, self._cloud.new_uuid())
        return answer(self._cloud.shapes.full(notebook))

    def stop(self, call: Call) -> Response:
        notebook = self.find(call)
        if notebook.status != "RUNNING":
            raise self._conflict(notebook, otherwise="6327")
        self._cloud.lifecycle.stop(notebook, call.now)
        return answer(self._cloud.shapes.full(notebook))

    def _conflict(self, notebook: Notebook, otherwise: str = "6357") -> CloudRefusal:
        if self._cloud.settings.conflict == "6357":
            return refusal("6357", f"Refused: instance {notebook.name} is {notebook.status}.")
        return refusal(_SPECIFIC.get(notebook.status, otherwise))

    # lease

    def renew(self, call: Call) -> Response:
        """Replaces the end by now + duration. A duration in the query hides the body and makes it TIMING."""
        notebook = self.find(call)
        body = call.json()
        if "duration" in call.query:
            asked, kind = span(call.query["duration"], unlimited=False), "TIMING"
        else:
            duration = body.get("duration")
            asked = span(DEFAULT_LEASE_MS if duration is None else duration, unlimited=False)
            kind = lease_type(body.get("type"))
        call.exchange.details |= {"duration": asked, "type": kind}
        if notebook.status != "RUNNING":
            raise refusal("6357" if notebook.status == "SNAPSHOTTING" else self._cloud.settings.renew_stopped)
        lease = notebook.lease
        lease.type, lease.enable = kind, True
        lease.stamp(call.now, asked)
        self._cloud.lifecycle.renewed(notebook, call.now)
        if self._cloud.settings.renew_style == "204":
            return Response(None, 204)
        return answer(lease.payload())

    # change and delete

    def update(self, call: Call) -> Response:
        """Partial: what is not named stays. Flavor, image and size want a stopped instance."""
        notebook, body = self.find(call), call.json()
        if notebook.status not in {"RUNNING", "STOPPED"}:
            raise refusal("6347", f"{notebook.status}: nothing can be changed.")
        for key in _STOPPED_ONLY:
            if body.get(key) is not None and notebook.status != "STOPPED":
                raise refusal("6347", f"{key} cannot be changed in status {notebook.status}.")
        changes = self._changes(call, notebook, body)
        for key, value in changes.items():
            setattr(notebook, key, value)
        if isinstance(size := body.get("storage_new_size"), int):
            notebook.volume.capacity = size
        notebook.update_at = call.now
        notebook.version += 1
        return answer(self._cloud.shapes.full(notebook))

    def _changes(self, call: Call, notebook: Notebook, body: dict[str, Any]) -> dict[str, Any]:
        """Everything is checked before anything is changed."""
        changes: dict[str, Any] = {"name": self._intake.name(body, required=False)}
        changes["description"] = self._intake.description(body)
        if body.get("flavor") is not None:
            if body["flavor"] not in [f["id"] for f in self._cloud.catalog.switchable(notebook.flavor)]:
                raise refusal("6792")
            changes["flavor"] = self._intake.flavor(body, sold_out="6329")["id"]
        if body.get("image_id") is not None:
            arch = str(self._cloud.catalog.flavor(notebook.flavor)["arch"])
            changes["image"] = self._intake.image(call, body, arch)
        size = body.get("storage_new_size")
        if size is not None and (
            notebook.volume.category != "EVS"
            or not isinstance(size, int)
            or not notebook.volume.capacity < size <= 4096
        ):
            raise refusal("6331")
        if body.get("endpoints") is not None:
            changes["asked_endpoints"] = self._intake.endpoints(body)
        return {key: value for key, value in changes.items() if value is not None}

    def delete(self, call: Call) -> Response:
        notebook, settings = self.find(call), self._cloud.settings
        if notebook.status == "DELETING":
            raise self._conflict(notebook)
        if notebook.status == "RUNNING" and not settings.delete_running:
            raise refusal("6304")
        self._cloud.lifecycle.delete(notebook, call.now)
        if settings.delete_style == "200":
            return answer(self._cloud.shapes.full(notebook))
        return Response(b"" if settings.delete_style == "200-empty" else None, int(settings.delete_style[:3]))
