"""Real Jupyter servers behind the simulated notebooks: one per run of a notebook, each with a token of its own."""

import asyncio
import importlib.util
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import SettingsError

log = logging.getLogger(__name__)

LOOK_S, BEGIN_S, END_S = 0.5, 30.0, 5.0


@dataclass(slots=True)
class Server:
    """A running server and the folder it works in."""

    process: asyncio.subprocess.Process
    url: str


@asynccontextmanager
async def real_jupyters(cloud: Any, folder: Path) -> AsyncIterator[None]:
    """From now on each live notebook is answered for by a real server. Raises SettingsError if none is installed.

    The servers keep the host's time: on a clock pushed ahead, what was done in them lies that far back.
    """
    if importlib.util.find_spec("jupyter_server") is None:
        raise SettingsError("--real-jupyter needs the package jupyter-server: pip install jupyter-server ipykernel")
    servers = _Servers(cloud, folder)
    following = asyncio.create_task(servers.follow(), name="real Jupyter servers")
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await servers.end_all()


class _Servers:
    def __init__(self, cloud: Any, folder: Path) -> None:
        self._cloud, self._folder = cloud, folder
        self._running: dict[tuple[str, int], Server] = {}

    async def follow(self) -> None:
        """Begin and end servers as notebooks do; a server that does not come up leaves the simulated one."""
        while True:
            live = {(n.id, n.jupyter.started_ms) for n in self._cloud.notebooks() if n.live}
            for run in self._running.keys() - live:
                await self._finish(run)
            await asyncio.gather(*(self._begin(run) for run in live - self._running.keys()))
            await asyncio.sleep(LOOK_S)

    async def _begin(self, run: tuple[str, int]) -> None:
        notebook_id, token = run[0], secrets.token_urlsafe(24)
        home = self._folder / notebook_id
        home.mkdir(parents=True, exist_ok=True)
        process = await _spawn(home, token)
        self._running[run] = Server(process, "")
        try:
            async with asyncio.timeout(BEGIN_S):
                url = await _address(process, home)
        except (TimeoutError, OSError):
            log.exception("no real Jupyter for %s", notebook_id)
            return
        self._running[run].url = url
        self._cloud.back_with(notebook_id, url, token)

    async def _finish(self, run: tuple[str, int]) -> None:
        server = self._running[run]
        with suppress(KeyError):  # deleted since
            state = self._cloud.jupyter(run[0])
            if state.backed_url == server.url:
                state.backed_url = None
        await _end(server)
        del self._running[run]  # not before: whoever interrupts this ends what is left

    async def end_all(self) -> None:
        for server in self._running.values():
            await _end(server)


async def _spawn(home: Path, token: str) -> asyncio.subprocess.Process:
    folders = {"JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data", "JUPYTER_CONFIG_DIR": "config"}
    own = {name: str(home / f".{folder}") for name, folder in folders.items()}
    settings = {
        "ip": "127.0.0.1", "port": 0, "open_browser": False, "allow_root": True, "root_dir": str(home), "log_level": 40,
    }  # fmt: skip
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "jupyter_server", *(f"--ServerApp.{key}={value}" for key, value in settings.items()),
        env=os.environ | own | {"JUPYTER_TOKEN": token}, cwd=home, start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def _address(process: asyncio.subprocess.Process, home: Path) -> str:
    """What the server writes down once it has its port, and accepts there."""
    told = home / ".runtime" / f"jpserver-{process.pid}.json"
    while True:
        if process.returncode is not None:
            raise OSError(f"the server ended with {process.returncode}")
        text = told.read_text(encoding="utf-8") if told.exists() else ""
        if text.rstrip().endswith("}"):
            url = f"http://127.0.0.1:{int(json.loads(text)['port'])}"
            if await _accepts(url):
                return url
        await asyncio.sleep(LOOK_S / 5)


async def _accepts(url: str) -> bool:
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    except OSError:
        return False
    writer.close()
    return True


async def _end(server: Server) -> None:
    if server.process.returncode is None:
        server.process.terminate()
    try:
        await asyncio.wait_for(server.process.wait(), END_S)
    except TimeoutError:
        server.process.kill()
        await server.process.wait()
