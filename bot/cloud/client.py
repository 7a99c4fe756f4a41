"""Connections to the clouds: one HTTP client, and per project one rate limit, breaker and clock for everybody."""

import asyncio
import hashlib
import ipaddress
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.cloud.auth import KeySession, Session, TokenSession
from bot.cloud.line import Line, ServerClock
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

_NOTEBOOKS, _LOGIN = "notebooks", "login"

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
        ticks: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
    ) -> None:
        """`jitter` gives numbers in [0, 1), `sleep` takes seconds; a client that is given is not closed here.

        `ticks` gives seconds since some start: waits, rates and rests are measured with it.
        """
        self._clock = clock
        self._pace = Pace(sleep, ticks)
        self._own = http is None
        self._client = http or Client(limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))
        self._sender = Sender(self._client, clock, self._pace, jitter, patience or Patience())
        self._lines: dict[tuple[str, str], dict[str, Line]] = {}
        self._sessions: OrderedDict[SessionKey, Session] = OrderedDict()

    def connect(self, endpoint: Endpoint, credentials: Credentials, *, interactive: bool = True) -> HttpCloud:
        """The project seen with these credentials; nothing is sent yet. Equal credentials share one login.

        Raises CloudMisconfigured for an address that is neither https nor on this machine.
        """
        for url in (endpoint.modelarts, endpoint.iam):
            _check_address(url)
        session = self._session(endpoint, credentials)
        line = self._line(endpoint, _NOTEBOOKS)
        return HttpCloud(endpoint, session, self._sender, line, interactive=interactive)

    def beside(self, endpoint: Endpoint, credentials: Credentials, service: str) -> tuple[Session, Sender, Line]:
        """What another service of the same cloud is asked with: the same login, a rate and breaker of its own."""
        return self._session(endpoint, credentials), self._sender, self._line(endpoint, service)

    def forget(self, endpoint: Endpoint, credentials: Credentials) -> None:
        """Drop the login of credentials that were erased."""
        self._sessions.pop((endpoint, _fingerprint(credentials)), None)

    def health(self) -> dict[str, dict[str, object]]:
        """Per project: breakers, rate, waiting calls, counters and the server's clock against ours; JSON-able.

        Another service of a project stands under `project:service`.
        """
        told: dict[str, dict[str, object]] = {}
        for (project, _), lines in self._lines.items():
            for service, line in lines.items():
                if service == _NOTEBOOKS:
                    told[project] = line.health() | {"login_breaker": lines[_LOGIN].breaker.state}
                elif service != _LOGIN:
                    told[f"{project}:{service}"] = line.health()
        return told

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

    def _line(self, endpoint: Endpoint, service: str) -> Line:
        """Each service of a project rests by itself; above all, who is logged in goes on while logins fail."""
        lines = self._lines.setdefault((endpoint.project, endpoint.modelarts), {})
        if not lines:
            clock = ServerClock(self._clock)
            lines.update((name, self._new_line(endpoint, name, clock)) for name in (_NOTEBOOKS, _LOGIN))
        if service not in lines:
            lines[service] = self._new_line(endpoint, service, lines[_NOTEBOOKS].clock)
        return lines[service]

    def _new_line(self, endpoint: Endpoint, service: str, clock: ServerClock) -> Line:
        return Line(f"{endpoint.project}:{service}", endpoint.rate, clock, self._pace)

    def _session(self, endpoint: Endpoint, credentials: Credentials) -> Session:
        key = (endpoint, _fingerprint(credentials))
        session = self._sessions.get(key)
        if session is None:
            session = self._new_session(endpoint, credentials)
            self._sessions[key] = session
            if len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(key)
        return session

    def _new_session(self, endpoint: Endpoint, credentials: Credentials) -> Session:
        login = self._line(endpoint, _LOGIN)
        if isinstance(credentials, PasswordCredentials):
            return TokenSession(endpoint, credentials, self._sender, login, self._clock)
        notebooks = self._line(endpoint, _NOTEBOOKS)
        return KeySession(endpoint, credentials, self._sender, login, notebooks, self._clock)


if TYPE_CHECKING:  # both protocols are kept to the letter

    def _as_cloud(made: HttpCloud) -> Cloud:
        return made

    def _as_clouds(made: HttpClouds) -> Clouds:
        return made


def _fingerprint(credentials: Credentials) -> str:
    """What tells credentials apart without keeping them a second time in clear."""
    parts = (type(credentials).__name__, *(str(getattr(credentials, name)) for name in credentials.__slots__))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@lru_cache(maxsize=256)  # with each credential that is used
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
