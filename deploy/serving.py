"""`leasebot serve`, `socket`, `tick`: what each does once it is built."""

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from sqlalchemy import func, select
from starlette.applications import Starlette

from bot.claims import free_the_dead
from bot.clock import Clock
from bot.config.model import Config
from bot.errors import BotError
from bot.settings import Settings, required
from bot.stores.schema import work
from deploy.compose import Bot, bot, greet, settle_memory
from deploy.front import bolt_dispatch, heartbeat, intake_of, site, timers
from deploy.watch import Watch
from handlers.socket import SocketIngress
from scheduler.jobs import ask_now

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(milliseconds=100)
RETRY_PATIENCE = timedelta(seconds=30)  # contract 7: tick waits so long for a Retry-After


class Server(uvicorn.Server):
    """Prints the one ready line when it accepts; SIGTERM and Ctrl-C let it finish, and then everything is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal once more at the end, in the middle of closing."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(json.dumps({"ready": True, "url": f"http://{shown}:{port}"}), flush=True)  # noqa: T201


def server(app: Starlette, host: str, port: int) -> Server:
    """A server that has not started; `port` 0 takes any."""
    return Server(uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off"))


async def _listen(made: Server, host: str, port: int) -> None:
    """Until it is told to end. Raises BotError where it cannot listen there: uvicorn would end the process."""
    try:
        await made.serve()
    except SystemExit as error:
        raise BotError(
            f"Nobody can listen on {host}:{port} here.", next_step="Is the port taken, or the address another host's?"
        ) from error


@asynccontextmanager
async def _begun(settings: Settings, config: Config, clock: Clock | None = None) -> AsyncIterator[Bot]:
    """The bot of a process; what processes of this host had begun before they died is taken over at once."""
    async with bot(settings, config, clock=clock) as running:
        if freed := await free_the_dead(running.db, running.clock.now()):
            log.info("%s claims of dead processes are free again", freed)
        yield running


async def serve(settings: Settings, config: Config, host: str, port: int, clock: Clock | None = None) -> None:
    """HTTP ingress with the scheduler inside, until it is told to end."""
    settings.check_serving()
    async with _begun(settings, config, clock) as running:
        intake = intake_of(running)
        _app, dispatch = bolt_dispatch(running, intake)
        settle_memory()
        async with timers(running):
            await _listen(server(site(running, dispatch), host, port), host, port)
        await intake.close()


async def socket(settings: Settings, config: Config, host: str, port: int) -> None:
    """The same over Socket Mode; the link page and health are still served over HTTP."""
    settings.check_serving(socket=True)
    async with _begun(settings, config) as running:
        await greet(running)
        intake = intake_of(running)
        app, dispatch = bolt_dispatch(running, intake)
        token = required(settings.app_token, "SLACK_APP_TOKEN").get_secret_value()
        ingress = SocketIngress(app, token, dispatch, running.ids)
        settle_memory()
        async with timers(running):
            await ingress.connect_async()  # type: ignore[no-untyped-call]
            try:
                await _listen(server(site(running, None), host, port), host, port)
            finally:
                await ingress.close_async()  # type: ignore[no-untyped-call]
        await intake.close()


async def tick(settings: Settings, config: Config, clock: Clock | None = None) -> tuple[int, dict[str, Any]]:
    """One pass of every project, then all that is due, its messages delivered. (exit code, counts)"""
    async with _begun(settings, config, clock) as running:
        await greet(running)
        names = list(config.projects)
        asked = await ask_now(running.db, running.ids, names, running.clock.now())
        async with heartbeat(running, Watch(running.parts, settings)):
            done = await running.drain.settle(RETRY_PATIENCE)
            await _await_others(running, asked)
            missed = await _without_pass(running, asked)
        counts = {
            "projects": len(names),
            "passes": len(names) - len(missed),
            "advanced": done.advanced,
            "delivered": done.delivered,
            "waiting": await _waiting(running),
            "missed": missed,
        }
    return (1 if missed else 0), counts


async def _await_others(running: Bot, asked: list[str]) -> None:
    """Another `tick` may be at one of our passes: it is decided when that one has done it."""
    under_way = select(work.c.id).where(work.c.id.in_(asked), work.c.state == "running").limit(1)
    for _ in range(int(RETRY_PATIENCE / LOOK_AGAIN)):
        async with running.db.read() as db:
            if (await db.execute(under_way)).first() is None:
                return
        await asyncio.sleep(LOOK_AGAIN.total_seconds())


async def _without_pass(running: Bot, asked: list[str]) -> list[str]:
    """Projects that got no pass: the work is not done, or the cloud could not be listed."""
    async with running.db.read() as db:
        rows = list(await db.execute(select(work).where(work.c.id.in_(asked))))
    return sorted(row.data["project"] for row in rows if row.state != "done" or (row.result or {}).get("error"))


async def _waiting(running: Bot) -> int:
    async with running.db.read() as db:
        return int(
            (await db.execute(select(func.count()).select_from(work).where(work.c.state == "open"))).scalar_one()
        )
