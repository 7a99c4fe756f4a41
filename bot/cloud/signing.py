"""AK/SK request signing, SDK-HMAC-SHA256. Pure. Source: API digest, section 2.2."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

ALGORITHM = "SDK-HMAC-SHA256"


def encode(text: str) -> str:
    """Percent-encode everything but letters, digits and `-_.~`; a space is `%20`, never `+`."""
    return quote(text, safe="~")


def canonical_query(query: Iterable[tuple[str, str]]) -> str:
    """Pairs sorted by key, then value. This very text must be sent, so that the wire agrees with the signature."""
    return "&".join(f"{encode(key)}={encode(value)}" for key, value in sorted(query))


def sdk_date(now: datetime) -> str:
    """The `X-Sdk-Date` of an instant: `YYYYMMDDTHHMMSSZ`, UTC."""
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def canonical_request(
    method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str], body: bytes
) -> str:
    """What is hashed. The path ends with a slash here although the URL does not (trap 18)."""
    segments = "/".join(encode(part) for part in unquote(path).split("/"))
    signed = _signed(headers)
    return "\n".join(
        [
            method.upper(),
            segments if segments.endswith("/") else segments + "/",
            canonical_query(query),
            "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)),
            ";".join(sorted(signed)),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def authorization(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key: str,
    secret_key: str,
) -> str:
    """The `Authorization` header for a request.

    `headers` are all signed and must hold `Host` and `X-Sdk-Date`; `body` is the exact bytes that are sent.
    """
    signed = _signed(headers)
    digest = hashlib.sha256(canonical_request(method, path, query, headers, body).encode()).hexdigest()
    to_sign = "\n".join([ALGORITHM, signed["x-sdk-date"], digest])
    signature = hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Access={access_key}, SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"


def _signed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in headers.items() if "_" not in name}
