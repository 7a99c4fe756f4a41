"""Does the worker's timer still run? Where it does not, nobody but the gateway is left to tell the admins.

The same alert as `deploy.watch` raises, under the same keys, but sent from here: the outbox has nobody to empty it.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import EPOCH, Clock, to_ms
from bot.errors import BotError, SlackError
from bot.render.alerts import alert
from bot.render.context import Context
from bot.render.facts import AlertFacts, at
from bot.rules import keys
from bot.rules.brakes import late_after
from bot.settings import Settings
from deploy.functiongraph.pgstore import PgStore
from deploy.functiongraph.quick import QuickSlack

if TYPE_CHECKING:
    from bot.config.model import Config

log = logging.getLogger(__name__)

KIND = "scheduler_dead"
ASK_AGAIN = timedelta(minutes=1)
LOOK_S, TELL_S = 0.5, 1.5  # seconds of the three that Slack gives the request beside it


class Lookout:
    """One instance's eyes on the worker."""

    def __init__(self, settings: Settings, store: PgStore, slack: QuickSlack, clock: Clock) -> None:
        self._settings, self._store, self._slack, self._clock = settings, store, slack, clock
        self._looked: datetime | None = None

    async def look(self) -> None:
        """Beside a request, at most once a minute. Never raises."""
        now = self._clock.now()
        if self._looked is not None and now - self._looked < ASK_AGAIN:
            return
        self._looked = now
        try:
            async with asyncio.timeout(LOOK_S):
                passes, waits = await asyncio.gather(self._store.last_passes(), self._store.oldest_request())
            patience = late_after(timedelta(seconds=self._settings.poll_seconds))
            if all(now - last <= patience for last in passes.values()) and (waits is None or now - waits <= patience):
                return
            from bot.config.load import load  # a cold function that has nothing to tell does without it

            config = load(self._settings.config, os.environ)
            late = [name for name in config.projects if now - passes.get(name, waits or now) > patience]
            async with asyncio.timeout(TELL_S):
                for name in late:
                    await self._tell(config, name, passes.get(name), now)
        except (BotError, TimeoutError) as error:
            log.warning("whether the worker runs: %s", type(error).__name__)
        except Exception:
            log.exception("whether the worker runs cannot be looked at")

    async def _tell(self, config: "Config", project: str, last: datetime | None, now: datetime) -> None:
        since_ms, day = to_ms(last or EPOCH), now.astimezone(config.timezone).date()
        known = await self._store.alerts(f"alert:{KIND}:{project}")
        told = {key.partition("@")[0]: facts.get("since_ms") for key, facts in known.items()}
        number, subject = 1, project
        while told.get(keys.alert(KIND, subject, day), since_ms) != since_ms:
            number, subject = number + 1, f"{project}#{number + 1}"
        since = f"since {at(to_ms(last))}" if last else "yet"
        facts: dict[str, Any] = {
            "cause": keys.alert(KIND, subject, day), "kind": KIND, "subject": subject, "project": project,
            "text": f"There was no pass of {project} {since}: nobody is warned, nothing is stopped, and what is asked "
            "for waits.",
            "next_step": "Look whether the timer of the worker function runs.",
            "button": "none", "at_ms": to_ms(now), "since_ms": since_ms,
        }  # fmt: skip
        admins = await self._people(config.projects[project].roles.admins)
        await asyncio.gather(*(self._send(user, facts, now) for user in sorted(admins)))

    async def _people(self, entries: Iterable[str]) -> set[str]:
        """Everybody named; a group that cannot be read counts for nobody."""
        found: set[str] = set()
        for entry in entries:
            if not entry.startswith("S"):
                found.add(entry)
                continue
            try:
                found |= await self._slack.group(entry)
            except SlackError as error:
                log.warning("who is in %s: %s", entry, error.code)
        return found

    async def _send(self, user: str, facts: Mapping[str, Any], now: datetime) -> None:
        """Once: whoever puts it into the outbox first sends it. If Slack does not take it, the next request tries."""
        key = f"{facts['cause']}@{user}"
        if (fence := await self._store.begin_alert(key, user, facts, now)) is None:
            return
        shown: AlertFacts = facts  # type: ignore[assignment]
        message = alert(shown, now, Context(self._settings.command))
        metadata = {"event_type": "alert", "event_payload": {"notebook_id": "", "key": facts["cause"]}}
        try:
            posted = await self._slack.tell(user, message, metadata)
        except SlackError as error:
            log.warning("an admin could not be told: %s", error.code)
            return
        await self._store.alert_sent(key, fence, posted.channel, posted.ts, self._clock.now())
