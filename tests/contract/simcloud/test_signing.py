"""SDK-HMAC-SHA256 as the receiving side checks it: the official signer's vectors, and live requests."""

import hashlib
from datetime import timedelta

import httpx
import pytest

from deploy.sandbox.cloud.signing import (
    BadSignature,
    Wire,
    canonical_query,
    canonical_request,
    check_date,
    parse,
    signature,
)
from tests.contract.simcloud.driver import Driver

SECRET = "SkExampleNotARealSecret0123456789abcdEFG"
P, N = "0123456789abcdef0123456789abcdef", "11111111-2222-4333-8444-555555555555"
BASE = {
    "host": "modelarts.eu-de.otc.t-systems.com",
    "x-sdk-date": "20250102T030405Z",
    "x-project-id": P,
    "content-type": "application/json",
}
SIGNED = ("content-type", "host", "x-project-id", "x-sdk-date")
UTF8 = {"content-type": "application/json;charset=UTF-8"}
RENEW = b'{"duration":7200000,"type":"timing"}'

VECTORS = [
    pytest.param(
        Wire("GET", f"/v1/{P}/notebooks", "limit=50&offset=0&status=RUNNING&name=a%20b%2Bc%2F~", BASE, b""),
        SIGNED,
        "5216443aca08a11fcacffc836eba5387d47688b9334d3565d90ed7a4fc47bc5d",
        "617d3efc520251591234198fc561eec0caa6735eaf1b79b86b0acfad529d6b33",
        id="A: query with everything to encode",
    ),
    pytest.param(
        Wire("PATCH", f"/v1/{P}/notebooks/{N}/lease", "", {**BASE, **UTF8}, RENEW),
        SIGNED,
        "5246ed3e4083f869ed568596f3c34e70dd5418f34482bc34e14f79f3241bd3e6",
        "f8f9828cc15dbf34cdb8f13f5a5ceaac2f180018895b3fdedc487fba519bff12",
        id="B: body",
    ),
    pytest.param(
        Wire("POST", f"/v1/{P}/notebooks/{N}/start", "type=TIMING&duration=3600000", BASE, b""),
        SIGNED,
        "b6098b685d97481503d3832209dbc051de777a394d8748ea7ded5c8c79e0951f",
        "48bc06d4b7f124e1674f58c846fd70bcc1ceee54bdfb6e5ab3f2765c95656e7e",
        id="C: post without body",
    ),
    pytest.param(
        Wire("POST", f"/v1/{P}/notebooks/{N}/stop", "", {**BASE, "x-security-token": "STSTOKENEXAMPLE"}, b""),
        (*SIGNED, "x-security-token"),
        "40e7f5f7ecf810aa1403bea93231e9e15c9325fc7ec770b610598d80dc8a9a85",
        "5b663c9ffe32ff913c5e4a5e9d7aae364a125aadf790fec50c6956a9aa9b25d6",
        id="D: temporary key",
    ),
]


@pytest.mark.parametrize(("wire", "signed", "canonical_sha", "expected"), VECTORS)
def test_vectors_of_the_official_signer(wire: Wire, signed: tuple[str, ...], canonical_sha: str, expected: str) -> None:
    canonical = canonical_request(wire, signed)
    assert hashlib.sha256(canonical.encode()).hexdigest() == canonical_sha
    assert signature(SECRET, wire.headers["x-sdk-date"], canonical) == expected


def test_a_plus_sign_in_a_query_is_no_space() -> None:
    assert canonical_query("a=x+y&a=b&A=1") == "A=1&a=b&a=x%2By"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "SDK-HMAC-SHA256 Credential=AK/20250102/eu-de/sdk_request, SignedHeaders=host, Signature=00",
        f"SDK-HMAC-SHA256 Access=AK, SignedHeaders=content-type;x-sdk-date, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date;host, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access=AK, SignedHeaders=Host;x-sdk-date, Signature={'0' * 64}",
    ],
)
def test_a_malformed_authorization_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        parse(header)


@pytest.mark.parametrize(("skew_s", "accepted"), [(0, True), (899, True), (901, False), (-901, False), (3600, False)])
def test_a_clock_may_be_off_by_a_quarter_of_an_hour(skew_s: int, accepted: bool) -> None:
    now = 1_735_787_045_000 + skew_s * 1000  # the date of the vectors
    if accepted:
        check_date("20250102T030405Z", now, 900_000)
    else:
        with pytest.raises(BadSignature):
            check_date("20250102T030405Z", now, 900_000)


async def signed_get(
    api: Driver,
    key: str,
    secret: str,
    off: timedelta = timedelta(),
    unsigned: dict[str, str] | None = None,
    **extra: str,
) -> httpx.Response:
    """A request signed by hand, `off` from the simulator's time; `extra` headers are signed too, `unsigned` are not."""
    path, query = f"/v1/{api.project}/notebooks", "limit=50&name=a%20b"
    date = (api.clock.now() + off).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": api.http.base_url.netloc.decode(), "x-sdk-date": date, **extra}
    names = tuple(sorted(headers))
    mark = signature(secret, date, canonical_request(Wire("GET", path, query, headers, b""), names))
    headers["authorization"] = f"SDK-HMAC-SHA256 Access={key}, SignedHeaders={';'.join(names)}, Signature={mark}"
    return await api.http.get(f"{path}?{query}", headers={**headers, **(unsigned or {})})


async def test_permanent_keys(api: Driver) -> None:
    ana = api.cloud.identity.users["ana"]
    assert (await signed_get(api, ana.access_key, ana.secret_key)).status_code == 200
    assert api.cloud.calls("ListNotebooks")[-1]["user"] == "ana"
    for reply in (
        await signed_get(api, ana.access_key, "wrong"),
        await signed_get(api, "NOSUCHKEY", ana.secret_key),
        await signed_get(api, ana.access_key, ana.secret_key, timedelta(hours=1)),
        await signed_get(api, ana.access_key, ana.secret_key, -timedelta(minutes=16)),
    ):
        assert (reply.status_code, reply.json()["error_code"]) == (401, "APIGW.0301")
    ana.enabled = False
    assert (await signed_get(api, ana.access_key, ana.secret_key)).status_code == 401


async def test_temporary_keys_need_their_token_signed(api: Driver) -> None:
    ana = api.cloud.identity.users["ana"]
    key = api.cloud.identity.add_temporary(ana, 900_000)
    token = {"x-security-token": key.security_token}
    assert (await signed_get(api, key.access_key, key.secret_key, **token)).status_code == 200
    assert (await signed_get(api, key.access_key, key.secret_key)).status_code == 401
    assert (await signed_get(api, key.access_key, key.secret_key, unsigned=token)).status_code == 401
    assert (await signed_get(api, key.access_key, key.secret_key, **{"x-security-token": "x"})).status_code == 401
    api.push(900_000)
    assert (await signed_get(api, key.access_key, key.secret_key, **token)).status_code == 401
