"""State -> JSON, in the shapes of Slack's answers and payloads (pure)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.workspace import Channel, File, Message, User, UserGroup, View


def message(core: Core, shown: Message, *, metadata: bool = True) -> dict[str, Any]:
    """A message as `conversations.history` and payloads show it."""
    team = core.workspace
    answer: dict[str, Any] = {"type": "message", "user": shown.user, "text": shown.text, "ts": shown.ts}
    if shown.user == team.bot_user:
        answer |= {"bot_id": team.bot_id, "app_id": team.app_id, "team": team.team_id}
    optional = {
        "blocks": shown.blocks,
        "thread_ts": shown.thread_ts,
        "edited": shown.edited,
        "files": [file(core, item) for item in shown.files],
        "reactions": [{"name": n, "users": u, "count": len(u)} for n, u in shown.reactions.items()],
        "metadata": shown.metadata if metadata else None,
    }
    if shown.broadcast:
        answer["subtype"] = "thread_broadcast"
    return answer | {name: value for name, value in optional.items() if value}


def file(core: Core, item: File) -> dict[str, Any]:
    """A file object."""
    url = f"{core.url}/files/{item.secret}/{item.name}"
    shares: dict[str, list[dict[str, str]]] = {}
    for channel, ts in item.shares:
        shares.setdefault(channel, []).append({"ts": ts})
    return {
        "id": item.id, "name": item.name, "title": item.title or item.name, "size": item.length,
        "alt_txt": item.alt, "mimetype": mimetype(item.name), "url_private": url, "permalink": url,
        "user": core.workspace.bot_user, "shares": {"public": shares},
    }  # fmt: skip


def mimetype(name: str) -> str:
    """Of the few kinds of file a bot uploads."""
    known = {"png": "image/png", "jpg": "image/jpeg", "svg": "image/svg+xml", "csv": "text/csv", "txt": "text/plain"}
    return known.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def user(core: Core, person: User, *, locale: bool = False) -> dict[str, Any]:
    """A user object; `tz_offset` is that of the simulated instant, in seconds."""
    here = datetime.fromtimestamp(core.clock.now_ms() / 1000, ZoneInfo(person.tz))
    offset = here.utcoffset()
    answer: dict[str, Any] = {
        "id": person.id, "team_id": person.team_id, "name": person.name, "real_name": person.real_name,
        "deleted": person.deleted, "is_bot": person.is_bot, "is_admin": person.is_admin, "is_owner": False,
        "is_restricted": person.is_restricted, "is_ultra_restricted": person.is_ultra_restricted,
        "is_app_user": False, "updated": 1_700_000_000,
        "profile": {"real_name": person.real_name, "display_name": person.name, "team": person.team_id},
    }  # fmt: skip
    if person.is_stranger:
        answer["is_stranger"] = True
    if not person.deleted:
        answer |= {
            "tz": person.tz,
            "tz_label": here.tzname(),
            "tz_offset": int(offset.total_seconds()) if offset else 0,
        }
    if person.email and "users:read.email" in core.scopes:
        answer["profile"]["email"] = person.email
    return answer | ({"locale": person.locale} if locale else {})


def channel(core: Core, item: Channel) -> dict[str, Any]:
    """A conversation object."""
    bot = core.workspace.bot_user
    answer: dict[str, Any] = {
        "id": item.id, "created": 1_700_000_000, "is_archived": item.is_archived, "is_im": item.kind == "im",
        "is_mpim": item.kind == "mpim", "is_channel": item.kind == "channel", "is_group": item.kind == "group",
        "is_private": item.kind != "channel", "is_ext_shared": item.is_ext_shared,
        "is_shared": item.is_ext_shared, "context_team_id": core.workspace.team_id,
    }  # fmt: skip
    if item.kind == "im":
        return answer | {"user": next((m for m in item.members if m != bot), bot), "is_open": True}
    return answer | {"name": item.name, "name_normalized": item.name, "is_member": bot in item.members}


def group(item: UserGroup, *, users: bool) -> dict[str, Any]:
    """A user group object."""
    answer = {"id": item.id, "is_usergroup": True, "handle": item.handle, "name": item.name,
              "user_count": len(item.users), "date_delete": int(item.disabled)}  # fmt: skip
    return answer | ({"users": item.users} if users else {})


def view(core: Core, item: View) -> dict[str, Any]:
    """A view object as in answers and payloads, with everything typed so far in `state`."""
    team = core.workspace
    defaults: dict[str, Any] = {
        "private_metadata": "", "callback_id": "", "external_id": "", "title": None, "submit": None, "close": None,
        "clear_on_close": False, "notify_on_close": False,
    }  # fmt: skip
    return {
        **defaults, **item.body, "id": item.id, "team_id": team.team_id, "state": {"values": item.state},
        "hash": item.hash, "root_view_id": item.root_id, "previous_view_id": item.previous_id, "app_id": team.app_id,
        "app_installed_team_id": team.team_id, "bot_id": team.bot_id,
    }  # fmt: skip
