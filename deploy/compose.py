"""Settings and policy -> a running bot. One function builds everything; each part can be replaced."""

import gc
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot import http
from bot.claims import owner_name
from bot.clock import Clock, SystemClock
from bot.cloud.client import HttpClouds
from bot.config.model import Config
from bot.drivers import Drain, Local
from bot.errors import SlackError
from bot.ids import Ids, RandomIds
from bot.operations.base import Parts
from bot.operations.create import Create
from bot.operations.decide import Decide
from bot.operations.delete import Delete
from bot.operations.delivery import Drawing, Receipts
from bot.operations.deps import BRIEF_FROM, Deps, Workspace
from bot.operations.evidence import Evidence
from bot.operations.extend import Extend
from bot.operations.grants import Grant
from bot.operations.hold import HoldLease
from bot.operations.idle_stop import IdleStop
from bot.operations.keep import Keep
from bot.operations.people import People
from bot.operations.power import Start, Stop
from bot.operations.requests import Requests, Sorry
from bot.operations.sweep import Sweep
from bot.operations.table import read_verbs
from bot.operations.verbs import Verbs
from bot.outbox import Postman
from bot.paces import Turns
from bot.secrets import RESPONSE_PLACE, Sealer
from bot.settings import Settings, required
from bot.slackweb import SlackWeb
from bot.stores.database import Database
from bot.stores.migrate import ready
from bot.stores.vault import audit_key
from bot.tokens import Tokens
from bot.work import Handler, Workshop
from deploy.sources import idle_sources

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outside:
    """What leads out of the process; what is None is built from the settings. Whoever brings a part closes it."""

    db: Database | None = None
    slack: SlackWeb | None = None
    http: "http.Client | None" = None  # to the clouds and to notebooks
    ticks: Callable[[], float] = time.monotonic  # what calls to the clouds are timed with, in seconds


@dataclass(slots=True)
class Bot:
    """Everything that runs, whatever host it runs in."""

    settings: Settings
    config: Config
    clock: Clock
    ids: Ids
    db: Database
    slack: SlackWeb
    clouds: HttpClouds
    parts: Parts
    workshop: Workshop
    drain: Drain
    local: Local

    def wake(self) -> None:
        """Something was recorded."""
        self.local.wake()


@asynccontextmanager
async def bot(
    settings: Settings,
    config: Config,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    jitter: Callable[[], float] = random.random,
    outside: Outside | None = None,
    brief_from: int = BRIEF_FROM,
) -> AsyncIterator[Bot]:
    """Build it; close everything at the end. Raises SettingsError where something must be put right first."""
    async with AsyncExitStack() as stack:
        clock, ids, outside = clock or SystemClock(), ids or RandomIds(), outside or Outside()
        db = outside.db or Database(settings.engine_url)
        if outside.db is None:
            stack.push_async_callback(db.dispose)
        await ready(db)
        clouds = await stack.enter_async_context(HttpClouds(clock, outside.http, jitter=jitter, ticks=outside.ticks))
        slack, fetcher = outside.slack, outside.http
        if slack is None:
            slack = await stack.enter_async_context(_slack(settings, clock, Turns(db, clock)))
        if fetcher is None:
            fetcher = await stack.enter_async_context(http.Client(follow_redirects=False, trust_env=False))
        ring = {key.id: key.secret for key in settings.key_ring}
        sealer = Sealer(ring)
        deps = Deps(
            db, clock, ids, config, clouds, slack, sealer, jitter, settings.command, settings.public_url or "",
            timedelta(seconds=settings.poll_seconds), Workspace(), brief_from,
        )  # fmt: skip
        parts = Parts(deps, People(deps), Tokens(deps), await audit_key(db, sealer))
        owner = owner_name(ids.new()[:6])
        workshop = Workshop(
            db, clock, ids, handlers(parts, clouds, fetcher), Sorry(parts), jitter=jitter, owner=owner
        )  # fmt: skip
        postman = Postman(
            db, clock, slack, Drawing(settings.command, db), Receipts(), jitter=jitter, owner=owner,
            open_url=lambda sealed: sealer.open(sealed, bound_to=RESPONSE_PLACE),
        )  # fmt: skip
        drain = Drain(workshop, postman, clock)
        yield Bot(settings, config, clock, ids, db, slack, clouds, parts, workshop, drain, Local(drain))


def _slack(settings: Settings, clock: Clock, turns: Turns) -> SlackWeb:
    token = required(settings.bot_token, "SLACK_BOT_TOKEN").get_secret_value()
    return SlackWeb(token, clock, base_url=settings.slack_api_url, turns=turns)


def handlers(parts: Parts, clouds: HttpClouds, fetcher: http.Client) -> dict[str, Handler]:
    """Every kind of work there is."""
    sources = idle_sources(parts.deps.config, clouds, fetcher, parts.deps.clock)
    evidence = Evidence(parts, sources.__getitem__)
    verbs = {**Verbs(parts).table(), **Decide(parts).table(), **read_verbs(parts)}
    return {
        "request": Requests(parts, verbs),
        "create": Create(parts),
        "start": Start(parts),
        "stop": Stop(parts),
        "delete": Delete(parts),
        "extend": Extend(parts),
        "grant": Grant(parts),
        "keep": Keep(parts),
        "pass": Sweep(parts),
        "evidence": evidence,
        "idle_stop": IdleStop(parts, evidence),
        "hold": HoldLease(parts),
    }


def settle_memory() -> None:
    """What is there by now stays as long as the process does: collecting garbage need not look through it (60 ms)."""
    gc.collect()
    gc.freeze()


async def greet(running: Bot) -> bool:
    """Ask Slack who we are, unless it has said so; True once it is known."""
    workspace = running.parts.deps.workspace
    if not workspace.team:
        try:
            workspace.team = str((await running.slack.whoami()).get("team_id") or "")
        except SlackError as error:
            log.warning("Slack does not say who we are: %s", error.code)
    return bool(workspace.team)
