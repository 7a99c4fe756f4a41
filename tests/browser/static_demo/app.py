"""A stand-in for the sandbox server: canned state behind the page's API, for work on the page and for its tests."""

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import deploy.sandbox
from tests.browser.static_demo import gallery, messages, views
from tests.browser.static_demo.kit import Json, message, option, section

STATIC = Path(deploy.sandbox.__file__).parent / "slack" / "static"
TOKEN = "demo"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PEOPLE = [
    {"id": "U0ANA", "name": "Ana", "role": "data scientist", "tz": "Europe/Berlin", "avatar_color": "#8e44ad"},
    {"id": "U0BEN", "name": "Ben", "role": "data scientist", "tz": "America/New_York", "avatar_color": "#16a085"},
    {"id": "U0CARLA", "name": "Carla", "role": "approver", "tz": "Europe/Berlin", "avatar_color": "#c0392b"},
    {"id": "U0DORA", "name": "Dora", "role": "admin", "tz": "Europe/Berlin", "avatar_color": "#b9770e"},
]


class Demo:
    """State of one stand-in; `received` keeps what the page sent, by route."""

    def __init__(self) -> None:
        self.rev = 0
        self.base_ms = messages.START_S * 1000
        self.since = time.monotonic()
        self.direct: dict[str, list[Json]] = {"U0ANA": messages.ana(), "U0BEN": gallery.gallery()}
        self.research = messages.research()
        self.modals: list[Json] = []
        self.home: Json | None = views.home()
        self.received: list[tuple[str, Json]] = []
        self.traffic: list[Json] = [
            _request("/notebook list", 41, -300),
            _request("notebook_extend:1h", 63, -200),
            _request("/notebook create", 3120, -100, ok=False, note="operation_timeout"),
            _request("app_home_opened", 18, -60),
        ]
        self.findings: list[Any] = [
            {"message": "section text is 3,104 characters, the limit is 3,000", "pointer": "/blocks/2/text"}
        ]
        self.cloud = [
            _notebook("nb-1", "bert-finetune", "ana", "RUNNING", "modelarts.vm.gpu.v100", 1690, busy=True),
            _notebook("nb-3", "tokenizer-lab", "ben", "RUNNING", "modelarts.vm.cpu.8u", 9900),
            _notebook("nb-4", "ocr-eval", "carla", "STARTING", "modelarts.vm.cpu.2u", None),
            _notebook("nb-2", "resnet-sweep", "ana", "STOPPED", "modelarts.vm.cpu.4u", None),
            _notebook("nb-5", "diffusion-test", "ben", "ERROR", "modelarts.vm.npu.1", None),
        ]
        self.changes: set[asyncio.Event] = set()

    def now_ms(self) -> int:
        return self.base_ms + int((time.monotonic() - self.since) * 1000)

    def changed(self) -> None:
        self.rev += 1
        for event in self.changes:
            event.set()

    def state(self, user: str) -> Json:
        own = f"D0{user[2:]}"
        return {
            "now_ms": self.now_ms(),
            "users": PEOPLE,
            "channels": [
                {"id": "C0RESEARCH", "name": "research", "kind": "channel", "unread": 1},
                {"id": "C0RANDOM", "name": "random", "kind": "channel", "unread": 0},
                {"id": own, "name": "leasebot", "kind": "im", "unread": 0},
            ],
            "messages": {"C0RESEARCH": self.research, "C0RANDOM": [], own: self.direct.setdefault(user, [])},
            "home": self.home,
            "modals": self.modals,
            "traffic": self.traffic,
            "findings": self.findings,
        }


def _request(label: str, ack_ms: int, at_s: int, *, ok: bool = True, note: str = "") -> Json:
    at_ms = (messages.START_S + at_s) * 1000
    return {"at_ms": at_ms, "label": label, "status": 200 if ok else 0, "ack_ms": ack_ms, "ok": ok, "note": note}


def _notebook(
    notebook_id: str, name: str, owner: str, status: str, flavor: str, left_s: int | None, *, busy: bool = False
) -> Json:
    return {
        "id": notebook_id,
        "name": name,
        "owner": owner,
        "status": status,
        "flavor": flavor,
        "lease_left_s": left_s,
        "busy": busy,
    }


