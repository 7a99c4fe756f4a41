"""What is on offer and what hangs on it: flavors, images, saved images, tags, the quota."""

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from deploy.sandbox.cloud.errors import refusal
from deploy.sandbox.cloud.exchange import Call, answer
from deploy.sandbox.cloud.identity import hex_id
from deploy.sandbox.cloud.intake import text
from deploy.sandbox.cloud.listing import whole
from deploy.sandbox.cloud.notebooks import Notebooks

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_FLAVOR_CATEGORIES = frozenset({"CPU", "GPU", "ASCEND"})
_TAG_KEY = re.compile(r"^(?!_sys_)(?! )[\w .:=+\-@]{1,128}(?<! )$")
_TAG_VALUE = re.compile(r"^[\w .:=+\-@/]{0,255}$")
_LARGEST_PAGE = 1_000_000


class Offers:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud
        self._notebooks = Notebooks(cloud)

    # flavors

    def flavors(self, call: Call) -> Response:
        unlisted = self._cloud.settings.unlisted
        found = [flavor for flavor in self._cloud.catalog.flavors if flavor["id"] not in unlisted]
        if category := call.query.get("category", "").upper():
            if category not in _FLAVOR_CATEGORIES:
                raise refusal("6335", "category is not valid.")
            found = [flavor for flavor in found if flavor["category"] == category]
        return self._flavor_page(call, found)

    def switchable(self, call: Call) -> Response:
        notebook = self._notebooks.find(call)
        return self._flavor_page(call, self._cloud.catalog.switchable(notebook.flavor))

    def _flavor_page(self, call: Call, found: list[dict[str, Any]]) -> Response:
        envelope = self._envelope(call, found, _LARGEST_PAGE, 1)
        envelope["size"] = len(envelope["data"])
        match self._cloud.settings.list_key:
            case "flavors":
                envelope["flavors"] = envelope.pop("data")
            case "both":
                envelope["flavors"] = envelope["data"]
        return answer(envelope)

    def _envelope(self, call: Call, found: list[dict[str, Any]], usual: int, base: int) -> dict[str, Any]:
        offset, limit = whole(call, "offset", 0, 0), whole(call, "limit", usual, 1)
        chosen = self._cloud.settings.current_base
        return {
            "current": offset // limit + (base if chosen is None else chosen),
            "data": found[offset : offset + limit],
            "pages": -(-len(found) // limit),
            "size": limit,
            "total": len(found),
        }

    # images

    def images(self, call: Call) -> Response:
        """The recorded call had no `type` and got both kinds; `total` is one more than there are."""
        found = self._cloud.catalog.listed_images(call.now)
        query = dict(call.query)
        if self._cloud.settings.images_default == "BUILD_IN":
            query.setdefault("type", "BUILD_IN")
        filtered = [image for image in found if self._wanted(image, query)]
        envelope = self._envelope(call, filtered, 200, 0)
        if len(filtered) == len(found):
            envelope["total"] += self._cloud.settings.image_total_extra
        return answer(envelope)

    @staticmethod
    def _wanted(image: dict[str, Any], query: dict[str, str]) -> bool:
        for key in ("namespace", "service_type", "type", "workspace_id"):
            if query.get(key) and image.get(key) != query[key]:
                return False
        name = query.get("name")
        if not name:
            return True
        if query.get("name_fuzzy_match", "true").lower() == "false":
            return bool(image["name"] == name)
        return name in image["name"]

    def image(self, call: Call) -> Response:
        return answer(self._cloud.catalog.image(call.parameters["image_id"], call.now))

    def save_image(self, call: Call) -> Response:
        """The instance is SNAPSHOTTING for a while and then RUNNING again."""
        notebook, body = self._notebooks.find(call), call.json()
        name, namespace = text(body, "name", required=True, longest=128), text(body, "namespace", required=True)
        if notebook.status != "RUNNING":
            raise refusal("6327")
        tag = text(body, "tag", longest=64) or "latest"
        image = {
            "id": self._cloud.new_uuid(),
            "name": name,
            "namespace": namespace,
            "tag": tag,
            "status": "CREATING",
            "type": "DEDICATED",
            "origin": "IMAGE_SAVE",
            "arch": notebook.image["arch"],
            "dev_services": ["SSH", "NOTEBOOK"],
            "resource_categories": notebook.image.get("resource_categories", []),
            "service_type": "TRAIN",
            "visibility": "PRIVATE",
            "swr_path": f"swr.com/{namespace}/{name}:{tag}",
            "description": text(body, "description") or "",
            "workspace_id": "0",
            "create_at": call.now,
            "update_at": call.now,
        }
        self._cloud.lifecycle.snapshot(notebook, call.now)
        return answer(self._cloud.catalog.save_image(image, call.now + self._cloud.settings.image_save_ms))

    # tags

    def all_tags(self, call: Call) -> Response:
        """The union over the notebooks the caller may see."""
        user = call.caller.user
        everybody = user.may("modelarts:notebook:listAllNotebooks")
        workspace = call.query.get("workspace_id", "0")
        view = self._cloud.index.view(None if everybody else user.id, "NOTEBOOK", workspace)
        union: dict[str, set[str]] = {}
        for notebook in view.all():
            for tag in notebook.tags:
                union.setdefault(tag["key"], set()).add(tag["value"])
        return answer({"tags": [{"key": key, "values": sorted(values)} for key, values in sorted(union.items())]})

    def add_tags(self, call: Call) -> Response:
        """A key that is there already gets the new value."""
        notebook = self._notebooks.find(call)
        given = self._given_tags(call)
        for tag in given:
            if not _TAG_KEY.match(tag["key"]) or not _TAG_VALUE.match(tag["value"]):
                raise refusal("6332", "a tag holds characters that are not allowed.")
        merged = {tag["key"]: tag["value"] for tag in [*notebook.tags, *given]}
        notebook.tags = [{"key": key, "value": value} for key, value in merged.items()]
        notebook.version += 1
        return Response(None, 204)

    def drop_tags(self, call: Call) -> Response:
        notebook = self._notebooks.find(call)
        keys = {tag["key"] for tag in self._given_tags(call)}
        notebook.tags = [tag for tag in notebook.tags if tag["key"] not in keys]
        notebook.version += 1
        return Response(None, 204)

    @staticmethod
    def _given_tags(call: Call) -> list[dict[str, str]]:
        tags = call.json().get("tags")
        if not isinstance(tags, list) or not tags or not all(isinstance(tag, dict) and "key" in tag for tag in tags):
            raise refusal("6334", "tags is missing.")
        return [{"key": str(tag["key"]), "value": str(tag.get("value") or "")} for tag in tags]

    # quota

    def feature(self, call: Call) -> Response:
        feature = call.parameters["feature"].upper()
        if feature not in {"NOTEBOOK", "DEFAULT"}:
            raise refusal("6404", "The feature does not exist.")
        user = call.caller.user
        return answer(
            {
                "id": hex_id(f"feature {feature} {user.id}"),
                "name": feature,
                "enabled": True,
                "quota": self._cloud.settings.quota_per_user,
                "used": len(self._cloud.index.view(user.id, feature, "0")),
                "user_id": user.id,
                "create_at": 1_760_000_000_000,
                "update_at": 1_760_000_000_000,
            }
        )
