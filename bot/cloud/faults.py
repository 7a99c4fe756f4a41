"""Answers of the cloud -> what went wrong, keyed on (status, code). Pure. Source: API digest, section 13."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

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
from bot.storable import storable


@dataclass(frozen=True, slots=True)
class Fault:
    """The meaning of a refusal, and what may be done about it."""

    kind: type[CloudError]
    what: str
    refresh: bool = False  # a new token may help, once
    repeat: bool = False  # surely not carried out, so that even a write may be repeated after a pause
    lost: bool = False  # it may have been carried out: reads are repeated, writes become AnswerLost
    pause: timedelta | None = None
    next_step: str = ""


_INVALID = Fault(CloudInvalid, "The cloud refused a value")
_QUOTA = Fault(CloudQuota, "The quota of the cloud account is used up")
_CONFIG = Fault(CloudMisconfigured, "The token and the project do not belong together")
_TOKEN = Fault(CloudLoginFailed, "The cloud no longer accepts the login", refresh=True)
_SCOPE = Fault(CloudMisconfigured, "The login is not for this project", refresh=True)
_SOLD_OUT = Fault(CloudSoldOut, "The cloud has no capacity for this now")
_GONE = Fault(CloudNotFound, "The cloud knows no such notebook or image")
_BROKEN = Fault(CloudDown, "The cloud failed inside", lost=True)
_SLOW = Fault(CloudThrottled, "The cloud asks us to slow down", repeat=True)
_DENIED = Fault(CloudDenied, "The cloud user may not do this")
_BUSY = Fault(CloudBusy, "Another operation on the notebook is under way")
_WARMING = replace(_BUSY, what="The notebook is being prepared", pause=timedelta(minutes=1))
_NO_API = Fault(CloudMisconfigured, "The cloud has no such service at this address")
_ACCOUNT = Fault(CloudAccount, "The cloud account is suspended or restricted")
_OUT_OF_RANGE = Fault(CloudInvalid, "The cloud refused the lease's length", next_step="A lease is 1 to 72 hours.")


def _rows(status: int, codes: str, fault: Fault) -> dict[tuple[int, str], Fault]:
    return {(status, f"ModelArts.{code}"): fault for code in codes.split()}


_TABLE: dict[tuple[int, str], Fault] = {
    **_rows(400, "0101 0102 0104 0107 6332 6334 6335 6336 6400 6600 6303 6323 6330 6792 6870 6331", _INVALID),
    **_rows(400, "6371 6702 6772 6782 6737 6771 6797 6768 6789 6927 6967", _INVALID),
    **_rows(400, "6346 6348 6349", _OUT_OF_RANGE),
    **_rows(400, "0113 0116 0118 6302", _QUOTA),
    **_rows(400, "0204 0210", _CONFIG),
    **_rows(400, "6301", Fault(CloudConflict, "It exists already")),
    **_rows(400, "6304", Fault(CloudConflict, "It has to be stopped before it is deleted")),
    **_rows(400, "6305", Fault(CloudAlready, "It is running already")),
    **_rows(400, "6306", Fault(CloudAlready, "It is starting already")),
    **_rows(400, "6307", Fault(CloudAlready, "It is stopped already")),
    **_rows(400, "6308", Fault(CloudAlready, "It is stopping already")),
    **_rows(400, "6309 6404", _GONE),
    **_rows(400, "6326", Fault(CloudAccount, "The notebook is frozen: the account is in arrears")),
    **_rows(400, "6327", Fault(CloudConflict, "The notebook is not running")),
    **_rows(400, "6328", Fault(CloudDenied, "The cloud user may not use this flavor")),
    **_rows(400, "6329 6360 6528 6716", _SOLD_OUT),
    **_rows(500, "6200", _SOLD_OUT),
    **_rows(400, "6333 6355", _WARMING),
    **_rows(400, "6347", Fault(CloudConflict, "This cannot be changed in the notebook's state")),
    **_rows(400, "6357", _BUSY),
    **_rows(400, "6361", Fault(CloudDown, "The cloud failed inside or is not set up for this")),
    **_rows(400, "6379 0420", Fault(CloudMisconfigured, "ModelArts lacks rights it needs in the account (agency)")),
    **_rows(401, "0112 0201 0202 0203 0205 0206 0208 0209 6608 6620", _TOKEN),
    **_rows(401, "0204 0207 0212", _SCOPE),
    **_rows(401, "6201 6203", _ACCOUNT),
    **_rows(403, "0108 0112", _DENIED),
    **_rows(403, "0203 0206", Fault(CloudLoginFailed, "The cloud does not accept the token or keys")),
    **_rows(403, "0210", _CONFIG),
    **_rows(408, "6100", replace(_BROKEN, what="The cloud took too long")),
    **_rows(429, "6101 2799", _SLOW),
    **_rows(500, "0010 6102 6691 6692 6699", _BROKEN),
    **_rows(500, "0109", replace(_BROKEN, what="The cloud failed; it may not know the account yet")),
}

_GATEWAY: dict[tuple[int, str], Fault] = {
    **{(404, code): _NO_API for code in ("0101", "0103", "0104", "0105", "0106")},
    **{(status, "0201"): _INVALID for status in (400, 413, 414, 494)},
    **{(status, "0201"): replace(_BROKEN, what="The cloud's gateway got no answer") for status in (502, 504)},
    (401, "0301"): replace(_TOKEN, what="The cloud does not accept the login or signature"),
    (401, "0303"): Fault(CloudLoginFailed, "The cloud does not accept the login"),
    (403, "0302"): _DENIED,
    (429, "0308"): _SLOW,
}

_BY_STATUS: dict[int, Fault] = {
    400: _INVALID,
    401: _TOKEN,
    402: _ACCOUNT,
    403: _DENIED,
    404: _GONE,
    405: _NO_API,
    408: replace(_BROKEN, what="The cloud took too long"),
    409: Fault(CloudConflict, "The notebook's state does not allow this"),
    413: _INVALID,
    414: _INVALID,
    429: _SLOW,
    503: replace(_BROKEN, what="The cloud is not available now"),
    504: replace(_BROKEN, what="The cloud took too long"),
}
_REDIRECT = Fault(CloudMisconfigured, "The address answers with a redirect, not with the notebook service")
_STRANGE = Fault(CloudError, "The cloud gave an answer that is not understood")
_SAME_MEANING = (400, 404, 409, 422)  # a code of the 400 table under one of these means the same
_ERROR_IN_SUCCESS = (400, 403, 401, 429, 408, 500)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error body says. Both may be empty."""

    code: str = ""
    text: str = ""
    authorization: str = ""
    readable: bool = True  # false: neither JSON nor empty


