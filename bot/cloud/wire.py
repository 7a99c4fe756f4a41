"""JSON of notebooks and leases <-> the model. Pure, and written for speed: a pass reads thousands.

Every field is optional but those the product cannot live without; those raise `CloudGarbled` naming the field.
Nothing else is ever raised, whatever the answer holds. Source: API digest, sections 3, 4 and 19.
"""

import json
import re
from collections import deque
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any, NamedTuple, TypeGuard

from pydantic_core import from_json

from bot.clock import EPOCH
from bot.cloud.dialect import Traits
from bot.cloud.fields import Json, first_text, flag, instant, items, mapping, span, text, whole
from bot.errors import CloudGarbled
from bot.model import Lease, LeaseType, NewNotebook, Notebook, ProgressStep, Status
from bot.storable import storable_json

_STATUS = {status.value: status for status in Status}
_LEASE_TYPE: dict[str | None, LeaseType] = {
    "TIMING": LeaseType.TIMING,
    "IDLE": LeaseType.IDLE,
    None: LeaseType.TIMING,  # the documented default
    "": LeaseType.TIMING,
}
_NOTHING: Json = {}
_NOTEBOOK_FIELDS = tuple(field.name for field in fields(Notebook))
_LEASE_FIELDS = tuple(field.name for field in fields(Lease))
# `_run(map(_set, ...))` does what the generated __init__ of a frozen class does in a third of its time.
_set = object.__setattr__
_run = deque[Any](maxlen=0).extend  # uses an iterator up
_OFF = timedelta(0)
_HALF = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)  # a zero byte, or what may be half a character
_LONGEST_ID = 64  # as much as a column holds; theirs have 36 and 32
_LONGEST_URL = 2500  # a button takes 3000, and the token is added to it
_ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?=[/?#]|\Z)")
_LARGEST_GB = 2**31 - 1  # some two million terabytes, and as much as a column holds


def garbled(field: str, what: str = "") -> CloudGarbled:
    """The error for an answer without a field that is needed."""
    return CloudGarbled(what or f"The cloud's answer has no readable `{field}`", field=field)


def body(content: bytes) -> Any:
    """The JSON of an answer, None when it is empty; CloudGarbled for HTML, cut-off JSON and the like.

    What no store can hold is taken out of its texts here: one odd name would else fail whatever lists it.
    """
    if not content.strip():
        return None
    try:
        read = from_json(content, cache_strings="keys")
    except ValueError:
        return _slowly(content)
    return storable_json(read) if b"\\u0000" in content else read


def _slowly(content: bytes) -> Any:
    """The standard library reads a little more: a byte order mark, half a surrogate pair, deeper nesting."""
    try:
        read = json.loads(content)
        return storable_json(read) if _HALF.search(content) else read
    except (ValueError, RecursionError) as exc:
        kind = "a web page, perhaps of a proxy in between" if content.lstrip()[:1] == b"<" else "no readable JSON"
        raise garbled("body", f"The cloud's answer is {kind}") from exc


def notebook(raw: object) -> Notebook:
    """One notebook of any call; CloudGarbled without an `id` or a `status`."""
    if type(raw) is not dict:
        raise garbled("body", "The cloud's answer is not a notebook")
    get = raw.get
    notebook_id, word = get("id"), get("status")
    if not _is_id(notebook_id):
        raise garbled("id")
    if type(word) is not str or not word:
        raise garbled("status")
    return _notebook(raw, notebook_id, _STATUS.get(word) or _STATUS.get(word.upper(), Status.UNKNOWN), word)


def _notebook(raw: Json, notebook_id: str, status: Status, word: str) -> Notebook:
    get = raw.get
    image, volume, user = get("image"), get("volume"), get("user")
    if type(image) is not dict:
        image = _NOTHING
    if type(volume) is not dict:
        volume = _NOTHING
    if type(user) is not dict:
        user = _NOTHING
    created, lease, endpoints, tags, steps = get("create_at"), get("lease"), get("endpoints"), get("tags"), None
    if "action_progress" in raw:
        steps = raw["action_progress"]
    created_at = instant(created)
    owner = get("user_id") or user.get("id")
    url, ssh = get("url"), False
    if endpoints:
        url, ssh = _endpoints(endpoints, url)
    values = (  # in the order of the fields
        notebook_id,
        text(get("name")) or notebook_id,
        status,
        flavor if type(flavor := get("flavor")) is str else text(flavor),
        text(image.get("id") or get("image_id")),
        image_name if type(image_name := image.get("name")) is str else text(image_name),
        about if type(about := get("description")) is str else text(about),
        _lease(lease, created_at) if type(lease) is dict else None,
        owner if type(owner) is str and len(owner) <= _LONGEST_ID else None,
        text(user.get("name")),
        created_at,
        instant(get("update_at")),
        _gigabytes(volume.get("capacity")),
        text(volume.get("category")).upper(),
        text(get("fail_reason")),
        text(get("workspace_id")) or "0",
        text(get("feature")) or "NOTEBOOK",
        _tags(tags) if tags else (),
        _progress(steps) if steps else (),
        ssh,
        word,
        instant(get("current_time")),
        url if type(url) is str and _leads_somewhere(url) else None,
        text(get("token")) or None,
    )
    made = object.__new__(Notebook)
    _run(map(_set, repeat(made), _NOTEBOOK_FIELDS, values))
    return made


def listed(raw: object) -> Notebook:
    """One notebook of a list: with an unreadable status it is UNKNOWN (never acted on) rather than missing."""
    if type(raw) is dict and (type(word := raw.get("status")) is not str or not word) and _is_id(raw.get("id")):
        return _notebook(raw, raw["id"], Status.UNKNOWN, text(word))
    return notebook(raw)


def lease(raw: object) -> Lease:
    """The lease of a show or renew answer; CloudGarbled when an enabled one does not say when it ends."""
    if type(raw) is not dict:
        raise garbled("body", "The cloud's answer is not a lease")
    found = _lease(raw, None)
    if found is None:
        raise garbled("duration" if instant(raw.get("create_at")) else "create_at")
    return found


def _lease(raw: Json, notebook_created: datetime | None) -> Lease | None:
    """None unless it says when it ends or that it never does: no lease is no expiry known (trap 14)."""
    get = raw.get
    enabled, word = get("enable", True), get("type")
    if type(enabled) is not bool:
        enabled = flag(enabled, True)
    kind = LeaseType.UNKNOWN
    if type(word) is str or word is None:
        kind = _LEASE_TYPE.get(word) or _LEASE_TYPE.get(str(word).upper(), LeaseType.UNKNOWN)
    created, duration = instant(get("create_at")), span(get("duration"))
    if duration is not None and duration < _OFF:
        enabled = False  # -1 is how no automatic stop is asked for
    if created is None or duration is None:
        if enabled:
            return None
        created, duration = created or notebook_created or EPOCH, duration or _OFF
    made = object.__new__(Lease)
    _run(map(_set, repeat(made), _LEASE_FIELDS, (created, duration, enabled, kind, instant(get("update_at")))))
    return made


def _is_id(value: object) -> TypeGuard[str]:
    return type(value) is str and 0 < len(value) <= _LONGEST_ID


def _leads_somewhere(url: str) -> bool:
    """Whether a button can open it: Slack takes no other address, and none that is longer."""
    return len(url) <= _LONGEST_URL and _ADDRESS.match(url) is not None


def _gigabytes(value: object) -> int | None:
    """The size of a disk; None where that is no size."""
    size = whole(value)
    return size if size is not None and 0 <= size <= _LARGEST_GB else None


def _endpoints(raw: object, url: object) -> tuple[object, bool]:
    ssh = False
    for entry in items(raw):
        if type(entry) is not dict:
            continue
        service = entry.get("service") or entry.get("dev_service")
        if service == "NOTEBOOK" and url:
            continue
        word = text(service).upper()
        if word == "SSH":
            ssh = True
        elif word == "NOTEBOOK" and not url:
            url = first_text(entry, "uri", "url")
    return url, ssh


def _tags(raw: object) -> tuple[tuple[str, str], ...]:
    pairs = ((text(tag.get("key")), text(tag.get("value"))) for tag in items(raw) if type(tag) is dict)
    return tuple(pair for pair in pairs if pair[0])


def _progress(raw: object) -> tuple[ProgressStep, ...]:
    steps = [
        ProgressStep(step, text(entry.get("status")).upper(), first_text(entry, "description", "step_description"))
        for entry in items(raw)
        if type(entry) is dict and (step := whole(entry.get("step"))) is not None
    ]
    return tuple(sorted(steps, key=lambda step: step.step))


class Page(NamedTuple):
    """One page of a list. `first` is the id of its first record, `records` how many it had."""

    notebooks: tuple[Notebook, ...]
    records: int
    first: str
    unreadable: int
    total: int | None


def page(raw: object) -> Page:
    """A page of a notebook list; a record without an id is counted, not raised. CloudGarbled without `data`."""
    if type(raw) is not dict or type(raw.get("data")) is not list:
        raise garbled("data")
    data, unreadable, found = raw["data"], 0, []
    for record in data:
        try:
            found.append(listed(record))
        except CloudGarbled:
            unreadable += 1
    first = text(mapping(data[0]).get("id")) if data else ""
    return Page(tuple(found), len(data), first, unreadable, whole(raw.get("total")))


def create_body(wish: NewNotebook, traits: Traits, workspace: str = "0") -> bytes:
    """The body of a create. The lease is always said: the default would be one hour (trap 3).

    `workspace` is where it is made unless the wish names another.
    """
    return encode(
        {
            "name": wish.name,
            "feature": "NOTEBOOK",
            "workspace_id": wish.workspace or workspace,
            "description": traits.description(wish.description),
            "flavor": wish.flavor,
            "image_id": wish.image_id,
            "volume": {"category": wish.disk_category, "ownership": "MANAGED", "capacity": wish.disk_gb},
            "lease": {"duration": milliseconds(wish.lease), "type": traits.lease_type(wish.kind)},
        }
    )


def renew_body(for_: timedelta, kind: LeaseType, traits: Traits) -> bytes:
    """Both fields, and never the query: that would turn the type to TIMING (trap 2)."""
    return encode({"duration": milliseconds(for_), "type": traits.lease_type(kind)})


def start_query(for_: timedelta, kind: LeaseType, traits: Traits) -> tuple[tuple[str, str], ...]:
    """Both, always: without them the cloud gives an hour of TIMING, whatever was before (trap 3)."""
    return (("duration", str(milliseconds(for_))), ("type", traits.lease_type(kind)))


def milliseconds(duration: timedelta) -> int:
    """A duration in the API's unit, rounded up so that nobody gets less than was said."""
    return -(-duration // timedelta(milliseconds=1))


def encode(value: Json) -> bytes:
    """The exact bytes that are signed and sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
