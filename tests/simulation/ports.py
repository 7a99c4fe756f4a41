"""The ways out of a simulated process: straight into the simulators' applications, through named points."""

import asyncio
import json
import re
import types
from collections.abc import Coroutine, Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import aiohttp
import httpx
from slack_sdk.errors import SlackApiError
from starlette.types import ASGIApp, Message

from bot.clock import Clock
from bot.slackweb import SlackWeb
from deploy.sandbox.slack.sim import SimSlack
from tests.simulation.points import Incarnation, Points

T = TypeVar("T")
SLACK_TIMEOUT_S = 15.0
_CALLS = (
    ("login", "POST", r"/v3/auth/tokens$"), ("list", "GET", r"/notebooks/all$"), ("flavors", "GET", r"/flavors$"),
    ("images", "GET", r"/images$"), ("create", "POST", r"/notebooks$"), ("start", "POST", r"/start$"),
    ("stop", "POST", r"/stop$"), ("renew", "PATCH", r"/lease$"), ("delete", "DELETE", r"/notebooks/[^/]+$"),
    ("show", "GET", r"/notebooks/[^/]+$"), ("samples", "POST", r"/samples$"), ("series", "POST", r"/series$"),
    ("jupyter", "GET", r"^/jupyter/"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def call_name(method: str, path: str, query: bytes = b"") -> str:
    """What a call to the cloud is for."""
    name = next((name for name, verb, shape in _CALLS if verb == method and re.search(shape, path)), "other")
    return "list running" if name == "list" and b"status=RUNNING" in query else name


class Dropped(Exception):
    """The connection ended without an answer."""


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What it returns. Raises TimeoutError. Most answers come at once; no timer is wound up for those."""
    try:
        waits_for = work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    async with asyncio.timeout(seconds):
        return cast("T", await _going_on(work, waits_for))


@types.coroutine
def _going_on(work: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """A coroutine that has begun, to its end."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:
            step = partial(work.throw, error)
        else:
            step = partial(work.send, sent)
        try:
            waits_for = step()
        except StopIteration as end:
            return end.value


@dataclass
class Reply:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@lru_cache(maxsize=4096)
def _place(url: str) -> tuple[dict[str, Any], tuple[bytes, bytes]]:
    """What is the same in each request to this address, and its host."""
    target = httpx.URL(url)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": target.scheme,
        "path": target.path, "raw_path": target.raw_path.partition(b"?")[0], "query_string": target.query,
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", target.port or 80),
    }  # fmt: skip
    return scope, (b"host", target.netloc)


@lru_cache(maxsize=4096)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


async def ask(app: ASGIApp, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """One request to an application in this process. Raises Dropped where it gives no answer."""
    target, host = _place(url)
    scope = {
        **target, "method": method, "extensions": {},
        "headers": [host, *((k.lower().encode(), v.encode()) for k, v in headers.items() if k.lower() != "host")],
    }  # fmt: skip
    found, asked = Reply(0, {}, b""), asyncio.Event()

    async def receive() -> Message:
        if asked.is_set():  # whoever asks again waits for the caller to hang up, which is a matter of patience
            await asyncio.get_running_loop().create_future()
        asked.set()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.status = message["status"]
            found.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in message["headers"]}
        elif message["type"] == "http.response.body":
            found.body += message.get("body", b"")

    try:
        await app(scope, receive, send)
    except ConnectionResetError:
        raise Dropped from None
    if not found.status:
        raise Dropped
    return found


class CloudTransport(httpx.AsyncBaseTransport):
    """From the adapter and the readers of notebooks to the simulated cloud."""

    def __init__(self, app: ASGIApp, who: Incarnation, points: Points) -> None:
        self._app, self._who, self._points = app, who, points
        self.cut = False  # no network to the cloud

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = f"cloud.{call_name(request.method, request.url.path, request.url.query)}"
        await self._points.at(self._who, f"{name} before")
        limit = (request.extensions.get("timeout") or {}).get("read") or 30.0
        try:
            reply = await within(limit, self._carried(request))
        except TimeoutError:
            raise httpx.ReadTimeout("no answer", request=request) from None
        except Dropped:
            raise httpx.ReadError("reset", request=request) from None
        finally:
            await self._points.at(self._who, f"{name} after")
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body, request=request)

    async def _carried(self, request: httpx.Request) -> Reply:
        if self.cut:
            raise httpx.ConnectError("no route", request=request)
        body = await request.aread()
        return await ask(self._app, request.method, str(request.url), dict(request.headers.items()), body)


