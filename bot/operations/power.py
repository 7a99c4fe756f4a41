"""Start and stop: decide on a fresh read, ask once, watch until it is so, and only then say so."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from bot.clock import from_ms, to_ms
from bot.model import LeaseType, Notebook, Status
from bot.operations import approvals, budgets
from bot.operations.base import Operation, Parts
from bot.operations.notices import settle
from bot.operations.policies import policy_of
from bot.operations.told import say_stopped
from bot.operations.whose import owner_of
from bot.render.facts import STARTED_AGAIN
from bot.rules import keys
from bot.rules import lease as rules
from bot.stores import notebooks, usage
from bot.stores.database import Tx
from bot.stores.schema import notebooks as rows
from bot.work import Claim, Outcome

WATCH = timedelta(seconds=5)  # the cloud asks not to poll one notebook faster
WATCH_SLOW = timedelta(seconds=20)
PATIENCE = timedelta(minutes=30)
ASK_AGAIN = timedelta(minutes=2)  # what was accepted, yet goes on running
FAILED = (Status.CREATE_FAILED, Status.START_FAILED, Status.ERROR, Status.FROZEN, Status.DELETE_FAILED)


def next_look(claim: Claim, now: datetime) -> datetime:
    """Often at first, then seldom: never much later than what is waited for has taken anyway."""
    return now + min(max(WATCH, (now - claim.created_at) / 4), WATCH_SLOW)


def taken(now: datetime) -> dict[str, Any]:
    """What to remember of a call that the cloud has just accepted."""
    return {"taken_ms": to_ms(now)}


def waited(claim: Claim, now: datetime) -> timedelta:
    """Since the cloud accepted it: an outage or a hold before that is no reason to give up."""
    return now - (from_ms(claim.data["taken_ms"]) if claim.data.get("taken_ms") else claim.created_at)


def waits_since(claim: Claim, now: datetime) -> datetime:
    """When it was first seen in a state that is waited for, `waits_ms`; now, if that is new."""
    return from_ms(claim.data["waits_ms"]) if claim.data.get("waits_ms") else now


def wait(op: Operation, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
    """What changes by itself is waited for, but not for ever: whoever asked is told that nothing was done."""
    since = waits_since(claim, now)
    if now - since <= PATIENCE:
        return op.go(claim, claim.step, due=next_look(claim, now), waits_ms=to_ms(since))
    told = {
        "what": f"{notebook.name} is still {notebook.status.said} after {PATIENCE.seconds // 60} minutes, "
        "so nothing was done.",
        "next_step": "Try again later, or look at it in the console.",
    }
    return op.finish(claim, "failed", now, oops=told)


def steps_of(notebook: Notebook) -> list[dict[str, object]]:
    """The steps of coming up, as facts."""
    return [
        {"step": s.step, "status": s.status, "text": s.text} for s in sorted(notebook.progress, key=lambda s: s.step)
    ]


class Start(Operation):
    """Kind `start`; `data`: project, notebook, user, for_s, shown. `granted` skips the gate, and may be `until_ms`."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start, "call": self._call, "watch": self._watch}

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        cloud, notebook = await self.show(claim, now)
        if notebook.status is Status.RUNNING:
            return self.finish(claim, "done", now, after_ms=_ms(notebook.lease_ends), note="It was running already.")
        if notebook.status.transient and notebook.status is not Status.STARTING:
            return wait(self, claim, notebook, now)
        async with self.deps.db.read() as db:
            policy = await policy_of(db, self.deps, str(claim.data["project"]), notebook)
        wanted = timedelta(seconds=claim.data["for_s"]) if claim.data.get("for_s") else policy.lease
        if until := claim.data.get("until_ms"):
            wanted = from_ms(until) - cloud.server_now()
        if wanted <= timedelta(0):
            passed = {"what": "The time that was granted has passed.", "next_step": "Ask again."}
            return self.finish(claim, "failed", now, oops=passed)
        claim = replace(claim, data={**claim.data, "for_s": int(wanted.total_seconds())})  # so that a request says it
        gate = rules.gate_start(cloud.server_now(), wanted, policy.limits)
        if isinstance(gate, rules.AskApproval) and not claim.data.get("granted"):
            return await approvals.asked(self, claim, notebook, gate, now)
        for_s = int((gate.new_end - cloud.server_now()).total_seconds() + 0.999)
        if over := await budgets.reserve(self, claim, notebook.flavor, timedelta(seconds=for_s), now, notebook):
            return await approvals.asked(
                self, claim, notebook, rules.AskApproval(gate.new_end, "approver", over.why), now
            )  # fmt: skip
        return self.go(claim, "call", for_s=for_s, note=gate.note)

    async def _call(self, claim: Claim, now: datetime) -> Outcome:
        cloud = await self.cloud(claim)
        if claim.again:
            cloud, notebook = await self.show(claim, now)
            if notebook.status in (Status.STARTING, Status.RUNNING):
                return self.go(claim, "watch", **taken(now))
        await cloud.start(claim.data["notebook"], timedelta(seconds=claim.data["for_s"]), LeaseType.TIMING)

        async def write(db: Tx) -> None:
            await self.say(db, claim, "working", now)

        return self.go(claim, "watch", due=now + WATCH, write=write, **taken(now))

    async def _watch(self, claim: Claim, now: datetime) -> Outcome:
        _cloud, notebook = await self.show(claim, now)
        return await watch_up(self, claim, notebook, now, action="start")


