"""The ASGI service: Slack's ingress, the link page, health, readiness, metrics; and the timers beside them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from slack_bolt.async_app import AsyncApp
from starlette.applications import Starlette

from bot.errors import BotError
from bot.http import Client
from bot.render.context import Context
from bot.render.help import help_message
from bot.render.views import view
from bot.settings import required
from bot.slack import View
from bot.stores.intake import Intake as Store
from deploy.compose import Bot, greet
from deploy.health import health_routes
from deploy.watch import Watch
from handlers import register_all
from handlers.bolt import BoltDispatch, build_app
from handlers.http import slack_routes
from handlers.ingress import Ingress
from handlers.intake import Intake, Words
from handlers.link_page import link_routes
from handlers.ports import Answer, Dispatch
from scheduler.jobs import ask_passes
from scheduler.runner import passes_every

log = logging.getLogger(__name__)

HEARTBEAT_S = 5  # seconds a watchdog may take
GREET_PATIENCE = 0.5  # seconds of Slack's three, while the team is not known yet


class Waking:
    """Wakes the driver after each request, so that what was recorded is begun at once."""

    def __init__(self, dispatch: Dispatch, running: Bot) -> None:
        self._dispatch, self._running = dispatch, running
        self._watch = Watch(running.parts, running.settings)

    async def __call__(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(greet(self._running), GREET_PATIENCE)
        answer = await self._dispatch(body, headers)
        await self._watch.look()
        self._running.wake()
        return answer


def intake_of(running: Bot) -> Intake:
    """The intake of this process."""
    deps = running.parts.deps
    return Intake(
        Store(running.db, running.ids), running.slack, deps.sealer, running.clock, command=deps.command,
        teams=lambda: frozenset({deps.team} - {""}), zone=deps.config.timezone,
        words=Words(help_message, lambda callback, title: _loading(running, callback, title)),
    )  # fmt: skip


def _loading(running: Bot, callback: str, title: str) -> View:
    facts = {"view": "loading", "callback": callback, "title": title}
    return view(facts, running.clock.now(), Context(running.parts.deps.command))


def bolt_dispatch(running: Bot, intake: Intake) -> tuple[AsyncApp, Dispatch]:
    """Bolt, and the dispatch through it that wakes the driver after each request."""
    app = build_app(running.slack.client)
    register_all(app, intake, command=running.parts.deps.command, ids=running.ids)
    return app, Waking(BoltDispatch(app), running)


def site(running: Bot, dispatch: Dispatch | None) -> Starlette:
    """Every route. `dispatch` None: Slack comes over a socket, so there is no ingress."""
    routes = [*health_routes(running), *link_routes(running.parts)]
    if dispatch is not None:
        secret = required(running.settings.signing_secret, "SLACK_SIGNING_SECRET").get_secret_value()
        routes += slack_routes(Ingress(running.clock, running.ids, [secret], dispatch))
    return Starlette(routes=routes)


@asynccontextmanager
async def timers(running: Bot) -> AsyncIterator[None]:
    """The driver and the scheduler of a long-running process."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running.local)
        watch = Watch(running.parts, running.settings)
        await stack.enter_async_context(heartbeat(running, watch))

        async def ask() -> None:
            await ask_for_passes(running, watch)

        scheduler = passes_every(running.parts.deps.poll, ask)
        scheduler.start()
        stack.callback(scheduler.shutdown, wait=False)
        await ask()
        yield


async def ask_for_passes(running: Bot, watch: Watch) -> None:
    """Record the passes of this interval, and that this replica is there. Never raises."""
    deps = running.parts.deps
    try:
        if await greet(running):
            await ask_passes(running.db, running.ids, list(deps.config.projects), running.clock.now(), deps.poll)
            running.wake()
            await watch.note()
    except (BotError, OSError):
        log.exception("no pass could be asked for; the next interval tries again")
    except Exception:
        log.exception("no pass could be asked for")


@asynccontextmanager
async def heartbeat(running: Bot, watch: Watch, patience_s: float = HEARTBEAT_S) -> AsyncIterator[None]:
    """Calls the watchdog right after each pass of this process; whatever it does, no pass waits for it.

    A pass that failed is none: the watchdog is there to notice that they cease.
    """
    ended, closing = asyncio.Event(), asyncio.Event()

    def listen(kind: str) -> None:
        if kind == "pass":
            ended.set()

    async def beat(client: Client) -> None:
        while not closing.is_set() or ended.is_set():
            await ended.wait()
            ended.clear()
            await heard(watch, client, patience_s)

    try:
        await watch.remember()
    except Exception:  # a store that is away for a moment keeps no service from starting
        log.exception("what has ended before cannot be read")
    async with Client(timeout=patience_s) as client:
        running.drain.listeners.append(listen)
        task = asyncio.create_task(beat(client))
        try:
            yield
        finally:
            running.drain.listeners.remove(listen)
            closing.set()
            ended.set()  # what has ended since is still told
            await task


async def heard(watch: Watch, client: Client, patience_s: float = HEARTBEAT_S) -> None:
    """Tell the watchdog of passes that have ended. Never raises, and never takes longer than `patience_s`."""
    try:
        async with asyncio.timeout(patience_s):
            await watch.beat(client)
    except TimeoutError:
        log.warning("heartbeat: no answer within %s s", patience_s)
    except Exception:
        log.exception("the watchdog could not be called")
