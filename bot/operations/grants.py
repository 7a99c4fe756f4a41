"""An approved extension: renewed with the requester's own credentials, read back, and only then told as granted."""

from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms, to_ms
from bot.cloud.port import Cloud
from bot.errors import CloudNotFound, NotLinked
from bot.model import Notebook, Status
from bot.operations import approvals
from bot.operations.base import Parts
from bot.operations.extend import Extend
from bot.operations.facts import wish_of
from bot.operations.notices import settle
from bot.operations.pending import counted_from
from bot.operations.policies import policy_of
from bot.operations.power import PATIENCE, next_look, waits_since
from bot.rules import lease as rules
from bot.stores import approvals as store
from bot.stores.database import Tx
from bot.work import Claim, Done, Held, Outcome

START_OFFER = timedelta(hours=24)  # contract 1
GONE = "The notebook no longer exists."


class Grant(Extend):
    """Kind `grant`; `data`: approval, project, notebook, user (the requester), by_s or until_ms, base_ms."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = dict(self.steps) | {"start": self._granted}

    async def _granted(self, claim: Claim, now: datetime) -> Outcome:
        try:
            cloud, notebook = await self.show(claim, now)
        except CloudNotFound:
            return self._failed(claim, now, GONE)
        return await self._decided(claim, cloud, notebook, now)

    async def _decided(self, claim: Claim, cloud: Cloud, notebook: Notebook, now: datetime) -> Outcome:
        # Somebody has started it just now, or it is in a state that is a word we do not know.
        passing = notebook.status in (Status.STARTING, Status.UNKNOWN)
        if passing and now - (since := waits_since(claim, now)) < PATIENCE:
            return self.go(claim, "start", due=next_look(claim, now), waits_ms=to_ms(since))
        if notebook.status is Status.UNKNOWN:
            what = f"{notebook.name} is {notebook.status.said}, so nothing was extended."
            return self._failed(claim, now, what, "Ask again later, or look in the console.")
        if notebook.status in (Status.DELETING, Status.DELETED):
            return self._failed(claim, now, GONE)
        if not notebook.status.runs:
            return await self._stopped_meanwhile(claim, notebook, now)
        if notebook.lease_ends is None and not claim.data.get("set_end"):
            command = f"`extend {notebook.name} 2h`"
            what = "It has no timed end any more, so there is nothing to extend."
            return self._failed(claim, now, what, f"{command} offers to set one.")
        decision = await self.decide(claim, cloud, notebook)
        match decision:
            case rules.Write(new_end, note):
                return self.go(
                    claim,
                    "renew",
                    new_end_ms=to_ms(new_end),
                    decided_ms=to_ms(cloud.server_now()),
                    note=note,
                    lease_type=self._type(notebook),
                    before_ms=None if notebook.lease_ends is None else to_ms(notebook.lease_ends),
                )
            case rules.Lapsed(reason):
                return self._told(claim, now, "lapsed", f"Not renewed: {reason}.")
            case rules.Nothing(reason):
                end = notebook.lease_ends
                what = f"Nothing had to be changed: {reason}."
                return self._told(claim, now, "approved", what, note=what, end_ms=to_ms(end) if end else None)
        raise AssertionError(f"a grant cannot become {decision}")

    async def decide(self, claim: Claim, cloud: Cloud, notebook: Notebook) -> rules.Extension | rules.Lapsed:
        """Waiting for the approval ate nothing: counted from the base, or from now if that is later."""
        async with self.deps.db.read() as db:
            row = await store.get(db, str(claim.data["approval"]))
            policy = await policy_of(db, self.deps, str(claim.data["project"]), notebook)
        end = notebook.lease_ends
        base = counted_from(row, end, cloud.server_now(), set_end=bool(claim.data.get("set_end")))
        return rules.granted_end(cloud.server_now(), base, end, wish_of(claim.data), policy.limits)

    async def verified(self, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
        """Renewed and read back: now, and not before, it is said."""
        end, idle = notebook.lease_ends, await self.idle_stop(claim)

        async def also(db: Tx) -> None:
            await settle(db, str(claim.data["project"]), notebook.id, "Extended.", now, ("lease_warning",))
            await self.audit(
                db,
                claim,
                "renew",
                now,
                before_ms=claim.data.get("before_ms"),
                after_ms=to_ms(end) if end else None,
                approval=claim.data["approval"],
            )

        ends = {"end_ms": to_ms(end) if end else None, "idle_stop_ms": idle}
        note = f"Note: {claim.data['note']}." if claim.data.get("note") else None
        what = f"Renewed. {note}" if note else "Renewed."
        return self._told(claim, now, "approved", what, also=also, note=note, **ends)

    def unverified(self, claim: Claim, notebook: Notebook, now: datetime, what: str, next_step: str) -> Outcome:
        """The cloud took it, yet it is not so."""
        return self._failed(claim, now, what, next_step)

    def _failed(self, claim: Claim, now: datetime, what: str, next_step: str = "") -> Done:
        """It was approved, and nothing came of it: whoever asked hears why."""

        async def write(db: Tx) -> None:
            told = {"what": what, "next_step": next_step}
            await approvals.failed(self.parts, db, str(claim.data["approval"]), now, told)

        return Done({"state": "failed", "outcome": what}, write=write)

    async def _stopped_meanwhile(self, claim: Claim, notebook: Notebook, now: datetime) -> Outcome:
        """An approval does not start it: the requester is offered to (contract 1)."""
        seconds, until_ms, expires = int(claim.data.get("by_s") or 0), claim.data.get("until_ms"), now + START_OFFER
        if until_ms is not None:
            seconds = int((from_ms(until_ms) - now).total_seconds())
            expires = min(expires, from_ms(until_ms))
        if seconds <= 0:
            return self._told(claim, now, "lapsed", "Not renewed: the time that was granted has passed.")
        return self._told(
            claim,
            now,
            "approved",
            f"{notebook.name} had stopped meanwhile; it was not started.",
            start_s=seconds,
            start_until_ms=until_ms,
            expires_ms=to_ms(expires),
        )

    def _told(self, claim: Claim, now: datetime, state: str, outcome: str, *, also: Any = None, **facts: Any) -> Done:
        async def write(db: Tx) -> None:
            if also:
                await also(db)
            await approvals.concluded(self.parts, db, str(claim.data["approval"]), now, outcome, state=state, **facts)

        return Done({"state": state, "outcome": outcome, **facts}, write=write)

    async def _hold(self, claim: Claim, error: NotLinked, now: datetime) -> Outcome:
        """The requester's credentials no longer work: it waits for re-linking, and both sides know."""

        async def write(db: Tx) -> None:
            approval = str(claim.data["approval"])
            await approvals.held(self.parts, db, approval, now)
            await approvals.tell_requester(self.parts, db, approval, now, held=f"{error} {error.next_step}")

        return Held(str(error), write=write)
