"""An idle stop: decided again on fresh data, stopped, watched until STOPPED, and only then told.

It acts as the project's service account.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.clock import from_ms, to_ms
from bot.errors import CloudDenied, CloudError, CloudGarbled
from bot.model import Notebook, NotebookId, Status
from bot.operations import gather
from bot.operations.alerts import alert
from bot.operations.base import Parts, ServiceOperation, doubtful
from bot.operations.costs import saved
from bot.operations.evidence import Evidence
from bot.operations.notices import settle
from bot.operations.power import ASK_AGAIN, PATIENCE, WATCH_SLOW, asked, asked_at, mark_ours, runs_anew, unmark
from bot.operations.told import say_stopped
from bot.operations.whose import owner_of
from bot.rules import keys
from bot.rules.facts import StopIdle
from bot.rules.plan import decide
from bot.stores import notebooks, usage
from bot.stores.database import Tx
from bot.work import Claim, Done, Outcome

STILL_FRESH = timedelta(seconds=60)  # from the last look to the stop
REFUSED_AGAIN = timedelta(minutes=10)  # after a refusal it is decided and tried again
STUCK_AGAIN = timedelta(minutes=5)  # looked at, once admins have been told


class IdleStop(ServiceOperation):
    """Kind `idle_stop`; `data`: project, notebook, key (of the notice), idle_since_ms, rule."""

    def __init__(self, parts: Parts, evidence: Evidence) -> None:
        super().__init__(parts)
        self._evidence = evidence
        self.steps = {"start": self._recheck, "stop": self._stop, "watch": self._watch, "refused": self._recheck}

    async def refused(self, claim: Claim, error: CloudError, now: datetime) -> Outcome:
        """It runs on and nobody is to think it was stopped; admins hear why, once a day, and it is tried again."""
        if isinstance(error, CloudGarbled) and claim.step in ("stop", "watch") and (doubt := doubtful(claim, error)):
            raise doubt
        project, name = str(claim.data["project"]), claim.data["name"]
        admins = await self.parts.people.admins(project)
        rights = "Give the service account the right to stop notebooks; the README lists its rights. I go on trying."
        step = rights if isinstance(error, CloudDenied) else error.next_step

        async def write(db: Tx) -> None:
            await unmark(db, claim)
            text = f"{name} is idle and could not be stopped, so it goes on running: {error}."
            await alert(self.parts, db, admins, "stop_refused", project, now, project=project, text=text,
                        next_step=step)  # fmt: skip

        return self.go(claim, "refused", due=now + REFUSED_AGAIN, write=write, first_ms=None, asked_ms=None)

    async def _fresh(self, claim: Claim, now: datetime) -> Notebook:
        project = str(claim.data["project"])
        notebook = await self.parts.tokens.service(project).show(NotebookId(claim.data["notebook"]))
        await self.seen(claim, notebook, now)
        return notebook

    async def _recheck(self, claim: Claim, now: datetime) -> Outcome:
        """Read everything again and plan again: the listing may be minutes old, and somebody may have clicked."""
        notebook = await self._fresh(claim, now)
        if notebook.status is not Status.RUNNING and await self._ours(claim):
            return self.go(claim, "watch")  # it was refused a look, and has been carried out
        project = str(claim.data["project"])
        await self._evidence.read(project, [notebook], now)
        why = await self._why_not(claim, project, notebook, now)
        if why:
            return self._cancelled(claim, why)
        end = notebook.lease_ends

        async def write(db: Tx) -> None:
            await mark_ours(db, claim, now)

        return self.go(
            claim, "stop", write=write, end_ms=to_ms(end) if end else None, checked_ms=to_ms(now)
        )  # fmt: skip

    async def _ours(self, claim: Claim) -> bool:
        """Whether it is on record that this has stopped it."""
        async with self.deps.db.read() as db:
            row = await notebooks.get(db, str(claim.data["project"]), str(claim.data["notebook"]))
        return row is not None and row.stop_by == claim.id

    def _cancelled(self, claim: Claim, why: str) -> Outcome:
        """Nothing was done; should somebody else stop it, it was not us."""

        async def write(db: Tx) -> None:
            await unmark(db, claim)

        return Done({"state": "cancelled", "why": why}, write=write)

    async def _why_not(self, claim: Claim, project: str, notebook: Notebook, now: datetime) -> str | None:
        async with self.deps.db.read() as db:
            known = await gather.project(db, self.deps, project, now, only=notebook.id)
        server_now = notebook.server_now or now
        known.clock_ahead = server_now - now
        owner = gather.owner_id(self.deps, known, notebook)
        policy = gather.policy_for(self.deps, known, notebook, owner)
        reachable = await self.parts.people.reach(owner) if owner is not None else False
        slack_up = await self.parts.people.slack_answers()
        facts = gather.facts(self.deps, known, notebook, policy, owner=owner, reachable=reachable, slack_up=slack_up)
        planned = decide(server_now, facts, policy)
        same = any(isinstance(a, StopIdle) and a.key == claim.data["key"] for a in planned.actions)
        return None if same else planned.decision.because

    async def _stop(self, claim: Claim, now: datetime) -> Outcome:
        """One call. If it was begun before, everything is read again first."""
        if claim.again:
            notebook = await self._fresh(claim, now)
            if notebook.status is not Status.RUNNING:
                return self.go(claim, "watch")
            return self.go(claim, "start")
        if now - from_ms(claim.data["checked_ms"]) > STILL_FRESH:
            return self.go(claim, "start")  # we were away since: everything is read again
        project, notebook_id = str(claim.data["project"]), NotebookId(claim.data["notebook"])
        if why := await self._changed(claim, project, notebook_id, now):
            return self._cancelled(claim, why)
        await self.parts.tokens.service(project).stop(notebook_id)
        return self.go(claim, "watch", due=now + WATCH_SLOW, **asked(claim, now))

    async def _changed(self, claim: Claim, project: str, notebook_id: NotebookId, now: datetime) -> str | None:
        """Whether somebody has clicked, typed or released a brake since it was looked at, a moment ago."""
        async with self.deps.db.read() as db:
            row = await notebooks.get(db, project, notebook_id)
        if row is None:
            return "it is gone"
        server_now = self.parts.tokens.service(project).server_now()
        return await self._why_not(claim, project, replace(notebooks.load(row.snapshot), server_now=server_now), now)

    async def _watch(self, claim: Claim, now: datetime) -> Outcome:
        notebook = await self._fresh(claim, now)
        first, last = asked_at(claim)
        if notebook.status is Status.STOPPED or runs_anew(notebook, first):
            return await self._stopped(claim, notebook, now)
        if now - first > PATIENCE and not claim.data.get("escalated"):
            return await self._escalate(claim, notebook, now)
        if notebook.status is Status.RUNNING and now - last > ASK_AGAIN:
            return self.go(claim, "start")  # accepted, yet it runs: decide and ask again
        pause = STUCK_AGAIN if claim.data.get("escalated") else WATCH_SLOW  # nobody looks on, as with a command
        return self.go(claim, "watch", due=now + pause)

    async def _escalate(self, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
        project = str(claim.data["project"])
        admins = await self.parts.people.admins(project)
        changing = notebook.status.transient or notebook.status.runs

        async def write(db: Tx) -> None:
            await alert(
                self.parts,
                db,
                admins,
                "stop_stuck",
                notebook.id,
                now,
                project=project,
                notebook_id=notebook.id,
                button="why",
                text=f"{notebook.name} was asked to stop {PATIENCE.seconds // 60} minutes ago and is "
                f"{notebook.status.said} now.",
                next_step="Look at it in the console." + (" I keep watching." if changing else ""),
            )
            if not changing:  # it has failed, and nothing more will come of it
                await settle(db, project, notebook.id, f"It is {notebook.status.said} now.", now)

        if not changing:
            return Done({"state": "failed", "why": notebook.status.value}, write=write)
        # Where nobody can be named now (their group cannot be read), it is told at a later look.
        return self.go(claim, "watch", due=now + STUCK_AGAIN, write=write, escalated=bool(admins))

    async def _stopped(self, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
        project, data = str(claim.data["project"]), claim.data

        async def write(db: Tx) -> None:
            row = await notebooks.get(db, project, notebook.id)
            again = notebook.updated_at if notebook.status.runs else None  # somebody has started it since
            at = row.stopped_at if row is not None and row.stopped_at else asked_at(claim)[0] if again else now
            would_end = from_ms(data["end_ms"]) if data.get("end_ms") else None
            price = self.deps.config.prices.per_hour(notebook.flavor)
            await usage.record_stop(
                db,
                self.deps.ids,
                {
                    "project": project,
                    "notebook_id": notebook.id,
                    "notebook_name": notebook.name,
                    "owner_id": notebook.owner_id,
                    "flavor": notebook.flavor,
                    "at": at,
                    "cause": "idle",
                    "by": None,
                    "would_end": would_end,
                    "until": again,
                    "price": price,
                    "key": f"stop:{keys.stopped(notebook.id, at)}",
                },
            )
            await settle(db, project, notebook.id, "Stopped, because it was idle.", now, at=at)
            await self.audit(db, claim, "idle_stop", now, notice=data["key"], end_ms=data.get("end_ms"))
            owner = await owner_of(db, self.deps, project, notebook)
            if owner:
                await say_stopped(
                    db,
                    self.deps,
                    project,
                    notebook,
                    keys.stopped(notebook.id, at),
                    owner,
                    now,
                    reason="idle",
                    at_ms=to_ms(at),
                    idle_since_ms=data["idle_since_ms"],
                    saved=saved(self.deps, at, would_end, price),
                )

        return Done({"state": "stopped"}, write=write)
