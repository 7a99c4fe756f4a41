"""What Slack refused, in words for an admin, and the one thing to do about it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.operations.notices import WARNINGS
from bot.slackcodes import CONTENT, RIGHTS, TOKEN

Topic = Literal["warnings", "channel", "messages"]
NAMED = 5  # of what was refused

_WORDS = {
    "lease_warning": "lease warning", "idle_warning": "idle warning", "stopped": "report of a stop",
    "approval_request": "request for approval", "approval_settled": "outcome of a request",
    "operation": "report of an operation", "digest": "digest", "answer": "answer to a command",
}  # fmt: skip
_STEPS = {
    "not_in_channel": "Invite me to the channel: type /invite there and pick me.",
    "channel_not_found": "Correct `channel` in the policy file, or invite me to it: private channels are hidden.",
    "is_archived": "Bring the channel back, or name another `channel` in the policy file.",
    "channel_is_archived": "Bring the channel back, or name another `channel` in the policy file.",
    "messages_tab_disabled": "Switch on the messages tab in the app's settings, under App Home.",
    "cannot_dm_bot": "Name a person, not an app, under `[[people]]` or with `admin map`.",
    "user_disabled": "Name who gets the notices instead, with `admin map @user CLOUD_USER`.",
}
_GENERAL = "Run `leasebot check`: it says what Slack and the app's rights lack."


@dataclass(frozen=True, slots=True)
class Refused:
    """One message that Slack did not take. `code` is Slack's word for why."""

    kind: str
    code: str
    target_kind: str
    target: str
    facts: Mapping[str, Any]


def topic(letter: Refused) -> Topic:
    """What it is about: each topic has one alert a day."""
    if letter.target_kind == "channel":
        return "channel"
    return "warnings" if letter.kind in WARNINGS else "messages"


def said(letters: Sequence[Refused], about: str) -> str:
    """What was refused and why; for warnings also what came of it."""
    named = list(dict.fromkeys(f"{_named(letter)} ({letter.code or 'no reason given'})" for letter in letters))
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    count = f"{len(letters)} of my messages" if len(letters) > 1 else "a message of mine"
    text = f"Slack did not take {count}: {', '.join(named[:NAMED])}{more}."
    if about == "warnings":
        text += " The lead or the channel is told instead; nothing is stopped before somebody was."
    if about == "channel" and any(letter.kind in WARNINGS for letter in letters):
        text += " Until somebody can be told, nothing of this is stopped."
    return text


def _named(letter: Refused) -> str:
    items = letter.facts.get("items") or [letter.facts]
    names = [str(item["name"]) for item in items if item.get("name")]
    about = f" about {', '.join(names[:3])}{' and more' if len(names) > 3 else ''}" if names else ""
    whose = f" to {letter.target}" if letter.target_kind in ("dm", "channel") else ""
    return f"{_WORDS.get(letter.kind, letter.kind.replace('_', ' '))}{about}{whose}"


def next_step(letters: Sequence[Refused]) -> str:
    """For what was refused most often."""
    code = Counter(letter.code for letter in letters).most_common(1)[0][0]
    if code in _STEPS:
        return _STEPS[code]
    if code in TOKEN:
        return "Install the app again and give me its new token."
    if code in RIGHTS:
        return "Give the app the scopes of `leasebot manifest` and install it again."
    if code in CONTENT:
        return "Report it to whoever maintains leasebot, with the log's line `Slack refused the blocks`."
    return _GENERAL
