"""The ASGI application: a front that keeps the time, the log and the faults, and the routes behind it."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from email.utils import format_datetime, formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.clock import from_ms
from deploy.sandbox.cloud import aom, control, iam, jupyter_face, modelarts
from deploy.sandbox.cloud.errors import CloudRefusal, refusal
from deploy.sandbox.cloud.exchange import STATE, Exchange, answer, ready, refused
from deploy.sandbox.cloud.faults import Rule
from deploy.sandbox.server import RESET_EXTENSION

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

MAX_BODY = 12 * 1024 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_AFTER_EFFECT = frozenset({"lost", "truncated", "empty", "no_content"})
_HTML = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>"


def build_app(cloud: "SimCloud") -> ASGIApp:
    """Everything the simulated cloud serves, under one origin."""
    routes: list[Route] = [  # no two match the same address; those that are asked most often come first
        *jupyter_face.routes(cloud),
        *modelarts.routes(cloud),
        *aom.routes(cloud),
        *iam.routes(cloud),
        *control.routes(cloud),
    ]
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        HTTPException: _no_such_api,
        CloudRefusal: _refuse,
    }
    return Front(cloud, Starlette(routes=routes, exception_handlers=handlers))


async def _no_such_api(request: Request, error: HTTPException) -> Response:
    return refused(refusal("APIGW.0101"))


async def _refuse(request: Request, error: CloudRefusal) -> Response:
    return refused(error)


class Front:
    """Around every call: loopback only, clock first, faults, `Date` and `X-Request-Id`, log."""

    def __init__(self, cloud: "SimCloud", inner: ASGIApp) -> None:
        self._cloud = cloud
        self._inner = inner
        self._calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        exchange = await self._arrived(scope, receive)
        if not _from_loopback(scope, exchange):
            await self._send(scope, receive, send, exchange, answer({"error": "loopback only"}, 403))
        elif exchange.path.startswith("/_sim/"):
            await self._send(scope, receive, send, exchange, await self._carry_out(scope, exchange))
        else:
            await self._api(scope, receive, send, exchange)

    async def _api(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        self._cloud.reached_at(f"{scope['scheme']}://{exchange.headers.get('host', '')}")
        started = time.perf_counter_ns()
        reply = await self._played(scope, exchange)
        self._log(exchange, reply, started)
        if reply is None:
            await _reset(scope, receive)
        else:
            await self._send(scope, receive, send, exchange, reply)

    async def _arrived(self, scope: Scope, receive: Receive) -> Exchange:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                break
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        exchange = Exchange(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope.get("raw_path", scope["path"].encode()).decode("latin-1"),
            raw_query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=bytes(body),
            now=self._cloud.settle(),
        )
        scope[STATE] = exchange
        return exchange

    async def _played(self, scope: Scope, exchange: Exchange) -> Response | None:
        """The answer with the faults on order; None: the connection is reset."""
        rule = self._cloud.faults.strike(exchange.method, exchange.path, self._user(exchange))
        if rule is None:
            return self._limits(exchange) or await self._carry_out(scope, exchange)
        exchange.details["fault"] = rule.effect
        if rule.effect == "reset":
            return None
        if rule.effect in _AFTER_EFFECT:
            return _spoilt(rule, await self._carry_out(scope, exchange))
        if rule.effect == "slow":
            await asyncio.sleep(float(rule.parameters.get("ms", 1000)) / 1000)
        elif rule.effect == "token_dies":
            self._kill_token(exchange)
        else:
            return self._instead(rule, exchange)
        exchange.now = self._cloud.settle()
        return await self._carry_out(scope, exchange)

    def _limits(self, exchange: Exchange) -> Response | None:
        if len(exchange.body) > MAX_BODY:
            return refused(refusal("APIGW.0201", "The request body is too large.", status=413))
        every = self._cloud.settings.throttle_every
        if every and exchange.path.startswith(("/v1/", "/v2/")):
            self._calls += 1
            if self._calls % every == 0:
                return _throttled(self._cloud.settings.throttle_retry_after, exchange.now)
        return None

    async def _carry_out(self, scope: Scope, exchange: Exchange) -> Response:
        """Runs the routes on the body already read and collects their answer."""
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": exchange.body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self._inner(scope, receive, send)
        body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
        reply = Response(body, messages[0]["status"])
        reply.raw_headers = [pair for pair in messages[0]["headers"] if pair[0] != b"content-length"]
        return reply

    def _user(self, exchange: Exchange) -> str | None:
        return self._cloud.identity.claimed_user(exchange.wire)

    def _kill_token(self, exchange: Exchange) -> None:
        token = self._cloud.identity.tokens.get(exchange.headers.get("x-auth-token", ""))
        if token is not None:
            token.dead = True

    @staticmethod
    def _instead(rule: Rule, exchange: Exchange) -> Response:
        wanted = rule.parameters
        status = wanted.get("status")
        match rule.effect:
            case "throttle":
                return _throttled(wanted.get("retry_after"), exchange.now)
            case "html":
                return Response(_HTML, status or 200, media_type="text/html")
            case "error" | "error_200":
                error = refusal(wanted["code"], status=200 if rule.effect == "error_200" else status)
                return answer(error.body, error.status, wanted.get("headers"))
        if status in (204, 304):
            return Response(None, status, wanted.get("headers"))
        body = wanted.get("body", {"error_code": "ModelArts.0010", "error_msg": "Internal error."})
        if isinstance(body, str):
            return Response(body.encode(), status or 500, wanted.get("headers"), media_type="text/plain")
        return answer(body, status or 500, wanted.get("headers"))

    def _log(self, exchange: Exchange, reply: Response | None, started: int) -> None:
        self._cloud.write_log(
            at_ms=exchange.now,
            kind="call",
            method=exchange.method,
            path=exchange.path,
            status=reply.status_code if reply is not None else None,
            user=exchange.user,
            notebook_id=exchange.notebook_id,
            action=exchange.action,
            details={**exchange.details, "host_us": (time.perf_counter_ns() - started) // 1000},
        )

    async def _send(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange, reply: Response) -> None:
        names = {name for name, _ in reply.raw_headers}
        if b"content-length" not in names and reply.status_code not in (204, 304):
            reply.raw_headers.append((b"content-length", str(len(reply.body)).encode()))
        reply.raw_headers.append((b"date", _date(exchange.now // 1000)))
        reply.raw_headers.append((b"x-request-id", secrets.token_hex(16).encode()))
        await reply(scope, receive, send)


@lru_cache(maxsize=16)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def _from_loopback(scope: Scope, exchange: Exchange) -> bool:
    """Neither another machine nor a page from elsewhere in a browser here may call."""
    client = scope.get("client")
    if client and client[0] not in {"127.0.0.1", "::1", "testclient"}:
        return False
    host, origin = exchange.headers.get("host", ""), exchange.headers.get("origin")
    return _host(host) in LOOPBACK and (origin is None or origin.partition("://")[2] == host)


def _host(authority: str) -> str:
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]


def _throttled(retry_after: Any, now: int) -> Response:
    error = refusal("APIGW.0308")
    if retry_after == "date":
        error.headers["Retry-After"] = format_datetime(from_ms(now + 3000), usegmt=True)
    elif retry_after is not None:
        error.headers["Retry-After"] = str(retry_after)
    return refused(error)


def _spoilt(rule: Rule, reply: Response) -> Response | None:
    match rule.effect:
        case "lost":
            return None
        case "truncated":
            body = bytes(reply.body)
            return ready(body[: max(len(body) // 2, 1)], reply.status_code)
        case "empty":
            return Response(b"", 200)
    return Response(None, 204)


async def _reset(scope: Scope, receive: Receive) -> None:
    """Ends the connection without an answer; behind another server than ours it raises instead."""
    reset = scope.get("extensions", {}).get(RESET_EXTENSION)
    if reset is None:
        raise ConnectionResetError("the answer is lost")
    reset()
    while (await receive())["type"] != "http.disconnect":
        pass
