"""What Slack hands out for a short while: trigger ids (3 s, once) and response urls (30 min, five posts)."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.sandbox.slack.errors import Refused

TRIGGER_SECONDS = 3.0
RESPONSE_URL_MS = 30 * 60 * 1000
RESPONSE_URL_USES = 5


@dataclass
class Trigger:
    """Permission to open one modal for `user`; `view_id` is the modal it was pressed in, if any."""

    user: str
    expires: float
    view_id: str | None = None
    used: bool = False


class Triggers:
    """Trigger ids live by the host's monotonic time, so that pushing the clock does not kill a modal."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._known: dict[str, Trigger] = {}

    def issue(self, user: str, view_id: str | None = None) -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._known[trigger_id] = Trigger(user, self._monotonic() + TRIGGER_SECONDS, view_id)
        return trigger_id

    def spend(self, trigger_id: str) -> Trigger:
        """The trigger, spent now. Raises Refused with Slack's three names for what may be wrong."""
        trigger = self._known.get(trigger_id)
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self._monotonic() > trigger.expires:
            raise Refused("expired_trigger_id")
        trigger.used = True
        return trigger


@dataclass
class ResponseUrl:
    """Where one interaction may be answered; `ts` is the message that was pressed, None for a command."""

    user: str
    channel: str
    expires_ms: int
    ts: str | None = None
    uses: int = 0


class ResponseUrls:
    """Response urls by their secret; their half hour runs on the simulated clock."""

    def __init__(self) -> None:
        self._known: dict[str, ResponseUrl] = {}

    def issue(self, now_ms: int, user: str, channel: str, ts: str | None = None) -> str:
        """The secret part of a new url."""
        secret = secrets.token_urlsafe(24)
        self._known[secret] = ResponseUrl(user, channel, now_ms + RESPONSE_URL_MS, ts)
        return secret

    def spend(self, secret: str, now_ms: int) -> ResponseUrl:
        """One of its five uses. Raises Refused for an unknown, used up or expired url."""
        target = self._known.get(secret)
        if target is None:
            raise Refused("invalid_url")
        if now_ms > target.expires_ms:
            raise Refused("expired_url")
        if target.uses >= RESPONSE_URL_USES:
            raise Refused("used_url")
        target.uses += 1
        return target
