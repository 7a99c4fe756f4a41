"""One request and its answer, buffered: what every operation gets and returns."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from deploy.sandbox.cloud.errors import CloudRefusal, refusal
from deploy.sandbox.cloud.identity import Caller
from deploy.sandbox.cloud.signing import Wire

STATE = "leasebot.exchange"


@dataclass
class Exchange:
    """What arrived, and what is learnt about it on the way; the log entry is written from it."""

    method: str
    path: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes
    now: int
    user: str | None = None
    notebook_id: str | None = None
    action: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def wire(self) -> Wire:
        """What a signature is checked against."""
        return Wire(self.method, self.raw_path, self.raw_query, self.headers, self.body)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The body as an object; none counts as `{}`. Raises the 400 of ModelArts for anything else."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except ValueError as exc:
            raise refusal("6336", "The request body is not JSON.") from exc
        if not isinstance(value, dict):
            raise refusal("6336", "The request body is not an object.")
        return value


def exchange_of(request: Request) -> Exchange:
    found = request.scope[STATE]
    assert isinstance(found, Exchange)
    return found


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON as the service writes it: UTF-8, nothing escaped."""
    return ready(json.dumps(value, ensure_ascii=False).encode(), status, headers)


def ready(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")


def refused(error: CloudRefusal) -> Response:
    return answer(error.body, error.status, error.headers)


@dataclass(frozen=True)
class Call:
    """What an operation works on: the proven caller, path parameters, and the exchange."""

    caller: Caller
    exchange: Exchange
    parameters: dict[str, Any]

    @property
    def now(self) -> int:
        return self.exchange.now

    @property
    def query(self) -> dict[str, str]:
        return self.exchange.query

    def json(self) -> dict[str, Any]:
        return self.exchange.json()
