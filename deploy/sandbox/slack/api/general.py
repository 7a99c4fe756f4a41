"""auth.test, team.info, api.test, blocks.validate, apps.connections.open."""

import secrets
from typing import Any

from deploy.sandbox.slack.api.call import Answer, Call, Method
from deploy.sandbox.slack.blocks import check_message, check_view
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.rules import Finding


def auth_test(call: Call) -> Answer:
    """Who the token is; the granted scopes are in the header `X-OAuth-Scopes` of each answer."""
    team = call.workspace
    return {
        "url": f"{call.core.url}/", "team": team.team_name, "team_id": team.team_id, "user": "leasebot",
        "user_id": team.bot_user, "bot_id": team.bot_id, "is_enterprise_install": False,
    }  # fmt: skip


def team_info(call: Call) -> Answer:
    """The workspace."""
    team = call.workspace
    return {"team": {"id": team.team_id, "name": team.team_name, "domain": team.team_domain, "email_domain": ""}}


def validate(call: Call) -> Answer:
    """What the checker says about `blocks`, a `view` or a `message`."""
    view, message = call.value("view"), call.value("message")
    blocks = message.get("blocks") if isinstance(message, dict) else call.value("blocks")
    found = check_view(view) if view is not None else check_message(blocks)
    errors = [_shown(finding) for finding in found if finding.is_error]
    if errors:
        raise Refused("invalid_blocks", errors=errors)
    return {}


def _shown(finding: Finding) -> dict[str, Any]:
    return {"code": finding.code, "message": finding.message, "field": finding.pointer.rpartition("/")[2],
            "pointer": finding.pointer, "constraint": finding.message}  # fmt: skip


def connections_open(call: Call) -> Answer:
    """An address for one Socket Mode connection."""
    ticket = secrets.token_urlsafe(24)
    call.core.socket_tickets.add(ticket)
    base = call.core.url.replace("http", "ws", 1)
    return {"url": f"{base}/link?ticket={ticket}&app_id={call.workspace.app_id}"}


def api_test(call: Call) -> Answer:
    """Echo."""
    return {"args": call.args}


METHODS = {
    "auth.test": Method(auth_test),
    "team.info": Method(team_info, "team:read"),
    "api.test": Method(api_test, token="none"),  # noqa: S106
    "blocks.validate": Method(validate, token="none"),  # noqa: S106
    "apps.connections.open": Method(connections_open, token="app"),  # noqa: S106
}
