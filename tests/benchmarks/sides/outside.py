"""The sandbox's cloud and Slack, on a clock that stands still until it is pushed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack.workspace import User
from deploy.sandbox.stage import Stage, stage

LEASE_MS = 500 * 3_600_000
POLICY = """
timezone = "UTC"
[[projects]]
name = "research"
cloud = "otc"
region = "eu-de"
channel = "C0RESEARCH"
endpoint = "{cloud}"
rate = 1000
service_account = { domain = "OTC-EU-DE-SANDBOX", user = "notebook-bot", password = "env:SANDBOX_BOT_PASSWORD" }
[roles]
admins = ["U0DORA"]
leads = ["U0CARLA"]
[policy]
warnings = ["60m", "15m"]
idle_after = "60m"
idle_grace = "15m"
idle_mode = "enforce"
max_stops_per_pass = 1000
[prices]
currency = "EUR"
disk_gb_month = 0.05
"modelarts.vm.cpu.2u" = 0.17
"""


class Outside:
    """Simulated cloud and Slack: so many notebooks, each of its own person; the first ones run."""

    def __init__(self, on: Stage, size: int, running: int) -> None:
        self._on, self._cloud = on, on.cloud.cloud
        self._seen = self._before = 0
        made = [self._notebook(number, running) for number in range(size)]
        self._running = made[:running]

    def _notebook(self, number: int, running: int) -> tuple[str, str]:
        """(its id, its owner's id). Who runs one is in Slack, too."""
        cloud, name = self._cloud, f"person-{number}"
        owner, status = cloud.identity.add(name), "RUNNING" if number < running else "STOPPED"
        made = cloud.console.create(name, f"experiment-{number:05d}", status=status, lease_ms=LEASE_MS,
                                    age_ms=9 * 3_600_000, settled_ago_ms=8 * 3_600_000)  # fmt: skip
        if number < running:
            self._on.slack.workspace.users[f"U0P{number}"] = User(f"U0P{number}", name, name)
            cloud.make_busy(made.id)
            cloud.set_activity(made.id, cpu=60.0, from_ms=made.update_at)
        return made.id, owner.id

    def told(self) -> tuple[dict[str, str], int, list[tuple[str, str]]]:
        """How it is reached, what time it is, and who runs what."""
        return self._on.environment(), self._on.clock.now_ms(), self._running

    def push(self, ms: int) -> None:
        self._on.clock.advance_ms(ms)
        self._cloud.settle()

    def unused(self, ids: list[str]) -> None:
        """From now on nobody uses these."""
        for each in ids:
            self._cloud.make_idle(each)

    def run_again(self, ids: list[str]) -> None:
        for each in ids:
            self._cloud.console.set_status(each, "RUNNING")
            self._cloud.console.renew(each, LEASE_MS)
            self._cloud.make_busy(each)

    def stopped(self) -> int:
        """How many are not running any more of those that did at the beginning."""
        return sum(1 for each, _owner in self._running if self._cloud.notebook(each).status != "RUNNING")

    def requests(self) -> int:
        """Made since this was last asked."""
        before, self._before = self._before, len(self._cloud.calls()) + len(self._on.slack.calls())
        return self._before - before


@asynccontextmanager
async def outside(size: int, running: int) -> AsyncIterator[Outside]:
    """In a process of its own."""
    async with stage(clock=SimClock(running=False), policy=POLICY) as on:
        yield Outside(on, size, running)
