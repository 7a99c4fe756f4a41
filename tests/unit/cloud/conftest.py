"""A cloud that answers from a script, and a clock and a sleep that only move when told."""

import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot import http
from bot.cloud.client import HttpClouds
from bot.cloud.notebooks import HttpCloud
from bot.cloud.sending import Patience
from bot.model import Credentials, Endpoint, PasswordCredentials

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PROJECT = "0123456789abcdef0123456789abcdef"
PASSWORD = PasswordCredentials("ACME", "ana", "secret")

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class StillClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


class Script:
    """Answers calls whose method and path fit, in order; the last answer of a rule repeats."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._rules: list[tuple[str, re.Pattern[str], list[Reply]]] = []
        self.on("POST", r"/v3/auth/tokens", a_token())

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """A later rule for the same calls replaces the earlier one."""
        self._rules.insert(0, (method, re.compile(path + r"(\?.*)?$"), list(replies)))

    def calls(self, method: str, path: str) -> list[httpx.Request]:
        wanted = re.compile(path + "$")
        return [r for r in self.requests if r.method == method and wanted.search(r.url.path)]

    def logins(self) -> int:
        return len(self.calls("POST", "/v3/auth/tokens"))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        for method, path, replies in self._rules:
            if method == request.method and path.search(request.url.raw_path.decode()):
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                if isinstance(reply, Exception):
                    raise reply
                return _fresh(reply) if isinstance(reply, httpx.Response) else reply(request)
        raise AssertionError(f"nobody expected {request.method} {request.url}")


def _fresh(reply: httpx.Response) -> httpx.Response:
    return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


def a_token(token: str = "TOKEN", *, hours: float = 24, project: str = PROJECT) -> httpx.Response:
    body: dict[str, Any] = {
        "issued_at": NOW.isoformat().replace("+00:00", ".123000Z"),
        "expires_at": (NOW + timedelta(hours=hours)).isoformat().replace("+00:00", ".123000Z"),
        "project": {"id": project, "name": "eu-de", "domain": {"id": "d0", "name": "ACME"}} if project else {},
        "user": {"id": "u-ana", "name": "ana", "domain": {"id": "d0", "name": "ACME"}, "password_expires_at": ""},
    }
    return httpx.Response(201, headers={"X-Subject-Token": token}, json={"token": body})


def a_notebook(**changes: Any) -> dict[str, Any]:
    created = 1_795_420_000_000
    return {
        "id": "nb-1",
        "name": "exp-17",
        "status": "RUNNING",
        "create_at": created + 2,
        "update_at": created,
        "user_id": "u-ana",
        "lease": {"create_at": created, "duration": 7_200_000, "enable": True, "type": "TIMING", "update_at": created},
    } | changes


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=shown, json={"error_code": code, "error_msg": "as the cloud puts it"})


class Bench:
    """One adapter over one script."""

    password = PASSWORD

    def __init__(self, **patience: float) -> None:
        self.clock = StillClock()
        self.script = Script()
        self.slept: list[float] = []
        self.later = 0.0
        client = http.Client(transport=httpx.MockTransport(self.script))
        self.clouds = HttpClouds(
            self.clock,
            client,
            jitter=lambda: 0.5,
            sleep=self._sleep,
            ticks=lambda: time.monotonic() + self.later,
            patience=Patience(**patience),  # type: ignore[arg-type]
        )
        self._client = client

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def pass_time(self, seconds: float) -> None:
        """What rests and rates are measured with goes on by so much."""
        self.later += seconds

    def cloud(self, credentials: Credentials = PASSWORD, *, interactive: bool = True, **changes: Any) -> HttpCloud:
        return self.clouds.connect(self.endpoint(**changes), credentials, interactive=interactive)

    @staticmethod
    def endpoint(**changes: Any) -> Endpoint:
        given: dict[str, Any] = {
            "project": "research",
            "cloud": "otc",
            "region": "eu-de",
            "modelarts": "https://modelarts.example.com",
            "iam": "https://iam.example.com",
            "aom": "https://aom.example.com",
            "scope": "eu-de",
            "rate": 1000.0,
        }
        return Endpoint(**(given | changes))

    async def close(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.close()


@pytest.fixture
def make() -> dict[str, Callable[..., Any]]:
    """Builders for answers: `token`, `notebook`, `refusal`, `json`."""

    def json_of(body: Any, status: int = 200, **headers: str) -> httpx.Response:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, headers=shown, json=body)

    return {"token": a_token, "notebook": a_notebook, "refusal": refusal, "json": json_of}
