"""Source `jupyter` against a real `jupyter_server` with real kernels and terminals."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from bot.clock import SystemClock
from bot.idle.fetch import Fetcher, notebook_client
from bot.idle.jupyter import Jupyter
from bot.idle.jupyter_facts import instant
from bot.idle.metrics import Metrics
from bot.idle.ports import Evidence, Memory, Subject
from bot.idle.series import MetricsPolicy
from bot.model import Endpoint, Notebook, NotebookId, Status
from bot.rules.idle import SourceReading, Verdict, combine
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import SimCloud
from deploy.sandbox.server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOPBACK = Endpoint(
    "sandbox",
    "otc",
    "eu-de",
    "http://127.0.0.1:1",
    "http://127.0.0.1:1",
    "http://127.0.0.1:1",
    "eu-de",
    notebook_hosts=("127.0.0.1",),
)
AN_HOUR, AT_ONCE = timedelta(hours=1), timedelta(milliseconds=1)
PATIENCE = 25.0  # seconds until something that must happen counts as not happening
# Starts once; after its death every restart fails, so that the server gives it up.
BRITTLE = "[ -e {flag} ] && exit 1; : > {flag}; exec {python} -m ipykernel_launcher -f {{connection_file}}"


@dataclass(frozen=True)
class Server:
    """A running server, reached as its owner would."""

    port: int
    token: str
    root: Path
    http: httpx.AsyncClient

    async def call(self, method: str, path: str, **given: Any) -> Any:
        response = await self.http.request(method, path, **given)
        response.raise_for_status()
        return response.json() if response.content else None

    async def kernel(self, spec: str = "python3") -> str:
        """A new kernel that has come up and rests."""
        async with self.tab(spec) as made:
            return made

    @asynccontextmanager
    async def tab(self, spec: str = "python3") -> AsyncIterator[str]:
        """A new kernel with a tab connected, without which it would stay `starting` for ever."""
        made: str = (await self.call("POST", "/api/kernels", json={"name": spec}))["id"]
        async with self.socket(f"/api/kernels/{made}/channels"):
            await until(lambda: self.in_state(made, "idle"))
            yield made

    async def in_state(self, kernel: str, *states: str) -> bool:
        return (await self.told(kernel))["execution_state"] in states

    async def told(self, kernel: str) -> dict[str, Any]:
        told: dict[str, Any] = await self.call("GET", f"/api/kernels/{kernel}?no_track_activity=1")
        return told

    async def last_activity(self, kernel: str = "") -> datetime:
        told = await self.told(kernel) if kernel else await self.call("GET", "/api/status")
        return instant(told["last_activity"])

    async def remove(self, kernel: str) -> None:
        await self.call("DELETE", f"/api/kernels/{kernel}")

    def socket(self, path: str) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}?token={self.token}", proxy=None)

    async def evidence(self, idle_after: timedelta, memory: Memory | None = None, **notebook: Any) -> Evidence:
        """One reading by the product."""
        subject = self.subject(idle_after, memory, **notebook)
        async with notebook_client() as client:
            read = await Jupyter(Fetcher(client), SystemClock()).read([subject])
        return read[subject.notebook.id]

    def subject(self, idle_after: timedelta, memory: Memory | None = None, **notebook: Any) -> Subject:
        usual = {
            "id": NotebookId("5f0c"),
            "name": "exp",
            "status": Status.RUNNING,
            "url": f"http://127.0.0.1:{self.port}/lab",
            "token": self.token,
        }
        return Subject(
            Notebook(**usual | notebook),
            LOOPBACK,
            "CPU",
            datetime(2020, 1, 1, tzinfo=UTC),
            idle_after,
            memory=memory or {},
        )


@dataclass(frozen=True)
class Limits:
    idle_after: timedelta = AT_ONCE
    idle_fresh: timedelta = timedelta(minutes=15)
    idle_blind: bool = False
    idle_sources: tuple[str, ...] = ("jupyter", "metrics")


def verdict(*readings: SourceReading, idle_blind: bool = False) -> Verdict:
    """What the rules make of it at once."""
    return combine(SystemClock().now(), readings, Limits(idle_blind=idle_blind))


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


async def execute(channel: ClientConnection, code: str) -> str:
    """Sends a cell and returns its message id."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "username": "",
        "session": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "version": "5.3",
        "date": "",
    }
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await channel.send(json.dumps(message))
    return header["msg_id"]


