"""The official signer's vectors, and the official signer itself as an oracle."""

import hashlib
from datetime import UTC, datetime

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from bot.cloud import signing

AK, SK = "AKEXAMPLE0123456789X", "SkExampleNotARealSecret0123456789abcdEFG"
P, N = "0123456789abcdef0123456789abcdef", "11111111-2222-4333-8444-555555555555"
HEADERS = {
    "Host": "modelarts.eu-de.otc.t-systems.com",
    "X-Sdk-Date": "20250102T030405Z",
    "X-Project-Id": P,
    "Content-Type": "application/json",
}
NO_BODY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

VECTORS = [
    pytest.param(
        "GET",
        f"/v1/{P}/notebooks",
        [("limit", "50"), ("offset", "0"), ("status", "RUNNING"), ("name", "a b+c/~")],
        {},
        b"",
        "5216443aca08a11fcacffc836eba5387d47688b9334d3565d90ed7a4fc47bc5d",
        "617d3efc520251591234198fc561eec0caa6735eaf1b79b86b0acfad529d6b33",
        id="A",
    ),
    pytest.param(
        "PATCH",
        f"/v1/{P}/notebooks/{N}/lease",
        [],
        {"Content-Type": "application/json;charset=UTF-8"},
        b'{"duration":7200000,"type":"timing"}',
        "5246ed3e4083f869ed568596f3c34e70dd5418f34482bc34e14f79f3241bd3e6",
        "f8f9828cc15dbf34cdb8f13f5a5ceaac2f180018895b3fdedc487fba519bff12",
        id="B",
    ),
    pytest.param(
        "POST",
        f"/v1/{P}/notebooks/{N}/start",
        [("type", "TIMING"), ("duration", "3600000")],
        {},
        b"",
        "b6098b685d97481503d3832209dbc051de777a394d8748ea7ded5c8c79e0951f",
        "48bc06d4b7f124e1674f58c846fd70bcc1ceee54bdfb6e5ab3f2765c95656e7e",
        id="C",
    ),
    pytest.param(
        "POST",
        f"/v1/{P}/notebooks/{N}/stop",
        [],
        {"X-Security-Token": "STSTOKENEXAMPLE"},
        b"",
        "40e7f5f7ecf810aa1403bea93231e9e15c9325fc7ec770b610598d80dc8a9a85",
        "5b663c9ffe32ff913c5e4a5e9d7aae364a125aadf790fec50c6956a9aa9b25d6",
        id="D",
    ),
]


@pytest.mark.parametrize(("method", "path", "query", "more", "body", "digest", "signature"), VECTORS)
def test_the_official_vectors(
    method: str, path: str, query: list[tuple[str, str]], more: dict[str, str], body: bytes, digest: str, signature: str
) -> None:
    headers = HEADERS | more
    canonical = signing.canonical_request(method, path, query, headers, body)
    assert hashlib.sha256(canonical.encode()).hexdigest() == digest
    signed = (
        "content-type;host;x-project-id;x-sdk-date"
        if "X-Security-Token" not in more
        else ("content-type;host;x-project-id;x-sdk-date;x-security-token")
    )
    assert signing.authorization(method, path, query, headers, body, access_key=AK, secret_key=SK) == (
        f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={signed}, Signature={signature}"
    )


def test_the_canonical_request_of_vector_a_is_literally_this() -> None:
    query = [("limit", "50"), ("offset", "0"), ("status", "RUNNING"), ("name", "a b+c/~")]
    assert signing.canonical_request("GET", f"/v1/{P}/notebooks", query, HEADERS, b"") == (
        f"GET\n/v1/{P}/notebooks/\nlimit=50&name=a%20b%2Bc%2F~&offset=0&status=RUNNING\n"
        "content-type:application/json\nhost:modelarts.eu-de.otc.t-systems.com\n"
        f"x-project-id:{P}\nx-sdk-date:20250102T030405Z\n\ncontent-type;host;x-project-id;x-sdk-date\n{NO_BODY}"
    )


def test_the_date_is_utc_and_compact() -> None:
    assert signing.sdk_date(datetime(2025, 1, 2, 3, 4, 5, 999_000, tzinfo=UTC)) == "20250102T030405Z"


texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    query=st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=8), texts, max_size=4),
    body=st.text(max_size=40),
)
def test_agrees_with_the_vendors_signer(method: str, query: dict[str, str], body: str) -> None:
    path, sent = f"/v1/{P}/notebooks", body if method in ("POST", "PATCH") else ""
    request = SdkRequest(
        method=method,
        schema="https",
        host=HEADERS["Host"],
        resource_path=path,
        query_params=list(query.items()),
        header_params=dict(HEADERS),
        body=sent,
    )
    theirs = Signer(BasicCredentials(AK, SK, P)).sign(request)
    ours = signing.authorization(
        method, path, list(query.items()), HEADERS, sent.encode(), access_key=AK, secret_key=SK
    )
    assert theirs.header_params["Authorization"] == ours
