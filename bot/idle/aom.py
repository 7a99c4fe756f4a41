"""The metrics service over HTTP, on the cloud adapter's sending and login.

Its line is not the notebook service's: a metrics outage must open no breaker and spend no rate of commands.
"""

from collections.abc import Mapping
from typing import Any

from bot.cloud.auth import Session
from bot.cloud.line import Line
from bot.cloud.sending import Call, Sender
from bot.cloud.signing import encode as quoted
from bot.cloud.wire import encode
from bot.idle.metrics_facts import FILLER
from bot.model import Endpoint


class HttpAom:
    """Implements `bot.idle.ports.Aom`.

    Source: AOM API reference, `POST /v2/{project_id}/samples` and `/v2/{project_id}/series` (API digest 17.3).
    """

    def __init__(self, endpoint: Endpoint, session: Session, sender: Sender, line: Line) -> None:
        """`session` is the service account's, shared with the notebook service so that it logs in once."""
        self._endpoint, self._session, self._sender, self._line = endpoint, session, sender, line

    async def aom_samples(self, body: Mapping[str, Any]) -> Any:
        """The points; where there is none, the filler."""
        return await self._post("samples", body, ("fill_value", FILLER))

    async def aom_series(self, body: Mapping[str, Any]) -> Any:
        """Which series exist, at most 1000."""
        return await self._post("series", body, ("limit", "1000"))

    async def _post(self, what: str, body: Mapping[str, Any], query: tuple[str, str]) -> Any:
        path = f"/v2/{quoted(await self._session.project_id())}/{what}"
        # A POST that only reads: safe to repeat. A pass asks it, so people's commands go first.
        call = Call("POST", self._endpoint.aom, path, (query,), encode(dict(body)), safe=True, interactive=False)
        return (await self._sender.send(self._line, call, self._session)).body
