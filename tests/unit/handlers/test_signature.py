"""Slack's signature, against the vectors of its documentation and our own."""

from datetime import timedelta

import pytest

from bot.clock import from_ms
from handlers.signature import is_good, sign

SECRET = b"0123456789abcdef0123456789abcdef"
AT = "1700000000"
NOW = from_ms(1_700_000_000_000)
VECTORS = [
    (
        b"command=%2Fnb&text=status&user_id=U012ABCDEF&team_id=T012ABCDEF",
        "v0=85c5538aa4185f85841344b6d97e7688a4bfffb04d07f312941ad0a4bb5ed441",
    ),
    (
        b'{"type":"url_verification","challenge":"abc123"}',
        "v0=5219fa4ea682ef76fd622ee6e20473895b648e18dbdc108b21e18e0377ed1d7a",
    ),
    (b"", "v0=a5b43b014ed473febe5f6cc6ec6d9feed6b12bd87f831b83d37733c38cf4c51c"),
]


@pytest.mark.parametrize(("body", "signature"), VECTORS)
def test_the_vectors(body: bytes, signature: str) -> None:
    assert sign(SECRET, AT, body) == signature
    headers = {"x-slack-request-timestamp": AT, "x-slack-signature": signature}
    assert is_good([b"other", SECRET], headers, body, NOW)
    assert not is_good([b"other"], headers, body, NOW)
    assert not is_good([SECRET], headers, body + b" ", NOW)
    assert not is_good([SECRET], {**headers, "x-slack-signature": signature.upper()}, body, NOW)


@pytest.mark.parametrize(("ms", "good"), [(300_000, True), (300_001, False), (-300_000, True), (-300_001, False)])
def test_the_window(ms: int, good: bool) -> None:
    headers = {"x-slack-request-timestamp": AT, "x-slack-signature": VECTORS[2][1]}
    assert is_good([SECRET], headers, b"", NOW + timedelta(milliseconds=ms)) is good


@pytest.mark.parametrize("timestamp", ["", "1e9", "-1", "٣", " 1700000000", "1" * 400])
def test_a_timestamp_that_is_none(timestamp: str) -> None:
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": sign(SECRET, timestamp, b"")}
    assert not is_good([SECRET], headers, b"", NOW)