async def answered(channel: ClientConnection, cell: str, kind: str, **content: Any) -> None:
    """Waits for a message of this kind about this cell."""
    async with asyncio.timeout(PATIENCE):
        async for raw in channel:
            message = json.loads(raw)
            ours = message["parent_header"].get("msg_id") == cell and message["msg_type"] == kind
            if ours and content.items() <= message["content"].items():
                return


@asynccontextmanager
async def a_server(root: Path, **options: Any) -> AsyncIterator[Server]:
    """A server of its own folders, token and port, ended by its process id."""
    token, runtime = uuid.uuid4().hex, root / "runtime"
    folders = {"JUPYTER_RUNTIME_DIR": runtime, "JUPYTER_DATA_DIR": root / "data", "JUPYTER_CONFIG_DIR": root / "config"}
    own = {name: str(path) for name, path in (folders | {"HOME": root, "IPYTHONDIR": root / "ipython"}).items()}
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 0,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.root_dir": str(root),
        "ServerApp.log_level": 40,
    }
    arguments = [f"--{key}={value}" for key, value in (settings | options).items()]
    with (root / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jupyter_server",
            *arguments,
            env=os.environ | own | {"JUPYTER_TOKEN": token},
            cwd=root,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        port = await _port(process, runtime / f"jpserver-{process.pid}.json", root / "server.log")
        headers = {"Authorization": f"token {token}"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers=headers,
            trust_env=False,
            timeout=20,
        ) as http:
            yield Server(port, token, root, http)
    finally:
        await _end(process)


async def _port(process: asyncio.subprocess.Process, told: Path, log: Path) -> int:
    """The port it says it took, once it listens there."""

    def port() -> int:
        text = told.read_text() if told.exists() else ""
        return int(json.loads(text)["port"]) if text.endswith("}") else 0

    def report() -> str:
        return log.read_text()

    async def listens() -> bool:
        assert process.returncode is None, report()
        if not port():
            return False
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port())
        except ConnectionError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    await until(listens)
    return port()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def a_kernelspec(root: Path, name: str, argv: list[str]) -> None:
    folder = root / "data" / "kernels" / name
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": "python"}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def jupyter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    root = tmp_path_factory.mktemp("jupyter")
    script = BRITTLE.format(flag=root / "started-once", python=sys.executable)
    a_kernelspec(root, "brittle", ["sh", "-c", script])
    async with a_server(root, **{"AsyncIOLoopKernelRestarter.time_to_dead": 0.2}) as server:
        yield server


async def test_a_fresh_server_is_idle_since_its_start_and_names_its_version(jupyter: Server) -> None:
    read = (await jupyter.evidence(AT_ONCE)).reading
    assert (read.state, read.reason) == ("idle", "no kernel or terminal is open")
    assert read.since == instant((await jupyter.call("GET", "/api/status"))["started"])
    assert read.details["version"].startswith("2.")


async def test_a_silent_long_cell_vetoes_although_nothing_moves(jupyter: Server) -> None:
    kernel = await jupyter.kernel()
    async with jupyter.socket(f"/api/kernels/{kernel}/channels") as channel:
        cell = await execute(channel, "import time; time.sleep(600)")
        await answered(channel, cell, "status", execution_state="busy")
    # The tab is closed now and the cell says nothing.
    first = await jupyter.last_activity(kernel)
    read = (await jupyter.evidence(AT_ONCE)).reading
    assert (read.state, read.reason, read.details["busy"]) == ("active", "a kernel is at work", "1")
    assert await jupyter.last_activity(kernel) == first
    await jupyter.remove(kernel)


async def test_a_cell_that_prints_is_active_and_a_finished_one_is_idle_since_its_end(jupyter: Server) -> None:
    kernel, began = await jupyter.kernel(), SystemClock().now()
    async with jupyter.socket(f"/api/kernels/{kernel}/channels") as channel:
        cell = await execute(channel, "import time\nfor n in range(4): print(n, flush=True); time.sleep(0.2)")
        await answered(channel, cell, "stream", name="stdout")
        assert (await jupyter.evidence(AT_ONCE)).reading.state == "active"
        await answered(channel, cell, "status", execution_state="idle")
        await until(lambda: jupyter.in_state(kernel, "idle"))
    recent, done = (await jupyter.evidence(AN_HOUR)).reading, (await jupyter.evidence(AT_ONCE)).reading
    assert (recent.state, recent.reason) == ("active", "a kernel was in use 0 min ago")
    assert (done.state, done.since) == ("idle", await jupyter.last_activity(kernel))
    assert done.since is not None
    assert began < done.since
    await jupyter.remove(kernel)


