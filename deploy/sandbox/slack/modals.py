"""Views on people's screens: opening, stacking, changing, closing; used by the API and by acknowledgements."""

import copy
from typing import Any

from deploy.sandbox.slack import fields, limits
from deploy.sandbox.slack.blocks import check_view, view_bytes
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.rules import Finding
from deploy.sandbox.slack.workspace import View

STACK = 3


def checked(core: Core, body: Any, kind: str, where: str) -> dict[str, Any]:
    """The view, if Slack would take it. Raises Refused `view_too_large`, `invalid_arguments` with all findings."""
    if view_bytes(body) > limits.VIEW_BYTES:
        raise Refused("view_too_large")
    findings = check_view(body)
    if isinstance(body, dict) and body.get("type") != kind:
        findings.append(Finding("wrong_type", f"type must be {kind}", "/view/type"))
    core.report(where, findings)
    errors = [finding.line() for finding in findings if finding.is_error]
    if errors:
        raise Refused("invalid_arguments", response_metadata={"messages": errors})
    view: dict[str, Any] = copy.deepcopy(body)
    view["blocks"] = core.workspace.with_block_ids(view["blocks"])
    return view


def by_external_id(core: Core, external_id: str) -> View | None:
    """The open view of that name."""
    views = core.workspace.views.values()
    return next((v for v in views if v.body.get("external_id") == external_id and core.workspace.is_open(v)), None)


def _external_id_free(core: Core, body: dict[str, Any], own: View | None = None) -> None:
    name = body.get("external_id")
    if name and by_external_id(core, name) not in (None, own):
        raise Refused("duplicate_external_id")


def show(core: Core, user: str, body: dict[str, Any], *, push: bool) -> View:
    """Open a modal: alone, or on top of the person's stack."""
    _external_id_free(core, body)
    stack = core.workspace.stacks.get(user, []) if push else []
    if len(stack) >= STACK:
        raise Refused("push_limit_reached")
    view_id = core.workspace.ids.new("V")
    view = View(
        view_id, user, body, core.workspace.next_hash(),
        root_id=stack[0] if stack else view_id, previous_id=stack[-1] if stack else None,
        state=fields.initial_state(body["blocks"]),
    )  # fmt: skip
    core.workspace.views[view_id] = view
    core.workspace.stacks[user] = [*stack, view_id]
    core.changed()
    return view


def change(core: Core, view: View, body: dict[str, Any], expected: str | None) -> View:
    """Replace what a view shows; typed input survives where block and action id stay the same."""
    if expected and expected != view.hash:
        raise Refused("hash_conflict")
    _external_id_free(core, body, view)
    fresh = fields.initial_state(body["blocks"])
    for block, values in fresh.items():
        for action in values:
            kept = view.state.get(block, {}).get(action)
            if kept is not None and kept.get("type") == values[action].get("type"):
                values[action] = kept
    view.body, view.state, view.errors, view.hash = body, fresh, {}, core.workspace.next_hash()
    core.changed()
    return view


def publish(core: Core, user: str, body: dict[str, Any], expected: str | None) -> View:
    """Set a person's Home tab."""
    home = core.workspace.homes.get(user)
    if home is not None:
        return change(core, core.workspace.views[home], body, expected)
    _external_id_free(core, body)
    view_id = core.workspace.ids.new("V")
    view = View(view_id, user, body, core.workspace.next_hash(), view_id, state=fields.initial_state(body["blocks"]))
    core.workspace.views[view_id], core.workspace.homes[user] = view, view_id
    core.changed()
    return view


def close(core: Core, view: View, *, everything: bool = False) -> None:
    """Take the view, or its entire stack, off the screen."""
    stack = core.workspace.stacks.get(view.user, [])
    core.workspace.stacks[view.user] = [] if everything else [v for v in stack if v != view.id]
    core.changed()
