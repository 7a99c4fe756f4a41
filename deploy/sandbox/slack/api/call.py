"""One call of a Web API method: its arguments, whatever way they came, and what it may touch."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from deploy.sandbox.slack import limits
from deploy.sandbox.slack.blocks import check_message
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.rules import Finding
from deploy.sandbox.slack.workspace import Channel, Message, User, Workspace

TokenKind = Literal["bot", "app", "none"]
Answer = dict[str, Any]

READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}
HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history", "mpim": "mpim:history"}


@dataclass
class Call:
    """Arguments of one call; forms and queries carry nested values as JSON strings, JSON bodies as they are."""

    core: Core
    method: str
    args: dict[str, Any]

    @property
    def workspace(self) -> Workspace:
        return self.core.workspace

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def need(self, name: str) -> str:
        """A required argument. Raises Refused `invalid_arguments` naming it."""
        value = self.text(name)
        if not value:
            messages = [f"[ERROR] missing required field: {name}"]
            raise Refused("invalid_arguments", response_metadata={"messages": messages})
        return value

    def flag(self, name: str) -> bool:
        return str(self.args.get(name, "")).lower() in ("true", "1")

    def number(self, name: str, default: int, most: int) -> int:
        try:
            value = int(self.text(name) or default)
        except ValueError:
            raise Refused("invalid_arguments") from None
        return max(1, min(value, most))

    def value(self, name: str) -> Any:
        """A nested argument; None if absent or empty. Raises Refused `invalid_json`-like errors by its name."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refused("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None

    def words(self, name: str) -> list[str]:
        """A list given as JSON array or comma-joined."""
        value = self.args.get(name)
        if isinstance(value, str) and not value.startswith("["):
            return [word.strip() for word in value.split(",") if word.strip()]
        return [str(word) for word in (self.value(name) or [])]

    def need_scope(self, scope: str) -> None:
        """Raises Refused `missing_scope` with what is needed and what the token has."""
        if scope not in self.core.scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(self.core.scopes)))

    def user(self, user_id: str) -> User:
        user = self.workspace.users.get(user_id)
        if user is None:
            raise Refused("user_not_found")
        return user

    def channel(self, name: str = "channel", family: dict[str, str] | None = None) -> Channel:
        """The conversation, if the bot can see it and has the scope of its kind."""
        found = self.workspace.channels.get(self.need(name))
        if family is not None:
            self.need_scope(self._scope_for(found, family))
        hidden = found is not None and found.kind != "channel" and self.workspace.bot_user not in found.members
        if found is None or hidden:
            raise Refused("channel_not_found")
        return found

    def _scope_for(self, channel: Channel | None, family: dict[str, str]) -> str:
        if channel is not None:
            return family[channel.kind]
        return next((scope for scope in family.values() if scope in self.core.scopes), family["channel"])

    def joined(self, channel: Channel) -> Channel:
        """The channel, if the bot is in it and it is not archived."""
        if channel.is_archived:
            raise Refused("is_archived")
        if self.workspace.bot_user not in channel.members:
            raise Refused("not_in_channel")
        return channel

    def message(self, channel: Channel, ts: str) -> Message:
        found = channel.message(ts)
        if found is None or found.ephemeral_to:
            raise Refused("message_not_found")
        return found

    def blocks(self) -> list[dict[str, Any]]:
        """The `blocks` argument, checked. Raises Refused `invalid_blocks` with every finding."""
        given = self.value("blocks")
        if given is None:
            return []
        self.check(check_message(given), "invalid_blocks")
        blocks: list[dict[str, Any]] = given
        return blocks

    def check(self, findings: list[Finding], error: str) -> None:
        """Keep the findings; raise Refused if one is an error."""
        self.core.report(self.method, findings)
        errors = [finding.line() for finding in findings if finding.is_error]
        if errors:
            raise Refused(error, errors=errors, response_metadata={"messages": errors})

    def page(self, items: list[Any], default: int = 100, most: int = 1000) -> tuple[list[Any], str]:
        """One page of `items` and the cursor of the next, empty at the end."""
        start = self._cursor()
        end = start + self.number("limit", default, most)
        return items[start:end], f"next:{end}" if end < len(items) else ""

    def _cursor(self) -> int:
        cursor = self.text("cursor")
        number = cursor.removeprefix("next:")
        if cursor and not number.isdigit():
            raise Refused("invalid_cursor")
        return int(number or 0)

    def metadata(self) -> dict[str, Any] | None:
        """The `metadata` argument: an event type and a flat payload."""
        given = self.value("metadata")
        if given is None or given == {}:
            return None
        shaped = isinstance(given, dict) and given.keys() == {"event_type", "event_payload"}
        if not shaped or not isinstance(given["event_type"], str) or not isinstance(given["event_payload"], dict):
            raise Refused("invalid_metadata_format")
        if any(isinstance(value, (dict, list)) for value in given["event_payload"].values()):
            raise Refused("invalid_metadata_schema")
        if len(json.dumps(given)) > limits.METADATA_BYTES:
            raise Refused("metadata_too_large")
        return dict(given)


@dataclass(frozen=True)
class Method:
    """A method, the scope it always needs and the kind of token it takes."""

    run: Callable[[Call], Answer]
    scope: str | None = None
    token: TokenKind = "bot"  # noqa: S105 - a kind, not a token
