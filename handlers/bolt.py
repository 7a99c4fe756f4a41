"""Bolt behind our own ingress: it gets verified, parsed payloads and routes them. It makes no call of its own.

Its own way in is not used: it takes any form whose text holds the word "payload" for an interactive one.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.ports import Answer

_READ_BY_BOLT = (
    "SLACK_CLIENT_ID",
    "SLACK_CLIENT_SECRET",
    "SLACK_VERIFICATION_TOKEN",
    "SLACK_SCOPES",
    "SLACK_USER_SCOPES",
    "SLACK_SIGNING_SECRET",
    "SLACK_BOT_TOKEN",
)


def build_app(client: AsyncWebClient) -> AsyncApp:
    """An app whose listeners run to their end before the answer; what the environment says changes nothing."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    with _without(_READ_BY_BOLT):
        return AsyncApp(
            name="leasebot",
            logger=_quiet_logger(),
            client=client,
            signing_secret="-",  # noqa: S106 - checked by then
            authorize=authorize,
            process_before_response=True,
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )


class BoltDispatch:
    """Hands a payload to Bolt as Socket Mode would, so that HTTP and Socket Mode are one path."""

    def __init__(self, app: AsyncApp) -> None:
        self._app = app

    async def __call__(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        request = AsyncBoltRequest(mode="socket_mode", body=dict(body), headers=dict(headers))
        return _answer(await self._app.async_dispatch(request))


def _answer(response: Any) -> Answer:
    if response.status == 404:  # nobody listens; Slack must not try again
        return Answer()
    return Answer(response.status, json.loads(response.body) if response.body else None)


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Bolt reads these by itself and turns to OAuth, or to another token, because of them."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _quiet_logger() -> logging.Logger:
    """Bolt's lines below an error hold whole requests."""
    logger = logging.getLogger("leasebot.bolt")
    logger.setLevel(logging.ERROR)
    return logger
