"""The least of a hub that `jupyterhub-idle-culler` needs, answering as JupyterHub 5 does.

Users whose server is ready, 50 a page; 204 for a server that was stopped.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from deploy.sandbox.clock import SimClock
from deploy.sandbox.server import LocalServer

PAGE = 50  # JupyterHub's `api_page_default_limit`, with which the culler asks unless told otherwise
Answer = tuple[int, Any]


class Hub:
    """So many users, each with a server of their own that runs; users without one are never asked for."""

    def __init__(self, ready: int) -> None:
        self._ready = {f"person-{number}": True for number in range(ready)}
        self._clock = SimClock()
        self.idle: set[str] = set()
        self.stopped: list[str] = []
        self.requests = 0
        self.url = ""

    def address(self) -> str:
        """Its API."""
        return self.url

    def due(self, names: list[str]) -> None:
        """Everything runs; these are idle."""
        self._ready, self.idle = dict.fromkeys(self._ready, True), set(names)
        self.stopped, self.requests = [], 0

    def seen(self) -> tuple[int, int]:
        """Requests, and servers stopped, since `due`."""
        return self.requests, len(self.stopped)

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """The three requests that a pass makes."""
        if scope["type"] != "http":
            return
        self.requests += 1
        status, value = self._answer(scope["method"], scope["path"], parse_qs(scope["query_string"].decode()))
        body = b"" if value is None else json.dumps(value).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, path: str, query: dict[str, list[str]]) -> Answer:
        if method == "DELETE":
            name = path.split("/")[4]
            self._ready[name] = False
            self.stopped.append(name)
            return 204, None
        if path == "/hub/api/":
            return 200, {"version": "5.2.1"}
        return 200, self._page(int(query.get("offset", ["0"])[0]), query["state"][0])

    def _page(self, offset: int, state: str) -> dict[str, Any]:
        names = [name for name, ready in self._ready.items() if ready]
        upto = offset + PAGE
        url = f"{self.url}/users?state={state}&offset={upto}&limit={PAGE}"
        following = {"offset": upto, "limit": PAGE, "url": url} if upto < len(names) else None
        told = {"offset": offset, "limit": PAGE, "total": len(names), "next": following}
        return {"items": [self._user(name) for name in names[offset:upto]], "_pagination": told}

    def _user(self, name: str) -> dict[str, Any]:
        """A user model with its servers, as a service with the culler's scopes gets it."""
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        quiet = timedelta(hours=2) if name in self.idle else timedelta(minutes=15)
        active, started = _iso(now - quiet), _iso(now - timedelta(hours=9))
        server = {
            "name": "", "full_name": f"{name}/", "last_activity": active, "started": started, "pending": None,
            "ready": True, "stopped": False, "url": f"/user/{name}/", "full_url": None, "user_options": {},
            "progress_url": f"/hub/api/users/{name}/server/progress", "full_progress_url": None,
        }  # fmt: skip
        return {
            "kind": "user", "name": name, "admin": False, "groups": [], "roles": ["user"], "server": f"/user/{name}/",
            "pending": None, "created": started, "last_activity": active, "servers": {"": server},
        }  # fmt: skip


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@asynccontextmanager
async def hub(ready: int) -> AsyncIterator[Hub]:
    """In a process of its own."""
    made = Hub(ready)
    async with LocalServer(made) as server:
        made.url = f"{server.url}/hub/api"
        yield made
