"""Answers that never come."""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deploy.sandbox.server import RESET_EXTENSION


class Dropped(Response):
    """No answer: the connection is reset at once, or left open until the caller gives up."""

    def __init__(self, *, at_once: bool) -> None:
        super().__init__()
        self._at_once = at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._at_once:
            reset = scope.get("extensions", {}).get(RESET_EXTENSION)
            if reset is None:
                raise ConnectionResetError("dropped on request")
            reset()
        while (await receive())["type"] != "http.disconnect":
            continue
