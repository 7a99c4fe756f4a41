"""One line in the log for each call that failed in the end, and for each breaker that opens or closes.

Never a header, a body, a query or the cloud's own text: a token or a key could stand in any of them.
"""

import logging
import re
from urllib.parse import urlsplit

from bot.errors import (
    CloudConflict,
    CloudDenied,
    CloudError,
    CloudInvalid,
    CloudNotFound,
    CloudQuota,
    CloudSoldOut,
)

log = logging.getLogger(__name__)

_EXPECTED = (CloudConflict, CloudDenied, CloudInvalid, CloudNotFound, CloudQuota, CloudSoldOut)
_KEY_IN_PATH = re.compile(r"(?<=/credentials/)[^/]+")
_NOT_PLAIN = re.compile(r"[^\w.:-]")


def call_failed(method: str, base: str, path: str, error: CloudError, attempts: int) -> None:
    """A refusal that people meet every day is told as INFO, everything else as WARNING."""
    log.log(
        logging.INFO if isinstance(error, _EXPECTED) else logging.WARNING,
        "%s %s%s failed: %s status=%s code=%s request_id=%s attempts=%s",
        method,
        urlsplit(base).hostname,
        _KEY_IN_PATH.sub("…", path),
        type(error).__name__,
        error.status or "-",
        _plain(error.code),
        _plain(error.request_id),
        attempts,
    )


def breaker_moved(line: str, state: str) -> None:
    """A project's service is left alone for a while (`open`), or answers again (`closed`)."""
    log.warning("the breaker of %s is %s", line, state)


def _plain(text: str) -> str:
    """What the other side sent, so that it cannot write a line of its own."""
    return _NOT_PLAIN.sub("?", text)[:64] or "-"