def build(demo: Demo) -> Starlette:
    """The page and its API over canned state."""

    async def get_state(request: Request) -> Response:
        return JSONResponse(demo.state(request.query_params.get("user", "U0ANA")))

    async def events(request: Request) -> Response:
        return StreamingResponse(_revisions(demo, request), media_type="text/event-stream")

    async def get_cloud(request: Request) -> Response:
        return JSONResponse(demo.cloud)

    async def post(request: Request) -> Response:
        body = await request.json()
        route = request.path_params["route"]
        demo.received.append((route, body))
        answer = ANSWERS[route](demo, body) if route in ANSWERS else {}
        demo.changed()
        return JSONResponse(answer or {})

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def chart(request: Request) -> Response:
        return Response(chart_png(), media_type="image/png")

    return Starlette(
        middleware=[Middleware(Guard)],
        routes=[
            Route("/", page),
            Route("/files/chart.png", chart),
            Route("/_page/state", get_state),
            Route("/_page/events", events),
            Route("/_page/cloud", get_cloud, methods=["GET"]),
            Route("/_page/{route}", post, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
    )


class Guard:
    """Asks for the token where the sandbox does, and sends the page's policy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope)
        token = request.headers.get("X-Sandbox-Token") or request.query_params.get("token")
        if request.url.path.startswith(("/_page/", "/files/")) and token != TOKEN:
            return await JSONResponse({"error": "token"}, status_code=403)(scope, receive, send)

        async def with_policy(event: Message) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event["headers"], (b"content-security-policy", CSP.encode())]
            await send(event)

        return await self.app(scope, receive, with_policy)


async def _revisions(demo: Demo, request: Request) -> AsyncIterator[str]:
    event = asyncio.Event()
    demo.changes.add(event)
    try:
        yield f'data: {{"rev": {demo.rev}}}\n\n'
        while not await request.is_disconnected():
            try:
                await asyncio.wait_for(event.wait(), 0.2)
            except TimeoutError:
                continue
            event.clear()
            yield f'data: {{"rev": {demo.rev}}}\n\n'
    finally:
        demo.changes.discard(event)


def _say(demo: Demo, user: str, text: str) -> None:
    ts = demo.now_ms() / 1000
    demo.direct.setdefault(user, []).append(message(ts, messages.BOT, text, [section(text, "said")], ephemeral=True))


def _command(demo: Demo, body: Json) -> Json:
    if body["text"] == "slow":
        return {"status": 0, "ack_ms": 3000, "note": "operation_timeout"}
    if body["text"] == "create":
        demo.modals = [views.create()]
    elif body["text"] == "load":
        demo.modals = [views.loading()]
    elif body["text"] == "loaded":
        demo.modals = [views.create()]
    else:
        _say(demo, body["user"], f"You typed `{body['text']}`")
    return {}


def _action(demo: Demo, body: Json) -> Json:
    if body["action_id"] == "push_view":
        demo.modals = [*demo.modals, views.pushed(len(demo.modals) + 1)]
    elif body["action_id"] == "settings_open":
        demo.modals = [views.pushed(1)]
    elif body["action_id"] != "flavor":
        _say(demo, body["user"], f":white_check_mark: `{body['action_id']}` was pressed")
    return {}


def _submit(demo: Demo, body: Json) -> Json:
    name = body["state"]["name"]["name"]["value"]
    if not name or " " in name:
        return {"errors": {"name": "A name has no spaces; try bert-finetune-2"}}
    demo.modals = []
    _say(demo, body["user"], f":hourglass_flowing_sand: *{name}* is being created")
    return {}


def _close(demo: Demo, body: Json) -> Json:
    demo.modals = demo.modals[:-1]
    return {}


def _suggest(demo: Demo, body: Json) -> Json:
    found = [name for name in views.IMAGES if body["query"].lower() in name]
    return {"options": [option(name, name) for name in found]}


def _clock(demo: Demo, body: Json) -> Json:
    demo.base_ms += body["advance_ms"]
    for notebook in demo.cloud:
        if notebook["lease_left_s"] is not None:
            notebook["lease_left_s"] -= body["advance_ms"] // 1000
    return {}


def _activity(demo: Demo, body: Json) -> Json:
    for notebook in demo.cloud:
        if notebook["id"] == body["notebook_id"]:
            notebook["busy"] = body["activity"] == "busy"
    return {}


ANSWERS = {
    "command": _command,
    "action": _action,
    "submit": _submit,
    "close": _close,
    "suggest": _suggest,
    "clock": _clock,
    "cloud": _activity,
}


def chart_png(width: int = 560, height: int = 180) -> bytes:
    """A bar chart, written by hand: no picture library is needed."""
    bars = [40, 75, 58, 90, 132, 24, 12]
    step = width // len(bars)

    def pixel(x: int, y: int) -> bytes:
        inside = step // 5 < x % step < step - step // 5
        at = min(x // step, len(bars) - 1)
        if inside and y > height - 12 - bars[at] and y < height - 12:
            return b"\x0b\x6e\x66" if at != 4 else b"\xf4\xb0\x3e"
        return b"\xd6\xdf\xdf" if y in (height - 12, height - 62, height - 112) else b"\xff\xff\xff"

    rows = b"".join(b"\x00" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
