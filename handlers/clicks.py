"""A pressed button -> what is wanted. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.errors import Stale
from bot.render import ids
from bot.render.ids import Button
from handlers.parse import Form, Request


def wanted(action_id: str, button: Button) -> Request | Form:
    """What pressing it asks for. Raises Stale if it lacks what its action needs."""
    rule = _RULES.get(ids.verb(action_id))
    if rule is None:
        raise Stale("I do not know this button.")
    return rule(button)


def about(button: Button) -> dict[str, Any]:
    """The ids a button names."""
    named = {"notebook": button.notebook, "project": button.project, "approval": button.approval}
    return {name: value for name, value in named.items() if value is not None}


_Rule = Callable[[Button], Request | Form]


def _need(button: Button, *names: str) -> None:
    if any(getattr(button, name) is None for name in names):
        raise Stale("This button lacks what it was drawn for.")


def _notebook(verb: str, length: str | None = None, *, must: bool = False) -> _Rule:
    def rule(button: Button) -> Request:
        _need(button, "notebook", *(("seconds",) if must else ()))
        args = about(button)
        if button.until_ms is not None:
            args["until_ms"] = button.until_ms
        elif length and button.seconds is not None:
            args[length] = button.seconds
        if button.set_end:
            args["set_end"] = True
        return Request(verb, args)

    return rule


def _extra(verb: str, more: Mapping[str, Any] | None = None, need: str | None = None) -> _Rule:
    def rule(button: Button) -> Request:
        _need(button, *((need,) if need else ()))
        return Request(verb, about(button) | dict(more or {}))

    return rule


def _form(callback: str, need: str | None = None) -> _Rule:
    def rule(button: Button) -> Form:
        _need(button, *((need,) if need else ()))
        return Form(callback, about(button))

    return rule


def _pick(button: Button) -> Request:
    _need(button, "request", "notebook")
    return Request("pick", {"request": button.request, **about(button)})


def _page(button: Button) -> Request:
    _need(button, "request", "page")
    return Request("page", {"request": button.request, "page": button.page})


_RULES: dict[str, _Rule] = {
    ids.EXTEND: _notebook("extend", "by_s", must=True),
    ids.EXTEND_OTHER: _form(ids.VIEW_EXTEND, "notebook"),
    ids.STOP: _notebook("stop"),
    ids.START: _notebook("start", "for_s"),
    ids.OPEN: _notebook("open"),
    ids.DELETE: _form(ids.VIEW_DELETE, "notebook"),
    ids.KEEP: _notebook("keep", "by_s", must=True),
    ids.KEEP_UNTIL: _form(ids.VIEW_KEEP, "notebook"),
    ids.WHY: _notebook("why"),
    ids.FALSE_STOP: _notebook("false_stop"),
    ids.CREATE: _form(ids.VIEW_CREATE),
    ids.PICK: _pick,
    ids.APPROVE: _extra("approve", need="approval"),
    ids.APPROVE_LESS: _form(ids.VIEW_LESS, "approval"),
    ids.DENY: _form(ids.VIEW_DENY, "approval"),
    ids.WITHDRAW: _extra("withdraw", need="approval"),
    ids.PAGE_NEXT: _page,
    ids.PAGE_PREV: _page,
    ids.SETTINGS_OPEN: _form(ids.VIEW_SETTINGS),
    ids.ADMIN_ENFORCE: _extra("admin", {"what": "enforce"}, "project"),
    ids.ADMIN_RELEASE: _extra("admin", {"what": "release"}, "project"),
    ids.DIGEST_DETAILS: _extra("details", need="project"),
}