class DirectClient(httpx.AsyncClient):
    """httpx's client without what lies between a request and its transport: no redirects, cookies and log-ins."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport=transport, trust_env=False, verify=False)
        self._straight = transport

    def build_request(self, method: str, url: Any, **given: Any) -> httpx.Request:
        """Addresses are the same again and again, and nothing of the client's own is added but how long it waits."""
        limits = given.pop("timeout", httpx.USE_CLIENT_DEFAULT)
        wait = self.timeout if limits is httpx.USE_CLIENT_DEFAULT else httpx.Timeout(limits)
        more = {**(given.pop("extensions", None) or {}), "timeout": wait.as_dict()}
        given = {name: value for name, value in given.items() if value is not None}
        return httpx.Request(method, _parsed(url) if isinstance(url, str) else url, extensions=more, **given)

    async def send(self, request: httpx.Request, *, stream: bool = False, **_options: Any) -> httpx.Response:
        response = await self._straight.handle_async_request(request)
        if not stream:
            await response.aread()
        return response


@dataclass
class Said:
    """What slack_sdk hands on of an answer."""

    data: Any
    headers: dict[str, str]
    status_code: int

    def __getitem__(self, key: str) -> Any:
        return self.data[key]


class _Session:
    closed = False


class InProcessClient:
    """In the place of slack_sdk's client: the same call, the same errors, no socket."""

    session: Any = _Session()

    def __init__(self, slack: SimSlack, who: Incarnation, points: Points) -> None:
        self._slack, self._who, self._points = slack, who, points
        self.token = slack.bot_token

    async def api_call(self, method: str, *, http_verb: str = "POST", params: Mapping[str, Any] | None = None,
                       **arguments: Any) -> Said:  # fmt: skip
        """One call. Raises SlackApiError or what aiohttp would raise."""
        await self._points.at(self._who, f"slack.{method} before")
        try:
            reply = await within(SLACK_TIMEOUT_S, self._asked(method, params, arguments.get("json")))
        except Dropped:
            raise aiohttp.ServerDisconnectedError from None
        finally:
            await self._points.at(self._who, f"slack.{method} after")
        return _said(reply)

    async def _asked(self, method: str, params: Mapping[str, Any] | None, body: Any) -> Reply:
        headers = {"authorization": f"Bearer {self.token}"}
        url = f"{self._slack.url}/api/{method}"
        if body is None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            return await ask(self._slack.app, "POST", url, headers, urlencode(dict(params or {})).encode())
        headers["content-type"] = "application/json"
        return await ask(self._slack.app, "POST", url, headers, json.dumps(body).encode())


def _said(reply: Reply) -> Said:
    try:
        data = json.loads(reply.body)
    except ValueError:
        data = {}
    said = Said(data, reply.headers, reply.status)
    if reply.status != 200 or not data.get("ok"):
        raise SlackApiError("refused", said)  # type: ignore[no-untyped-call]
    return said


class HookTransport(httpx.AsyncBaseTransport):
    """To response urls and upload addresses of the simulated Slack."""

    def __init__(self, slack: SimSlack, who: Incarnation, points: Points) -> None:
        self._slack, self._who, self._points = slack, who, points

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = "slack.upload" if request.url.path.startswith("/upload/") else "slack.respond"
        await self._points.at(self._who, f"{name} before")
        try:
            body = await request.aread()
            asked = ask(self._slack.app, request.method, str(request.url), dict(request.headers), body)
            reply = await within(SLACK_TIMEOUT_S, asked)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer", request=request) from None
        except Dropped:
            raise httpx.ReadError("reset", request=request) from None
        finally:
            await self._points.at(self._who, f"{name} after")
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body, request=request)


class InProcessSlack(SlackWeb):
    """The product's Slack with another wire: what it makes of answers and errors is the product's own."""

    def __init__(self, slack: SimSlack, who: Incarnation, points: Points, clock: Clock) -> None:
        super().__init__(slack.bot_token, clock, base_url=slack.api_url, timeout_s=int(SLACK_TIMEOUT_S))
        self.client = InProcessClient(slack, who, points)  # type: ignore[assignment]
        self._hooks = DirectClient(HookTransport(slack, who, points))


__all__ = ["CloudTransport", "InProcessSlack", "call_name"]
