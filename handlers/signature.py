"""Slack's request signature: HMAC-SHA256 over the bytes as received, and a window against replays."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.clock import to_ms

WINDOW_MS = 300_000
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def is_good(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether one of `secrets` signed `body` at most 300 s from `now`. Header names are lower case."""
    timestamp, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(to_ms(now) - int(timestamp) * 1000) > WINDOW_MS:
        return False
    # every secret is tried, so that the time taken does not tell which one fits
    matches = [hmac.compare_digest(sign(secret, timestamp, body).encode(), given.encode()) for secret in secrets]
    return any(matches)


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """`v0=` and the hex digest. Source: Slack, "Verifying requests from Slack"."""
    return "v0=" + hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
