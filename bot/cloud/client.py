"""Connections to the clouds: one HTTP client, and per project one rate limit, breaker and clock for everybody."""

import asyncio
import hashlib
import ipaddress
import random
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.cloud.auth import KeySession, Session, TokenSession
from bot.cloud.line import Line
from bot.cloud.notebooks import HttpCloud
from bot.cloud.pace import Pace, Sleep
from bot.cloud.port import Cloud, Clouds
from bot.cloud.sending import Patience, Sender
from bot.errors import CloudMisconfigured
from bot.http import Client, Limits
from bot.model import Credentials, Endpoint, PasswordCredentials

_MOST_SESSIONS = 2_000
_LIMITS = Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)
_DIRECT = ("all://127.0.0.1", "all://localhost", "all://[::1]")  # a proxy of the environment is not asked for these

SessionKey = tuple[Endpoint, str]


class HttpClouds:
    """Implements `bot.cloud.port.Clouds`. Close it with `aclose` or use it as a context."""

    def __init__(
        self,
        clock: Clock,
        http: Client | None = None,
        *,
        jitter: Callable[[], float] = random.random,
        sleep: Sleep = asyncio.sleep,
        patience: Patience | None = None,
    ) -> None:
        """`jitter` gives numbers in [0, 1), `sleep` takes seconds; a client that is given is not closed here."""
        self._clock = clock
        self._pace = Pace(sleep)
        self._own = http is None
        self._client = http or Client(limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))
        self._sender = Sender(self._client, clock, self._pace, jitter, patience or Patience())
        self._lines: dict[tuple[str, str], Line] = {}
        self._sessions: OrderedDict[SessionKey, Session] = OrderedDict()

    def connect(self, endpoint: Endpoint, credentials: Credentials, *, interactive: bool = True) -> HttpCloud:
        """The project seen with these credentials; nothing is sent yet. Equal credentials share one login.

        Raises CloudMisconfigured for an address that is neither https nor on this machine.
        """
        for url in (endpoint.modelarts, endpoint.iam):
            _check_address(url)
        line = self._line(endpoint)
        return HttpCloud(
            endpoint, self._session(endpoint, credentials, line), self._sender, line, interactive=interactive
        )

    def beside(self, endpoint: Endpoint, credentials: Credentials, service: str) -> tuple[Session, Sender, Line]:
        """What another service of the same cloud is asked with: the same login, a rate and breaker of its own."""
        login = self._line(endpoint)
        key = (f"{endpoint.project}:{service}", endpoint.modelarts)
        line = self._lines.setdefault(key, Line(key[0], endpoint.rate, self._clock, self._pace))
        return self._session(endpoint, credentials, login), self._sender, line

    def forget(self, endpoint: Endpoint, credentials: Credentials) -> None:
        """Drop the login of credentials that were erased."""
        self._sessions.pop((endpoint, _fingerprint(credentials)), None)

    def health(self) -> dict[str, dict[str, object]]:
        """Per project: breaker, rate, waiting calls, counters and the server's clock against ours; JSON-able."""
        return {line.name: line.health() for line in self._lines.values()}

    async def aclose(self) -> None:
        """Close the connections, unless the client was given."""
        if self._own:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _line(self, endpoint: Endpoint) -> Line:
        key = (endpoint.project, endpoint.modelarts)
        if key not in self._lines:
            self._lines[key] = Line(endpoint.project, endpoint.rate, self._clock, self._pace)
        return self._lines[key]

    def _session(self, endpoint: Endpoint, credentials: Credentials, line: Line) -> Session:
        key = (endpoint, _fingerprint(credentials))
        session = self._sessions.get(key)
        if session is None:
            session = self._new_session(endpoint, credentials, line)
            self._sessions[key] = session
            if len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(key)
        return session

    def _new_session(self, endpoint: Endpoint, credentials: Credentials, line: Line) -> Session:
        if isinstance(credentials, PasswordCredentials):
            return TokenSession(endpoint, credentials, self._sender, line, self._clock)
        return KeySession(endpoint, credentials, self._sender, line, self._clock)


if TYPE_CHECKING:  # both protocols are kept to the letter

    def _as_cloud(made: HttpCloud) -> Cloud:
        return made

    def _as_clouds(made: HttpClouds) -> Clouds:
        return made


def _fingerprint(credentials: Credentials) -> str:
    """What tells credentials apart without keeping them a second time in clear."""
    parts = (type(credentials).__name__, *(str(getattr(credentials, name)) for name in credentials.__slots__))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _loopback(parts.hostname or ""):
        return
    raise CloudMisconfigured(f"{url} is not an https address")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
