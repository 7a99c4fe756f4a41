"""Action ids, callback ids, and the JSON a button carries. A posted button lives for months: this is a file format."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

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
    EXTEND, EXTEND_OTHER, STOP, START, OPEN, DELETE, KEEP, KEEP_UNTIL, WHY, FALSE_STOP, CREATE, PICK, APPROVE,
    APPROVE_LESS, DENY, WITHDRAW, PAGE_NEXT, PAGE_PREV, SETTINGS_OPEN, ADMIN_ENFORCE, ADMIN_RELEASE, DIGEST_DETAILS,
)

VIEW_CREATE = "notebook_create"
VIEW_DELETE = "notebook_delete"
VIEW_EXTEND = "extend_other"
VIEW_KEEP = "keep_until"
VIEW_DENY = "approval_deny_reason"
VIEW_LESS = "approval_less"
VIEW_SETTINGS = "settings"

VIEWS = (VIEW_CREATE, VIEW_DELETE, VIEW_EXTEND, VIEW_KEEP, VIEW_DENY, VIEW_LESS, VIEW_SETTINGS)


class Button(BaseModel):
    """What a button's `value` (or a modal's `private_metadata`) says: ids only, and the cause it was drawn for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1
    cause: str  # one cause admits one effect per verb, whoever clicks
    project: str | None = None
    notebook: str | None = None
    approval: str | None = None
    seconds: int | None = None  # extend, keep, start: how long
    set_end: bool | None = None  # extend: there is no timed end yet; set one that far ahead
    request: str | None = None  # a pick or a page: the request it continues
    page: int | None = None

    def dump(self) -> str:
        """Compact JSON; Slack allows 2000 characters in a value."""
        return self.model_dump_json(exclude_none=True)


def read(value: str | None) -> Button:
    """The button's meaning; raises Stale for what this version cannot read."""
    try:
        data: Any = json.loads(value or "")
        return Button.model_validate(data)
    except (ValueError, ValidationError) as error:
        raise Stale("This button is from another time and I cannot read it any more.") from error


def verb(action_id: str) -> str:
    """The part of an action id that listeners match: before the colon."""
    return action_id.partition(":")[0]