async def test_our_polls_are_no_activity_and_a_tabs_polls_do_not_make_a_kernel_young(jupyter: Server) -> None:
    kernel = await jupyter.kernel()
    of_server, of_kernel = await jupyter.last_activity(), await jupyter.last_activity(kernel)
    read = [await jupyter.evidence(AT_ONCE) for _ in range(3)]
    assert await jupyter.last_activity() == of_server
    async with jupyter.socket(f"/api/kernels/{kernel}/channels"):  # an open tab: connected, and polling unmarked
        for path in ("/api/kernels", "/api/sessions", "/api/terminals"):
            await jupyter.call("GET", path)
        read.append(await jupyter.evidence(AT_ONCE, read[-1].memory))
    assert await jupyter.last_activity() > of_server
    assert await jupyter.last_activity(kernel) == of_kernel
    assert {(each.reading.state, each.reading.since) for each in read} == {("idle", of_kernel)}
    await jupyter.remove(kernel)


async def test_a_terminal_at_work_is_live_while_watched_and_flagged_when_the_tab_is_closed(jupyter: Server) -> None:
    name = (await jupyter.call("POST", "/api/terminals"))["name"]
    ticks = jupyter.root / "ticks"

    async def grown(than: int) -> bool:
        return ticks.exists() and ticks.stat().st_size > than

    async def activity() -> datetime:
        return instant((await jupyter.call("GET", f"/api/terminals/{name}?no_track_activity=1"))["last_activity"])

    async with jupyter.socket(f"/terminals/websocket/{name}") as tab:
        # It prints only for a while: what nobody reads fills the terminal's buffer, and a full one would stop the work.
        loop = f"n=0; while :; do echo tick >> {ticks}; n=$((n+1)); [ $n -lt 50 ] && echo tick; sleep 0.1; done"
        await tab.send(json.dumps(["stdin", loop + "\r"]))
        await until(lambda: grown(0))
        before = await activity()

        async def moved() -> bool:
            await tab.recv()
            return await activity() > before

        await until(moved)
        read = (await jupyter.evidence(AN_HOUR)).reading
        assert (read.state, read.reason) == ("active", "a terminal was in use 0 min ago")

    async def unseen() -> bool:
        before, size = await activity(), ticks.stat().st_size
        await until(lambda: grown(size))
        return await activity() == before

    await until(unseen)  # it works on and Jupyter does not see it
    read = (await jupyter.evidence(AT_ONCE)).reading
    assert (read.state, read.details["terminals"], read.details["blind"]) == ("idle", "1", "terminals")
    alone = verdict(read, idle_blind=True)  # and so it is not believed without metrics, whatever the policy says
    assert (alone.state, alone.reason) == ("unknown", "jupyter: cannot see into terminals without metrics")
    await jupyter.call("DELETE", f"/api/terminals/{name}")


class BusyAom:
    """Metrics of a container whose CPU works."""

    async def aom_samples(self, body: Any) -> Any:
        now = SystemClock().now()
        stamps = [str(int((now - timedelta(minutes=ago)).timestamp() * 1000)) for ago in range(75, 7, -1)]
        points = [{"timestamp": at, "statistics": [{"statistic": "maximum", "value": "97.5"}]} for at in stamps]
        return {"samples": [{"sample": body["samples"][0], "data_points": points}]}

    async def aom_series(self, body: Any) -> Any:
        return {"series": []}


async def test_work_under_nohup_is_seen_by_metrics_only(jupyter: Server) -> None:
    kernel, pid = await jupyter.kernel(), jupyter.root / "nohup.pid"
    script = f"echo $$ > {pid}; while :; do :; done"
    start = f"import subprocess; subprocess.Popen(['nohup', 'sh', '-c', {script!r}], start_new_session=True)"
    async with jupyter.socket(f"/api/kernels/{kernel}/channels") as channel:
        cell = await execute(channel, start)
        await answered(channel, cell, "status", execution_state="idle")
    await until(lambda: jupyter.in_state(kernel, "idle"))

    async def running() -> bool:
        return pid.exists() and bool(pid.read_text().strip())

    await until(running)
    try:
        assert (await jupyter.evidence(AT_ONCE)).reading.state == "idle"
        subject = jupyter.subject(AN_HOUR)
        measured = (await Metrics(BusyAom(), MetricsPolicy(), SystemClock()).read([subject]))[subject.notebook.id]
        assert (measured.reading.state, measured.reading.since is not None) == ("active", True)
        resting = (await jupyter.evidence(AT_ONCE)).reading
        assert verdict(resting, measured.reading).state == "active"
        os.kill(int(pid.read_text()), 0)  # it was at work all the time
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)
    await jupyter.remove(kernel)


