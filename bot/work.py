"""A unit of work: a row with a cause, a serial, a due time, a claim and a fence; and how it is advanced.

The row is the truth and survives a crash at any line. `advance` makes at most one outside call: the step that names it
was committed before, its result is committed after, checked against the fence. Whoever runs a step again
(`Claim.again`) reads the outside world first. What wakes `drain` is only a hint; only lateness may follow from it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import and_, bindparam, exists, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from bot.claims import kept
from bot.clock import SKEW, Clock
from bot.errors import (
    AnswerLost,
    BotError,
    CloudBusy,
    CloudDown,
    CloudThrottled,
    NotLinked,
    SlackBusy,
    SlackDown,
    StoreDown,
)
from bot.ids import Ids
from bot.stores.database import Database, Tx
from bot.stores.outage import lasting
from bot.stores.schema import work
from bot.stores.types import word
from bot.stores.upsert import change, insert_once

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=120)  # longer than any one outside call may take; kept while a step goes on
HOLD = timedelta(hours=24)  # contract 2: a held operation waits this long
BACKOFF_FIRST, BACKOFF_MOST = timedelta(seconds=2), timedelta(minutes=5)
GIVE_UP = timedelta(hours=2)  # of failing at one step

_PASSING = (AnswerLost, CloudBusy, CloudDown, CloudThrottled, SlackBusy, SlackDown, StoreDown)

Write = Callable[[Tx], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Item:
    """Work to be recorded. `cause` is unique for ever: the same cause twice is one piece of work."""

    kind: str
    cause: str
    serial: str
    data: Mapping[str, Any]
    author: str | None = None
    step: str = "start"
    due: datetime | None = None  # None: now


@dataclass(frozen=True, slots=True)
class Claim:
    """A row while one runner holds it."""

    id: str
    kind: str
    cause: str
    serial: str
    step: str
    data: dict[str, Any]
    author: str | None
    created_at: datetime
    fence: int
    tries: int

    @property
    def again(self) -> bool:
        """This step was begun before and its end is not known: look before acting."""
        return self.tries > 0


@dataclass(frozen=True, slots=True)
class Go:
    """On to `step` with `data`, at `due` (None: at once); `write` joins the transaction."""

    step: str
    data: Mapping[str, Any]
    due: datetime | None = None
    write: Write | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """Settled. `write` joins the transaction, so what is reported is what is so."""

    result: Mapping[str, Any] = field(default_factory=dict)
    write: Write | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Cannot go on until somebody acts (links again); `release` or `HOLD` ends it."""

    why: str
    write: Write | None = None


Outcome = Go | Done | Held


class Handler(Protocol):
    """Advances one kind of work by one step."""

    async def __call__(self, claim: Claim, now: datetime) -> Outcome: ...


class GiveUp(Protocol):
    """Says what to tell the author when a piece of work has failed for good."""

    async def __call__(self, db: Tx, claim: Claim, error: BaseException, now: datetime) -> None: ...


async def record(db: Tx, ids: Ids, item: Item, now: datetime) -> tuple[str, bool]:
    """Add `item` unless its cause is known; returns the row's id and whether it is new."""
    work_id = ids.new()
    new = await insert_once(
        db,
        work,
        {
            "id": work_id,
            "kind": item.kind,
            "cause": item.cause,
            "serial": item.serial,
            "state": "open",
            "step": item.step,
            "data": dict(item.data),
            "author": item.author,
            "due_at": item.due or now,
            "created_at": now,
            "updated_at": now,
            "fence": 0,
            "tries": 0,
        },
    )
    if new:
        return work_id, True
    row = (await db.execute(select(work.c.id).where(work.c.cause == item.cause))).one()
    return str(row.id), False


async def release_held(db: Tx, author: str, project: str, now: datetime) -> int:
    """Let somebody's held work in a project go on (they have linked again there); returns how many.

    What waits for another project's link would only be held anew, for longer than it may.
    """
    theirs = work.c.state == "held", work.c.author == author
    held = [row.id for row in await db.execute(select(work.c.id, work.c.data).where(*theirs))
            if row.data.get("project") == project]  # fmt: skip
    released = (
        update(work)
        .where(*theirs, work.c.id.in_(held))
        .values(state="open", due_at=now, expires_at=None, updated_at=now)
    )
    return int((await db.execute(released)).rowcount)


