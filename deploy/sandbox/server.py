"""Any ASGI app on a loopback port, in the event loop that is already turning."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RESET_EXTENSION = "leasebot.reset"
_POLL_S, _PATIENCE = 0.005, 200  # one second in all for requests still running
_LINGER_NONE = struct.pack("ii", 1, 0)


class _ResettableHttp(HttpToolsProtocol):
    """Lets an app drop the connection without an answer, through `scope["extensions"]`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions = {RESET_EXTENSION: self._reset}
        cast(dict[str, Any], self.scope)["extensions"] = extensions

    def _reset(self) -> None:
        peer = self.transport.get_extra_info("socket")
        if peer is not None:  # a reset, not an orderly end: nothing lingers
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        self.transport.abort()


class _QuietServer(uvicorn.Server):
    """uvicorn without its signal handlers and its ten wake-ups a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self.on_tick(0)  # sets the default headers
        self.ready.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, without its fixed pause: a test suite stops hundreds of these."""
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(_PATIENCE):
            if not self.server_state.connections and not self.server_state.tasks:
                break
            await asyncio.sleep(_POLL_S)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self.lifespan.shutdown()


class LocalServer:
    """Serves `app` on `host`:`port` (0 = any free port) until stopped.

    `async with LocalServer(app) as server: ... server.url`; or `await start()` and `await stop()`.
    There is no `Date` header but the app's own, no access log and no signal handler.
    Raises OSError from `start` if the port is taken.
    """

    def __init__(self, app: Callable[..., Any], host: str = "127.0.0.1", port: int = 0) -> None:
        self._app = app
        self._host = host
        self._asked_port = port
        self._socket: socket.socket | None = None
        self._server: _QuietServer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in use; only while the server runs."""
        if self._socket is None:
            raise RuntimeError("the server is not started")
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end; stays readable after `stop`."""
        return self._url

    async def start(self) -> Self:
        """Accepts connections when it returns."""
        self._socket = self._bind()
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self._url = f"http://{shown}:{self.port}"
        self._server = _QuietServer(self._config())
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name=f"serve {self._url}")
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self._task
            raise RuntimeError("the app refused to start")
        return self

    async def stop(self) -> None:
        """Ends open connections; requests still running after a second are cancelled. May be called twice."""
        server, task, self._server, self._task = self._server, self._task, None, None
        if server is None or task is None:
            return
        server.stopping.set()
        await task

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # With the protocol named, asyncio turns off Nagle's delay on what it accepts: 40 ms per answer otherwise.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._host, self._asked_port))
        except OSError:
            bound.close()
            raise
        return bound

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            http=_ResettableHttp,
            ws="websockets-sansio",
            loop="none",
            log_config=None,
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
