"""What every operation on a notebook shares: the person's cloud, the hold when it is lost, and the record of it."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.cloud.port import Cloud
from bot.errors import AnswerLost, CloudError, CloudGarbled, CloudLoginFailed, CloudNotFound, NotLinked
from bot.model import Notebook, NotebookId
from bot.operations import approvals
from bot.operations.adopt import Seen
from bot.operations.deps import Deps
from bot.operations.people import People
from bot.operations.report import report
from bot.operations.tab import refresh_home
from bot.operations.told import RENEWED, observe
from bot.stores import people, trail
from bot.stores.database import Tx
from bot.tokens import Tokens
from bot.work import Claim, Done, Go, Held, Item, Outcome, Write, hopeless

TRIES_TO_BELIEVE = 3  # some ten seconds

Step = Callable[[Claim, datetime], Awaitable[Outcome]]


def serial(project: str, notebook_id: str) -> str:
    """Work on one notebook goes one piece at a time."""
    return f"notebook:{project}:{notebook_id}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What operations are given."""

    deps: Deps
    people: People
    tokens: Tokens
    audit_key: bytes


class Operation:
    """Steps by name. Dead credentials hold the work instead of failing it; it goes on after linking again."""

    renewed = RENEWED  # what warnings say once this operation has seen a new end

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps
        self.steps: Mapping[str, Step] = {}

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        try:
            return await self.steps[claim.step](claim, now)
        except NotLinked as error:
            return await self._unlinked(claim, error, now)
        except CloudLoginFailed as error:
            dead = await self.parts.tokens.broken(str(claim.data["user"]), str(claim.data["project"]), error)
            return await self._unlinked(claim, dead, now)
        except (CloudGarbled, CloudNotFound) as error:
            if doubt := doubtful(claim, error):
                raise doubt from error
            raise

    async def _unlinked(self, claim: Claim, error: NotLinked, now: datetime) -> Outcome:
        """It waits for a new link; where nobody is left who could make one, it fails."""
        async with self.deps.db.read() as db:
            left = await people.has_left(db, self.deps.team, str(claim.data["user"]))
        if left:
            raise NotLinked("Whoever asked for it has left Slack.", next_step="Nothing more comes of it.") from error
        return await self._hold(claim, error, now)

    async def _hold(self, claim: Claim, error: NotLinked, now: datetime) -> Outcome:
        async def write(db: Tx) -> None:
            await self.say(db, claim, "held", now, oops={"what": str(error), "next_step": error.next_step})
            if approval := claim.data.get("approval"):
                await approvals.held(self.parts, db, str(approval), now)

        return Held(str(error), write=write)

    async def cloud(self, claim: Claim) -> Cloud:
        """The cloud as whoever asked. Raises NotLinked."""
        return await self.parts.tokens.of(str(claim.data["user"]), str(claim.data["project"]))

    async def show(self, claim: Claim, now: datetime) -> tuple[Cloud, Notebook]:
        """Read the notebook afresh, as the person, and adopt what was seen."""
        cloud = await self.cloud(claim)
        notebook = await cloud.show(NotebookId(claim.data["notebook"]))
        await self.seen(claim, notebook, now)
        return cloud, notebook

    async def seen(self, claim: Claim, notebook: Notebook, now: datetime) -> Seen:
        """Adopt what was seen, in a transaction of its own."""
        async with self.deps.db.begin() as db:
            return await observe(db, self.deps, str(claim.data["project"]), notebook, now, renewed=self.renewed)

    async def say(self, db: Tx, claim: Claim, state: str, now: datetime, **facts: Any) -> None:
        """Update the operation's message."""
        await report(self.deps, db, claim, state, now, **facts)

    async def audit(self, db: Tx, claim: Claim, action: str, now: datetime, **data: Any) -> None:
        """Record what was done, by whom."""
        entry = trail.Entry(
            str(claim.data["project"]),
            claim.author or "scheduler",
            action,
            claim.data.get("notebook"),
            claim.id,
            str(claim.data.get("rule", "")),
            data,
        )
        await trail.append(db, self.parts.audit_key, entry, now)

    def go(self, claim: Claim, step: str, due: datetime | None = None, write: Write | None = None, **data: Any) -> Go:
        """On to `step`, with `data` added to what the row knows."""
        return Go(step, claim.data | data, due, write)

    def finish(
        self,
        claim: Claim,
        state: str,
        now: datetime,
        *,
        action: str | None = None,
        result: Mapping[str, Any] | None = None,
        also: Write | None = None,
        **facts: Any,
    ) -> Done:
        """Settle, say so, record it: one transaction."""

        async def write(db: Tx) -> None:
            await self.say(db, claim, state, now, **facts)
            if claim.data.get("approval") and state in ("done", "failed"):
                await self._carried_out(db, claim, state, now, facts)
            if action:
                await self.audit(db, claim, action, now, **dict(result or {}))
            if also:
                await also(db)
            await refresh_home(db, self.deps, str(claim.data["user"]), now)

        return Done({"state": state, **(result or {})}, write=write)

    async def _carried_out(self, db: Tx, claim: Claim, state: str, now: datetime, facts: Mapping[str, Any]) -> None:
        """An approval set it going: those who asked and answered learn what came of it."""
        approval = str(claim.data["approval"])
        if state == "failed":
            await approvals.failed(self.parts, db, approval, now, facts["oops"])
            return
        word = "Created." if claim.kind == "create" else "Started."
        await approvals.concluded(self.parts, db, approval, now, word, end_ms=facts.get("after_ms"))


class ServiceOperation(Operation, ABC):
    """One that acts as the project's service account: nobody links that anew, so nothing is held."""

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        try:
            return await self.steps[claim.step](claim, now)
        except CloudNotFound as error:
            if doubt := doubtful(claim, error):
                raise doubt from error
            return Done({"state": "gone"})
        except CloudError as error:
            if not hopeless(error):
                raise
            return await self.refused(claim, error, now)

    @abstractmethod
    async def refused(self, claim: Claim, error: CloudError, now: datetime) -> Outcome:
        """What the cloud will not do, however often it is asked."""


def as_claim(item: Item, work_id: str, now: datetime) -> Claim:
    """A fresh item as the claim it will become, so that its first message can be written with it."""
    return Claim(work_id, item.kind, item.cause, item.serial, item.step, dict(item.data), item.author, now, 0, 0)


def doubtful(claim: Claim, error: CloudGarbled | CloudNotFound) -> AnswerLost | None:
    """Why it is not known whether what was asked of the cloud is done; None where nothing was asked of it yet.

    Then it is looked at again, as after any lost answer, and nobody is told that it was not done. That a notebook is
    gone is believed if the cloud goes on saying so.
    """
    asked = claim.step != "start" or claim.data.get("taken_ms")
    if not asked or (isinstance(error, CloudNotFound) and claim.tries >= TRIES_TO_BELIEVE):
        return None
    return AnswerLost(str(error), status=error.status, request_id=error.request_id)


def begun(claim: Claim) -> Claim:
    """The same claim, known to have been begun before."""
    return replace(claim, tries=max(claim.tries, 1))