async def watch_up(op: Operation, claim: Claim, notebook: Notebook, now: datetime, *, action: str) -> Outcome:
    """Until it runs and has its link; RUNNING without a `url` is not usable yet (trap 5)."""
    if notebook.status is Status.RUNNING and notebook.url:

        async def also(db: Tx) -> None:
            await settle(db, str(claim.data["project"]), notebook.id, STARTED_AGAIN, now, ("stopped",))

        return op.finish(
            claim,
            "done",
            now,
            action=action,
            also=also,
            after_ms=_ms(notebook.lease_ends),
            note=f"Note: {claim.data['note']}." if claim.data.get("note") else None,
            steps=[],
            result={"end_ms": _ms(notebook.lease_ends), "notebook": notebook.id},
        )
    if notebook.status in FAILED or (notebook.status is Status.STOPPED and waited(claim, now) > WATCH * 6):
        return op.finish(
            claim,
            "failed",
            now,
            action=f"{action}_failed",
            oops={
                "what": f"The cloud could not bring {notebook.name} up: "
                f"{notebook.fail_reason or notebook.status.value}.",
                "next_step": "Try again, or try another flavor.",
            },
        )
    if waited(claim, now) > PATIENCE:
        return op.finish(
            claim,
            "failed",
            now,
            oops={
                "what": f"{notebook.name} is still {notebook.status.said} after {PATIENCE.seconds // 60} minutes.",
                "next_step": "I stop watching; `show` tells its state.",
            },
        )

    async def write(db: Tx) -> None:
        await op.say(db, claim, "working", now, steps=steps_of(notebook))

    return op.go(claim, claim.step, due=next_look(claim, now), write=write)


