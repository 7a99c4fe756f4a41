"""SDK-HMAC-SHA256, the receiving side: rebuilds the canonical request from what arrived and compares."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from bot.clock import to_ms

ALGORITHM = "SDK-HMAC-SHA256"
_HEADER = re.compile(r"^SDK-HMAC-SHA256 Access=([^,\s]+), SignedHeaders=([^,\s]+), Signature=([0-9a-f]{64})$")


class BadSignature(Exception):
    """The text says what is wrong with it."""


@dataclass(frozen=True)
class Wire:
    """A request as it arrived: path and query undecoded, headers by lower-case name."""

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Claim:
    """The parsed `Authorization` header."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def parse(header: str) -> Claim:
    match = _HEADER.match(header.strip())
    if match is None:
        raise BadSignature("the Authorization header is malformed")
    names = tuple(match[2].split(";"))
    if list(names) != sorted(names) or any(name != name.lower() for name in names):
        raise BadSignature("SignedHeaders must be lower case and sorted")
    if not {"host", "x-sdk-date"} <= set(names):
        raise BadSignature("host and x-sdk-date must be signed")
    return Claim(match[1], names, match[3])


def _encode(text: str) -> str:
    return quote(text, safe="~")


def canonical_path(raw_path: str) -> str:
    """Each segment decoded and encoded again; always ends with a slash."""
    path = "/".join(_encode(segment) for segment in unquote(raw_path).split("/"))
    return path if path.endswith("/") else path + "/"


def canonical_query(raw_query: str) -> str:
    """A plus sign is a plus sign here, never a space."""
    pairs = []
    for part in raw_query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote(name), unquote(value)))
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(pairs))


def canonical_request(wire: Wire, signed: tuple[str, ...]) -> str:
    """A signed header that did not arrive raises BadSignature."""
    headers, body = wire.headers, wire.body
    lines = []
    for name in signed:
        if name not in headers:
            raise BadSignature(f"the signed header {name} is missing")
        lines.append(f"{name}:{headers[name].strip()}\n")
    payload = headers.get("x-sdk-content-sha256", "") if body else ""
    digest = payload or hashlib.sha256(body).hexdigest()
    if payload and payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(body).hexdigest():
        raise BadSignature("x-sdk-content-sha256 does not match the body")
    parts = [wire.method.upper(), canonical_path(wire.raw_path), canonical_query(wire.raw_query), "".join(lines)]
    return "\n".join([*parts, ";".join(signed), digest])


def signature(secret_key: str, sdk_date: str, canonical: str) -> str:
    to_sign = f"{ALGORITHM}\n{sdk_date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def check_date(sdk_date: str, now_ms: int, skew_ms: int) -> None:
    """Raises BadSignature unless `YYYYMMDDTHHMMSSZ` is within `skew_ms` of now."""
    try:
        at = datetime.strptime(sdk_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as exc:
        raise BadSignature("X-Sdk-Date is malformed") from exc
    if abs(to_ms(at) - now_ms) > skew_ms:
        raise BadSignature("X-Sdk-Date is too far from the server's time")
