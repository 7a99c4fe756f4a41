"""Kind `hold`: the bridge over a waiting request. It acts as the project's service account."""

from datetime import datetime, timedelta
from typing import Any

from bot.clock import from_ms, to_ms
from bot.errors import CloudDenied, CloudError, CloudGarbled
from bot.model import LeaseType, Notebook, NotebookId
from bot.operations import approvals
from bot.operations.alerts import alert
from bot.operations.base import Parts, ServiceOperation
from bot.operations.pending import follow
from bot.operations.told import observe
from bot.render.facts import at
from bot.rules import lease
from bot.stores import approvals as store
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.work import Claim, Done, Outcome

AGAIN = timedelta(minutes=2)  # after a refusal
DOUBT = timedelta(seconds=20)  # after an answer that could not be read
A_SECOND = timedelta(seconds=1)
CALL_TAKES = timedelta(seconds=90)  # at most, from reckoning a length to the cloud's stamp on it


class HoldLease(ServiceOperation):
    """Kind `hold`; `data`: project, notebook, approval, new_end_ms. One renewal while a request waits."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start, "renew": self._renew, "verify": self._verify}

    async def refused(self, claim: Claim, error: CloudError, now: datetime) -> Outcome:
        """The lease ends while the request waits: whoever asked hears it in time, and so does who can mend it.

        Once; and until the lease ends it is tried again, in case somebody does.
        """
        project, row = str(claim.data["project"]), await self._request(claim)
        if "tried_ms" in claim.data and isinstance(error, CloudGarbled) and not claim.data.get("doubted"):
            return self.go(claim, "start", due=now + DOUBT, doubted=True)  # it may have been carried out: look again
        if row is None or row.state != "pending":
            return Done({"state": "not needed"})
        admins = await self.parts.people.admins(project)
        async with self.deps.db.read() as db:
            ends = await approvals.ends(db, row)
        step = "It can be approved until then, or its owner extends it by what needs no approval."
        if isinstance(error, CloudDenied):
            step += " For the next time, the service account needs the right to renew (`updateStopPolicy`)."

        async def write(db: Tx) -> None:
            name = row.facts.get("name") or claim.data["notebook"]
            text = f"A request about {name} waits, and its lease could not be bridged until it is answered: {error}. "
            text += f"It still ends {at(to_ms(ends))}." if ends else ""
            await alert(
                self.parts, db, admins | {row.requester}, "lease_not_bridged", row.id, now, project=project,
                notebook_id=str(claim.data["notebook"]), text=text.rstrip(), next_step=step,
            )  # fmt: skip

        if ends and now + AGAIN < ends:
            return self.go(claim, "start", due=now + AGAIN, write=write)
        return Done({"state": "refused", "why": str(error)}, write=write)

    async def _request(self, claim: Claim) -> Any | None:
        async with self.deps.db.read() as db:
            return await store.get(db, str(claim.data["approval"]))

    async def _notebook(self, claim: Claim, now: datetime) -> tuple[Any, Notebook]:
        cloud = self.parts.tokens.service(str(claim.data["project"]))
        notebook = await cloud.show(NotebookId(claim.data["notebook"]))
        await self.seen(claim, notebook, now)
        return cloud, notebook

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        cloud, notebook = await self._notebook(claim, now)
        row = await self._request(claim)
        end, new_end = notebook.lease_ends, from_ms(claim.data["new_end_ms"])
        if self._is_ours(claim, notebook):  # it was carried out, whatever was said: unrecorded it would move the base
            return self.go(claim, "verify")
        if row is None or row.state != "pending" or end is None or end >= new_end:
            return Done({"state": "not needed"})
        base = lease.request_base(row.base_end, end, row.held_until)
        tried_ms = claim.data.get("tried_ms") or to_ms(cloud.server_now())
        return self.go(claim, "renew", before_ms=to_ms(end), base_ms=to_ms(base), tried_ms=tried_ms)

    def _is_ours(self, claim: Claim, notebook: Notebook) -> bool:
        """Whether this lease is what an earlier try asked for: until then, or for the hour that is the least there is.

        Who renewed it by hand for exactly an hour meanwhile loses nothing by being taken for us.
        """
        end, stamped = notebook.lease_ends, notebook.lease.stamped_at if notebook.lease else None
        if end is None or "tried_ms" not in claim.data:
            return False
        over = end - from_ms(claim.data["new_end_ms"])
        if timedelta(0) <= over <= CALL_TAKES:
            return True
        since = from_ms(claim.data["tried_ms"]) - A_SECOND
        return stamped is not None and stamped >= since and abs(end - stamped - lease.API_SHORTEST) <= A_SECOND

    async def _renew(self, claim: Claim, now: datetime) -> Outcome:
        """One write. If it was begun before and the lease ends where it would put the end, it was ours.

        Where somebody has renewed it since it was decided, it is decided anew: this may shorten what they gave.
        """
        cloud, notebook = await self._notebook(claim, now)
        if claim.again:
            return self.go(claim, "verify" if self._is_ours(claim, notebook) else "start")
        if notebook.lease_ends is None or to_ms(notebook.lease_ends) != claim.data["before_ms"]:
            return self.go(claim, "start")
        length = lease.seconds_to_send(from_ms(claim.data["new_end_ms"]), cloud.server_now())
        await cloud.renew(NotebookId(claim.data["notebook"]), length, LeaseType.TIMING)
        return self.go(claim, "verify")

    async def _verify(self, claim: Claim, now: datetime) -> Outcome:
        project = str(claim.data["project"])
        notebook = await self.parts.tokens.service(project).show(NotebookId(claim.data["notebook"]))
        end = notebook.lease_ends

        async def write(db: Tx) -> None:
            base = {"base_end": from_ms(claim.data["base_ms"])} if claim.data.get("base_ms") else {}
            await notebooks.get(db, project, notebook.id, lock=True)  # first, as whoever sees a renewal has it
            await store.note(db, str(claim.data["approval"]), held_until=end, **base)
            await observe(db, self.deps, project, notebook, now)  # by now it is known for a hold, which moves no base
            await follow(db, self.deps, project, notebook, now)  # a pass may have seen it before it was known for one
            await approvals.redraw(self.parts, db, str(claim.data["approval"]), now)
            await self.audit(db, claim, "hold", now, end_ms=to_ms(end) if end else None)

        return Done({"state": "held", "end_ms": to_ms(end) if end else None}, write=write)