class Workshop:
    """Claims due work and advances it, for any number of runners at once. A claim lasts `claim_for`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        handlers: Mapping[str, Handler],
        give_up: GiveUp,
        *,
        jitter: Callable[[], float],
        owner: str,
        claim_for: timedelta = CLAIM,
    ) -> None:
        self._db, self._clock, self._ids, self._handlers = db, clock, ids, handlers
        self._give_up, self._jitter, self._owner, self._claim_for = give_up, jitter, owner, claim_for
        self._unsure: list[tuple[str, int, datetime]] = []  # id, fence and end of claims that may be ours

    async def claim(self) -> Claim | None:
        """Take the work that is due longest, one per serial at a time over all runners; None if there is none."""
        now = self._clock.now()
        await self._put_back()
        taken: list[tuple[str, int, datetime]] = []
        try:
            async with self._db.begin() as db:
                due = _DUE[db.dialect.name]
                while (row := (await db.execute(due, {"now": now, "ahead": now + SKEW})).first()) is not None:
                    claim = await self._take(db, row, now)
                    if row.state != "held":
                        taken.append((claim.id, claim.fence, now + self._claim_for))
                        return claim
                    await self._expire(db, claim, now)
        except IntegrityError:  # another runner took this serial between our reading and our writing
            pass
        except Exception:
            self._unsure += taken
            raise
        return None

    async def _put_back(self) -> None:
        """Claims whose commit was not answered may hold although nobody has them; nothing of them was begun."""
        while self._unsure:
            work_id, fence, claim_until = self._unsure[-1]
            ours = {"id": work_id, "fence": fence, "state": "running", "owner": self._owner, "claim_until": claim_until}
            async with self._db.begin() as db:
                await change(db, work, ours, {"state": "open", "owner": None, "claim_until": None})
            self._unsure = [each for each in self._unsure if each != (work_id, fence, claim_until)]

    async def _take(self, db: Tx, row: Any, now: datetime) -> Claim:
        """A row still marked running belonged to a runner that died: its step counts as begun."""
        tries = row.tries + (1 if row.state == "running" else 0)
        values = {
            "state": "running",
            "owner": self._owner,
            "claim_until": now + self._claim_for,
            "fence": row.fence + 1,
            "tries": tries,
            "updated_at": now,
        }
        await change(db, work, {"id": row.id, "fence": row.fence}, values)
        return Claim(
            row.id,
            row.kind,
            row.cause,
            row.serial,
            row.step,
            dict(row.data),
            row.author,
            row.created_at,
            row.fence + 1,
            tries,
        )

    async def _expire(self, db: Tx, claim: Claim, now: datetime) -> None:
        """Held work whose time is over is given up, and its author told."""
        error = NotLinked("I waited a day for your cloud user to be linked again.")
        await self._fenced(
            db, claim, {"state": "failed", "due_at": None, "error_code": "NotLinked", "error_text": str(error)}, now
        )
        await self._give_up(db, claim, error, now)

    async def advance(self, claim: Claim) -> None:
        """Run one step and commit what came of it. Errors become a code and a text in the row; none leaves here."""
        now = self._clock.now()
        mine = {"id": claim.id, "fence": claim.fence, "state": "running"}
        async with kept(self._db, self._clock, mine, self._claim_for):
            try:
                outcome = await self._handlers[claim.kind](claim, now)
                await self._lasting(lambda: self._record(claim, outcome))
            except Exception as error:  # whatever it was, the row must say so
                failure = error
                self._tell(claim, failure)
                await self._lasting(lambda: self._failed(claim, failure))

    async def _lasting(self, write: Callable[[], Awaitable[None]]) -> None:
        await lasting(write, self._clock, self._clock.now() + self._claim_for)

    async def _record(self, claim: Claim, outcome: Outcome) -> None:
        async with self._db.begin() as db:
            if await self._settle(db, claim, outcome) and outcome.write:
                await outcome.write(db)

    async def _settle(self, db: Tx, claim: Claim, outcome: Outcome) -> bool:
        now = self._clock.now()
        match outcome:
            case Go(step, data, due):
                fresh = step != claim.step or data != claim.data or due is not None
                values = {
                    "state": "open",
                    "step": step,
                    "data": dict(data),
                    "due_at": due or (now if fresh else now + self._wait(claim)),  # nothing new: never a hot loop
                    "tries": 0 if fresh else claim.tries + 1,
                    "error_code": None,
                    "error_text": None,
                }
            case Done(result):
                values = {"state": "done", "result": dict(result), "due_at": None}
            case Held(why):
                values = {"state": "held", "error_text": why, "due_at": now + HOLD, "expires_at": now + HOLD}
        return await self._fenced(db, claim, values, now)

    async def _fenced(self, db: Tx, claim: Claim, values: Mapping[str, Any], now: datetime) -> bool:
        """Write only while the claim is still ours; a runner that was overtaken changes nothing."""
        ours = {"id": claim.id, "fence": claim.fence, "state": "running"}
        return await change(db, work, ours, {**values, "owner": None, "claim_until": None, "updated_at": now})

    def _tell(self, claim: Claim, error: BaseException) -> None:
        expected = isinstance(error, BotError)
        log.log(
            logging.INFO if expected else logging.ERROR,
            "work %s (%s, %s): %s", claim.id, claim.kind, claim.step, type(error).__name__,
            exc_info=None if expected else error,
        )  # fmt: skip

    async def _failed(self, claim: Claim, error: BaseException) -> None:
        now = self._clock.now()
        final = hopeless(error) or (now - claim.created_at > GIVE_UP and claim.tries > 8)
        code, words = type(error).__name__, str(error)[:500] if isinstance(error, BotError) else "unexpected"
        async with self._db.begin() as db:
            values: dict[str, Any] = {"error_code": code, "error_text": words}
            if final:
                values |= {"state": "failed", "due_at": None}
            else:
                values |= {"state": "open", "tries": claim.tries + 1, "due_at": now + self._wait(claim, error)}
            if await self._fenced(db, claim, values, now) and final:
                await self._give_up(db, claim, error, now)

    def _wait(self, claim: Claim, error: BaseException | None = None) -> timedelta:
        asked: timedelta | None = getattr(error, "retry_after", None)
        most = min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** min(claim.tries, 10))
        wait: timedelta = most * (0.5 + self._jitter() / 2)
        return max(asked or timedelta(0), wait)

    async def next_due(self) -> datetime | None:
        """When the next open work falls due; None if nothing waits."""
        async with self._db.read() as db:
            row = (await db.execute(_NEXT)).first()
        return row.due_at if row else None


def hopeless(error: BaseException) -> bool:
    """Whether trying again cannot help."""
    return isinstance(error, BotError) and not isinstance(error, _PASSING)


def _put_together(*, at_once: bool) -> Any:
    """What may be taken at `now`. `at_once`: where others may be taking something at the same moment."""
    now, other = bindparam("now", type_=work.c.due_at.type), work.alias("other")
    busy = exists().where(other.c.serial == work.c.serial, other.c.id != work.c.id, other.c.state == word("running"))
    # A row that another runner is just taking is skipped as locked: what comes after it on its serial is not next.
    place = [(other.c[name], work.c[name]) for name in ("due_at", "created_at", "id")]
    later = exists().where(
        other.c.serial == work.c.serial, other.c.state == word("open"), other.c.due_at <= now,
        tuple_(*(theirs for theirs, _ in place)) < tuple_(*(mine for _, mine in place)),
    )  # fmt: skip
    early = work.c.updated_at > bindparam("ahead", type_=work.c.due_at.type)  # stamped by a clock that was wrong
    ready = or_(
        and_(work.c.state == word("open"), or_(work.c.due_at <= now, early)),
        and_(work.c.state == word("held"), work.c.due_at <= now),
        and_(work.c.state == word("running"), or_(work.c.claim_until <= now, early)),
    )
    return (
        select(work)
        .where(ready, ~busy, *([~later] if at_once else []))
        .order_by(work.c.due_at, work.c.created_at, work.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=work)
    )


# Put together once, for it is asked after every step. On SQLite writers come one after the other.
_DUE = {"sqlite": _put_together(at_once=False), "postgresql": _put_together(at_once=True)}
_NEXT = select(work.c.due_at).where(work.c.state == word("open")).order_by(work.c.due_at).limit(1)


__all__ = [
    "Claim", "Done", "GiveUp", "Go", "Handler", "Held", "Item", "Outcome", "Workshop", "hopeless", "record",
    "release_held",
]  # fmt: skip
