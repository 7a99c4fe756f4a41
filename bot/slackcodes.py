"""Slack's error names -> our classes (platform digest 4.5). Pure.

Unknown names are plain `SlackError`: refused, and trying the same again will not help.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.errors import (
    SlackAnswerLost,
    SlackBusy,
    SlackContent,
    SlackDown,
    SlackError,
    SlackUnreachable,
)

TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "org_login_required",
        "team_access_not_granted",
    }
)
RIGHTS = frozenset(
    {"missing_scope", "not_allowed_token_type", "no_permission", "access_denied", "ekm_access_denied", "accesslimited"}
)
DESTINATION = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "user_not_found",
        "users_not_found",
        "user_disabled",
        "user_not_in_channel",
        "user_not_visible",
        "cannot_dm_bot",
        "messages_tab_disabled",
        "method_not_supported_for_channel_type",
        "expired_url",
        "used_url",
        "no_service",
        "no_team",
        "no_active_hooks",
        "action_prohibited",
        "channel_is_archived",
    }
)
CONTENT = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "too_many_attachments",
        "view_too_large",
        "invalid_arguments",
        "block_mismatch",
        "markdown_text_conflict",
        "invalid_payload",
    }
)
STALE = frozenset(
    {
        "expired_trigger_id",
        "exchanged_trigger_id",
        "invalid_trigger_id",
        "trigger_expired",
        "trigger_exchanged",
        "hash_conflict",
        "not_found",
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "is_inactive",
        "push_limit_reached",
        "not_enabled",
    }
)
BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
PASSING = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "garbled",
        "upload_failed",
        "rollup_error",
    }
)

LONGEST_REST = timedelta(hours=1)  # it never asks for more than minutes; an odd figure must not silence us for days

_WORDS = {
    "not_in_channel": "I am not in that channel; invite me with /invite.",
    "channel_not_found": "That channel does not exist, or it is private and I am not in it.",
    "messages_tab_disabled": "Direct messages to me are switched off in the app's settings.",
    "user_disabled": "That person is deactivated in Slack.",
}
_REVOKED_SAID = "Slack no longer accepts the bot's token: install the app again and give me the new one."
_RIGHTS_SAID = "Slack says the app may not do that: add the scope it needs and install the app again."
_STALE_SAID = "That window or message is no longer there, or was changed meanwhile."


def error_for(
    code: str, status: int, headers: Mapping[str, Any], *, writes: bool, said: Mapping[str, Any] | None = None
) -> SlackError:
    """The error for one answer. `writes`: a failure inside Slack may have happened after the effect."""
    said = said or {}
    if status == 429 or code in BUSY:
        return SlackBusy(code if code in BUSY else "ratelimited", retry_after=_retry_after(headers))
    if status >= 500 or code in PASSING:
        kind = SlackAnswerLost if writes else SlackDown
        return kind(code or f"http_{status}", f"Slack failed: {code or status}")
    if code in TOKEN:  # nothing is wrong with what was asked: it waits for the new token
        return SlackDown(code, _REVOKED_SAID)
    detail = _detail(said)
    if code in CONTENT or code.startswith(("metadata_", "invalid_metadata")):
        return SlackContent(code, detail=detail)
    if code in DESTINATION or status in (404, 410):
        return SlackUnreachable(code or f"http_{status}", _WORDS.get(code, ""), detail=detail)
    return SlackError(code or f"http_{status}", _words(code), needed=str(said.get("needed") or ""), detail=detail)


def _words(code: str) -> str:
    if code in RIGHTS or code.startswith("restricted_action"):
        return _RIGHTS_SAID
    return _STALE_SAID if code in STALE else ""


def _detail(said: Mapping[str, Any]) -> str:
    """What Slack says beyond the name: which block is wrong, mostly."""
    more = said.get("response_metadata")
    messages = (more.get("messages") if isinstance(more, dict) else None) or said.get("errors")
    return "; ".join(str(message) for message in messages)[:500] if isinstance(messages, list) else ""


def _retry_after(headers: Mapping[str, Any]) -> timedelta:
    """Whole seconds, at least one and at most an hour, when it is asked again; 30 where Slack does not say."""
    given = next((str(value) for name, value in headers.items() if str(name).lower() == "retry-after"), "").strip()
    if not (given.isascii() and given.isdigit()):
        return timedelta(seconds=30)
    return min(LONGEST_REST, timedelta(seconds=max(1, int(given)))) if len(given) <= 8 else LONGEST_REST
