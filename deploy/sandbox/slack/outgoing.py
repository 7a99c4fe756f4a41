"""Requests to the bot: signed HTTP or Socket Mode envelopes, timed, logged, and for events repeated."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import httpx

from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.signing import sign
from deploy.sandbox.slack.sockets import NoSocket, SocketHub

Kind = Literal["slash_commands", "interactive", "events_api"]
OK = 200
RETRY_AFTER_MS = (0, 60_000, 300_000)
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class Answer:
    """What the bot answered. `status` 0: nothing came. `body`: parsed JSON, text, or None if empty.

    `note` is the line the person would see: `operation_timeout`, `dispatch_failed`, or None.
    """

    status: int
    body: Any
    latency_ms: float
    note: str | None = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return self.note is None


@dataclass(frozen=True)
class Sent:
    """One request as it went out, to be sent again."""

    kind: Kind
    label: str
    payload: dict[str, Any]
    retry: tuple[int, str] | None = None


class Sender:
    """Delivers to the one connected socket or to `core.bot_url`; keeps what was sent for repeats."""

    def __init__(self, core: Core, sockets: SocketHub) -> None:
        self._core = core
        self._sockets = sockets
        self._http: httpx.AsyncClient | None = None
        self.sent: list[Sent] = []
        self._later: list[tuple[int, Sent]] = []

    async def send(self, sent: Sent) -> Answer:
        """One delivery, within the acknowledgement's three seconds."""
        self.sent.append(sent)
        started = time.monotonic()
        try:
            status, headers, body = await self._deliver(sent)
            answer = self._answer(status, headers, body, started)
        except (TimeoutError, httpx.TimeoutException):
            answer = Answer(0, None, _passed(started), "operation_timeout")
        except (httpx.TransportError, NoSocket, OSError):
            answer = Answer(0, None, _passed(started), "dispatch_failed")
        self._log(sent, answer)
        return answer

    def _answer(self, status: int, headers: dict[str, str], body: bytes, started: float) -> Answer:
        note = None if status == OK else "dispatch_failed"
        parsed: Any = body.decode("utf-8", "replace") or None
        if "json" in headers.get("content-type", "") and body:
            try:
                parsed = json.loads(body)
            except ValueError:
                note = "dispatch_failed"
        return Answer(status, parsed, _passed(started), note, "x-slack-no-retry" in headers)

    async def _deliver(self, sent: Sent) -> tuple[int, dict[str, str], bytes]:
        if self._sockets.connected:
            return await self._sockets.deliver(sent.kind, sent.payload, sent.retry, self._core.ack_timeout_s)
        if self._core.bot_url is None:
            raise NoSocket
        kind, body = encode(sent)
        async with asyncio.timeout(self._core.ack_timeout_s):
            response = await self._client().post(
                self._core.bot_url, content=body, headers=self.headers(kind, body) | _retry_headers(sent)
            )
        return response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content

    def headers(self, kind: str, body: bytes) -> dict[str, str]:
        """Content type and signature, by the simulated clock."""
        timestamp = str(self._core.clock.now_ms() // 1000)
        return {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._core.signing_secret, timestamp, body),
        }

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:  # no kept connections: a bot that restarts must not look unreachable
            limits = httpx.Limits(max_keepalive_connections=0)
            self._http = httpx.AsyncClient(trust_env=False, limits=limits, timeout=None)  # noqa: S113 - timed above
        return self._http

    def _log(self, sent: Sent, answer: Answer) -> None:
        self._core.record(
            kind="request", type=sent.kind, label=sent.label, status=answer.status, latency_ms=answer.latency_ms,
            ok=answer.ok, note=answer.note, payload=sent.payload, answer=answer.body, retry=sent.retry,
        )  # fmt: skip
        self._core.changed()

    async def send_event(self, sent: Sent) -> Answer:
        """An event, with the first repeat at once; the others wait for `pump`. Returns the last answer."""
        answer = await self.send(sent)
        if self._schedule(sent, answer):
            await self.pump()
        return answer

    def _schedule(self, sent: Sent, answer: Answer) -> bool:
        number = (sent.retry[0] if sent.retry else 0) + 1
        if answer.ok or answer.no_retry or number > len(RETRY_AFTER_MS):
            return False
        reason = {"operation_timeout": "http_timeout"}.get(str(answer.note), "http_error")
        reason = "connection_failed" if not answer.status and reason == "http_error" else reason
        due = self._core.clock.now_ms() + RETRY_AFTER_MS[number - 1]
        self._later.append((due, Sent(sent.kind, sent.label, sent.payload, (number, reason))))
        return True

    async def pump(self) -> int:
        """Send the repeats of events that are due by the simulated clock; returns how many."""
        count = 0
        while due := [item for item in self._later if item[0] <= self._core.clock.now_ms()]:
            for item in due:
                self._later.remove(item)
                self._schedule(item[1], await self.send(item[1]))
                count += 1
        return count

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None


def encode(sent: Sent) -> tuple[str, bytes]:
    """Content type and raw body."""
    if sent.kind == "slash_commands":
        return FORM, urlencode(sent.payload).encode()
    text = json.dumps(sent.payload)
    return (FORM, urlencode({"payload": text}).encode()) if sent.kind == "interactive" else (JSON, text.encode())


def _retry_headers(sent: Sent) -> dict[str, str]:
    if sent.retry is None:
        return {}
    return {"X-Slack-Retry-Num": str(sent.retry[0]), "X-Slack-Retry-Reason": sent.retry[1]}


def _passed(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
