"""Each notebook's Jupyter server as the platform's proxy shows it, under `/jupyter/{id}/`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.cloud.exchange import Exchange, answer, exchange_of
from deploy.sandbox.cloud.model import Notebook

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_PAGE = b"<!DOCTYPE html><html><head><title>Notebook</title></head><body>%s</body></html>"
_UNTRACKED = frozenset({"api", "api/status"})
_PASSED_ON = frozenset({"accept", "content-type"})


def routes(cloud: "SimCloud") -> list[Route]:
    face = _Face(cloud)
    verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [Route("/jupyter/{notebook_id}/{rest:path}", face.endpoint(), methods=verbs)]


class _Face:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    def endpoint(self) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self._serve(exchange_of(request), request.path_params)

        return endpoint

    async def _serve(self, exchange: Exchange, parameters: dict[str, Any]) -> Response:
        rest = str(parameters["rest"]).rstrip("/")
        exchange.notebook_id = parameters["notebook_id"]
        exchange.action = f"jupyter:{rest.removeprefix('api/')}"
        notebook = self._cloud.index.by_id.get(exchange.notebook_id)
        if notebook is None or not notebook.live or notebook.status == "SNAPSHOTTING":
            return self._down(self._cloud.settings.jupyter_down)
        if notebook.jupyter.trouble:
            return self._down(notebook.jupyter.trouble)
        known = _token_of(exchange) == notebook.token
        if not known and rest != "api":
            return self._down("login") if self._cloud.settings.jupyter_denied == "login" else _forbidden()
        self._count(exchange, notebook, rest, known)
        if notebook.jupyter.backed_url is not None:
            return await self._pass_on(exchange, notebook, rest)
        return self._answer(exchange, notebook, rest)

    def _count(self, exchange: Exchange, notebook: Notebook, rest: str, known: bool) -> None:
        """Authenticated calls are activity, but for `api`, `api/status` and those that say they are none."""
        state = notebook.jupyter
        state.settle(exchange.now)
        flag = exchange.query.get("no_track_activity") == "1"
        exchange.details["tracked"] = tracked = known and rest not in _UNTRACKED and not flag
        if tracked:
            state.tracked_calls += 1
            state.api_activity_ms = exchange.now
        else:
            state.untracked_calls += 1

    def _answer(self, exchange: Exchange, notebook: Notebook, rest: str) -> Response:
        state = notebook.jupyter
        if exchange.method != "GET":
            return answer({"message": "Method Not Allowed", "reason": None}, 405)
        match rest:
            case "api":
                return answer({"version": self._cloud.settings.jupyter_version})
            case "api/status":
                return answer(state.status())
            case "api/kernels":
                return answer([kernel.payload() for kernel in state.kernels])
            case "api/sessions":
                return answer(state.sessions())
            case "api/terminals" if self._cloud.settings.terminals:
                return answer(state.terminal_list())
            case "lab":
                return Response(_PAGE % b"<h1>JupyterLab (simulated)</h1>", media_type="text/html")
        return answer({"message": "Not Found", "reason": None}, 404)

    async def _pass_on(self, exchange: Exchange, notebook: Notebook, rest: str) -> Response:
        """To the real server behind this notebook, with its own token in place of the caller's."""
        state = notebook.jupyter
        if rest == "lab":  # a person's browser: kernels are talked to over sockets, which are not passed on
            return Response(None, 302, {"Location": f"{state.backed_url}/lab?token={state.backed_token}"})
        headers = {name: value for name, value in exchange.headers.items() if name in _PASSED_ON}
        headers["Authorization"] = f"token {state.backed_token}"
        query = {name: value for name, value in exchange.query.items() if name != "token"}
        try:
            async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
                reply = await client.request(
                    exchange.method, f"{state.backed_url}/{rest}", params=query, headers=headers, content=exchange.body
                )
        except httpx.TransportError:
            return self._down("503")
        return Response(reply.content, reply.status_code, media_type=reply.headers.get("content-type"))

    @staticmethod
    def _down(how: str) -> Response:
        match how:
            case "404":
                return answer({"message": "Not Found", "reason": None}, 404)
            case "500":
                return answer({"message": "No space left on device", "reason": None}, 500)
            case "503":
                return Response(_PAGE % b"<h1>503 Service Unavailable</h1>", 503, media_type="text/html")
            case "login":
                return Response(None, 302, {"Location": "/login?reason=token"})
            case "garbage":
                return Response(b'{"started": 12, "last_activity": nul', media_type="application/json")
        return Response(_PAGE % b"<h1>The notebook is not running</h1>", media_type="text/html")


def _token_of(exchange: Exchange) -> str:
    scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return token.strip()
    return exchange.query.get("token", "")


def _forbidden() -> Response:
    return answer({"message": "Forbidden", "reason": None}, 403)
