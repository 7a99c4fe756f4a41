"""What goes wrong: each trouble has a name, begins and ends at instants of the seed, and is counted."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from tests.simulation.points import Incarnation
from tests.simulation.world import MINUTE_MS, World

Trouble = Callable[[random.Random], AbstractAsyncContextManager[None]]
OFTEN = ("cloud_calls", "slack_calls") * 3
DEATHS_PER_POINT = 1 / 8000
DEADLY = 40  # times as often where something is done that must not be done twice
DEADLY_POINTS = frozenset(
    f"{write} {when}"
    for when in ("before", "after")
    for write in ("cloud.create", "cloud.start", "cloud.stop", "cloud.renew", "cloud.delete", "slack.chat.postMessage")
)

CLOUD_EFFECTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("throttle", {"retry_after": "2"}), ("status", {"status": 503}), ("status", {"status": 500}), ("reset", {}),
    ("lost", {}), ("html", {}), ("truncated", {}), ("empty", {}), ("slow", {"ms": 4_000}), ("slow", {"ms": 40_000}),
    ("token_dies", {}), ("error_200", {"code": "ModelArts.6309"}),
)  # fmt: skip
SLACK_EFFECTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ratelimited", {"retry_after": 30}), ("error", {"error": "internal_error"}), ("status", {"status": 503}),
    ("reset", {}), ("lost", {}), ("hang", {}), ("slow", {"seconds": 4.0}),
)  # fmt: skip


class Troubles:
    """Plays troubles one after the other, now and then two at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.spans: list[tuple[int, int, str]] = []  # from, to, name: for the checks
        self.jumps: list[int] = []  # instants at which the hosts' clock jumped
        self._rng = random.Random(f"{world.options.seed} deaths")
        self._kinds: dict[str, Trouble] = {
            "cloud_calls": self._cloud_calls, "slack_calls": self._slack_calls, "cloud_down": self._cloud_down,
            "slack_down": self._slack_down, "slack_lost": self._slack_lost, "metrics_down": self._metrics_down,
            "jupyter_down": self._jupyter_down, "collapse": self._collapse, "host_clock": self._host_clock,
            "freeze": self._freeze, "sold_out": self._sold_out, "password": self._password,
            "history": self._history, "gap": self._gap, "groups": self._groups, "slack_token": self._slack_token,
        }  # fmt: skip

    def start(self) -> None:
        """Set them going."""
        for number in range(2):
            rng = random.Random(f"{self.world.options.seed} trouble {number}")
            self.world.loop.create_task(self._play(rng, 2 * self.world.options.seed + number))
        if self.world.options.deaths and "deaths" not in self.world.options.without:
            self.world.points.death = self._dies

    def _dies(self, who: Incarnation, name: str) -> bool:
        often = DEATHS_PER_POINT * (DEADLY if name in DEADLY_POINTS else 1)
        if self.world.now_ms >= self.world.calm_ms or self._rng.random() >= often:
            return False
        self.spans.append((self.world.now_ms, self.world.now_ms + 6 * MINUTE_MS, "death"))
        return True

    async def _play(self, rng: random.Random, first: int) -> None:
        """The first trouble goes round with the seeds, so that a few of them meet every kind; then chance rules."""
        kinds = sorted(self._kinds)
        pause, name = rng.uniform(1200, 4 * 3600), kinds[first % len(kinds)]
        while True:
            await asyncio.sleep(pause)
            pause = rng.expovariate(1 / (9 * 3600))
            length = min(rng.expovariate(1 / 1500), 3 * 3600.0)
            left = (self.world.calm_ms - self.world.now_ms) / 1000
            if left <= 0:
                return
            if name in self.world.options.without:
                name = rng.choice([*kinds, *OFTEN])
                continue
            began = self.world.now_ms
            self.world.trace(f"trouble: {name} for {min(length, left):.0f} s")
            self.world.findings.counts[f"trouble {name}"] += 1
            async with self._kinds[name](rng):
                await asyncio.sleep(min(length, left))
            self.spans.append((began, self.world.now_ms, name))
            name, spoken = rng.choice([*kinds, *OFTEN]), name
            self.world.trace(f"trouble: {spoken} is over")

    # --- the cloud -----------------------------------------------------------------------------

    @asynccontextmanager
    async def _cloud_rule(self, effect: str, **rule: Any) -> AsyncIterator[None]:
        added = self.world.cloud.faults.add(effect, **rule)
        try:
            yield
        finally:
            self.world.cloud.faults.rules.remove(added)
            self.world.findings.counts[f"fault cloud {effect}"] += added.hits

    @asynccontextmanager
    async def _cloud_calls(self, rng: random.Random) -> AsyncIterator[None]:
        """One call in a few goes wrong, each time in another way."""
        async with AsyncExitStack() as stack:
            for effect, more in rng.sample(CLOUD_EFFECTS, len(CLOUD_EFFECTS)):
                path = rng.choice((r"/v1/", r"/notebooks", r"/(stop|start|lease)$", r"/v[12]/"))
                rule = {"path": path, "nth": rng.randint(1, 9), "every": rng.randint(5, 14), "count": 0} | more
                await stack.enter_async_context(self._cloud_rule(effect, **rule))
            yield

    @asynccontextmanager
    async def _cloud_down(self, rng: random.Random) -> AsyncIterator[None]:
        async with self._cloud_rule(rng.choice(("reset", "status")), path=r"^/v[123]", count=0):
            yield

    @asynccontextmanager
    async def _metrics_down(self, _rng: random.Random) -> AsyncIterator[None]:
        self.world.cloud.settings.metrics_down = True
        yield
        self.world.cloud.settings.metrics_down = False

    @asynccontextmanager
    async def _jupyter_down(self, rng: random.Random) -> AsyncIterator[None]:
        hit = [n for n in self.world.cloud.notebooks() if rng.random() < 0.5]
        for notebook in hit:
            notebook.jupyter.trouble = rng.choice(("404", "503", "500", "html", "login", "garbage"))
        yield
        for notebook in hit:
            notebook.jupyter.trouble = ""

    @asynccontextmanager
    async def _gap(self, rng: random.Random) -> AsyncIterator[None]:
        """It lasts until the last one is over, however short it was meant to be."""
        over = now = self.world.now_ms
        for notebook in self.world.cloud.notebooks():
            if rng.random() < 0.5:
                end = min(now + rng.randint(5, 60) * MINUTE_MS, self.world.calm_ms)
                self.world.cloud.set_gap(notebook.id, now, end)
                over = max(over, end)
        yield
        await self.world.sleep_until(over)

    @asynccontextmanager
    async def _collapse(self, _rng: random.Random) -> AsyncIterator[None]:
        body = {"current": 0, "size": 0, "total": 0, "pages": 0, "data": []}
        async with self._cloud_rule("status", path=r"/notebooks/all$", status=200, body=body, count=0):
            yield

    @asynccontextmanager
    async def _sold_out(self, _rng: random.Random) -> AsyncIterator[None]:
        self.world.cloud.set_sold_out("modelarts.vm.cpu.2u")
        yield
        self.world.cloud.set_sold_out("modelarts.vm.cpu.2u", False)

    @asynccontextmanager
    async def _password(self, rng: random.Random) -> AsyncIterator[None]:
        """Somebody's password was changed; later the old one holds again."""
        user = self.world.cloud.identity.users[rng.choice(("ana", "ben"))]
        old, user.password = user.password, "changed"
        self.world.cloud.identity.kill_tokens(user)
        yield
        user.password, user.failures, user.locked_until_ms = old, 0, 0

    # --- Slack ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def _slack_rule(self, effect: str, method: str, **rule: Any) -> AsyncIterator[None]:
        slack = self.world.slack
        added = slack.fault(method, effect, **{"count": None, **rule})
        try:
            yield
        finally:
            slack.faults._faults.remove(added)
            hits = max(0, added.seen - added.nth + 1)
            hits = hits if added.count is None else min(hits, added.count)
            self.world.findings.counts[f"fault slack {effect}"] += hits

    @asynccontextmanager
    async def _slack_calls(self, rng: random.Random) -> AsyncIterator[None]:
        """A few calls go wrong, each in another way."""
        async with AsyncExitStack() as stack:
            for effect, more in rng.sample(SLACK_EFFECTS, len(SLACK_EFFECTS)):
                method = rng.choice(("chat.*", "*", "*", "users.info", "views.*", "response_url"))
                rule = {"nth": rng.randint(1, 12), "count": rng.randint(1, 3)} | more
                await stack.enter_async_context(self._slack_rule(effect, method, **rule))
            yield

    @asynccontextmanager
    async def _slack_down(self, rng: random.Random) -> AsyncIterator[None]:
        async with self._slack_rule(rng.choice(("reset", "status")), "*"):
            yield

    @asynccontextmanager
    async def _slack_token(self, _rng: random.Random) -> AsyncIterator[None]:
        """Slack does not take the bot's token; later it does again."""
        async with self._slack_rule("error", "*", error="invalid_auth"):
            yield

    @asynccontextmanager
    async def _slack_lost(self, rng: random.Random) -> AsyncIterator[None]:
        async with self._slack_rule(rng.choice(("lost", "hang")), "chat.postMessage"):
            yield

    @asynccontextmanager
    async def _history(self, _rng: random.Random) -> AsyncIterator[None]:
        """Answers are lost and the history cannot be read: notices may come twice (contract 2)."""
        async with self._slack_rule("lost", "chat.postMessage"), self._slack_rule("status", "conversations.history"):
            yield

    @asynccontextmanager
    async def _groups(self, _rng: random.Random) -> AsyncIterator[None]:
        """Nobody can say who is in a user group."""
        least = self.world.now_ms + 20 * MINUTE_MS
        async with self._slack_rule("error", "usergroups.users.list", error="internal_error"):
            self.world.unread.set()
            yield
            await self.world.sleep_until(min(least, self.world.calm_ms))
            self.world.unread.clear()

    # --- the hosts -----------------------------------------------------------------------------

    @asynccontextmanager
    async def _host_clock(self, rng: random.Random) -> AsyncIterator[None]:
        off = rng.choice((-1, 1)) * rng.choice((rng.randint(5_000, 110_000), rng.randint(130_000, 2 * 3_600_000)))
        for replica in self.world.replicas:  # replicas keep one time: their claims on rows are instants
            replica.clock.off_ms = off
        self.jumps.append(self.world.now_ms)
        yield
        for replica in self.world.replicas:
            replica.clock.off_ms = 0
        self.jumps.append(self.world.now_ms)

    @asynccontextmanager
    async def _freeze(self, rng: random.Random) -> AsyncIterator[None]:
        """A process stands still in the middle of something, and goes on as if nothing had been."""
        frozen = rng.choice(self.world.replicas).who
        if frozen is not None:
            frozen.frozen = True
        yield
        if frozen is not None:
            frozen.frozen = False
