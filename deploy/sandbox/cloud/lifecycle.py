"""The state machine: what becomes due is carried out in order, each change at its own instant."""

import heapq
from collections.abc import Callable
from typing import Any

from deploy.sandbox.cloud.model import Lease, Notebook
from deploy.sandbox.cloud.settings import CloudSettings

Record = Callable[..., None]

_PROVISIONING = {"CREATING": "CREATE_FAILED", "STARTING": "START_FAILED"}


class Lifecycle:
    """Changes notebooks; `settle(now)` catches up with the clock, however far it was pushed.

    `record(at_ms, action, notebook, **details)` is told every change, `forget(notebook)` every deletion.
    """

    def __init__(
        self,
        settings: CloudSettings,
        record: Record,
        forget: Callable[[Notebook], None],
        category: Callable[[Notebook], str],
    ) -> None:
        self._settings = settings
        self._record = record
        self._forget = forget
        self._category = category
        self._heap: list[tuple[int, int, Notebook, int]] = []
        self._pushed = 0
        self._plan: dict[str, int] = {}

    # due instants

    def settle(self, now: int) -> None:
        """Carries out everything due at or before `now`, oldest first."""
        while self._heap and self._heap[0][0] <= now:
            at, _, notebook, plan = heapq.heappop(self._heap)
            if self._plan.get(notebook.id) == plan:
                self._advance(notebook, at)

    def schedule(self, notebook: Notebook) -> None:
        """Works out when this notebook changes next; to be called after each change to it."""
        self._pushed += 1
        self._plan[notebook.id] = self._pushed
        due = notebook.due if notebook.due is not None else self._platform_stop(notebook)
        if due is not None:
            heapq.heappush(self._heap, (max(due, notebook.since), self._pushed, notebook, self._pushed))

    def _platform_stop(self, notebook: Notebook) -> int | None:
        lease = notebook.lease
        if notebook.status != "RUNNING" or not lease.enable:
            return None
        if lease.type != "IDLE":
            return lease.end + self._settings.expiry_lag_ms
        end = notebook.activity.idle_end(lease.update_at, lease.span, self._category(notebook))
        return None if end is None else end + self._settings.idle_lag_ms

    def _advance(self, notebook: Notebook, at: int) -> None:
        match notebook.status:
            case "CREATING" | "STARTING":
                self._provisioned(notebook, at)
            case "RUNNING":
                self.stop(notebook, at, by="platform", reason="idle" if notebook.lease.type == "IDLE" else "lease_end")
            case "STOPPING":
                self._enter(notebook, "STOPPED", at, settled=True, cause=notebook.stop_cause)
            case "SNAPSHOTTING":
                self._enter(notebook, "RUNNING", at, settled=True)
            case "DELETING":
                self._deleted(notebook, at)
            case "DELETED":
                self._gone(notebook)

    def _enter(
        self, notebook: Notebook, status: str, at: int, *, due: int | None = None, settled: bool = False, **details: Any
    ) -> None:
        before, notebook.status = notebook.status, status
        notebook.since, notebook.due = at, due
        if settled:  # update_at tells of settled changes only
            notebook.update_at = at
        self._count_run(notebook, at)
        notebook.version += 1
        self._record(at, status.lower(), notebook, before=before, **details)
        self.schedule(notebook)

    @staticmethod
    def _count_run(notebook: Notebook, at: int) -> None:
        open_run = bool(notebook.runs) and notebook.runs[-1][1] is None
        if notebook.live and not open_run:
            notebook.runs.append([at, None])
        elif not notebook.live and open_run:
            notebook.runs[-1][1] = at

    # the verbs

    def begin(self, notebook: Notebook, at: int, *, by: str = "api") -> None:
        """A notebook just accepted: CREATING until the delay is over."""
        notebook.status = ""
        self._enter(notebook, "CREATING", at, due=at + self._settings.create_ms, by=by)

    def place(self, notebook: Notebook, status: str, at: int) -> None:
        """Puts a notebook straight into `status`, as if it had come there at `at`."""
        if status in {"RUNNING", "STOPPED", "STOPPING", "FROZEN", "ERROR", "SNAPSHOTTING"}:
            notebook.provisioned = True
        delays = {"CREATING": self._settings.create_ms, "STARTING": self._settings.start_ms}
        delays |= {"STOPPING": self._settings.stop_ms, "DELETING": self._settings.delete_ms}
        delays |= {"SNAPSHOTTING": self._settings.snapshot_ms}
        due = at + delays[status] if status in delays else None
        if status == "RUNNING":
            notebook.jupyter.reset(at)
        self._enter(notebook, status, at, due=due, settled=due is None, by="console")

    def start(self, notebook: Notebook, at: int, lease: Lease, token: str, *, by: str = "api") -> None:
        notebook.lease, notebook.token, notebook.fail_reason = lease, token, None
        self._enter(notebook, "STARTING", at, due=at + self._settings.start_ms, by=by)

    def stop(self, notebook: Notebook, at: int, *, by: str = "api", reason: str = "asked") -> None:
        """The lease is stamped again, as the recorded stop answer shows."""
        notebook.lease.stamp(at, self._settings.stop_restamp_ms)
        notebook.stop_cause = reason
        self._enter(notebook, "STOPPING", at, due=at + self._settings.stop_ms, by=by, reason=reason)

    def snapshot(self, notebook: Notebook, at: int) -> None:
        self._enter(notebook, "SNAPSHOTTING", at, due=at + self._settings.snapshot_ms)

    def delete(self, notebook: Notebook, at: int, *, by: str = "api") -> None:
        self._enter(notebook, "DELETING", at, due=at + self._settings.delete_ms, by=by)

    def renewed(self, notebook: Notebook, at: int, *, by: str = "api") -> None:
        """The lease was written: nothing else of the notebook moves."""
        notebook.version += 1
        self._record(at, "lease_renewed", notebook, by=by, lease=notebook.lease.payload())
        self.schedule(notebook)

    def freeze(self, notebook: Notebook, at: int) -> None:
        self._enter(notebook, "FROZEN", at, settled=True, by="platform", reason="arrears")

    def thaw(self, notebook: Notebook, at: int) -> None:
        self._enter(notebook, "STOPPED", at, settled=True, by="platform", reason="arrears settled")

    # what happens by itself

    def _provisioned(self, notebook: Notebook, at: int) -> None:
        if notebook.will_fail is not None:
            notebook.fail_reason, notebook.will_fail = notebook.will_fail, None
            failed = _PROVISIONING[notebook.status]
            self._enter(notebook, failed, at, settled=True, by="platform", fail_reason=notebook.fail_reason)
            return
        notebook.provisioned = True
        notebook.lease.stamp(max(at - self._settings.restamp_before_ms, notebook.since))
        notebook.jupyter.reset(at)
        self._enter(notebook, "RUNNING", at, settled=True, by="platform", lease=notebook.lease.payload())

    def _deleted(self, notebook: Notebook, at: int) -> None:
        if self._settings.delete_fails:
            notebook.fail_reason = "The storage could not be released."
            self._enter(notebook, "DELETE_FAILED", at, settled=True, by="platform", fail_reason=notebook.fail_reason)
            return
        linger = self._settings.deleted_linger_ms
        self._enter(notebook, "DELETED", at, due=at + linger, by="platform")
        if not linger:
            self._gone(notebook)

    def vanish(self, notebook: Notebook, at: int) -> None:
        """Deleted without a trace in between."""
        self._enter(notebook, "DELETED", at, by="console")
        self._gone(notebook)

    def _gone(self, notebook: Notebook) -> None:
        del self._plan[notebook.id]
        self._forget(notebook)
