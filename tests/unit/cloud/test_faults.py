"""Every code of the API digest, section 13.2, has one class; what may be repeated follows from it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.cloud import faults
from bot.errors import (
    AnswerLost,
    CloudAccount,
    CloudAlready,
    CloudBusy,
    CloudConflict,
    CloudDenied,
    CloudDown,
    CloudError,
    CloudInvalid,
    CloudLoginFailed,
    CloudMisconfigured,
    CloudNotFound,
    CloudQuota,
    CloudSoldOut,
    CloudThrottled,
)

REFRESH, REPEAT, LOST = "refresh", "repeat", "lost"

TABLE: list[tuple[int, str, type[CloudError], str]] = [
    (400, "0101 0104 0107 6332 6334 6335 6336 6400 6600", CloudInvalid, ""),
    (400, "0102", CloudInvalid, ""),
    (400, "0113 0118 6302 0116", CloudQuota, ""),
    (400, "0204 0210", CloudMisconfigured, ""),
    (400, "6301", CloudConflict, ""),
    (400, "6303", CloudInvalid, ""),
    (400, "6304", CloudConflict, ""),
    (400, "6305 6306 6307 6308", CloudAlready, ""),
    (400, "6309 6404", CloudNotFound, ""),
    (404, "6309 6404", CloudNotFound, ""),
    (400, "6323 6330 6792 6870", CloudInvalid, ""),
    (400, "6326", CloudAccount, ""),
    (400, "6327", CloudConflict, ""),
    (400, "6328", CloudDenied, ""),
    (400, "6329 6360 6528 6716", CloudSoldOut, ""),
    (500, "6200", CloudSoldOut, ""),
    (400, "6331", CloudInvalid, ""),
    (400, "6333 6355", CloudBusy, ""),
    (400, "6346 6348 6349", CloudInvalid, ""),
    (400, "6347", CloudConflict, ""),
    (400, "6357", CloudBusy, ""),
    (400, "6361", CloudDown, ""),
    (400, "6371 6702 6772 6782", CloudInvalid, ""),
    (400, "6737 6771 6797", CloudInvalid, ""),
    (400, "6768 6789", CloudInvalid, ""),
    (400, "6927 6967", CloudInvalid, ""),
    (401, "0112 0201 0202 0203 0205 0206 0208 0209 6608 6620", CloudLoginFailed, REFRESH),
    (401, "0204 0207 0212", CloudMisconfigured, REFRESH),
    (401, "6201 6203", CloudAccount, ""),
    (403, "0108 0112", CloudDenied, ""),
    (403, "0203 0206", CloudLoginFailed, ""),
    (403, "0210", CloudMisconfigured, ""),
    (408, "6100", CloudDown, LOST),
    (429, "6101 2799", CloudThrottled, REPEAT),
    (500, "0010 6102 6691 6692 6699 0109", CloudDown, LOST),
    (400, "6379 0420", CloudMisconfigured, ""),
]
GATEWAY: list[tuple[int, str, type[CloudError], str]] = [
    (404, "0101", CloudMisconfigured, ""),
    (404, "0103 0104 0105 0106", CloudMisconfigured, ""),
    (400, "0201", CloudInvalid, ""),
    (413, "0201", CloudInvalid, ""),
    (414, "0201", CloudInvalid, ""),
    (494, "0201", CloudInvalid, ""),
    (502, "0201", CloudDown, LOST),
    (504, "0201", CloudDown, LOST),
    (401, "0301", CloudLoginFailed, REFRESH),
    (403, "0302", CloudDenied, ""),
    (401, "0303", CloudLoginFailed, ""),
    (429, "0308", CloudThrottled, REPEAT),
]
CASES = [
    *((status, f"ModelArts.{code}", kind, hint) for status, codes, kind, hint in TABLE for code in codes.split()),
    *(
        (status, f"{prefix}.{code}", kind, hint)
        for prefix in ("APIGW", "APIG")
        for status, codes, kind, hint in GATEWAY
        for code in codes.split()
    ),
]


def body(code: str) -> bytes:
    return json.dumps({"error_code": code, "error_msg": "said so"}).encode()


@pytest.mark.parametrize(("status", "code", "kind", "hint"), CASES)
def test_each_code_has_its_class(status: int, code: str, kind: type[CloudError], hint: str) -> None:
    known, error = faults.error(status, body(code), {"x-request-id": "r-1"})
    assert type(error) is kind
    assert (known.refresh, known.repeat, known.lost) == (hint == REFRESH, hint == REPEAT, hint == LOST)
    assert (error.status, error.code, error.request_id) == (status, code, "r-1")
    assert error.next_step
    assert "said so" in str(error)


@pytest.mark.parametrize(("status", "code", "kind", "hint"), [case for case in CASES if case[3] == LOST])
def test_a_write_whose_fate_is_unknown_is_answer_lost(
    status: int, code: str, kind: type[CloudError], hint: str
) -> None:
    assert type(faults.error(status, body(code), {}, write=True)[1]) is AnswerLost


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, CloudMisconfigured), (302, CloudMisconfigured), (400, CloudInvalid), (401, CloudLoginFailed),
        (402, CloudAccount), (403, CloudDenied), (404, CloudNotFound), (405, CloudMisconfigured), (408, CloudDown),
        (409, CloudConflict), (413, CloudInvalid), (418, CloudError), (429, CloudThrottled), (500, CloudDown),
        (501, CloudDown), (502, CloudDown), (503, CloudDown), (504, CloudDown),
    ],
)  # fmt: skip
def test_an_unknown_code_means_what_its_status_means(status: int, kind: type[CloudError]) -> None:
    assert type(faults.error(status, body("ModelArts.9999"), {})[1]) is kind
    assert type(faults.error(status, b"", {})[1]) is kind


@pytest.mark.parametrize("page", [b"<html><h1>404</h1></html>", b"not found"])
def test_a_web_page_is_never_a_notebook_that_is_gone(page: bytes) -> None:
    assert type(faults.error(404, page, {})[1]) is CloudMisconfigured


@pytest.mark.parametrize(
    ("given_body", "code", "text"),
    [
        (b'{"error_code": "ModelArts.6309", "error_msg": "gone"}', "ModelArts.6309", "gone"),
        (b'{"errorCode": "ModelArts.6309", "errorMsg": "gone"}', "ModelArts.6309", "gone"),
        (b'{"code": "X.1", "message": "gone"}', "X.1", "gone"),
        (b'{"error": {"code": 401, "message": "bad", "title": "Unauthorized"}}', "401", "bad"),
        (b'{"error": {"error_code": "IAM.0011", "error_msg": "bad"}}', "IAM.0011", "bad"),
        (b'{"error_message": "old"}', "", "old"),
        (b"plain words", "", "plain words"),
        (b"", "", ""),
        (b"[]", "", "[]"),
        (b"\xff\xfe", "", "\ufffd\ufffd"),
    ],
)
def test_error_bodies_are_read_in_all_their_forms(given_body: bytes, code: str, text: str) -> None:
    said = faults.complaint(given_body)
    assert (said.code, said.text) == (code, text)


def test_without_a_code_the_status_stands_for_it() -> None:
    assert faults.error(503, b"", {})[1].code == "503"


def test_the_encoded_authorization_message_is_kept() -> None:
    sent = {"error_code": "ModelArts.0108", "error_msg": "no", "encoded_authorization_message": "AQID"}
    assert faults.error(403, json.dumps(sent).encode(), {})[1].authorization == "AQID"


def test_long_messages_are_cut_and_flattened() -> None:
    text = faults.complaint(json.dumps({"error_code": "X", "error_msg": "a\n" * 500}).encode()).text
    assert len(text) == 200
    assert "\n" not in text


def test_what_no_store_can_hold_is_taken_out_of_the_words() -> None:
    said = faults.complaint(rb'{"error_code": "X\u0000", "error_msg": "no\ud800pe"}')
    assert (said.code, said.text) == ("X\ufffd", "no\ufffdpe")


def test_the_same_number_means_different_things_under_different_statuses() -> None:
    kinds = {status: faults.fault(status, "ModelArts.0210").kind for status in (400, 403)}
    assert kinds == {400: CloudMisconfigured, 403: CloudMisconfigured}
    assert faults.fault(401, "ModelArts.0112").refresh
    assert not faults.fault(403, "ModelArts.0112").refresh
    assert faults.fault(401, "ModelArts.0203").refresh
    assert not faults.fault(403, "ModelArts.0203").refresh


@given(status=st.integers(100, 599), sent=st.binary(max_size=60))
def test_any_answer_gives_an_error_and_never_another_exception(status: int, sent: bytes) -> None:
    assert isinstance(faults.error(status, sent, {})[1], errors.CloudError)


@given(
    status=st.sampled_from([200, 400, 401, 403, 404, 500]),
    nested=st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.dictionaries(st.sampled_from(["error", "code", "error_code", "message", "x"]), inner) | st.lists(inner)
        ),
        max_leaves=12,
    ),
)
def test_any_json_gives_an_error(status: int, nested: object) -> None:
    assert isinstance(faults.error(status, json.dumps(nested).encode(), {})[1], errors.CloudError)
