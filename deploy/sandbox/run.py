"""`leasebot sandbox`: everything on one machine, with a page in the browser and a clock you can push."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from deploy.front import timers
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud.settings import CloudSettings
from deploy.sandbox.links import DOMAIN, PEOPLE, password
from deploy.sandbox.play import Play, play
from deploy.sandbox.real_jupyter import real_jupyters
from deploy.sandbox.seed import seed_notebooks
from deploy.sandbox.stage import Stage, stage
from deploy.sandbox.standing_still import Gate, gated

SHORT_PUSH = timedelta(hours=2)
SHORT_STEP, STEP, NOTHING_RUNS = timedelta(minutes=5), timedelta(minutes=10), timedelta(hours=1)
MOST = timedelta(days=31)  # of one push: each step is worked through
NOT_YET_LINKED = "U0BEN"  # so that a visitor can play linking too


class Sandbox:
    """The page's controls: the clock, and whether a notebook is in use."""

    def __init__(self, made: Play) -> None:
        self._play = made
        self._pushing, self._gate = asyncio.Lock(), Gate()

    def connect(self) -> None:
        """Let the page reach it, and let the bot rest while the clock is pushed."""
        self._play.bot.local = gated(self._play.bot.drain, self._gate)
        slack = self._play.slack
        slack.on_clock_push, slack.cloud_view, slack.set_activity = self.push, self.view, self.activity
        for person, user in PEOPLE.items():
            secret = password(user).password
            slack.cloud_accounts[person] = {"domain": DOMAIN, "user": user, "password": secret}

    async def push(self, ms: int) -> None:
        """Time passes in steps, so that what falls due on the way happens on the way. Raises ValueError."""
        if not 0 <= ms <= MOST // timedelta(milliseconds=1):
            raise ValueError(f"here the clock is pushed forward only, by at most {MOST.days} days at once")
        left = timedelta(milliseconds=ms)
        usual = SHORT_STEP if left <= SHORT_PUSH else STEP
        async with self._pushing, self._gate.shut():
            while left > timedelta(0):
                running = any(notebook.live for notebook in self._play.cloud.notebooks())
                step = min(left, usual if running else NOTHING_RUNS)
                await self._play.advance(step, step)
                left -= step

    async def view(self) -> list[dict[str, Any]]:
        """The cloud's own view."""
        found: list[dict[str, Any]] = self._play.cloud.view()
        return found

    async def activity(self, notebook_id: str, activity: str) -> None:
        """Put it to work, or leave it alone."""
        if activity == "busy":
            self._play.cloud.make_busy(notebook_id)
        else:
            self._play.cloud.make_idle(notebook_id)


def hurried() -> CloudSettings:
    """A visitor watches: notebooks come and go sooner than real ones."""
    return CloudSettings(create_ms=12_000, start_ms=9_000, stop_ms=20_000)


async def up(
    stack: AsyncExitStack, *, port: int = 0, clock: SimClock | None = None, real_jupyter: bool = False,
    by_itself: bool = True,
) -> tuple[Stage, Play]:  # fmt: skip
    """The whole sandbox, running by itself until `stack` is closed.

    `real_jupyter` puts a real Jupyter server behind each running notebook; raises SettingsError if none is installed.
    Without `by_itself` nothing happens but what `Play.work` and `Play.advance` do.
    """
    on = await stack.enter_async_context(stage(clock=clock, port=port, cloud_settings=hurried()))
    seed_notebooks(on.cloud.cloud)
    made = await stack.enter_async_context(play(on, unlinked={NOT_YET_LINKED}, LEASEBOT_POLL_SECONDS="5"))
    Sandbox(made).connect()
    if real_jupyter:
        await stack.enter_async_context(real_jupyters(on.cloud.cloud, on.folder / "jupyter"))
    if by_itself:
        await stack.enter_async_context(timers(made.bot))
    return on, made


async def sandbox(port: int, ready: Callable[[str], Any], *, real_jupyter: bool = False) -> None:
    """Run until it is ended; `ready` is told the page's address."""
    async with AsyncExitStack() as stack:
        on, _made = await up(stack, port=port, real_jupyter=real_jupyter)
        ready(on.slack.page_url)
        await asyncio.Event().wait()
