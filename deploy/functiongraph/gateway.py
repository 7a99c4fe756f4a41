"""The function behind the API gateway: verify, parse, record, answer. It imports only what that takes.

Trigger: APIG without authentication (Slack's signature is the only gate), synchronous. The work itself is done by
`worker`; `package.sh` says how both are set up.
"""

import asyncio
import base64
import binascii
import logging
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import SystemClock
from bot.errors import BotError, SettingsError
from bot.ids import RandomIds
from bot.render.help import help_message
from bot.render.views import loading_view
from bot.secrets import Sealer
from bot.settings import Settings, load_settings, required
from deploy.functiongraph.lookout import Lookout
from deploy.functiongraph.pgstore import PgStore
from deploy.functiongraph.quick import QuickSlack
from handlers.direct import DirectDispatch
from handlers.ingress import Ingress, Reply, refuse
from handlers.intake import Intake, Words
from handlers.ports import Answer

log = logging.getLogger(__name__)

MEET_S = 0.5  # of Slack's three seconds, for each way to learn the workspace

_gateway: "Gateway | None" = None


class Gateway:
    """What one instance keeps between requests: nothing but settings and the workspace's id. Raises SettingsError."""

    def __init__(self, settings: Settings) -> None:
        if settings.on_sqlite:
            raise SettingsError("functions share their store, so LEASEBOT_DATABASE_URL must be postgresql://…")
        settings.check_serving()
        self._settings, self._clock, self._ids = settings, SystemClock(), RandomIds()
        token = required(settings.bot_token, "SLACK_BOT_TOKEN").get_secret_value()
        self._store = PgStore(settings.database_url.get_secret_value(), self._ids)
        self._slack = QuickSlack(token, settings.slack_api_url)
        self._sealer = Sealer({key.id: key.secret for key in settings.key_ring})
        self._zone = timezone_of(settings.config)
        self._team = ""
        self._lookout = Lookout(settings, self._store, self._slack, self._clock)

    async def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """One request of the gateway, answered as it wants it."""
        body = _body(event)
        if body is None:
            return _reply(refuse(400))
        headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        intake = self._intake()
        secret = required(self._settings.signing_secret, "SLACK_SIGNING_SECRET").get_secret_value()
        ingress = Ingress(self._clock, self._ids, [secret], _Known(self, intake))
        try:
            return _reply(await ingress.handle(str(event.get("httpMethod") or ""), headers, body))
        finally:
            await intake.close()

    async def look(self) -> None:
        """Whether the worker still runs; admins are told if not."""
        await self._lookout.look()

    async def meet(self) -> None:
        """Learn the workspace: from the store, else from Slack; once per instance. Unknown, the intake says so."""
        for asked in (self._store.team, self._slack.team):
            if self._team:
                return
            try:
                async with asyncio.timeout(MEET_S):
                    self._team = await asked() or ""
            except (BotError, TimeoutError) as error:
                log.warning("the workspace is not known yet: %s", type(error).__name__)

    def _intake(self) -> Intake:
        return Intake(
            self._store, self._slack, self._sealer, self._clock, command=self._settings.command,
            teams=lambda: frozenset({self._team} - {""}), zone=self._zone, words=Words(help_message, loading_view),
        )  # fmt: skip


class _Known:
    """Dispatch that knows the workspace first."""

    def __init__(self, gateway: Gateway, intake: Intake) -> None:
        self._gateway, self._dispatch = gateway, DirectDispatch(intake)

    async def __call__(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        await self._gateway.meet()
        answer, _ = await asyncio.gather(self._dispatch(body, headers), self._gateway.look())
        return answer


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the platform; `event` as API gateway sends it, `context` unused.

    Source: FunctionGraph, "Developing event functions" and "APIG trigger": headers of any case, body in base64.
    """
    global _gateway  # noqa: PLW0603 - settings are read once per instance, not at import
    if _gateway is None:
        _gateway = Gateway(load_settings())
    return asyncio.run(_gateway.answer(event))


def timezone_of(path: str) -> ZoneInfo:
    """`timezone` of the policy file, for people of whom none is known; UTC if the file does not say."""
    try:
        return ZoneInfo(str(tomllib.loads(Path(path).read_text(encoding="utf-8")).get("timezone", "UTC")))
    except (OSError, ValueError, KeyError):
        log.warning("no timezone can be read from the policy file; taking UTC")
        return ZoneInfo("UTC")


def _body(event: Mapping[str, Any]) -> bytes | None:
    """The bytes as Slack signed them; None if they cannot be had."""
    text = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _reply(reply: Reply) -> dict[str, Any]:
    """Anything but these four keys of these types becomes an error of the gateway."""
    return {
        "statusCode": reply.status,
        "headers": {str(name): str(value) for name, value in reply.headers.items()},
        "body": base64.b64encode(reply.body).decode(),
        "isBase64Encoded": True,
    }
