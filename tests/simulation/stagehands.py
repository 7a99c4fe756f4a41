"""The simulators as the simulation needs them: nothing random but the seed, requests handed over without a socket."""

import hashlib
import json
import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from deploy.manifest import BOT_SCOPES
from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack.capabilities import ResponseUrl, ResponseUrls, Trigger, Triggers
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.outgoing import Sender, Sent
from deploy.sandbox.slack.sim import SimSlack
from deploy.sandbox.slack.sockets import SocketHub
from handlers.ports import Answer
from tests.simulation.points import Killed

Dispatch = Callable[[Mapping[str, Any]], Awaitable[Answer]]
TRIGGER_S, RESPONSE_URL_MS = 3.0, 30 * 60 * 1000


@contextmanager
def charts(*, drawn: bool) -> Iterator[None]:
    """`drawn` False: as where the extra that draws them is not installed."""
    with nullcontext() if drawn else patch.dict(sys.modules, {"vl_convert": None}):
        yield


class SeededIds:
    """The bot's ids, from the seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new(self) -> str:
        return f"{self._rng.getrandbits(64):016x}"

    def secret(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"


class SeededTriggers(Triggers):
    """Trigger ids counted instead of drawn."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(monotonic)

    def issue(self, user: str, view_id: str | None = None) -> str:
        trigger = f"{len(self._known)}.{user}.trigger"
        self._known[trigger] = Trigger(user, self._monotonic() + TRIGGER_S, view_id)
        return trigger


class SeededResponseUrls(ResponseUrls):
    """Response urls counted instead of drawn."""

    def issue(self, now_ms: int, user: str, channel: str, ts: str | None = None) -> str:
        secret = hashlib.sha256(f"{len(self._known)}".encode()).hexdigest()[:32]
        self._known[secret] = ResponseUrl(user, channel, now_ms + RESPONSE_URL_MS, ts)
        return secret


class DirectSender(Sender):
    """Hands requests to whichever replica answers; a process that dies meanwhile is a dropped connection."""

    def __init__(self, core: Core, sockets: SocketHub, dispatch: Dispatch) -> None:
        super().__init__(core, sockets)
        self._dispatch = dispatch

    async def _deliver(self, sent: Sent) -> tuple[int, dict[str, str], bytes]:
        try:
            answer = await self._dispatch(json.loads(json.dumps(sent.payload)))
        except Killed:
            raise OSError("connection reset") from None
        if answer.body is None:
            return answer.status, {}, b""
        return answer.status, {"content-type": "application/json"}, json.dumps(answer.body).encode()


def sim_slack(clock: SimClock, seconds: Callable[[], float], dispatch: Dispatch) -> SimSlack:
    """The sandbox's workspace, driven without sockets."""
    slack = SimSlack(clock, signing_secret="-", bot_token="xoxb-sandbox", scopes=set(BOT_SCOPES), monotonic=seconds)
    slack.seed_default()
    slack.url = "http://127.0.0.1:2"
    slack.triggers, slack.response_urls = SeededTriggers(seconds), SeededResponseUrls()
    slack.__dict__["sender"] = DirectSender(slack, slack.sockets, dispatch)
    return slack
