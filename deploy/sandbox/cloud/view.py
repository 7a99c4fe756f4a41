"""The cloud as the sandbox's page shows it: one line per notebook."""

from typing import Any

from deploy.sandbox.cloud.activity import loud
from deploy.sandbox.cloud.model import Notebook

_WORKING = frozenset({"busy", "starting", "restarting", "autorestarting"})


def busy(notebook: Notebook, category: str, now: int) -> bool:
    """Whether it does something now: a kernel at work, or a load that the platform would not call idle."""
    notebook.jupyter.settle(now)
    at_work = any(kernel.state in _WORKING for kernel in notebook.jupyter.kernels)
    return notebook.live and (at_work or loud(notebook.activity.at(now), category))


def summary(notebook: Notebook, category: str, now: int) -> dict[str, Any]:
    """For people to look at; the lease's end only where it means something."""
    timed = notebook.live and notebook.lease.enable and notebook.lease.type == "TIMING"
    remaining = max(notebook.lease.end - now, 0) if timed else None
    return {
        "id": notebook.id,
        "name": notebook.name,
        "owner": notebook.owner.name,
        "status": notebook.status,
        "flavor": notebook.flavor,
        "category": category,
        "lease_type": notebook.lease.type,
        "lease_end_ms": notebook.lease.end if timed else None,
        "remaining_ms": remaining,
        "lease_left_s": remaining // 1000 if remaining is not None else None,
        "since_ms": notebook.since,
        "due_ms": notebook.due,
        "fail_reason": notebook.fail_reason,
        "busy": busy(notebook, category, now),
        "activity": notebook.activity.at(now),
        "kernels": [kernel.state for kernel in notebook.jupyter.kernels],
        "terminals": len(notebook.jupyter.terminals),
    }
