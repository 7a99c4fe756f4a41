"""What every part of the simulated Slack shares: the workspace, the log, faults, capabilities."""

import asyncio
import contextlib
import pickle
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack.capabilities import ResponseUrls, Triggers
from deploy.sandbox.slack.faults import Fault, Faults
from deploy.sandbox.slack.rules import Finding
from deploy.sandbox.slack.workspace import Workspace

_REAL_TOKEN = re.compile(r"xoxb-\d")


class Core:
    """Settings and state. `url` is where the simulator listens; set it before the first interaction."""

    def __init__(
        self,
        clock: SimClock,
        *,
        signing_secret: str,
        bot_token: str,
        app_token: str | None = None,
        scopes: set[str],
        events_url: str | None = None,
        command: str = "/notebook",
        ack_timeout_s: float = 3.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if _REAL_TOKEN.match(bot_token):
            raise ValueError("this looks like a real Slack token; the simulator takes none")
        self.clock = clock
        self.signing_secret = signing_secret
        self.bot_token = bot_token
        self.app_token = app_token
        self.scopes = set(scopes)
        self.command_name = command
        self.ack_timeout_s = ack_timeout_s
        self.url = "http://127.0.0.1"
        self.bot_url = events_url
        self.edit_window_s: int | None = None
        self.home_enabled = True
        self.messages_tab_enabled = True
        self.workspace = Workspace(clock)
        self.triggers = Triggers(monotonic)
        self.response_urls = ResponseUrls()
        self.faults = Faults()
        self.log: list[dict[str, Any]] = []
        self.findings: list[dict[str, Any]] = []
        self.socket_tickets: set[str] = set()
        self.rev = 0
        self.closed = False
        self._changed = asyncio.Event()
        self.on_clock_push: Callable[[int], Awaitable[None]] | None = None
        self.cloud_view: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None
        self.cloud_accounts: dict[str, dict[str, str]] = {}  # person -> what the page shows of their cloud account
        self.set_activity: Callable[[str, str], Awaitable[None]] | None = None

    def fault(self, method: str = "*", effect: str = "error", **options: Any) -> Fault:
        """Spoil coming calls of `method`; see `Fault` for effects and options. Returns the fault, which counts."""
        fault = Fault(method=method, effect=effect, **options)  # type: ignore[arg-type]  # checked by Fault itself
        self.faults.add(fault)
        return fault

    def record(self, **entry: Any) -> dict[str, Any]:
        """Append a copy of `entry` to the log, stamped with the simulated time."""
        copied = pickle.loads(pickle.dumps(entry))  # noqa: S301 - our own, in a fraction of deepcopy's time
        stamped = {"at_ms": self.clock.now_ms(), **copied}
        self.log.append(stamped)
        return stamped

    def report(self, where: str, findings: list[Finding]) -> None:
        """Keep what the checker found for the page's raw view."""
        now = self.clock.now_ms()
        self.findings += [{"at_ms": now, "where": where, "severity": f.severity, "code": f.code,
                           "message": f.message, "pointer": f.pointer} for f in findings]  # fmt: skip

    def changed(self) -> None:
        """Something a page shows has changed."""
        self.rev += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def next_change(self, known: int, seconds: float) -> None:
        """Return once `rev` is no longer `known`, or after `seconds`."""
        if self.rev != known or self.closed:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    def calls(self, method: str | None = None) -> list[dict[str, Any]]:
        """The Web API calls so far, oldest first, of one method or all."""
        return [e for e in self.log if e["kind"] == "api" and method in (None, e["method"])]
