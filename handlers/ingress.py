"""The one way in from Slack: check the raw bytes, parse, hand on, answer (contract 6). Imports nothing heavy.

A replay inside the window passes the signature and is harmless: its cause is known. Bodies, tokens, response_urls and
trigger_ids are never logged.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from bot.clock import Clock
from bot.ids import Ids
from handlers import answers, signature
from handlers.ports import Answer, Dispatch

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 20
MOST_FIELDS = 200
NO_RETRY = {"x-slack-no-retry": "1"}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Ingress:
    """`POST /slack/events`, whatever carried it here. `secrets`: the current signing secret, and older ones."""

    def __init__(self, clock: Clock, ids: Ids, secrets: Sequence[str], dispatch: Dispatch) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a signing secret is needed")
        self._clock, self._ids, self._dispatch = clock, ids, dispatch
        self._secrets = tuple(secret.encode() for secret in secrets)

    async def handle(self, method: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request. `headers` in any case; `body` as received."""
        if method.upper() != "POST":
            return Reply(405, {"allow": "POST"})
        if len(body) > MOST_BYTES:
            return refuse(413)
        lower = {name.lower(): value for name, value in headers.items()}
        if not signature.is_good(self._secrets, lower, body, self._clock.now()):
            return refuse(401)
        try:
            parsed = parse(lower.get("content-type", ""), body)
        except ValueError:
            return refuse(400)
        return _reply(await self._answer(parsed, lower))

    async def _answer(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        if "ssl_check" in body and "command" not in body:
            return answers.NOTHING
        if body.get("type") == "url_verification":
            return Answer(body={"challenge": str(body.get("challenge", ""))})
        try:
            return await self._dispatch(body, _passed_on(headers))
        except Exception as error:  # whatever it was, Slack and the person get an answer
            return self._broken(body, error)

    def _broken(self, body: Mapping[str, Any], error: Exception) -> Answer:
        ref = self._ids.new()[:8]
        log.error("request %s failed: %s at %s", ref, type(error).__name__, where(error))
        return apology(body, ref)


def apology(body: Mapping[str, Any], ref: str) -> Answer:
    """What a request is answered that failed for a reason nobody foresaw."""
    if "command" in body:
        return answers.line(answers.unexpected(ref))
    if body.get("type") == "event_callback":
        return Answer(503)
    if body.get("type") == "view_submission":
        return Answer(body={"response_action": "update", "view": answers.notice("leasebot", answers.unexpected(ref))})
    if body.get("type") == "block_suggestion":
        return answers.options([])
    return answers.NOTHING


def where(error: BaseException) -> str:
    """File and line of an error; its text may hold what a person sent and is left out."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "?"


def refuse(status: int) -> Reply:
    """No, and Slack need not try again."""
    return Reply(status, NO_RETRY)


def parse(content_type: str, body: bytes) -> dict[str, Any]:
    """The payload of a command, an interaction or an event. Raises ValueError.

    A form is interactive if it has the field `payload` and no `command`, whatever its text says.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return _event(body)
    if kind != FORM:
        raise ValueError("content type")
    pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    fields = dict(reversed(pairs))
    if "command" in fields or "ssl_check" in fields:
        return dict(fields)
    if "payload" not in fields:
        raise ValueError("neither a command nor a payload")
    return _mapping(fields["payload"])


def _event(body: bytes) -> dict[str, Any]:
    parsed = _mapping(body.decode("utf-8"))
    if not isinstance(parsed.get("type"), str):
        raise ValueError("no type")
    if parsed["type"] == "event_callback" and not isinstance(parsed.get("event"), dict):
        raise ValueError("no event")
    return parsed


def _mapping(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Only what says that Slack tries again; nothing from outside may steer the dispatcher."""
    return {name: headers[name] for name in ("x-slack-retry-num", "x-slack-retry-reason") if name in headers}


def _reply(answer: Answer) -> Reply:
    if answer.body is None:
        return Reply(answer.status)
    raw = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(answer.status, {"content-type": "application/json; charset=utf-8"}, raw)
