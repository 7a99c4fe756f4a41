"""Who sent a request, from where, and its cause: read from Slack's payloads. Pure.

Ids, text and values leave this module; Slack's `token` never does, `trigger_id` only to open a view and as a hash.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import Stale
from bot.render import ids
from handlers import forms
from handlers.parse import Request
from handlers.ports import Entry


@dataclass(frozen=True, slots=True)
class Sender:
    """The person and the place; `teams` is every workspace the payload names for them."""

    user: str
    team: str
    teams: frozenset[str]
    cause: str
    via: str
    channel: str | None = None
    trigger: str = field(default="", repr=False)
    response_url: str = field(default="", repr=False)
    message: Mapping[str, Any] | None = None
    until: float = 0.0  # the event loop's time by which Slack must have its answer

    def entry(
        self,
        wish: Request,
        *,
        text: str | None = None,
        joins: bool = False,
        button: str | None = None,
        view: str | None = None,
        reply: str | None = None,
        counted: bool = True,
        kept: bool = True,
        cause: str | None = None,
    ) -> Entry:
        """The request as it is kept; `reply` is the response_url, sealed."""
        data = {
            "verb": wish.verb,
            "args": dict(wish.args),
            "user": self.user,
            "team": self.team,
            "channel": self.channel,
            "reply": reply,
            "via": self.via,
            "text": text,
            "cause": button,
            "view": view,
            "message": dict(self.message) if self.message else None,
        }
        return Entry(cause or self.cause, self.user, self.team, data, text if joins else None, counted, kept)


@dataclass(frozen=True, slots=True)
class Action:
    """The element that was used."""

    id: str
    value: str | None


def of_command(body: Mapping[str, Any]) -> Sender:
    """A slash command: each one is its own cause."""
    trigger = _text(body, "trigger_id")
    told = "|".join(_text(body, key) for key in ("trigger_id", "user_id", "text", "response_url"))
    team = _text(body, "team_id")
    return Sender(
        _text(body, "user_id"),
        team,
        _teams(team),
        f"command:{_hash(told)}",
        "command",
        _text(body, "channel_id") or None,
        trigger,
        _text(body, "response_url"),
    )


def of_click(body: Mapping[str, Any]) -> Sender:
    """A used element: the same click delivered twice has the same cause."""
    user, team, teams = _person(body)
    raw = _action(body)
    told = "|".join((team, user, _text(raw, "action_ts"), _text(raw, "action_id"), str(_value(raw))))
    container = _map(body, "container")
    channel = _text(_map(body, "channel"), "id") or _text(container, "channel_id")
    ts = _text(container, "message_ts") or _text(_map(body, "message"), "ts")
    message = {"channel": channel, "ts": ts, "ephemeral": bool(container.get("is_ephemeral"))}
    return Sender(
        user,
        team,
        teams,
        f"click:{_hash(told)}",
        "click",
        channel or None,
        _text(body, "trigger_id"),
        _text(body, "response_url"),
        message if channel and ts else None,
    )


def of_submit(body: Mapping[str, Any]) -> Sender:
    """A modal: one state of one view counts once."""
    user, team, teams = _person(body)
    view = _map(body, "view")
    return Sender(
        user,
        team,
        teams,
        f"submit:{_text(view, 'id')}:{_text(view, 'hash')}"[:200],
        "submit",
        trigger=_text(body, "trigger_id"),
    )


def of_event(body: Mapping[str, Any]) -> Sender:
    """An event: Slack's retries keep its id."""
    event, team = _map(body, "event"), _text(body, "team_id")
    return Sender(_text(event, "user"), team, _teams(team), f"event:{_text(body, 'event_id')}"[:200], "home")


def action(body: Mapping[str, Any]) -> Action:
    """The first action of a click; Slack sends one."""
    raw = _action(body)
    return Action(_text(raw, "action_id"), _value(raw))


def form_of(body: Mapping[str, Any]) -> bool:
    """Whether it happened in one of our modals."""
    view = _map(body, "view")
    return view.get("type") == "modal" and view.get("callback_id") in ids.VIEWS


def project_of(view: Mapping[str, Any]) -> str | None:
    """The project a form is about: picked in it, or the one it was opened for."""
    picked = forms.state(view).get("project")
    if picked and isinstance(picked.value, str):
        return picked.value
    try:
        return ids.read(view.get("private_metadata")).project
    except Stale:
        return None


def _person(body: Mapping[str, Any]) -> tuple[str, str, frozenset[str]]:
    person, team = _map(body, "user"), _text(_map(body, "team"), "id")
    own = _text(person, "team_id")
    return _text(person, "id"), team or own, _teams(team, own)


def _teams(*teams: str) -> frozenset[str]:
    return frozenset(team for team in teams if team)


def _action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("actions")
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def _value(raw: Mapping[str, Any]) -> str | None:
    if isinstance(raw.get("value"), str):
        return str(raw["value"])
    chosen = raw.get("selected_option")
    return str(chosen.get("value")) if isinstance(chosen, dict) else None


def _map(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key)
    return found if isinstance(found, dict) else {}


def _text(body: Mapping[str, Any], key: str) -> str:
    found = body.get(key)
    return found if isinstance(found, str) else ""


def _hash(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()[:32]
