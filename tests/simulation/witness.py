"""What is true in the world at each instant, written down while it happens: who was busy, what sources showed."""

import json
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.cloud.activity import QUIET
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.cloud.world import SimCloud

MINUTE_MS = 60_000
CPU_IDLE_AFTER_MS, GPU_IDLE_AFTER_MS = 60 * MINUTE_MS, 30 * MINUTE_MS  # as the sandbox's policy says


@dataclass(frozen=True)
class Sample:
    """One look into a notebook through a healthy source."""

    at_ms: int
    active: bool
    blurred: bool = False  # an open tab hides since when nothing, or what has gone, was used


@dataclass
class Witness:
    """Stands beside the simulated cloud and sees every entry of its log when it is written."""

    cloud: SimCloud
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    first_leases: dict[str, dict[str, Any]] = field(default_factory=dict)
    uses: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)  # instants at which use began (or ended)
    late: set[tuple[str, int]] = field(default_factory=set)  # of them, those that metrics alone show, some minutes late
    flavors: dict[str, str] = field(default_factory=dict)
    made_at: dict[str, int] = field(default_factory=dict)
    there: dict[str, set[str]] = field(default_factory=dict)  # kernels and terminals, at the last look

    def __post_init__(self) -> None:
        self._write = self.cloud.write_log
        self.cloud.write_log = self._saw  # type: ignore[method-assign]

    def _saw(self, **entry: Any) -> None:
        self._write(**entry)
        if entry["kind"] == "effect":
            if (found := self.cloud.index.by_id.get(entry["notebook_id"])) is not None:
                self.flavors[found.id] = found.flavor  # of those that are made by the API, too
            if entry["action"] == "running" and entry["details"].get("before") == "STARTING":
                self._began(entry["notebook_id"], entry["at_ms"])
            return
        healthy = entry["status"] == 200 and "fault" not in entry["details"]
        if healthy and entry["action"] == "jupyter:kernels":
            self._looked(self.cloud.index.by_id[entry["notebook_id"]], entry["at_ms"])

    def _began(self, notebook_id: str, at: int) -> None:
        """What ran before the stop does not run after the start."""
        self.cloud.index.by_id[notebook_id].activity.set(at, **QUIET)
        self.used(notebook_id, at, busy=False)

    def _looked(self, notebook: Notebook, at: int) -> None:
        busy = [kernel for kernel in notebook.jupyter.kernels if kernel.state == "busy"]
        last = max([kernel.last_activity_ms for kernel in notebook.jupyter.kernels], default=0)
        terminal = max(notebook.jupyter.terminals.values(), default=0)
        active = bool(busy) or at - max(last, terminal) < self.idle_after_ms(notebook.id)
        there = {kernel.id for kernel in notebook.jupyter.kernels} | set(notebook.jupyter.terminals)
        gone = self.there.get(notebook.id, set()) - there
        self.there[notebook.id] = there
        blurred = notebook.jupyter.tab_open and bool(gone or not notebook.jupyter.kernels)
        self.samples.setdefault(notebook.id, []).append(Sample(at, active, blurred))

    def made(self, notebook: Notebook) -> None:
        """A notebook that came from nowhere, with a past that nobody saw."""
        self.made_at[notebook.id] = self.cloud.clock.now_ms()
        self.first_leases[notebook.id] = notebook.lease.payload()
        self.flavors[notebook.id] = notebook.flavor

    def used(self, notebook_id: str, at: int, *, busy: bool, late: bool = False) -> None:
        """From `at` on it is at work, or not any more; a touch is both at once. `late`: metrics alone show it."""
        self.uses.setdefault(notebook_id, []).append((at, busy))
        if late:
            self.late.add((notebook_id, at))

    def idle_after_ms(self, notebook_id: str) -> int:
        """What policy says of its flavor."""
        return GPU_IDLE_AFTER_MS if self.category(notebook_id) == "GPU" else CPU_IDLE_AFTER_MS

    def category(self, notebook_id: str) -> str:
        """Of its flavor, as the cloud lists it; "" for one that no listing shows."""
        found = self.cloud.index.by_id.get(notebook_id)
        flavor = found.flavor if found is not None else self.flavors.get(notebook_id, "")
        if not flavor or flavor in self.cloud.settings.unlisted:
            return ""
        return str(self.cloud.catalog.flavor(flavor)["category"])

    def busy_at(self, notebook_id: str, at: int) -> bool:
        """Whether a job was running in it then."""
        before = [busy for when, busy in self.uses.get(notebook_id, []) if when <= at]
        return bool(before) and before[-1]

    def busy_for_ms(self, notebook_id: str, at: int) -> int:
        """For how long something had been running in it then; 0: nothing was."""
        began = at
        for when, busy in reversed([use for use in self.uses.get(notebook_id, []) if use[0] <= at]):
            if not busy:
                break
            began = when
        return at - began

    def quiet_spells(self, notebook_id: str, begin: int, end: int) -> list[tuple[int, int]]:
        """(from, to) of every stretch of a run in which nobody used it."""
        begin = max(begin, self.made_at.get(notebook_id, 0))
        spells: list[tuple[int, int]] = []
        since = None if self.busy_at(notebook_id, begin) else begin
        for at, busy in self.uses.get(notebook_id, []):
            if not begin < at < end:
                continue
            if since is not None:
                spells.append((since, at))
            since = None if busy else at
        return [*spells, *([(since, end)] if since is not None else [])]


def about(value: Any) -> str:
    """The notebook a button or a form is about."""
    try:
        return str(json.loads(value or "{}").get("notebook") or "")
    except (ValueError, AttributeError):
        return ""


__all__ = ["Sample", "Witness", "about"]
