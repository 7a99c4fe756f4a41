"""Is anybody still at work? A watchdog is called after passes; a dead scheduler and unlike replicas raise an alert."""

import asyncio
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from bot.claims import host_name
from bot.clock import EPOCH, to_ms
from bot.errors import SlackError
from bot.http import Client, HTTPError
from bot.operations.alerts import alert, numbered
from bot.operations.base import Parts
from bot.render.facts import at
from bot.rules.brakes import late_after
from bot.settings import Settings
from bot.stores.database import Database
from bot.stores.schema import beats, projects
from bot.stores.upsert import put

log = logging.getLogger(__name__)

KIND = "scheduler_dead"
ASK_AGAIN = timedelta(minutes=1)
LOOK_PATIENCE = 0.3  # seconds; the request waits, and Slack gives it three in all
TELL_PATIENCE, ADMINS_PATIENCE = 1.5, 1.0
_UNLIKE = select(beats).where(beats.c.config_hash != bindparam("ours"))
BEATS_LATELY = 3  # intervals


class Watch:
    """One replica's eyes on the others and on the scheduler."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts, self._deps, self._settings = parts, parts.deps, settings
        self._since = parts.deps.clock.now()
        self._looked: datetime | None = None
        self._beaten: datetime | None = None
        self.replica = f"{host_name()}:{os.getpid()}"

    @property
    def _db(self) -> Database:
        return self._deps.db

    async def _rows(self) -> dict[str, Any]:
        async with self._db.read() as db:
            rows = {row.name: row for row in await db.execute(select(projects))}
        return {name: rows.get(name) for name in self._deps.config.projects}

    # --- the watchdog --------------------------------------------------------------------------

    async def beat(self, client: Client) -> None:
        """Call `LEASEBOT_HEARTBEAT_URL` if a pass has ended since the last call. Its answer is its own business."""
        if self._settings.heartbeat_url is None:
            return
        newest = await self._newest()
        if newest is None or newest == self._beaten:
            return
        self._beaten = newest
        try:
            await client.get(self._settings.heartbeat_url.get_secret_value())
        except HTTPError as error:
            log.warning("heartbeat: %s", type(error).__name__)

    async def remember(self) -> None:
        """What has ended before this process came is nothing to tell of."""
        if self._settings.heartbeat_url is not None:
            self._beaten = await self._newest()

    async def _newest(self) -> datetime | None:
        """When the last pass that succeeded was."""
        ended = [row.last_ok_at for row in (await self._rows()).values() if row is not None and row.last_ok_at]
        return max(ended, default=None)

    # --- a dead scheduler ----------------------------------------------------------------------

    async def look(self) -> None:
        """At each request, at most once a minute: has any project been without a pass for long? Never raises."""
        now = self._deps.clock.now()
        if self._looked is not None and now - self._looked < ASK_AGAIN:
            return
        self._looked = now
        try:
            async with asyncio.timeout(LOOK_PATIENCE):
                last = {name: row.last_pass_at if row else None for name, row in (await self._rows()).items()}
            # As long as there was none it counts from when this process began.
            late = {name: at for name, at in last.items() if now - (at or self._since) > late_after(self._deps.poll)}
            if late:
                async with asyncio.timeout(TELL_PATIENCE):
                    await self._tell(late, now)
        except TimeoutError:
            log.warning("the store does not say in time how old the last pass is")
        except Exception:
            log.exception("the age of the last pass cannot be looked at")

    async def _tell(self, late: Mapping[str, datetime | None], now: datetime) -> None:
        """Once for each time passes have ceased; `late`: when the last one was, None: there was none yet."""
        admins = {name: await self._admins(name) for name in late}
        today = now.astimezone(self._deps.config.timezone).date()
        async with self._db.begin() as db:
            for name, last in late.items():
                subject = await numbered(db, KIND, name, last or EPOCH, today)
                since = f"since {at(to_ms(last))}" if last else "yet"
                await alert(
                    self._parts, db, admins[name], KIND, subject, now, project=name,
                    text=f"There was no pass of {name} {since}: nobody is warned, nothing is stopped.",
                    next_step="Look whether the scheduler runs (`leasebot serve`, or the timer that calls `tick`).",
                    since_ms=to_ms(last or EPOCH),
                )  # fmt: skip

    async def _admins(self, project: str) -> frozenset[str]:
        """Groups as far as Slack says at once who is in them."""
        try:
            async with asyncio.timeout(ADMINS_PATIENCE):
                return await self._parts.people.admins(project)
        except (TimeoutError, SlackError):
            named = self._parts.people.roles(project).admins
            return frozenset(user for user in named if not user.startswith("S"))

    # --- replicas ------------------------------------------------------------------------------

    async def note(self) -> None:
        """Say that this replica is there, with its policy; tell admins if another one beats with another policy."""
        now, ours = self._deps.clock.now(), self._deps.config.file_hash
        async with self._db.begin() as db:
            await put(db, beats, {"replica": self.replica, "at": now, "config_hash": ours})
            others = list(await db.execute(_UNLIKE, {"ours": ours}))
        # One that was replaced a moment ago has beaten before we came; only what beats beside us counts.
        unlike = [row for row in others if row.at > max(self._since, now - self._deps.poll * BEATS_LATELY)]
        if unlike:
            admins = await self._parts.people.admins()
            async with self._db.begin() as db:
                await alert(
                    self._parts, db, admins, "policies_differ", "replicas", now,
                    text=f"{len(unlike) + 1} replicas run with different policy files.",
                    next_step="Give all of them the same file and start them again.",
                )  # fmt: skip
