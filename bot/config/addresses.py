"""Which addresses may be named in settings and policy: https, or plain http on this machine alone (contract 6)."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from bot.errors import BadInput


def is_loopback(host: str | None) -> bool:
    """`localhost` or an address that never leaves the machine."""
    name = (host or "").strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def https_unless_loopback(text: str) -> str:
    """The URL without its trailing slashes. Raises BadInput for another scheme, no host, or credentials in it."""
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise BadInput("is not a URL") from exc
    if parts.scheme not in ("https", "http") or not host:
        raise BadInput("must be a URL that begins with https://")
    if parts.username or parts.password:
        raise BadInput("must not hold a user or a password")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadInput("plain http is allowed on this machine (loopback) only; use https://")
    return text.strip().rstrip("/")


def base_address(text: str) -> str:
    """The same for one that paths are put behind. Raises BadInput also for a query or a fragment in it."""
    address = https_unless_loopback(text)
    if "?" in address or "#" in address:
        raise BadInput("must end with its host or a path: nothing can be put behind a ? or #")
    return address
