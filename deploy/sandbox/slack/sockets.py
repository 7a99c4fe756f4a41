"""Socket Mode: the connections of a bot, hello, envelopes, acknowledgements, disconnect."""

import asyncio
import contextlib
import itertools
import json
import uuid
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from deploy.sandbox.slack.core import Core

MOST_SOCKETS = 10


class NoSocket(Exception):
    """Nothing is connected and no address is known."""


class SocketHub:
    """Up to ten connections; each payload goes to one of them, in turn."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sockets: list[WebSocket] = []
        self._turn = itertools.count()
        self._waiting: dict[str, asyncio.Future[Any]] = {}

    @property
    def connected(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from its ticket to its end."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._core.socket_tickets or len(self._sockets) >= MOST_SOCKETS:
            await socket.close(4401)
            return
        self._core.socket_tickets.discard(ticket)
        await socket.accept()
        self._sockets.append(socket)
        try:
            await socket.send_json(self._hello())
            self._core.changed()
            await self._receive(socket)
        finally:
            with contextlib.suppress(ValueError):
                self._sockets.remove(socket)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._sockets),
            "connection_info": {"app_id": self._core.workspace.app_id},
            "debug_info": {"host": "simulated", "approximate_connection_time": 3600},
        }

    async def _receive(self, socket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                self._acknowledge(await socket.receive_text())

    def _acknowledge(self, frame: str) -> None:
        try:
            given = json.loads(frame)
        except ValueError:
            return
        waiting = self._waiting.pop(given.get("envelope_id", ""), None) if isinstance(given, dict) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(given.get("payload"))

    async def deliver(
        self, kind: str, payload: dict[str, Any], retry: tuple[int, str] | None, seconds: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Send an envelope and wait for its acknowledgement. Raises TimeoutError, NoSocket."""
        if not self._sockets:
            raise NoSocket
        socket = self._sockets[next(self._turn) % len(self._sockets)]
        envelope_id = str(uuid.uuid4())
        envelope: dict[str, Any] = {
            "envelope_id": envelope_id, "type": kind, "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }  # fmt: skip
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        try:
            await socket.send_json(envelope)
            async with asyncio.timeout(seconds):
                given = await waiting
        finally:
            self._waiting.pop(envelope_id, None)
        return (200, {}, b"") if given is None else (200, {"content-type": "application/json"}, _bytes(given))

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to come again, as Slack does about once an hour.

        But for a mere `warning`, nothing more is sent over them; who was asked closes. `link_disabled` ends them.
        """
        for socket in list(self._sockets):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulated"}})
                if reason == "link_disabled":
                    await socket.close()
        if reason != "warning":
            self._sockets.clear()


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
