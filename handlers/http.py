"""The ingress as a Starlette route: reads at most a mebibyte, whatever the headers promise."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from handlers.ingress import MOST_BYTES, Ingress, Reply, refuse

PATH = "/slack/events"


def slack_routes(ingress: Ingress) -> list[Route]:
    """`/slack/events`, every method: the ingress itself refuses all but POST."""
    return [Route(PATH, endpoint=_Endpoint(ingress))]


class _Endpoint:
    """A bare ASGI endpoint: nothing between the server and the ingress."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await _read(request) if request.method == "POST" else b""
        except ClientDisconnect:
            return
        reply = refuse(413) if body is None else await self._ingress.handle(request.method, request.headers, body)
        await _response(reply)(scope, receive, send)


async def _read(request: Request) -> bytes | None:
    """The body as sent; None if it is too large."""
    promised = request.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > MOST_BYTES:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _response(reply: Reply) -> Response:
    return Response(reply.body, status_code=reply.status, headers=dict(reply.headers))
