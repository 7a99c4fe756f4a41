"""Delete: stop first so that data is flushed, then delete, then see it gone."""

from datetime import datetime
from functools import partial

from bot.clock import to_ms
from bot.errors import CloudConflict, CloudNotFound
from bot.model import NotebookId, Status
from bot.operations.base import Operation, Parts
from bot.operations.power import (
    ASK_AGAIN,
    PATIENCE,
    asked,
    asked_at,
    mark_ours,
    next_look,
    taken,
    unmark,
    waited,
    waits_since,
)
from bot.operations.told import deleted
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.work import Claim, Outcome


class Delete(Operation):
    """Kind `delete`; `data`: project, notebook, user, shown."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.steps = {"start": self._start, "stop": self._stop, "delete": self._delete, "watch": self._watch}

    async def _start(self, claim: Claim, now: datetime) -> Outcome:
        try:
            _cloud, notebook = await self.show(claim, now)
        except CloudNotFound:
            return self._gone(claim, now)
        if notebook.status.runs:
            return self._stop_first(claim, notebook.status, now)
        if notebook.status in (Status.STOPPING, Status.STARTING, Status.CREATING):
            if now - (since := waits_since(claim, now)) > PATIENCE:
                return self._stuck(claim, notebook.status, now)
            return self.go(claim, "start", due=next_look(claim, now), waits_ms=to_ms(since))
        if notebook.status is Status.DELETING:
            return self.go(claim, "watch", **taken(now))
        return self.go(claim, "delete")

    def _stop_first(self, claim: Claim, status: Status, now: datetime) -> Outcome:
        """What was accepted, yet runs on, is asked for again, but not for ever."""
        first, last = asked_at(claim)
        if "first_ms" in claim.data and now - first > PATIENCE:
            return self._stuck(claim, status, now)
        if "first_ms" in claim.data and now - last <= ASK_AGAIN:
            return self.go(claim, "start", due=next_look(claim, now))

        async def write(db: Tx) -> None:
            await mark_ours(db, claim, now)
            await self.say(db, claim, "working", now, note="Stopping it first, so that its data is flushed.")

        return self.go(claim, "stop", write=write)

    async def _stop(self, claim: Claim, now: datetime) -> Outcome:
        cloud = await self.cloud(claim)
        await cloud.stop(claim.data["notebook"])
        accepted = asked(claim, now) | taken(now)
        return self.go(claim, "start", due=next_look(claim, now), waits_ms=to_ms(now), **accepted)

    async def _delete(self, claim: Claim, now: datetime) -> Outcome:
        cloud = await self.cloud(claim)
        try:
            await cloud.delete(NotebookId(claim.data["notebook"]))
        except CloudConflict:
            return self.go(claim, "start", due=next_look(claim, now))
        return self.go(claim, "watch", **taken(now))

    async def _watch(self, claim: Claim, now: datetime) -> Outcome:
        try:
            _cloud, notebook = await self.show(claim, now)
        except CloudNotFound:
            return self._gone(claim, now)
        if notebook.status is Status.DELETED:
            return self._gone(claim, now)
        if notebook.status is Status.DELETE_FAILED or waited(claim, now) > PATIENCE:
            return self._stuck(claim, notebook.status, now)
        return self.go(claim, "watch", due=next_look(claim, now))

    def _gone(self, claim: Claim, now: datetime) -> Outcome:
        project, notebook_id = str(claim.data["project"]), str(claim.data["notebook"])

        async def also(db: Tx) -> None:
            row = await notebooks.get(db, project, notebook_id)
            if row is not None and row.deleted_at is None:
                await deleted(db, self.deps, row, now)

        return self.finish(claim, "done", now, action="delete", also=also)

    def _stuck(self, claim: Claim, status: Status, now: datetime) -> Outcome:
        return self.finish(
            claim,
            "failed",
            now,
            also=partial(unmark, claim=claim),
            oops={
                "what": f"The cloud did not delete it; it is {status.said}.",
                "next_step": "Try again later, or delete it in the console.",
            },
        )
