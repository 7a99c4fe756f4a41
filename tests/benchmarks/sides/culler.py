"""`jupyterhub-idle-culler` as its own `start` would call it."""

import importlib.metadata
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jupyterhub_idle_culler import IdleCuller, cull_idle
from tornado.httpclient import AsyncHTTPClient

from tests.benchmarks.children import Cost, measured, peak_mb

IDLE_AFTER_S = 3600


class Culler:
    """The culler's process: as `jupyterhub-idle-culler --url=... --timeout=3600`, one pass at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.client = _client()

    def name(self) -> str:
        return f"jupyterhub-idle-culler {importlib.metadata.version('jupyterhub-idle-culler')}, {self.client}"

    async def once(self) -> Cost:
        """A whole pass: list, decide, stop."""
        told = IdleCuller(url=self._url, timeout=IDLE_AFTER_S, log=_log())
        return await measured(
            cull_idle(
                url=told.url, api_token="token", inactive_limit=told.timeout, logger=told.log,
                cull_users=told.cull_users, remove_named_servers=told.remove_named_servers, max_age=told.max_age,
                concurrency=told.concurrency, ssl_enabled=told.ssl_enabled,
                internal_certs_location=told.internal_certs_location, cull_admin_users=told.cull_admin_users,
                api_page_size=told.api_page_size, cull_default_servers=told.cull_default_servers,
                cull_named_servers=told.cull_named_servers, cull_arbiter=told.cull_arbiter_hook,
            )
        )  # fmt: skip

    def peak_mb(self) -> float:
        return peak_mb()


def _client() -> str:
    """The HTTP client that its `start` chooses."""
    AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
    return "pycurl"


def _log() -> logging.Logger:
    """At its own level, INFO; what it would print goes nowhere."""
    log = logging.getLogger("culler")
    log.setLevel(logging.INFO)
    log.handlers = [logging.FileHandler("/dev/null")]
    log.propagate = False
    return log


@asynccontextmanager
async def culler(url: str) -> AsyncIterator[Culler]:
    """In a process of its own."""
    yield Culler(url)
