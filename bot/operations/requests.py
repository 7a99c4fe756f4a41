"""Kind `request`: everything a person typed, clicked or sent in, after the acknowledgement."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from bot.errors import Ambiguous, BotError, LinkWaits, NotAllowed, NotLinked, Stale
from bot.operations import approvals
from bot.operations.ask import Ask, answer
from bot.operations.base import Parts
from bot.operations.power import unmark
from bot.operations.report import oops, report
from bot.operations.verbs import Verb
from bot.outbox import Say, say
from bot.stores.database import Tx
from bot.stores.schema import work
from bot.work import Claim, Outcome

log = logging.getLogger(__name__)

STOPS = ("stop", "idle_stop")  # kinds of work that mark a notebook as stopped by us


class Requests:
    """Looks the person up, finds the verb, and turns what it raises into an answer."""

    def __init__(self, parts: Parts, verbs: Mapping[str, Verb]) -> None:
        self.parts, self.deps = parts, parts.deps
        self._verbs = {**verbs, "pick": self._pick}

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        user = str(claim.data["user"])
        person = await self.parts.people.acting(user)
        if person.guest or person.stranger or person.deleted:
            raise NotAllowed("Guests and people of other workspaces cannot use this bot.")
        projects = await self.parts.people.projects(user, sure=True)
        ask = Ask(self.deps, claim, person, projects, claim.data.get("args") or {})
        return await self.run(ask, now)

    async def run(self, ask: Ask, now: datetime) -> Outcome:
        """Run the verb; a name that fits several becomes choices, somebody unlinked gets the one next step."""
        try:
            return await self._verbs[ask.verb](ask, now)
        except KeyError as error:
            if ask.verb in self._verbs:
                raise
            raise Stale("I do not know this button any more.") from error
        except Ambiguous as error:
            choices = [{"id": id_, "label": label} for id_, label in error.choices]
            return ask.done("choices", now, cause=ask.claim.id, request=ask.claim.id, text=str(error), choices=choices)
        except LinkWaits as error:
            return ask.done("text", now, text=str(error), next_step=error.next_step)
        except NotLinked as error:
            return ask.done("not_linked", now, project=self._project(ask), text=str(error))

    def _project(self, ask: Ask) -> str:
        return str(ask.args.get("project") or (ask.projects[0] if ask.projects else ""))

    async def _pick(self, ask: Ask, now: datetime) -> Outcome:
        """Continue the request that was ambiguous, with the notebook that was picked; only its author may."""
        async with self.deps.db.read() as db:
            row = (await db.execute(select(work).where(work.c.id == str(ask.args.get("request"))))).first()
        if row is None or row.author != ask.user:
            raise NotAllowed("That choice belongs to somebody else's command.")
        data = dict(row.data) | {"reply": ask.claim.data.get("reply"), "cause": row.id}
        picked = dict(data.get("args") or {}) | {"notebook": ask.args["notebook"], "project": ask.args.get("project")}
        return await self.run(replace(ask, claim=replace(ask.claim, data=data), args=picked), now)


class Sorry:
    """Tells the author of work that failed for good. `GiveUp` of the workshop."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps

    async def __call__(self, db: Tx, claim: Claim, error: BaseException, now: datetime) -> None:
        told = oops(error, claim.id)
        if claim.kind in STOPS:
            await unmark(db, claim)
        if claim.kind == "request":
            if claim.data.get("view"):
                await self._in_view(db, claim, told, now)
            else:
                await answer(self.deps, db, claim, {"what": "error", "oops": told}, now)
        elif "shown" in claim.data:
            await report(self.deps, db, claim, "failed", now, oops=told)
        if claim.data.get("approval") and claim.kind in approvals.CARRIED_OUT:
            await approvals.failed(self.parts, db, str(claim.data["approval"]), now, told)
        if not isinstance(error, BotError):
            log.error("reference %s: %r", claim.id, error)

    async def _in_view(self, db: Tx, claim: Claim, told: Mapping[str, str], now: datetime) -> None:
        await say(
            db,
            self.deps.ids,
            Say(
                key=f"view:{claim.id}",
                kind="view",
                target_kind="view",
                target=str(claim.data["view"]),
                fallback=str(claim.data["user"]),
                subject=f"view:{claim.data['view']}",
                facts={"view": "error", "title": "Sorry", "oops": dict(told)},
            ),
            now,
        )
