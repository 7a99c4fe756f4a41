"""Extend a lease: read, decide, renew, read back. Extending never shortens."""

from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms, to_ms
from bot.cloud.port import Cloud
from bot.model import LeaseType, Notebook, Status
from bot.operations import alerts, approvals, pending
from bot.operations.base import Operation, Parts
from bot.operations.facts import wish_of
from bot.operations.notices import idle_stops, settle
from bot.operations.policies import policy_of
from bot.rules import lease as rules
from bot.stores import approvals as approvals_store
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.work import Claim, Outcome

LATELY = timedelta(seconds=5)  # from reading a lease to writing it unread; somebody may renew it in the console
COMING_UP = (Status.INIT, Status.CREATING, Status.STARTING)


class Extend(Operation):
    """Kind `extend`; `data`: project, notebook, user, by_s or until_ms, reason, shown."""

    renewed = "Extended."

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start, "renew": self._renew, "verify": self._verify, "repair": self._repair}

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        cloud, notebook = await self.show(claim, now)
        return await self._decided(claim, cloud, notebook, now)

    async def _decided(self, claim: Claim, cloud: Cloud, notebook: Notebook, now: datetime) -> Outcome:
        decision = await self.decide(claim, cloud, notebook)
        match decision:
            case rules.Write(new_end, note):
                return self.go(
                    claim,
                    "renew",
                    new_end_ms=to_ms(new_end),
                    decided_ms=to_ms(cloud.server_now()),
                    note=note,
                    before_ms=_ms(notebook.lease_ends),
                    lease_type=self._type(notebook),
                )
            case rules.AskApproval():
                return await approvals.asked(self, claim, notebook, decision, now)
            case rules.NoTimedEnd():
                return self.finish(
                    claim,
                    "failed",
                    now,
                    offer="set_end",
                    start_s=_wished(claim, now),
                    oops={
                        "what": f"{notebook.name} has no timed end, so there is nothing to extend.",
                        "next_step": "If you want it to stop at a set time, set an end.",
                    },
                )
            case rules.NotRunning() if notebook.status in COMING_UP:
                told = {
                    "what": f"{notebook.name} is {notebook.status.said}, so it has no lease yet.",
                    "next_step": "Try again when it runs.",
                }
                return self.finish(claim, "failed", now, oops=told)
            case rules.NotRunning() if notebook.status is Status.UNKNOWN:
                told = {
                    "what": f"{notebook.name} is {notebook.status.said}, so nothing was extended.",
                    "next_step": "Try again later, or look in the console.",
                }
                return self.finish(claim, "failed", now, oops=told)
            case rules.NotRunning():
                return self.finish(
                    claim,
                    "failed",
                    now,
                    offer="start",
                    start_s=_wished(claim, now),
                    oops={
                        "what": f"{notebook.name} is {notebook.status.said}, so there is no lease to extend.",
                        "next_step": "Start it instead.",
                    },
                )
            case rules.Nothing(reason) | rules.Lapsed(reason):
                return self.finish(
                    claim,
                    "done",
                    now,
                    before_ms=_ms(notebook.lease_ends),
                    after_ms=_ms(notebook.lease_ends),
                    note=f"Nothing was changed: {reason}.",
                )

    async def decide(self, claim: Claim, cloud: Cloud, notebook: Notebook) -> rules.Extension | rules.Lapsed:
        """What becomes of the wish; a granted request decides otherwise."""
        project = str(claim.data["project"])
        async with self.deps.db.read() as db:
            row = await notebooks.get(db, project, notebook.id)
            policy = await policy_of(db, self.deps, project, notebook)
        since = row.running_since if row else None
        server_now = cloud.server_now()
        if not claim.data.get("set_end"):
            return rules.extend_notebook(server_now, notebook, since, wish_of(claim.data), policy.limits)
        ahead = timedelta(seconds=claim.data["by_s"])
        # The button may be days old and the notebook have an end by now, which is no earlier afterwards.
        at_least = rules.ExtendUntil(server_now + ahead)
        decision = rules.extend_notebook(server_now, notebook, since, at_least, policy.limits)
        return rules.gate_start(server_now, ahead, policy.limits) if decision == rules.NoTimedEnd() else decision

    def _type(self, notebook: Notebook) -> str:
        kind = notebook.lease.kind if notebook.lease else LeaseType.TIMING
        return (LeaseType.TIMING if kind is LeaseType.UNKNOWN else kind).value

    async def _renew(self, claim: Claim, now: datetime) -> Outcome:
        """One write. If it was begun before, the notebook is read first: it may have happened, or not be right now.

        So it is where the decision is not of just now: somebody may have renewed it since, or this host's clock has
        jumped since it last heard the cloud's, and what is counted from now would end elsewhere.
        """
        cloud = await self.cloud(claim)
        new_end = from_ms(claim.data["new_end_ms"])
        if claim.again or not _lately(claim, cloud.server_now()):
            cloud, notebook = await self.show(claim, now)
            end = notebook.lease_ends
            if end is not None and end >= new_end:
                return self.go(claim, "verify")
            if _ms(end) != claim.data.get("before_ms") or new_end - cloud.server_now() < rules.API_SHORTEST:
                return await self._decided(claim, cloud, notebook, now)
        kind = LeaseType.TIMING if claim.data.get("set_end") else LeaseType(claim.data["lease_type"])
        await cloud.renew(claim.data["notebook"], rules.seconds_to_send(new_end, cloud.server_now()), kind)
        return self.go(claim, "verify")

    async def _verify(self, claim: Claim, now: datetime) -> Outcome:
        """ "Done" is said only after it was read back."""
        _cloud, notebook = await self.show(claim, now)
        before, after = claim.data.get("before_ms"), notebook.lease_ends
        if notebook.status.runs and before is not None and after is not None and to_ms(after) < before:
            return self.go(claim, "repair")
        if problem := _not_renewed(notebook, before):
            return self.unverified(claim, notebook, now, **problem)
        return await self.verified(claim, notebook, now)

    def unverified(self, claim: Claim, notebook: Notebook, now: datetime, what: str, next_step: str) -> Outcome:
        """The cloud took it, yet it is not so."""
        return self.finish(claim, "failed", now, oops={"what": what, "next_step": next_step})

    async def verified(self, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
        """The lease was renewed and read back."""
        project = str(claim.data["project"])
        ends: dict[str, Any] = {"before_ms": claim.data.get("before_ms"), "after_ms": _ms(notebook.lease_ends)}
        note = f"Note: {claim.data['note']}." if claim.data.get("note") else None
        idle = await self.idle_stop(claim)

        async def also(db: Tx) -> None:
            await approvals_store.lock(db, project, notebook.id)
            await self.audit(db, claim, "extend", now, **ends)
            await settle(db, project, notebook.id, "Extended.", now, ("lease_warning",))
            await pending.follow(db, self.deps, project, notebook, now)  # one renewal more by now

        return self.finish(claim, "done", now, also=also, note=note, idle_stop_ms=idle, result=ends, **ends)

    async def idle_stop(self, claim: Claim) -> int | None:
        """When it is stopped all the same: a longer lease is no use of it."""
        notebook = str(claim.data["notebook"])
        async with self.deps.db.read() as db:
            return _ms((await idle_stops(db, str(claim.data["project"]), [notebook])).get(notebook))

    async def _repair(self, claim: Claim, now: datetime) -> Outcome:
        """The lease ends earlier than before: renew the old end at once, and report the incident."""
        cloud, notebook = await self.show(claim, now)
        old_end = from_ms(claim.data["before_ms"])
        if notebook.lease_ends is None or notebook.lease_ends >= old_end:
            return self.go(claim, "verify")
        await cloud.renew(
            notebook.id, rules.seconds_to_send(old_end, cloud.server_now()), LeaseType(claim.data["lease_type"])
        )

        admins = await self.parts.people.admins(str(claim.data["project"]))

        async def write(db: Tx) -> None:
            await alerts.lease_shortened(self.parts, db, claim, notebook, admins, now)

        return self.go(claim, "verify", write=write)


def _not_renewed(notebook: Notebook, before_ms: int | None) -> dict[str, str] | None:
    """What was read back instead of the new end; None where it is there."""
    if not notebook.status.runs:
        what = f"{notebook.name} is {notebook.status.said} by now, so there is no lease to extend."
        return {"what": what, "next_step": "Start it instead."}
    if before_ms is None or notebook.lease_ends is None or to_ms(notebook.lease_ends) > before_ms:
        return None
    what = f"The cloud took the new end of {notebook.name}, but its lease still ends when it did."
    return {"what": what, "next_step": "Try again; if it stays so, tell your admin."}


def _lately(claim: Claim, server_now: datetime) -> bool:
    """Whether it was decided just now, by the clock of whoever goes on with it."""
    decided = claim.data.get("decided_ms")
    return decided is not None and abs(server_now - from_ms(decided)) < LATELY


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _wished(claim: Claim, now: datetime) -> int | None:
    """What was asked for, as seconds from now: for starting it instead, or for setting an end."""
    if claim.data.get("by_s"):
        return int(claim.data["by_s"])
    until = claim.data.get("until_ms")
    return max(1, (int(until) - to_ms(now)) // 1000) if until else None
