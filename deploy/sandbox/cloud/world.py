"""The simulated cloud as one object: state, clock, log, and the ASGI app that shows it."""

import uuid
from collections.abc import Callable
from typing import Any

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud.activity import BUSY, QUIET
from deploy.sandbox.cloud.app import build_app
from deploy.sandbox.cloud.catalog import Catalog
from deploy.sandbox.cloud.console import Console
from deploy.sandbox.cloud.faults import Faults
from deploy.sandbox.cloud.identity import Identity
from deploy.sandbox.cloud.index import NotebookIndex
from deploy.sandbox.cloud.jupyter import JupyterState
from deploy.sandbox.cloud.lifecycle import Lifecycle
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.seeding import SEED_DOMAIN, SEED_PROJECT_ID, seed_users
from deploy.sandbox.cloud.settings import CloudSettings
from deploy.sandbox.cloud.shapes import Shapes
from deploy.sandbox.cloud.view import summary

LOG_LIMIT = 200_000


class SimCloud:
    """One region of one account. Every read and write first catches up with `clock`: no task runs in between.

    `app` is the ASGI application; `log` holds every call and every effect, oldest first, as dicts with `seq`,
    `at_ms`, `kind` (`call` or `effect`), `method`, `path`, `status`, `user`, `notebook_id`, `action`, `details`.
    """

    def __init__(
        self,
        clock: SimClock,
        settings: CloudSettings | None = None,
        *,
        domain: str = SEED_DOMAIN,
        project_id: str = SEED_PROJECT_ID,
    ) -> None:
        self.clock = clock
        self.settings = settings or CloudSettings()
        self.identity = Identity(clock, self.settings, domain=domain, project_id=project_id)
        self.shapes = Shapes(self.settings, {"id": self.identity.domain_id, "name": domain})
        self.catalog = Catalog(self.settings)
        self.index = NotebookIndex()
        self.lifecycle = Lifecycle(self.settings, self._effect, self._forget, self.category)
        self.console = Console(self)
        self.faults = Faults()
        self.log: list[dict[str, Any]] = []
        self.log_limit: int | None = LOG_LIMIT  # None: whoever looks needs all of it, however long it runs
        self.provisioning_failures: list[tuple[str, str]] = []
        self.arrears = False
        self.new_uuid: Callable[[], str] = self._next_uuid
        self._made = 0
        self._logged = 0
        self._base_is_set = False
        self.app = build_app(self)

    # time

    def settle(self) -> int:
        """Carries out what became due; returns the instant it looked at."""
        now = self.clock.now_ms()
        self.lifecycle.settle(now)
        return now

    # reading

    def notebook(self, notebook_id: str) -> Notebook:
        """As it is now. Raises KeyError if there is none."""
        self.settle()
        return self.index.by_id[notebook_id]

    def notebooks(self) -> list[Notebook]:
        """All of them as they are now, in no promised order."""
        self.settle()
        return list(self.index.by_id.values())

    def calls(self, action: str | None = None) -> list[dict[str, Any]]:
        """The log's calls, or those of one operation (`StopNotebook`, `RenewLease`, `jupyter:status` ...)."""
        return [e for e in self.log if e["kind"] == "call" and action in (None, e["action"])]

    def effects(self, action: str | None = None) -> list[dict[str, Any]]:
        """The log's effects after catching up, or those of one kind (`running`, `stopped`, `lease_renewed` ...)."""
        self.settle()
        return [e for e in self.log if e["kind"] == "effect" and action in (None, e["action"])]

    # the notebook's life inside

    def jupyter(self, notebook_id: str) -> JupyterState:
        """What its Jupyter face answers from; change it as you like."""
        return self.notebook(notebook_id).jupyter

    def set_activity(
        self,
        notebook_id: str,
        *,
        cpu: float | None = None,
        gpu: float | None = None,
        npu: float | None = None,
        network: float | None = None,
        memory: float | None = None,
        from_ms: int | None = None,
    ) -> None:
        """Load from `from_ms` (default: now) on: per cent, network in kbit/s received. None keeps what it was."""
        notebook = self.notebook(notebook_id)
        start = self.clock.now_ms() if from_ms is None else from_ms
        notebook.activity.set(start, cpu=cpu, gpu=gpu, npu=npu, network=network, memory=memory)
        self.lifecycle.schedule(notebook)

    def make_busy(self, notebook_id: str) -> None:
        """A job begins: a kernel at work and the load that goes with it."""
        now = self.clock.now_ms()
        notebook = self.notebook(notebook_id)
        notebook.jupyter.set_kernel("busy", now)
        self.set_activity(notebook_id, from_ms=now, **_loads(BUSY, self.category(notebook)))

    def make_idle(self, notebook_id: str, since_ms: int | None = None) -> None:
        """Nobody does anything in it any more, since `since_ms` (default: now)."""
        since = self.clock.now_ms() if since_ms is None else since_ms
        state = self.jupyter(notebook_id)
        for kernel in state.kernels:
            kernel.state, kernel.last_activity_ms, kernel.until_ms = "idle", since, None
        state.remove_terminals()
        state.tab_open = False
        self.set_activity(notebook_id, from_ms=since, **QUIET)

    def view(self) -> list[dict[str, Any]]:
        """One line per notebook for the sandbox's page, newest first."""
        now = self.settle()
        newest_first = sorted(self.index.by_id.values(), key=lambda notebook: -notebook.create_at)
        return [summary(notebook, self.category(notebook), now) for notebook in newest_first]

    def set_gap(self, notebook_id: str, from_ms: int, to_ms: int) -> None:
        """The collector was down for this notebook in `[from_ms, to_ms)`."""
        self.notebook(notebook_id).activity.gaps.append((from_ms, to_ms))

    def back_with(self, notebook_id: str, url: str, token: str) -> None:
        """Its Jupyter face is from now on the real server at `url` (without `/lab`), reached with `token`."""
        state = self.jupyter(notebook_id)
        state.backed_url, state.backed_token = url.rstrip("/"), token

    # troubles

    def fail_provisioning(self, reason: str = "Image pull failed.", *, during: str = "CREATING") -> None:
        """The next create (`CREATING`) or start (`STARTING`) ends in failure with this `fail_reason`."""
        self.provisioning_failures.append((during, reason))

    def next_failure(self, during: str) -> str | None:
        for position, (status, _) in enumerate(self.provisioning_failures):
            if status == during:
                return self.provisioning_failures.pop(position)[1]
        return None

    def set_arrears(self, owing: bool) -> None:
        """Freezes every notebook, or turns the frozen ones to STOPPED."""
        self.arrears = owing
        now = self.settle()
        for notebook in list(self.index.by_id.values()):
            if owing and notebook.status not in {"DELETING", "DELETED", "FROZEN"}:
                self.lifecycle.freeze(notebook, now)
            elif not owing and notebook.status == "FROZEN":
                self.lifecycle.thaw(notebook, now)

    def set_sold_out(self, flavor: str, sold_out: bool = True) -> None:
        self.catalog.flavor(flavor)["sold_out"] = sold_out

    # seeding

    def seed_default(self) -> None:
        """The people of the sandbox and its service account; images and flavors are always there."""
        seed_users(self.identity)

    # inside

    @property
    def base_url(self) -> str:
        return self.shapes.base

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.shapes.base = url.rstrip("/")
        self._base_is_set = True

    def reached_at(self, origin: str) -> None:
        """Called with the origin of each request: the notebooks' links follow it unless `base_url` was set."""
        if not self._base_is_set:
            self.shapes.base = origin

    def _next_uuid(self) -> str:
        self._made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"simulated cloud {self._made}"))

    def category(self, notebook: Notebook) -> str:
        """CPU, GPU or ASCEND."""
        return str(self.catalog.flavor(notebook.flavor)["category"])

    def _forget(self, notebook: Notebook) -> None:
        self.index.remove(notebook)
        self.shapes.forget(notebook)

    def _effect(self, at: int, action: str, notebook: Notebook, **details: Any) -> None:
        self.write_log(
            at_ms=at,
            kind="effect",
            method=None,
            path=None,
            status=notebook.status,
            user=notebook.owner.name,
            notebook_id=notebook.id,
            action=action,
            details={"name": notebook.name, **details},
        )

    def write_log(self, **entry: Any) -> None:
        self._logged += 1
        self.log.append({"seq": self._logged, **entry})
        if self.log_limit is not None and len(self.log) > self.log_limit:
            del self.log[: self.log_limit // 4]


def _loads(preset: dict[str, float], category: str) -> dict[str, float]:
    """Accelerators are loaded only where there are any."""
    absent = {"CPU": {"gpu", "npu"}, "GPU": {"npu"}, "ASCEND": {"gpu"}}[category]
    return {name: value for name, value in preset.items() if name not in absent}
