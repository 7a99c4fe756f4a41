"""App Home: drawn at once from what is known, then again from what the cloud says."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from bot.clock import to_ms
from bot.config.policy import effective
from bot.errors import CloudError, NotLinked
from bot.model import Status
from bot.operations.answers.listing import List, powers
from bot.operations.answers.myself import link_facts, settings_facts
from bot.operations.answers.reader import Reader
from bot.operations.answers.rows import Looker, row_facts
from bot.operations.answers.waiting import for_me
from bot.operations.approvals import request_facts
from bot.operations.ask import Ask
from bot.operations.base import Parts
from bot.operations.notices import idle_stops
from bot.operations.resolve import owns
from bot.operations.tab import draw
from bot.operations.verbs import Verb
from bot.render.facts import at
from bot.render.view_facts import Attention, ProjectState
from bot.stores import approvals, identities, notebooks
from bot.stores.database import Tx
from bot.stores.schema import projects
from bot.work import Done, Go, Outcome

log = logging.getLogger(__name__)

SOON = timedelta(hours=1)  # a lease that ends within this needs attention
EXPIRES_SOON = timedelta(days=3)
LATE = timedelta(minutes=10)


class Home(Reader):
    """Verb `home`: the tab was opened, or something on it changed."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._own = List(parts)

    def table(self) -> dict[str, Verb]:
        return {"home": self.home}

    async def home(self, ask: Ask, now: datetime) -> Outcome:
        """First what is known; then one's own are listed, one project at a time, and it is drawn again."""
        live = [name for name in ask.projects if name in ask.person.cloud_users]
        step = ask.claim.step
        if step == "start":
            facts = await self.facts(ask, now)
            if live:
                return Go("look:0", ask.claim.data, write=self._drawn(ask, facts, now))
            return Done({"home": "known"}, write=self._drawn(ask, facts, now))
        number = int(step.partition(":")[2])
        if number < len(live):
            await self._look(ask, live[number], now)
            return Go(f"look:{number + 1}", ask.claim.data)
        return Done({"home": "fresh"}, write=self._drawn(ask, await self.facts(ask, now, fresh=True), now))

    async def _look(self, ask: Ask, project: str, now: datetime) -> None:
        try:
            await self._own.look(ask, project, now)
        except (NotLinked, CloudError) as error:
            log.warning("own notebooks in %s, for App Home: %s", project, error)

    def _drawn(self, ask: Ask, facts: dict[str, Any], now: datetime) -> Any:
        async def write(db: Tx) -> None:
            await draw(db, self.deps, ask.user, facts, now)

        return write

    async def facts(self, ask: Ask, now: datetime, *, fresh: bool = False) -> dict[str, Any]:
        """Everything on the tab, as the store knows it. No cloud call."""
        looker = Looker(ask.person, await powers(self.parts, ask), len(ask.projects) > 1)
        chosen = await settings_facts(self.parts, ask.user)
        waiting = await for_me(self.parts, ask, now)
        async with self.deps.db.read() as db:
            mine = [row for row in await notebooks.of_projects(db, ask.projects) if owns(ask.person, row)]
            shown = [await row_facts(db, self.deps, row, looker, now) for row in mine]
            coming: dict[str, datetime] = {}
            for project in {row.project for row in mine}:
                coming |= await idle_stops(db, project, [row.id for row in mine if row.project == project])
            links = await identities.of_person(db, self.deps.team, ask.user)
        mine_to_decide = {facts["id"] for facts in waiting}
        admin = [await self._state(name, mine_to_decide, now) for name in await self._administered(ask)]
        up = {"RUNNING", "SNAPSHOTTING", "CREATING", "STARTING", "INIT", "STOPPING"}
        facts: dict[str, Any] = {
            "view": "home",
            "cause": f"home:{self.deps.ids.new()}",
            "user": ask.user,
            "linked": bool(links),
            "has_project": bool(ask.projects),
            "attention": [*_of_links(links, now), *_of_rows(mine, shown, coming, now), *_of_requests(waiting)],
            "running": [row for row in shown if row["status"] in up],
            "stopped": [row for row in shown if row["status"] not in up],
            "zone": chosen["zone"],
            "quiet": chosen["quiet"],
            "admin": admin,
        }
        return facts | ({"as_of_ms": to_ms(now)} if fresh else {})

    async def _administered(self, ask: Ask) -> list[str]:
        return [name for name in self.deps.config.projects if await self.parts.people.is_admin(ask.user, name)]

    async def _state(self, project: str, elsewhere: set[str], now: datetime) -> ProjectState:
        async with self.deps.db.read() as db:
            row = (await db.execute(select(projects).where(projects.c.name == project))).first()
            running = await notebooks.running_ids(db, project)
            waiting = await approvals.pending(db, [project])
        policy = effective(self.deps.config, project, stored_mode=row.mode if row else None)
        state: ProjectState = {
            "project": project,
            "mode": policy.idle_mode,
            "mode_from_file": policy.mode_is_fixed,
            "running": len(running),
            "last_pass_ms": to_ms(row.last_pass_at) if row and row.last_pass_at else None,
            "pending": [request_facts(each) for each in waiting if each.id not in elsewhere],  # type: ignore[misc]
        }
        if row and row.paused:
            state["brake"] = row.paused
        if row and row.last_error and (row.last_ok_at is None or now - row.last_ok_at > LATE):
            state["trouble"] = f"The last pass failed: {row.last_error}"
        return state


def _of_links(links: list[Any], now: datetime) -> list[Attention]:
    found: list[Attention] = []
    for row in links:
        facts = link_facts(row, now)
        words = {
            "expired": "have expired: link again",
            "refused": "are no longer accepted by the cloud: link again",
            "waiting": "wait for an admin to confirm them",
        }.get(facts["state"])
        if words is None and row.expires_at and row.expires_at - now < EXPIRES_SOON:
            words = f"expire {at(to_ms(row.expires_at))}: link again before"
        if words:
            found.append({"text": f"Your cloud credentials for {row.project} {words}."})
    return found


def _of_rows(mine: list[Any], shown: list[Any], coming: Mapping[str, datetime], now: datetime) -> list[Attention]:
    """`coming`: when those that were warned for idleness are stopped."""
    found: list[Attention] = []
    for row, facts in zip(mine, shown, strict=True):
        status = Status(row.status)
        if status in (Status.CREATE_FAILED, Status.START_FAILED, Status.ERROR, Status.DELETE_FAILED):
            reason = row.snapshot.get("fail_reason") or status.said
            found.append({"text": f"{row.name} is in trouble: {reason}.", "row": facts})
        elif status.runs and (stop_at := coming.get(row.id)) and stop_at > now:
            said = f"{row.name} is idle and will be stopped {at(to_ms(stop_at))}, unless you keep it or it is used."
            its = facts.copy()
            its["actions"] = ["keep", "open", "stop"]
            found.append({"text": said, "row": its})
        elif row.lease_end and row.lease_end - now < SOON and status.runs:
            found.append({"text": f"{row.name} ends {at(to_ms(row.lease_end))}.", "row": facts})
        elif facts.get("idle_since_ms") and not facts.get("keep_until_ms"):
            found.append({"text": f"{row.name} has been idle since {at(facts['idle_since_ms'])}.", "row": facts})
    return found


def _of_requests(waiting: list[dict[str, Any]]) -> list[Attention]:
    return [{"text": "", "approval": facts} for facts in waiting]  # type: ignore[typeddict-item]
