"""Which notebook addresses may be fetched at all. A `url` is data from outside; it carries our reader anywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address

from bot.http import URL
from bot.model import Endpoint

IpAddress = IPv4Address | IPv6Address

_NAT64 = IPv6Address("64:ff9b::")
_LOOPBACK_NAMES = frozenset({"localhost", "localhost."})


class Refused(Exception):
    """The address is not fetched; `str()` is a short reason without the address, whose path may hold a secret."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address whose form is allowed; what its name resolves to is still to be checked."""

    url: URL  # without query, fragment or trailing `/lab`
    host: str
    port: int
    loopback_allowed: bool


def target(url: str, endpoint: Endpoint) -> Target:
    """The notebook's base address, if its scheme and host are allowed for this project.

    https always; http only where both the notebook and the project's own endpoint are on loopback.
    Raises Refused.
    """
    parsed = _parse(url)
    loopback_allowed = is_loopback(URL(endpoint.modelarts).host)
    host = parsed.raw_host.decode("ascii").lower()
    if parsed.scheme != "https" and not (parsed.scheme == "http" and loopback_allowed and is_loopback(host)):
        raise Refused("the notebook's address is not https")
    if parsed.userinfo:
        raise Refused("the notebook's address carries credentials")
    if not matches(host, endpoint.notebook_hosts):
        raise Refused("the notebook's host is not among the project's notebook_hosts")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    path = parsed.raw_path.partition(b"?")[0].rstrip(b"/").removesuffix(b"/lab")
    base = parsed.copy_with(raw_path=path or b"/", fragment=None)
    return Target(base, host, port, loopback_allowed)


def matches(host: str, globs: Iterable[str]) -> bool:
    """Whether one glob covers the host; without globs nothing is covered."""
    return any(fnmatchcase(host, glob.lower()) for glob in globs)


def is_loopback(host: str) -> bool:
    """Whether the host is written as this machine; names are not resolved here."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        return _unwrapped(ip_address(host)).is_loopback
    except ValueError:
        return False


def first_allowed(addresses: Sequence[str], *, loopback_allowed: bool) -> str:
    """The address to connect to. One forbidden address among several condemns the name (rebinding).

    Raises Refused.
    """
    if not addresses:
        raise Refused("the notebook's host has no address")
    for address in addresses:
        if not _allowed(_unwrapped(ip_address(address.partition("%")[0])), loopback_allowed):
            raise Refused("the notebook's host resolves to a private or local address")
    return addresses[0]


def _allowed(address: IpAddress, loopback_allowed: bool) -> bool:
    if address.is_loopback:
        return loopback_allowed
    if isinstance(address, IPv6Address) and (address.is_site_local or address.is_reserved):
        return False  # old private ranges, and notations that may lead to an IPv4 address (compatible, local NAT64)
    return address.is_global and not address.is_multicast and not address.is_unspecified


def _unwrapped(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 notation leads to, where it does (mapped, 6to4, NAT64)."""
    if isinstance(address, IPv4Address):
        return address
    if int(address) >> 32 == int(_NAT64) >> 32:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _parse(url: str) -> URL:
    try:
        parsed = URL(url)
    except Exception as error:  # the library raises several unrelated classes for a malformed address
        raise Refused("the notebook's address cannot be read") from error
    if not parsed.host:
        raise Refused("the notebook's address names no host")
    return parsed
