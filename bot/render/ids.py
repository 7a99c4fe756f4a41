"""Action ids, callback ids, and the JSON a button carries. A posted button lives for months: this is a file format."""

import json
from dataclasses import dataclass
from typing import Any

from bot.errors import Stale

EXTEND = "notebook_extend"
EXTEND_OTHER = "notebook_extend_other"
STOP = "notebook_stop"
START = "notebook_start"
OPEN = "notebook_open"
OPEN_URL = "notebook_open:url"  # a link button: the click has no effect here and is only acknowledged
DELETE = "notebook_delete"
KEEP = "notebook_keep"
KEEP_UNTIL = "notebook_keep_until"
WHY = "notebook_why"
FALSE_STOP = "notebook_false_stop"
CREATE = "notebook_create"
PICK = "notebook_pick"
APPROVE = "approval_approve"
APPROVE_LESS = "approval_approve_less"
DENY = "approval_deny"
WITHDRAW = "approval_withdraw"
PAGE_NEXT = "page_next"
PAGE_PREV = "page_prev"
SETTINGS_OPEN = "settings_open"
ADMIN_ENFORCE = "admin_enforce"
ADMIN_RELEASE = "admin_release"
DIGEST_DETAILS = "digest_details"

ACTIONS = (
    EXTEND,
    EXTEND_OTHER,
    STOP,
    START,
    OPEN,
    DELETE,
    KEEP,
    KEEP_UNTIL,
    WHY,
    FALSE_STOP,
    CREATE,
    PICK,
    APPROVE,
    APPROVE_LESS,
    DENY,
    WITHDRAW,
    PAGE_NEXT,
    PAGE_PREV,
    SETTINGS_OPEN,
    ADMIN_ENFORCE,
    ADMIN_RELEASE,
    DIGEST_DETAILS,
)

VIEW_CREATE = "notebook_create"
VIEW_DELETE = "notebook_delete"
VIEW_EXTEND = "extend_other"
VIEW_KEEP = "keep_until"
VIEW_DENY = "approval_deny_reason"
VIEW_LESS = "approval_less"
VIEW_SETTINGS = "settings"

VERSION = 1  # of a button's value; older ones stay readable

VIEWS = (VIEW_CREATE, VIEW_DELETE, VIEW_EXTEND, VIEW_KEEP, VIEW_DENY, VIEW_LESS, VIEW_SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a button's `value` (or a modal's `private_metadata`) says: ids only, and the cause it was drawn for."""

    v: int = VERSION
    cause: str  # one cause admits one effect per verb, whoever clicks
    project: str | None = None
    notebook: str | None = None
    approval: str | None = None
    seconds: int | None = None  # extend, keep, start: how long
    until_ms: int | None = None  # extend: to this instant, wherever the lease ends by then; goes before `seconds`
    set_end: bool | None = None  # extend: there is no timed end yet; set one that far ahead
    request: str | None = None  # a pick or a page: the request it continues
    page: int | None = None

    def dump(self) -> str:
        """Compact JSON; Slack allows 2000 characters in a value."""
        return json.dumps({name: value for name in _TYPES if (value := getattr(self, name)) is not None},
                          ensure_ascii=False, separators=(",", ":"))  # fmt: skip


_TYPES: dict[str, type] = {
    "v": int, "cause": str, "project": str, "notebook": str, "approval": str, "seconds": int, "until_ms": int,
    "set_end": bool, "request": str, "page": int,
}  # fmt: skip


def read(value: str | None) -> Button:
    """The button's meaning; raises Stale for what this version cannot read. Fields it does not know are left alone."""
    try:
        data = json.loads(value or "")
        return Button(**{name: _of(kind, data[name]) for name, kind in _TYPES.items() if data.get(name) is not None})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Stale("This button is from another time and I cannot read it any more.") from error


def _of(kind: type, value: Any) -> Any:
    """The value, if it is of its type: true is no number."""
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value


def verb(action_id: str) -> str:
    """The part of an action id that listeners match: before the colon."""
    return action_id.partition(":")[0]