async def test_a_kernel_that_dies_at_work_is_no_work_any_more(jupyter: Server) -> None:
    kernel, pid = await jupyter.kernel("brittle"), jupyter.root / "kernel.pid"
    async with jupyter.socket(f"/api/kernels/{kernel}/channels") as channel:
        sleep = f"import os, time; print(os.getpid(), file=open('{pid}', 'w'), flush=True); time.sleep(600)"
        await answered(channel, await execute(channel, sleep), "status", execution_state="busy")

        async def written() -> bool:
            return pid.exists() and pid.read_text().endswith("\n")

        await until(written)
        at_work = await jupyter.evidence(AT_ONCE)
        assert at_work.reading.state == "active"
        os.kill(int(pid.read_text()), signal.SIGKILL)

        async def given_up() -> bool:
            told = await jupyter.call("GET", "/api/kernels?no_track_activity=1")
            return all(each["id"] != kernel or each["execution_state"] == "dead" for each in told)

        await until(given_up)
    after = (await jupyter.evidence(AT_ONCE, at_work.memory)).reading
    assert (after.state, after.details["busy"]) == ("idle", "0")
    assert after.since is not None
    assert at_work.reading.since is not None
    assert after.since >= at_work.reading.since  # it was seen at work then
    recent = (await jupyter.evidence(AN_HOUR, at_work.memory)).reading
    assert recent.state == "active"


async def test_a_wrong_token_and_a_missing_page_are_unknown(jupyter: Server) -> None:
    read = (await jupyter.evidence(AT_ONCE, token="of-the-last-run")).reading
    assert (read.state, read.reason) == ("unknown", "the notebook did not accept the token")
    read = (await jupyter.evidence(AT_ONCE, url=f"http://127.0.0.1:{jupyter.port}/gone/lab")).reading
    assert read.state == "unknown"


async def test_a_culled_kernel_leaves_its_last_use_and_a_stopped_server_is_unreachable(tmp_path: Path) -> None:
    culling = {"MappingKernelManager.cull_idle_timeout": 1, "MappingKernelManager.cull_interval": 1}
    async with a_server(tmp_path, **culling) as server:
        async with server.tab() as kernel:  # a kernel with a tab is not culled
            before = await server.evidence(AT_ONCE)
            assert before.reading.details["kernels"] == "1"
            used = await server.last_activity(kernel)

        async def culled() -> bool:
            return not await server.call("GET", "/api/kernels?no_track_activity=1")

        await until(culled)
        after = await server.evidence(AT_ONCE, before.memory)
        assert (after.reading.state, after.reading.details["kernels"]) == ("idle", "0")
        assert after.reading.since is not None
        assert used <= after.reading.since <= await server.last_activity()
    gone = await server.evidence(AT_ONCE, after.memory)
    assert (gone.reading.state, gone.reading.reason) == ("unknown", "the notebook cannot be reached")
    assert gone.memory == after.memory


async def test_a_real_server_behind_a_notebook_of_the_simulated_cloud_is_read_like_any_other(jupyter: Server) -> None:
    cloud = SimCloud(SimClock())
    cloud.seed_default()
    notebook = cloud.console.create("ana", "exp")
    kernel = await jupyter.kernel()
    async with LocalServer(cloud.app) as front, notebook_client() as client:
        cloud.base_url = front.url
        cloud.back_with(notebook.id, f"http://127.0.0.1:{jupyter.port}", jupyter.token)

        async def evidence() -> Evidence:
            shown = {"url": cloud.shapes.url(notebook), "token": notebook.token}
            subject = jupyter.subject(AT_ONCE, **shown)
            return (await Jupyter(Fetcher(client), SystemClock()).read([subject]))[subject.notebook.id]

        before = await jupyter.last_activity()
        resting = (await evidence()).reading
        assert resting.state == "idle"
        assert resting.since is not None
        assert resting.since >= await jupyter.last_activity(kernel)
        assert await jupyter.last_activity() == before  # read through the proxy, and still no activity
        async with jupyter.socket(f"/api/kernels/{kernel}/channels") as channel:
            cell = await execute(channel, "import time; time.sleep(600)")
            await answered(channel, cell, "status", execution_state="busy")
            working = (await evidence()).reading
        assert (working.state, working.reason) == ("active", "a kernel is at work")
        cloud.jupyter(notebook.id).backed_token = "wrong"
        assert (await evidence()).reading.state == "unknown"
    await jupyter.remove(kernel)
    assert notebook.jupyter.tracked_calls == 0
