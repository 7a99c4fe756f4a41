"""The payloads of commands, interactions and events, as Slack builds them (pure)."""

from typing import Any

from deploy.sandbox.slack import wire
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.workspace import Channel, Message, User, View

Payload = dict[str, Any]
VERIFICATION_TOKEN = "simulated-verification-token"  # noqa: S105 - Slack's deprecated field, to be ignored


def command(core: Core, user: User, channel: Channel, text: str, **capabilities: str) -> Payload:
    """A slash command; the names of direct conversations and private channels are generic words.

    `capabilities`: `trigger_id` and `response_url`.
    """
    name = {"im": "directmessage", "group": "privategroup", "mpim": "mpdm"}.get(channel.kind, channel.name)
    return {
        "token": VERIFICATION_TOKEN, "team_id": user.team_id, "team_domain": core.workspace.team_domain,
        "channel_id": channel.id, "channel_name": name, "user_id": user.id, "user_name": user.name,
        "command": core.command_name, "text": text, "api_app_id": core.workspace.app_id,
        "is_enterprise_install": "false", **capabilities,
    }  # fmt: skip


def interaction(core: Core, kind: str, user: User, **more: Any) -> Payload:
    """What all interactive payloads share."""
    team = core.workspace
    return {
        "type": kind, "team": {"id": team.team_id, "domain": team.team_domain},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": team.app_id, "token": VERIFICATION_TOKEN, "enterprise": None, "is_enterprise_install": False,
        **more,
    }  # fmt: skip


def message_part(core: Core, channel: Channel, message: Message) -> Payload:
    """Container, channel and message; an ephemeral message is not quoted."""
    hidden = message.ephemeral_to is not None
    container: Payload = {"type": "message", "message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": hidden}
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    name = "directmessage" if channel.kind == "im" else channel.name
    part: Payload = {"container": container, "channel": {"id": channel.id, "name": name}}
    return part if hidden else part | {"message": wire.message(core, message)}


def view_part(core: Core, view: View) -> Payload:
    """Container and view."""
    return {"container": {"type": "view", "view_id": view.id}, "view": wire.view(core, view)}


def action(element: Payload, block_id: str, action_ts: str, held: Payload) -> Payload:
    """One entry of `actions`; `held` is the element's value, as in `state`."""
    kept: Payload = {key: element[key] for key in ("text", "style", "value", "placeholder") if key in element}
    kind = element["type"]
    shown: Payload = (
        kept if kind in ("button", "workflow_button") else {k: v for k, v in kept.items() if k == "placeholder"}
    )
    return {
        "action_id": element.get("action_id", ""), "block_id": block_id, "type": kind, "action_ts": action_ts,
        **shown, **held,
    }  # fmt: skip


def event(core: Core, inner: Payload, event_id: str) -> Payload:
    """The envelope of an event; the id stays over repeats."""
    team = core.workspace
    authorization = {"enterprise_id": None, "team_id": team.team_id, "user_id": team.bot_user, "is_bot": True,
                     "is_enterprise_install": False}  # fmt: skip
    return {
        "token": VERIFICATION_TOKEN, "team_id": team.team_id, "api_app_id": team.app_id, "event": inner,
        "type": "event_callback", "event_id": event_id, "event_time": core.clock.now_ms() // 1000,
        "authorizations": [authorization], "is_ext_shared_channel": False, "event_context": f"4-{event_id}",
        "context_team_id": team.team_id, "context_enterprise_id": None,
    }  # fmt: skip
