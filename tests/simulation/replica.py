"""One replica of the bot: it lives, dies at a named point, and lives again on the same database."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.clock import SKEW, from_ms
from bot.config.model import Config
from bot.operations.deps import BRIEF_FROM
from bot.settings import Settings
from deploy.compose import Bot, Outside, bot, greet
from deploy.front import ask_for_passes, intake_of
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud.world import SimCloud
from deploy.sandbox.slack.sim import SimSlack
from deploy.watch import Watch
from handlers.direct import DirectDispatch
from handlers.ports import Answer
from tests.simulation.points import Incarnation, Killed, Points, SimDatabase
from tests.simulation.ports import CloudTransport, DirectClient, InProcessSlack
from tests.simulation.stagehands import SeededIds

log = logging.getLogger("tests.simulation")

COURIERS = 1
WORK, MESSAGES = 0, 1
LOOK_AGAIN_S, LONGEST_LOOK_S = 1.0, 60.0
RACE = 0.2  # how often a hand that sees something due goes for it at once, maybe against another one
Dues = tuple[int | None, int | None]  # of work and of messages
LONGEST_SLEEP_S = 300.0  # somebody may have written what is due without knowing it
TROUBLE_S, NEVER_S = 2.0, 365 * 86400.0


class HostClock:
    """A host's clock: simulated time, off by as much as this host is off."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self.off_ms = 0

    def now(self) -> datetime:
        return from_ms(self.now_ms())

    def now_ms(self) -> int:
        return self._clock.now_ms() + self.off_ms


@dataclass
class Stage:
    """What all replicas share."""

    clock: SimClock
    cloud: SimCloud
    slack: SimSlack
    points: Points
    settings: Settings
    config: Config
    open_database: Callable[[Incarnation], SimDatabase]
    rng: random.Random
    dice: random.Random  # of the drivers
    wakes: list[asyncio.Event] = field(default_factory=list)
    brief_from: int = BRIEF_FROM  # what the bot is built with
    dues: dict[int, tuple[int, Dues]] = field(default_factory=dict)  # by clock: after how many changes, when

    def wake(self) -> None:
        """Something was recorded: everybody looks."""
        for event in self.wakes:
            event.set()


