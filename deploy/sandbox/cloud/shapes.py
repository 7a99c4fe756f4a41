"""Notebook -> JSON, field for field as each call answers: what is absent matters as much as what is there."""

import json
from typing import Any

from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.settings import CloudSettings

_STEPS = (
    (4, "Initialize the notebook instance."),
    (3, "Configuring the network."),
    (2, "Prepare the compute resource."),
    (1, "Prepare the storage."),
)
_IMAGE_FIELDS = ("description", "id", "name", "swr_path", "tag", "type")


def image_of(image: dict[str, Any]) -> dict[str, Any]:
    """The short form inside a notebook; the recorded one always has an empty description."""
    return {**{name: image[name] for name in _IMAGE_FIELDS if name in image}, "description": ""}


class Shapes:
    """`base` is the origin the simulator is reached at; `domain` the owner's `{id, name}`."""

    def __init__(self, settings: CloudSettings, domain: dict[str, str]) -> None:
        self._settings = settings
        self.domain = domain
        self.base = "http://127.0.0.1"
        self._ready: dict[tuple[str, bool], tuple[int, str, bytes]] = {}

    def created(self, notebook: Notebook, now: int) -> dict[str, Any]:
        """The create answer: no url, user, volume; every step waits."""
        body = self._common(notebook)
        body |= {"action_progress": self._progress(notebook, None), "status": self._settings.create_status}
        return body | {"endpoints": [], "billing_items": []}

    def full(self, notebook: Notebook, *, owner_name: bool = True) -> dict[str, Any]:
        """Start, stop, update and list answers; show without its extras."""
        body = self._common(notebook)
        body["user"] = {"domain": self.domain, "id": notebook.owner.id}
        if owner_name:
            body["user"]["name"] = notebook.owner.name
        body |= {"data_volumes": [], "volume": notebook.volume.payload(), "endpoints": self._endpoints(notebook)}
        if notebook.provisioned:
            body["url"] = self.url(notebook)
        if notebook.fail_reason is not None:
            body["fail_reason"] = notebook.fail_reason
        return body | {"billing_items": ["COMPUTE"] if notebook.live else []}

    def shown(self, notebook: Notebook, now: int) -> dict[str, Any]:
        body = self.full(notebook)
        if notebook.status in {"CREATING", "STARTING"}:
            body["action_progress"] = self._progress(notebook, now)
        if self._settings.current_time:
            body["current_time"] = now
        return body

    def listed(self, notebook: Notebook, *, owner_name: bool) -> bytes:
        """One list item as JSON text, kept until the notebook changes."""
        key = (notebook.id, owner_name)
        kept = self._ready.get(key)
        if kept is None or kept[0] != notebook.version or kept[1] != self.base:
            text = json.dumps(self.full(notebook, owner_name=owner_name), ensure_ascii=False).encode()
            kept = self._ready[key] = (notebook.version, self.base, text)
        return kept[2]

    def forget(self, notebook: Notebook) -> None:
        self._ready.pop((notebook.id, True), None)
        self._ready.pop((notebook.id, False), None)

    def url(self, notebook: Notebook) -> str:
        return self._settings.notebook_url.format(base=self.base, id=notebook.id)

    def _common(self, notebook: Notebook) -> dict[str, Any]:
        return {
            "create_at": notebook.create_at,
            "description": notebook.description,
            "feature": notebook.feature,
            "flavor": notebook.flavor,
            "id": notebook.id,
            "image": image_of(notebook.image),
            "lease": notebook.lease.payload(),
            "name": notebook.name,
            "status": notebook.status,
            "tags": [dict(tag) for tag in notebook.tags],
            "token": notebook.token,
            "update_at": notebook.update_at,
            "user_id": notebook.owner.id,
            "workspace_id": notebook.workspace_id,
        }

    def _endpoints(self, notebook: Notebook) -> list[dict[str, Any]]:
        if not notebook.provisioned:
            return []
        answer: list[dict[str, Any]] = [{"service": "NOTEBOOK", "uri": self.url(notebook)}]
        keys = "key_pair_names" if self._settings.dialect == "hwc" else "ssh_keys"
        for asked in notebook.asked_endpoints:
            if str(asked.get("service", "")).upper() == "SSH":
                uri = f"ssh://ma-user@dev-modelarts-{self._settings.region}.example.com:30022"
                answer.append({"service": "SSH", "uri": uri, keys: asked.get("key_pair_names", [])})
        return answer

    def _progress(self, notebook: Notebook, now: int | None) -> list[dict[str, Any]]:
        """Four steps of equal length; `now` None: all of them wait."""
        done, quarter = 0, 1
        if now is not None and notebook.due is not None:
            quarter = max((notebook.due - notebook.since) // 4, 1)
            done = min((now - notebook.since) // quarter, 3)
        return [self._step(number, text, done, now is not None) for number, text in _STEPS]

    def _step(self, number: int, text: str, done: int, begun: bool) -> dict[str, Any]:
        status = "WAITING"
        if begun and number <= done:
            status = "COMPLETED"
        elif begun and number == done + 1:
            status = "PROCESSING"
        return {"step": number, "status": status, self._settings.progress_text: text}
