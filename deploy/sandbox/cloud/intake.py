"""Bodies and parameters of writes, checked as the service checks them: first wrong thing, its code."""

import re
from typing import TYPE_CHECKING, Any

from deploy.sandbox.cloud.errors import refusal
from deploy.sandbox.cloud.exchange import Call
from deploy.sandbox.cloud.model import Lease, Volume
from deploy.sandbox.cloud.settings import DEFAULT_LEASE_MS, MAX_LEASE_MS, MIN_LEASE_MS

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

NO_AUTO_STOP = -1
_NAMES = {"otc": re.compile(r"^[A-Za-z0-9_-]{1,128}$"), "hwc": re.compile(r"^[A-Za-z0-9_一-鿿-]{1,128}$")}
_FORBIDDEN = {"otc": "&<>\"'/", "hwc": "<>"}
_CATEGORIES = {"otc": {"SFS", "EVS", "EFS"}, "hwc": {"EVS", "OBS", "OBSFS", "EFS"}}
_EVS_LARGEST_GB = 4096


def text(body: dict[str, Any], key: str, *, required: bool = False, longest: int = 512) -> str | None:
    value = body.get(key)
    if value is None:
        if required:
            raise refusal("6334", f"{key} is missing.")
        return None
    if not isinstance(value, str):
        raise refusal("0104", f"{key} must be a string.")
    if len(value) > longest:
        raise refusal("6335", f"{key} is too long.")
    return value


def span(value: Any, *, unlimited: bool) -> int:
    """A duration asked for, ms; `unlimited` lets -1 pass. Raises 0104 or 6349."""
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        value = int(value)  # a query carries text
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusal("0104", "duration must be an integer.")
    if value == NO_AUTO_STOP and unlimited:
        return value
    if not MIN_LEASE_MS <= value <= MAX_LEASE_MS:
        raise refusal("6349")
    return value


def lease_type(value: Any) -> str:
    if value is None:
        return "TIMING"
    if not isinstance(value, str) or value.upper() not in {"TIMING", "IDLE"}:
        raise refusal("6335", "type is not valid.")
    return value.upper()


def asked_lease(body: dict[str, Any], at: int) -> Lease:
    """For a create: `duration` at the top beats `lease` and makes it TIMING."""
    given = body.get("lease") or {}
    if not isinstance(given, dict):
        raise refusal("0104", "lease must be an object.")
    if body.get("duration") is not None:
        return new_lease(at, at, body["duration"], "TIMING")
    return new_lease(at, at, given.get("duration", DEFAULT_LEASE_MS), lease_type(given.get("type")))


def new_lease(origin: int, at: int, duration: Any, kind: str) -> Lease:
    asked = span(DEFAULT_LEASE_MS if duration is None else duration, unlimited=True)
    if asked == NO_AUTO_STOP:
        return Lease(origin, at, DEFAULT_LEASE_MS, kind, enable=False)
    return Lease(origin, at, asked, kind)


class Intake:
    """Checks that need to know what is on offer."""

    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    @property
    def _dialect(self) -> str:
        return self._cloud.settings.dialect

    def name(self, body: dict[str, Any], *, required: bool) -> str | None:
        name = text(body, "name", required=required, longest=128)
        if name is not None and not _NAMES[self._dialect].match(name):
            raise refusal("6332", "name holds characters that are not allowed.")
        return name

    def description(self, body: dict[str, Any]) -> str | None:
        description = text(body, "description")
        if description and set(description) & set(_FORBIDDEN[self._dialect]):
            raise refusal("6332", "description holds characters that are not allowed.")
        return description

    @staticmethod
    def endpoints(body: dict[str, Any]) -> list[dict[str, Any]]:
        given = body.get("endpoints") or []
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise refusal("0104", "endpoints must be a list of objects.")
        return given

    def flavor(self, body: dict[str, Any], *, sold_out: str) -> dict[str, Any]:
        """`sold_out`: the code to refuse with when there are no resources left."""
        flavor_id = text(body, "flavor", required=True)
        try:
            flavor = self._cloud.catalog.flavor(str(flavor_id))
        except KeyError as exc:
            raise refusal("6323") from exc
        if flavor["sold_out"]:
            raise refusal(sold_out)
        return flavor

    def image(self, call: Call, body: dict[str, Any], arch: str) -> dict[str, Any]:
        image_id = text(body, "image_id", required=True)
        image = next((i for i in self._cloud.catalog.listed_images(call.now) if i["id"] == image_id), None)
        if image is None:
            raise refusal("6797")
        if str(image["arch"]).lower() != arch.lower():
            raise refusal("6330")
        return image

    def volume(self, body: dict[str, Any]) -> Volume:
        given = body.get("volume")
        if not isinstance(given, dict):
            raise refusal("6334", "volume is missing.")
        category = str(text(given, "category", required=True)).upper()
        ownership = str(text(given, "ownership", required=True)).upper()
        if category not in _CATEGORIES[self._dialect] or ownership not in {"MANAGED", "DEDICATED"}:
            raise refusal("6335", "volume is not valid.")
        if category in {"OBS", "OBSFS"} and ownership == "MANAGED":
            raise refusal("6702")
        least, usual = (5, 5) if category == "EVS" else (1, 50)
        capacity = given.get("capacity", usual)
        if isinstance(capacity, bool) or not isinstance(capacity, int):
            raise refusal("0104", "capacity must be an integer.")
        if not least <= capacity <= _EVS_LARGEST_GB:
            raise refusal("6331")
        return Volume(category, ownership, capacity, bool(given.get("read_only", False)))
