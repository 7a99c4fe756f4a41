"""A bot on the sandbox's stage, on one clock that is pushed: the sandbox, the story and the tests drive this."""

import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.compose import Bot, Outside, bot, greet
from deploy.front import bolt_dispatch, intake_of, site
from deploy.sandbox.links import PEOPLE, link_people
from deploy.sandbox.server import LocalServer
from deploy.sandbox.slack.sim import SimSlack
from deploy.sandbox.stage import Stage, stage
from scheduler.jobs import ask_now

PASS_EVERY = timedelta(minutes=1)
SECOND_MS = 1000
QUIET_AFTER = 90  # seconds of nothing due before we believe that it has settled


@dataclass(slots=True)
class Play:
    """The stage and the bot on it."""

    stage: Stage
    bot: Bot
    url: str

    @property
    def slack(self) -> SimSlack:
        return self.stage.slack

    @property
    def cloud(self) -> Any:
        """The simulated cloud's state."""
        return self.stage.cloud.cloud

    async def work(self) -> None:
        """Do what is due now, and what falls due by pacing within the next seconds; the clock moves along with it."""
        for _ in range(QUIET_AFTER):
            await self.bot.drain()
            due = await self.bot.drain.next_due()
            if due is None or due - self.bot.clock.now() > timedelta(seconds=4):
                return
            self.stage.clock.advance_ms(max(1, -(-(due - self.bot.clock.now()) // timedelta(milliseconds=1))))

    async def advance(self, span: timedelta, step: timedelta = PASS_EVERY) -> None:
        """Let time pass, with a pass after each step, as a running bot would make."""
        end = self.bot.clock.now() + span
        while (left := end - self.bot.clock.now()) > timedelta(0):
            self.stage.clock.advance_ms(min(step, left) // timedelta(milliseconds=1))
            await self.sweep()

    async def sweep(self) -> None:
        """One pass, and all that follows from it."""
        await self.work()
        names = list(self.bot.config.projects)
        await ask_now(self.bot.db, self.bot.ids, names, self.bot.clock.now())
        await self.work()


class Door:
    """Takes a port before there is an app behind it: the bot must know its own address to be built."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is None:
            await Response(status_code=503)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@asynccontextmanager
async def play(
    on: Stage, *, linked: bool = True, unlinked: Collection[str] = (), outside: Outside | None = None,
    jitter: Callable[[], float] = random.random, **settings: str,
) -> AsyncIterator[Play]:  # fmt: skip
    """Put a bot on the stage: its ingress is served on loopback, its work is driven by `work` and `advance`.

    `linked`: the sandbox's people have linked already, but for those in `unlinked`.
    """
    async with AsyncExitStack() as stack:
        door = Door()
        server = await stack.enter_async_context(LocalServer(door))
        known, config = on.settled(**{"LEASEBOT_PUBLIC_URL": server.url, **settings})
        running = await stack.enter_async_context(bot(known, config, clock=on.clock, jitter=jitter, outside=outside))
        await greet(running)
        intake = intake_of(running)
        stack.push_async_callback(intake.close)
        _app, dispatch = bolt_dispatch(running, intake)
        door.app = site(running, dispatch)
        on.slack.bot_url = f"{server.url}/slack/events"
        people = {slack: user for slack, user in PEOPLE.items() if linked and slack not in unlinked}
        for project in config.projects:
            await link_people(running.parts.deps, project, people)
        yield Play(on, running, server.url)


@asynccontextmanager
async def played(**options: Any) -> AsyncIterator[Play]:
    """A stage with a bot on it."""
    async with stage(**options) as on, play(on) as made:
        yield made
