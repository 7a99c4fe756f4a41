"""Images and flavors: read from the data files, changed by the simulator alone."""

import copy
import json
from importlib.resources import files
from typing import Any

from deploy.sandbox.cloud.errors import refusal
from deploy.sandbox.cloud.settings import CloudSettings

DATA = files("deploy.sandbox.cloud") / "data"


class Catalog:
    """`images` and `flavors` are lists of API objects, in the order they are listed."""

    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings
        recorded: dict[str, Any] = json.loads((DATA / "images.json").read_text(encoding="utf-8"))
        self.images: list[dict[str, Any]] = recorded["data"]
        self.flavors: list[dict[str, Any]] = json.loads((DATA / "flavors.json").read_text(encoding="utf-8"))
        self._ready_at: dict[str, int] = {}

    def flavor(self, flavor_id: str) -> dict[str, Any]:
        """Raises KeyError for one that is not offered."""
        for flavor in self.flavors:
            if flavor["id"] == flavor_id:
                return flavor
        raise KeyError(flavor_id)

    def image(self, image_id: str, now: int) -> dict[str, Any]:
        """Raises the 6404 of the service for an unknown one."""
        for image in self.listed_images(now):
            if image["id"] == image_id:
                return image
        raise refusal("6404", "The image does not exist.")

    def listed_images(self, now: int) -> list[dict[str, Any]]:
        """Saved images become ACTIVE when their time has come."""
        for image in self.images:
            ready = self._ready_at.get(image["id"])
            if ready is not None:
                image["status"] = "ACTIVE" if now >= ready else "CREATING"
        return self.images

    def save_image(self, image: dict[str, Any], ready_at: int) -> dict[str, Any]:
        """Adds a saved image; the answer still says INIT."""
        self.images.append(image)
        self._ready_at[image["id"]] = ready_at
        return {**copy.deepcopy(image), "status": "INIT"}

    def switchable(self, flavor_id: str) -> list[dict[str, Any]]:
        """Flavors an instance may change to: same architecture, not the one it has."""
        arch = self.flavor(flavor_id)["arch"]
        return [flavor for flavor in self.flavors if flavor["arch"] == arch and flavor["id"] != flavor_id]