def fault(status: int, code: str) -> Fault:
    """What (status, code) means; unknown codes mean what their status means."""
    if 300 <= status < 400:
        return _REDIRECT
    found = _TABLE.get((status, code)) or _gateway(status, code)
    if found is None and status in _SAME_MEANING:
        found = _TABLE.get((400, code))
    if found is None and 200 <= status < 300:
        return _inside_success(code)
    return found or _BY_STATUS.get(status) or (_BROKEN if status >= 500 else _STRANGE)


def complaint(body: bytes) -> Complaint:
    """Read an error body in any of its forms; never raises."""
    if not body.strip():
        return Complaint()
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return Complaint(text=_short(body[:400].decode("utf-8", "replace")), readable=False)
    return _complaint_of(parsed) if isinstance(parsed, dict) else Complaint(text=_short(str(parsed)))


def error(
    status: int, body: bytes, headers: Mapping[str, str], *, write: bool = False, retry_after: timedelta | None = None
) -> tuple[Fault, CloudError]:
    """The fault of an answer and the exception to raise for it, if it is not repeated."""
    said = complaint(body)
    known = fault(status, said.code)
    if status == 404 and not said.readable:
        known = _NO_API  # a page of some proxy proves nothing about a notebook
    kind = AnswerLost if write and known.lost else known.kind
    raised = kind(
        f"{known.what} ({said.text})" if said.text and said.readable else known.what,
        status=status,
        code=said.code or str(status),
        request_id=headers.get("x-request-id", ""),
        next_step=known.next_step,
        retry_after=retry_after or known.pause,
    )
    raised.said, raised.authorization = said.text if said.readable else "", said.authorization
    return known, raised


def hidden_in_success(parsed: object) -> bool:
    """Whether the body of a 2xx is an error body."""
    if not isinstance(parsed, dict) or "id" in parsed:
        return False
    code = parsed.get("error_code") or parsed.get("errorCode")
    return isinstance(code, str) and bool(code)


def _gateway(status: int, code: str) -> Fault | None:
    prefix, _, number = code.partition(".")
    return _GATEWAY.get((status, number)) if prefix in ("APIGW", "APIG") else None


def _inside_success(code: str) -> Fault:
    for status in _ERROR_IN_SUCCESS:
        if found := _TABLE.get((status, code)) or _gateway(status, code):
            return found
    return _STRANGE


_SPELLINGS = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))


def _complaint_of(parsed: dict[str, Any], depth: int = 3) -> Complaint:
    authorization = parsed.get("encoded_authorization_message")
    for code_key, text_key in _SPELLINGS:
        code, text = parsed.get(code_key), parsed.get(text_key)
        if _plain(code) or isinstance(text, str):
            return Complaint(_plain(code), _short(_plain(text)), _plain(authorization))
    for nested in parsed.values():
        if depth and isinstance(nested, dict) and (inner := _complaint_of(nested, depth - 1)) != Complaint():
            return inner
    return Complaint(text=_short(_plain(parsed.get("error_message"))))


def _plain(value: object) -> str:
    return storable(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 200 else flat[:199] + "…"
