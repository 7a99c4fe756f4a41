"""State behind a notebook's Jupyter face: kernels, terminals, what counted as activity."""

from dataclasses import dataclass, field
from typing import Any, Literal

from bot.clock import from_ms


def iso(ms: int) -> str:
    """Jupyter's way to write an instant: UTC with microseconds and Z."""
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


@dataclass
class Kernel:
    """`until_ms`: a busy kernel turns idle by itself at that instant."""

    id: str
    state: str
    last_activity_ms: int
    connections: int = 1
    path: str = "Untitled.ipynb"
    name: str = "python3"
    until_ms: int | None = None

    def settle(self, now: int) -> None:
        if self.until_ms is not None and now >= self.until_ms:
            self.state, self.last_activity_ms, self.until_ms = "idle", self.until_ms, None

    def payload(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "last_activity": iso(self.last_activity_ms),
            "execution_state": self.state,
            "connections": self.connections,
        }


@dataclass
class JupyterState:
    """One run of the server; `reset` begins another. All instants are milliseconds."""

    started_ms: int = 0
    kernels: list[Kernel] = field(default_factory=list)
    terminals: dict[str, int] = field(default_factory=dict)  # name -> last activity
    api_activity_ms: int = 0
    tab_open: bool = False  # a focused tab polls all the time and so refreshes the server's last activity
    trouble: Literal["", "404", "503", "500", "html", "login", "garbage"] = ""
    tracked_calls: int = 0
    untracked_calls: int = 0
    backed_url: str | None = None
    backed_token: str = ""
    made: int = 0

    def reset(self, at: int) -> None:
        """A new run: what lived in memory is gone."""
        self.started_ms = self.api_activity_ms = at
        self.kernels, self.terminals, self.tab_open = [], {}, False

    def set_kernel(
        self,
        state: str,
        last_activity: int,
        *,
        kernel_id: str | None = None,
        until: int | None = None,
        connections: int = 1,
        path: str = "Untitled.ipynb",
    ) -> Kernel:
        """Changes the kernel named (None: the first one) or makes it. `last_activity` and `until` are instants."""
        found = next((k for k in self.kernels if kernel_id in (None, k.id)), None)
        if found is None:
            self.made += 1
            found = Kernel(kernel_id or f"{self.made:08d}-0000-4000-8000-000000000000", state, last_activity)
            self.kernels.append(found)
        found.state, found.last_activity_ms, found.until_ms = state, last_activity, until
        found.connections, found.path = connections, path
        return found

    def remove_kernels(self) -> None:
        self.kernels.clear()

    def set_terminal(self, last_activity: int, name: str = "1") -> None:
        self.terminals[name] = last_activity

    def remove_terminals(self) -> None:
        self.terminals.clear()

    def settle(self, now: int) -> None:
        for kernel in self.kernels:
            kernel.settle(now)
        if self.tab_open:
            self.api_activity_ms = now

    def last_activity_ms(self) -> int:
        """What the server itself would report: the newest of start, kernels, terminals and tracked calls."""
        kernels = [kernel.last_activity_ms for kernel in self.kernels]
        return max([self.started_ms, self.api_activity_ms, *kernels, *self.terminals.values()])

    def status(self) -> dict[str, Any]:
        return {
            "started": iso(self.started_ms),
            "last_activity": iso(self.last_activity_ms()),
            "kernels": len(self.kernels),
            "connections": sum(k.connections for k in self.kernels) + int(self.tab_open),
        }

    def sessions(self) -> list[dict[str, Any]]:
        return [
            {
                "id": f"session-{kernel.id}",
                "path": kernel.path,
                "name": kernel.path,
                "type": "notebook",
                "kernel": kernel.payload(),
                "notebook": {"path": kernel.path, "name": kernel.path},
            }
            for kernel in self.kernels
        ]

    def terminal_list(self) -> list[dict[str, Any]]:
        return [{"name": name, "last_activity": iso(at)} for name, at in sorted(self.terminals.items())]
