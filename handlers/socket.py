"""Socket Mode: the same dispatch as HTTP, fed from a socket that Slack vouches for."""

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.ids import Ids
from handlers.ingress import apology, where
from handlers.ports import Answer, Dispatch

log = logging.getLogger(__name__)


class SocketIngress(AsyncSocketModeHandler):
    """Answers every envelope; one that could not be stored is left unanswered, so that Slack sends it again."""

    def __init__(self, app: AsyncApp, app_token: str, dispatch: Dispatch, ids: Ids) -> None:
        super().__init__(app, app_token, logger=_quiet_logger())
        self._dispatch, self._ids = dispatch, ids

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """One envelope."""
        answer = await self._answer(dict(req.payload or {}), _headers(req))
        if answer.status == 200:
            payload = dict(answer.body) if answer.body is not None else None
            await client.send_socket_mode_response(SocketModeResponse(req.envelope_id, payload))

    async def _answer(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        try:
            return await self._dispatch(body, headers)
        except Exception as error:  # the socket goes on, whatever one envelope did
            ref = self._ids.new()[:8]
            log.error("request %s failed: %s at %s", ref, type(error).__name__, where(error))
            return apology(body, ref)

    async def is_connected(self) -> bool:
        """For the health page."""
        return bool(await self.client.is_connected())


def _headers(req: SocketModeRequest) -> dict[str, str]:
    headers = {}
    if req.retry_attempt:
        headers["x-slack-retry-num"] = str(req.retry_attempt)
    if req.retry_reason:
        headers["x-slack-retry-reason"] = req.retry_reason
    return headers


def _quiet_logger() -> logging.Logger:
    """The client's debug lines hold whole payloads."""
    logger = logging.getLogger("leasebot.socket")
    logger.setLevel(logging.WARNING)
    return logger
