"""views.*: modals and the Home tab."""

from deploy.sandbox.slack import modals, wire
from deploy.sandbox.slack.api.call import Answer, Call, Method
from deploy.sandbox.slack.errors import Refused


def open_(call: Call) -> Answer:
    """Open a modal for whoever pressed; spends the trigger."""
    trigger = call.core.triggers.spend(call.need("trigger_id"))
    body = modals.checked(call.core, call.value("view"), "modal", call.method)
    return {"view": wire.view(call.core, modals.show(call.core, trigger.user, body, push=False))}


def push(call: Call) -> Answer:
    """Stack a modal on the one the trigger was pressed in; at most three."""
    trigger = call.core.triggers.spend(call.need("trigger_id"))
    body = modals.checked(call.core, call.value("view"), "modal", call.method)
    if trigger.view_id is None or not call.workspace.stacks.get(trigger.user):
        raise Refused("not_found")
    return {"view": wire.view(call.core, modals.show(call.core, trigger.user, body, push=True))}


def update(call: Call) -> Answer:
    """Replace an open view; `not_found` once it is closed."""
    body = modals.checked(call.core, call.value("view"), "modal", call.method)
    view = call.workspace.views.get(call.text("view_id"))
    if view is None and call.text("external_id"):
        view = modals.by_external_id(call.core, call.text("external_id"))
    if view is None or view.type != "modal" or not call.workspace.is_open(view):
        raise Refused("not_found")
    return {"view": wire.view(call.core, modals.change(call.core, view, body, call.text("hash") or None))}


def publish(call: Call) -> Answer:
    """Set the Home tab of a person of this workspace."""
    if not call.core.home_enabled:
        raise Refused("not_enabled")
    user = call.user(call.need("user_id"))
    body = modals.checked(call.core, call.value("view"), "home", call.method)
    return {"view": wire.view(call.core, modals.publish(call.core, user.id, body, call.text("hash") or None))}


METHODS = {
    "views.open": Method(open_),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