class Replica:
    """`live` keeps one incarnation after the other running."""

    def __init__(self, name: str, stage: Stage, down_s: Callable[[], float], hands: int) -> None:
        self.hands = hands
        self.name, self.stage, self._down_s = name, stage, down_s
        self.clock = HostClock(stage.clock)
        self.who: Incarnation | None = None
        self.bot: Bot | None = None
        self.cut: CloudTransport | None = None
        self.mortal = True
        self.starts = 0
        self._dispatch: DirectDispatch | None = None
        self._over, self.ready = asyncio.Event(), asyncio.Event()

    @property
    def up(self) -> bool:
        """Whether it takes requests."""
        return self._dispatch is not None and self.who is not None and self.who.alive

    def died(self) -> None:
        """Its incarnation is gone."""
        self._dispatch = self.bot = None
        self._over.set()

    async def dispatch(self, body: Mapping[str, Any]) -> Answer:
        """A request of Slack's."""
        if self._dispatch is None or self.bot is None:
            raise OSError("connection refused")
        answer = await self._dispatch(body, {})
        self.stage.wake()
        return answer

    async def live(self) -> None:
        """For ever: start, run, die, rest, start."""
        while True:
            self.starts += 1
            self.who = Incarnation(f"{self.name}.{self.starts}", mortal=self.mortal)
            self._over.clear()
            database = self.stage.open_database(self.who)
            async with AsyncExitStack() as stack:
                try:
                    tasks = await self._start(stack, self.who, database)
                except Killed:
                    tasks = []
                await self._over.wait()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await database.dispose()
            await asyncio.sleep(self._down_s())

    async def _start(
        self, stack: AsyncExitStack, who: Incarnation, database: SimDatabase
    ) -> "list[asyncio.Task[None]]":
        stage = self.stage
        loop = asyncio.get_running_loop()
        self.cut = CloudTransport(stage.cloud.app, who, stage.points)
        client = DirectClient(self.cut)
        slack = InProcessSlack(stage.slack, who, stage.points, self.clock)
        outside = Outside(database, slack, client, loop.time)
        ids, jitter = SeededIds(stage.rng), stage.rng.random
        running = await stack.enter_async_context(
            bot(
                stage.settings,
                stage.config,
                clock=self.clock,
                ids=ids,
                jitter=jitter,
                outside=outside,
                brief_from=stage.brief_from,
            )
        )
        await greet(running)
        self.bot, self._dispatch = running, DirectDispatch(intake_of(running))
        self.ready.set()
        hands = [self._hand(who, database, running.drain.one_work, WORK) for _ in range(self.hands)]
        couriers = [self._hand(who, database, running.drain.one_message, MESSAGES) for _ in range(COURIERS)]
        watch = Watch(running.parts, running.settings)
        return [loop.create_task(each) for each in (*hands, *couriers, self._timer(running, watch))]

    async def _timer(self, running: Bot, watch: Watch) -> None:
        """What the scheduler of the process does."""
        try:
            while True:
                await ask_for_passes(running, watch)
                self.stage.wake()
                await asyncio.sleep(running.parts.deps.poll.total_seconds())
        except Killed:
            return

    async def _hand(
        self, who: Incarnation, database: SimDatabase, step: Callable[[], Awaitable[str | None]], what: int
    ) -> None:
        """As `bot.drivers.Local` does, but it sleeps through the time in which nothing is due."""
        wake, pause = asyncio.Event(), 0.0
        self.stage.wakes.append(wake)
        try:
            while who.alive:
                wake.clear()
                if not await self._due_now(database, what, wake, pause):
                    pause = 0.0
                    continue
                worked = await self._step(step)
                pause = 0.0 if worked else min(LONGEST_LOOK_S, max(LOOK_AGAIN_S, pause * 2))
                if worked:
                    self.stage.wake()
        except Killed:
            return
        finally:
            self.stage.wakes.remove(wake)

    async def _step(self, step: Callable[[], Awaitable[str | None]]) -> str | None:
        try:
            return await step()
        except Exception:
            log.exception("the store does not answer")
            await asyncio.sleep(TROUBLE_S)
            return None

    async def _due_now(self, database: SimDatabase, what: int, wake: asyncio.Event, pause: float) -> bool:
        """Sleep until something is due, at least for `pause` s; False if somebody woke us."""
        left = max(pause, await self._left(database, what))
        if left > 0:
            try:
                async with asyncio.timeout(min(left, LONGEST_SLEEP_S)):
                    await wake.wait()
                    return False
            except TimeoutError:
                if left > LONGEST_SLEEP_S:
                    return False
        if self.stage.dice.random() < RACE:
            return True
        await asyncio.sleep(self.stage.dice.uniform(0.01, 0.2))  # most of the time somebody else has it by then
        return await self._left(database, what) <= 0

    async def _left(self, database: SimDatabase, what: int) -> float:
        """Until something falls due (s). Asked anew only where something was written since, or the clock was put."""
        stage, off = self.stage, self.clock.off_ms
        known = stage.dues.get(off)
        if known is None or known[0] != stage.points.moved:
            moved = stage.points.moved
            known = stage.dues[off] = moved, await next_instants(database, self.clock.now_ms())
        at = known[1][what]
        return (at - self.clock.now_ms()) / 1000 if at is not None else NEVER_S


_OF_WORK = (
    "SELECT min(at) FROM (SELECT CASE WHEN state = 'open' AND updated_at > :ahead THEN 0 ELSE due_at END AS at"
    " FROM work WHERE state IN ('open', 'held') UNION ALL"
    " SELECT CASE WHEN updated_at > :ahead THEN 0 ELSE claim_until END AS at FROM work WHERE state = 'running') dues"
)
_OF_MESSAGES = (
    "SELECT min(CASE WHEN o.created_at > :ahead OR o.failing_since > :ahead OR o.attempted_at > :ahead"
    " OR (o.tries = 0 AND o.due_at > :ahead) THEN 0"
    " WHEN o.sent_rev = 0 AND p.next_at > o.due_at AND p.at <= :ahead THEN p.next_at ELSE o.due_at END)"
    " FROM outbox o LEFT JOIN paces p ON p.name = o.target WHERE o.state = 'pending'"
)

_DUES = f"SELECT ({_OF_WORK}), ({_OF_MESSAGES})"


async def next_instants(database: SimDatabase, now_ms: int) -> Dues:
    """When any work and any message falls due (ms), claims of the dead included.

    Only so that quiet hours can be slept through.
    """
    return await database.least(_DUES, now_ms + SKEW // timedelta(milliseconds=1))


__all__ = ["HostClock", "Replica", "Stage", "next_instants"]
