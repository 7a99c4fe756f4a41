"""Reads JSON from a notebook's own server: guarded, pinned to a checked address, capped in size and time."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.clock import http_date
from bot.http import Client, HTTPError, Limits, Response, Timeout, TimeoutException
from bot.idle.guard import Target, first_allowed

MAX_BYTES = 1024 * 1024
TIMEOUT = timedelta(seconds=5)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Unreadable(Exception):
    """No usable answer. `str()` is a short reason for people; `status` the HTTP status, 0 without one."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer and the server's clock when it gave it (None without a readable `Date`)."""

    body: Any
    date: datetime | None


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of the host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def notebook_client(*, connections: int = 20) -> Client:
    """A client for notebooks only: no redirects, no proxy or credentials from the environment, few connections."""
    seconds = TIMEOUT.total_seconds()
    return Client(
        follow_redirects=False,
        trust_env=False,
        timeout=Timeout(seconds),
        limits=Limits(max_connections=connections, max_keepalive_connections=0),
    )


class Fetcher:
    """GETs below one notebook's base address. Every failure is `Unreadable` or `Refused`, whatever its cause."""

    def __init__(self, client: Client, *, resolve: Resolve = resolve, timeout: timedelta = TIMEOUT) -> None:
        self._client, self._resolve, self._timeout = client, resolve, timeout

    async def address(self, at: Target) -> str:
        """The one address all requests of this reading go to, so that a later answer of the DNS changes nothing."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                found = await self._resolve(at.host, at.port)
        except TimeoutError as error:
            raise Unreadable("the notebook's host was not resolved in time") from error
        except OSError as error:
            raise Unreadable("the notebook's host cannot be resolved") from error
        return first_allowed(found, loopback_allowed=at.loopback_allowed)

    async def get(self, at: Target, address: str, path: str, token: str) -> Answer:
        """The JSON at `path`, `token` in the header. Raises Unreadable, at the latest after the time allowed."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                return await self._get(at, address, path, token)
        except (TimeoutError, TimeoutException) as error:
            raise Unreadable(f"no answer within {self._timeout.total_seconds():g} s") from error
        except (HTTPError, OSError) as error:
            raise Unreadable("the notebook cannot be reached") from error

    async def _get(self, at: Target, address: str, path: str, token: str) -> Answer:
        url = at.url.copy_with(host=address, raw_path=at.url.raw_path.rstrip(b"/") + path.encode())
        headers = {"Host": at.url.netloc.decode(), "Accept": "application/json", "Accept-Encoding": "identity"}
        headers |= {"Authorization": f"token {token}", "Cache-Control": "no-cache"}
        named = {"sni_hostname": at.host}  # the certificate is checked against the name, not the pinned address
        asked = self._client.stream("GET", url, headers=headers, extensions=named, follow_redirects=False)
        async with asked as response:
            _refuse_status(response)
            return Answer(_json(await _capped(response)), http_date(response.headers.get("date", "")))


def _refuse_status(response: Response) -> None:
    status = response.status_code
    if status in (401, 403):
        raise Unreadable("the notebook did not accept the token", status)
    if 300 <= status < 400:
        raise Unreadable("the notebook sends us to a login page", status)
    if status == 404:
        raise Unreadable("the notebook has no such page", status)
    if status != 200:
        raise Unreadable(f"the notebook answered {status}", status)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Unreadable("the notebook answered with something that is not JSON", status)
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreadable("the notebook answered compressed, which was not asked for", status)


async def _capped(response: Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Unreadable("the notebook's answer is too large", response.status_code)
    return bytes(body)


def _json(body: bytes) -> Any:
    try:
        text = body.decode()
        told = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(told, ensure_ascii=False).encode()  # half a character is no text, and cannot be stored
        return told
    except (ValueError, RecursionError) as error:
        raise Unreadable("the notebook's answer is not JSON", 200) from error