class Stop(Operation):
    """Kind `stop`: a person's stop. `data`: project, notebook, user, shown."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start, "call": self._call, "watch": self._watch}

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        _cloud, notebook = await self.show(claim, now)
        if notebook.status in (Status.STOPPED, Status.START_FAILED, Status.CREATE_FAILED):
            return self.finish(claim, "done", now, note="It was stopped already.")
        if notebook.status.transient and notebook.status is not Status.STOPPING:
            return wait(self, claim, notebook, now)

        async def write(db: Tx) -> None:
            await mark_ours(db, claim, now)
            await self.say(db, claim, "working", now)

        return self.go(claim, "call", write=write, end_ms=_ms(notebook.lease_ends))

    async def _call(self, claim: Claim, now: datetime) -> Outcome:
        cloud = await self.cloud(claim)
        await cloud.stop(claim.data["notebook"])  # finding it stopped or stopping already is success

        async def write(db: Tx) -> None:
            await mark_again(db, claim, now)

        return self.go(claim, "watch", due=now + WATCH, write=write, **asked(claim, now))

    async def _watch(self, claim: Claim, now: datetime) -> Outcome:
        _cloud, notebook = await self.show(claim, now)
        first, last = asked_at(claim)
        if notebook.status is Status.STOPPED or runs_anew(notebook, first):
            return await stopped(self, claim, notebook, now)
        if now - first > PATIENCE:

            async def runs_on(db: Tx) -> None:
                await unmark(db, claim)

            return self.finish(
                claim,
                "failed",
                now,
                also=runs_on,
                oops={
                    "what": f"{notebook.name} is still {notebook.status.said}.",
                    "next_step": "I stop watching; `show` tells its state.",
                },
            )
        if notebook.status is Status.RUNNING and now - last > ASK_AGAIN:
            return self.go(claim, "call")  # accepted, yet it runs: ask again
        return self.go(claim, "watch", due=next_look(claim, now))


def asked(claim: Claim, now: datetime) -> dict[str, Any]:
    """What to remember of a stop that the cloud has just accepted."""
    return {"asked_ms": to_ms(now), "first_ms": claim.data.get("first_ms") or to_ms(now)}


def asked_at(claim: Claim) -> tuple[datetime, datetime]:
    """When the stop was accepted first and last; from its beginning, where that was not noted."""
    first, last = (from_ms(ms) if (ms := claim.data.get(f"{name}_ms")) else None for name in ("first", "asked"))
    return first or claim.created_at, last or first or claim.created_at


def runs_anew(notebook: Notebook, first: datetime) -> bool:
    """It was stopped and somebody has started it again since it was asked to stop."""
    later = notebook.updated_at is not None and notebook.updated_at > first
    return notebook.status is Status.STARTING or (notebook.status.runs and later)


async def mark_ours(db: Tx, claim: Claim, now: datetime) -> None:
    """Whoever sees it stopped now knows that we did it."""
    await notebooks.change(
        db, str(claim.data["project"]), str(claim.data["notebook"]), stop_by=claim.id, stopped_at=now
    )


async def mark_again(db: Tx, claim: Claim, now: datetime) -> None:
    """The cloud has accepted it only now, perhaps after it was asked in vain: until then it ran, and cost."""
    ours = rows.c.id == str(claim.data["notebook"]), rows.c.stop_by == claim.id
    await db.execute(update(rows).where(*ours, rows.c.running_since.is_not(None)).values(stopped_at=now))


async def unmark(db: Tx, claim: Claim) -> None:
    """It was not us after all: it runs, and should it stop, its owner is told like of any other stop."""
    ours = rows.c.id == str(claim.data["notebook"]), rows.c.stop_by == claim.id
    runs = rows.c.status.in_([status.value for status in Status if status.runs])
    await db.execute(update(rows).where(*ours, runs).values(stop_by=None, stopped_at=None))


async def stopped(op: Operation, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
    """A person's stop is done: say so, settle every warning, count what it saved."""
    project, end_ms = str(claim.data["project"]), claim.data.get("end_ms")
    again = notebook.updated_at if notebook.status.runs else None  # somebody has started it since
    at = asked_at(claim)[0] if again else now

    async def also(db: Tx) -> None:
        row = await notebooks.get(db, project, notebook.id)
        await settle(db, project, notebook.id, "Stopped.", now)
        await usage.record_stop(
            db,
            op.deps.ids,
            {
                "project": project,
                "notebook_id": notebook.id,
                "notebook_name": notebook.name,
                "owner_id": notebook.owner_id,
                "flavor": notebook.flavor,
                "at": row.stopped_at if row and row.stopped_at else at,
                "cause": "person",
                "by": claim.author,
                "would_end": from_ms(end_ms) if end_ms else None,
                "until": again,
                "price": op.deps.config.prices.per_hour(notebook.flavor),
                "key": f"stop:{claim.id}",
            },
        )
        owner = await owner_of(db, op.deps, project, notebook)
        if owner is not None and owner != claim.author:  # somebody else stopped it: the owner is told by whom
            stop_at = row.stopped_at if row and row.stopped_at else at
            key = keys.stopped(notebook.id, stop_at)
            await say_stopped(db, op.deps, project, notebook, key, owner, now, reason="person",
                              by=str(claim.author), at_ms=to_ms(stop_at))  # fmt: skip

    return op.finish(claim, "done", now, action="stop", also=also, before_ms=end_ms, result={"end_ms": end_ms})


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)
