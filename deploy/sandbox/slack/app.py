"""The ASGI app: Web API, response urls, uploads, sockets, control, and the browser page."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.sandbox.slack import control, hooks, web, wire
from deploy.sandbox.slack.interactions import Interactions
from deploy.sandbox.slack.page import Page

STATIC = Path(__file__).parent / "static"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TICK_S = 1.0
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Serve = Callable[[Request], Awaitable[Response]]


def build(slack: Interactions, page_token: str) -> ASGIApp:
    """The app of one simulated Slack; the page answers only to who has the token."""
    page = Page(slack)
    guard = _guard(page_token)
    routes: list[BaseRoute] = [
        Route("/api/{method}", _bound(slack, web.api), methods=["GET", "POST"]),
        Route("/response/{secret}", _bound(slack, hooks.respond), methods=["POST"]),
        Route("/upload/{secret}", _bound(slack, hooks.upload), methods=["POST"]),
        Route("/files/{secret}/{name}", _bound(slack, _file)),
        WebSocketRoute("/link", slack.sockets.serve),
        Route("/_sim/{name}", _bound(slack, control.serve), methods=["GET", "POST", "DELETE"]),
        Route("/_page/{name}", guard(page.serve), methods=["GET", "POST"]),
        Route("/", guard(_index)),
        Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
    ]
    return Local(Dated(slack, Starlette(routes=routes, lifespan=lambda _: _ticking(slack))))


@contextlib.asynccontextmanager
async def _ticking(slack: Interactions) -> AsyncIterator[None]:
    """Repeat what is due while the server runs."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await slack.sender.pump()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _bound(slack: Interactions, serve: Callable[[Interactions, Request], Awaitable[Response]]) -> Serve:
    async def endpoint(request: Request) -> Response:
        return await serve(slack, request)

    return endpoint


class Local:
    """Only for this machine's own callers: the Host is loopback, and an Origin, if any, is ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_local(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse("loopback only", 403)(scope, receive, send)


def is_local(headers: Headers) -> bool:
    """Whether Host is loopback and Origin absent or the same."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if urlsplit(f"//{host}").hostname not in LOOPBACK:
        return False
    return origin is None or urlsplit(origin).netloc == host


def _guard(token: str) -> Callable[[Serve], Serve]:
    def wrap(serve: Serve) -> Serve:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("x-sandbox-token") or request.query_params.get("token", "")
            if not secrets.compare_digest(given.encode(), token.encode()):
                return JSONResponse({"error": "open the address that the sandbox printed"}, 403)
            return await serve(request)

        return endpoint

    return wrap


async def _index(_: Request) -> Response:
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-store", "Content-Security-Policy": CSP})


async def _file(slack: Interactions, request: Request) -> Response:
    """An uploaded file, by its secret address; only pictures are shown, the rest is downloaded."""
    secret = request.path_params["secret"]
    file = next((f for f in slack.workspace.files.values() if f.secret == secret and f.content is not None), None)
    if file is None or file.content is None:
        return PlainTextResponse("not found", 404)
    kind = wire.mimetype(file.name)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
    if not kind.startswith("image/") or kind == "image/svg+xml":
        headers["Content-Disposition"] = "attachment"
    return Response(file.content, media_type=kind, headers=headers)


@lru_cache(maxsize=16)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


class Dated:
    """Puts the simulated time into each answer's `Date`."""

    def __init__(self, slack: Interactions, app: ASGIApp) -> None:
        self._slack = slack
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = _date(self._slack.clock.now_ms() // 1000)
            await send(message)

        await self._app(scope, receive, dated)
