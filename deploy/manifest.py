"""The Slack app's manifest (version 2) for a deployment; the one list of the scopes and why each is asked for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.config.addresses import base_address
from bot.errors import BadInput, SettingsError
from bot.settings import slash_command

# Scope -> why. The README's table, the manifest, `leasebot check` and the simulated Slack are all made from it.
BOT_SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "commands": "receive the slash command",
        "chat:write": "post and update messages: warnings, results, approval requests, digests",
        "im:write": "open a direct message with a person",
        "im:history": "after a lost answer, see in a direct message whether the notice is there already",
        "channels:history": "the same in a project's public channel",
        "groups:history": "the same in a project's private channel",
        "channels:read": "see who belongs to a project: the members of its public channel",
        "groups:read": "the same for a private channel",
        "users:read": "a person's time zone, and whether they are an active full member",
        "usergroups:read": "who is in a user group that the policy names as approvers or admins",
        "files:write": "put the cost chart into a thread",
    }
)
APP_SCOPES: Mapping[str, str] = MappingProxyType({"connections:write": "connect over Socket Mode (app-level token)"})
EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "app_home_opened": "draw App Home",
        "app_uninstalled": "log that the app was taken away",
        "tokens_revoked": "log that the token no longer works",
    }
)
EVENTS_PATH = "/slack/events"
_USAGE = "help | list | create | extend NAME 2h | stop NAME"


def manifest(url: str | None, *, command: str = "/notebook", socket: bool = False) -> dict[str, Any]:
    """The manifest; `url` is where the deployment is reached, not needed for Socket Mode.

    Raises SettingsError for an address that Slack could not use. Source: Slack, "App manifest reference".
    """
    address = None if socket else _events_url(url)
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "leasebot",
            "description": "Notebooks on ModelArts: leases, warnings, approvals, idle stops and costs",
            "background_color": "#1f3a5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,  # true would take the command away from the DM
            },
            "bot_user": {"display_name": "leasebot", "always_online": True},
            "slash_commands": [_command(_checked(command), address)],
        },
        "oauth_config": {"scopes": {"bot": list(BOT_SCOPES)}},
        "settings": _settings(address, socket=socket),
    }


def _checked(command: str) -> str:
    try:
        return slash_command(command.strip())
    except BadInput as error:
        raise SettingsError(f"the command {command} {error}") from error


def _command(name: str, address: str | None) -> dict[str, Any]:
    said = {
        "command": name,
        "description": "Your ModelArts notebooks",
        "usage_hint": _USAGE,
        "should_escape": True,  # people arrive as <@U…>, so that `list @ana` knows whom
    }
    return said | ({"url": address} if address else {})


def _settings(address: str | None, *, socket: bool) -> dict[str, Any]:
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    if address:
        events["request_url"] = address
        interactivity |= {"request_url": address, "message_menu_options_url": address}
    return {
        "event_subscriptions": events,
        "interactivity": interactivity,
        "org_deploy_enabled": False,
        "socket_mode_enabled": socket,
        "token_rotation_enabled": False,
    }


def _events_url(url: str | None) -> str:
    if not url:
        raise SettingsError("say where Slack reaches this deployment: --url https://… (or --socket)")
    try:
        return base_address(url).rstrip("/") + EVENTS_PATH
    except BadInput as error:
        raise SettingsError(f"--url {error}") from error
