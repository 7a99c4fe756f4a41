"""Committed messages -> Slack: in order per subject, paced, once.

A row holds what the message should say (`kind`, `facts`, `rev`) and what Slack has (`ts`, `sent_rev`); it is written in
the transaction of the state it reports and rendered at delivery. Updates of one message coalesce by themselves.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal, Protocol

from sqlalchemy import select, update

from bot import pictures
from bot.clock import SKEW, Clock
from bot.errors import SlackAnswerLost, SlackBusy, SlackContent, SlackDown, SlackError
from bot.ids import Ids
from bot.next_message import BROKEN, DEAD_AFTER, DUE, LONGEST_WAIT, UNKNOWN, WAITING, asked_at, mended
from bot.paces import OPEN, may_go, pace, rest, tick_row
from bot.rules import keys
from bot.slack import Message, Posted, Slack
from bot.stores.database import Database, Tx
from bot.stores.locks import lock
from bot.stores.messages import revise
from bot.stores.outage import is_outage, lasting
from bot.stores.schema import outbox, outbox_order
from bot.stores.upsert import change, find, insert_once, known

log = logging.getLogger(__name__)

NOTICE, RESULT, PROGRESS = 0, 1, 2
CLAIM = timedelta(seconds=60)
CLIENT_TIMEOUT = timedelta(seconds=15)  # of bot.slackweb; a lost answer is waited out this long
LONGEST_DOUBT = timedelta(minutes=30)  # while answers are lost and the history cannot be read, each try may be a double
SHORT_DOUBT = timedelta(minutes=5)  # the same where nothing is sent again anyway
UPDATE_PACE = timedelta(seconds=3)  # contract 2: progress at most every 3 s
CHANNEL_PACE = timedelta(seconds=1)
RESPONSE_LIFE = timedelta(minutes=29)  # Slack: 30 min

GONE = ("message_not_found", "cant_update_message", "channel_not_found", "is_archived")

_NEXT_SEQ = select(outbox_order.next_value())
_LAST_SEQ = select(outbox.c.seq).order_by(outbox.c.seq.desc()).limit(1)
_ANOTHER_TRY = {"tries": 0, "failing_since": None, "attempted_at": None}
_AS_NEW = _ANOTHER_TRY | {"ts": None, "sent_rev": 0, "reason": None}  # its progress was deleted in Slack

TargetKind = Literal["dm", "channel", "response", "view", "home"]
CONVERSATIONS = ("dm", "channel")


@dataclass(frozen=True, slots=True)
class Say:
    """What a message should now say. The same `key` again updates the message in place."""

    key: str
    kind: str
    target_kind: TargetKind
    target: str
    facts: Mapping[str, Any]
    subject: str
    rank: int = RESULT
    project: str | None = None
    fallback: str | None = None  # the person whose DM gets it when a response_url or view is gone
    due: datetime | None = None
    expires: datetime | None = None  # void if not sent by then


class Renderer(Protocol):
    """Facts -> message, at delivery. None voids it: what it would say is no longer so."""

    async def __call__(self, row: Any, now: datetime) -> Message | str: ...


class Events(Protocol):
    """Told in the same transaction as the outcome is recorded."""

    async def delivered(self, db: Tx, row: Any, posted: Posted, now: datetime) -> None: ...

    def left(self, row: Any, now: datetime) -> Mapping[str, Any] | None:
        """Before the first post: the facts without what was overtaken; None where they stay as they are."""
        ...

    async def left_out(self, db: Tx, row: Any, facts: Mapping[str, Any], now: datetime) -> None:
        """It goes with these facts and not with those of the row."""
        ...

    async def voided(self, db: Tx, row: Any, reason: str, now: datetime) -> None: ...
    async def undeliverable(self, db: Tx, row: Any, error: SlackError, now: datetime) -> None: ...


async def say(db: Tx, ids: Ids, message: Say, now: datetime) -> None:
    """Put `message` in the outbox, or give the one with its key its new content."""
    values = {
        "id": ids.new(),
        "key": message.key,
        "base": keys.base_of(message.key),
        "kind": message.kind,
        "subject": message.subject,
        "rank": message.rank,
        "target_kind": message.target_kind,
        "target": message.target,
        "project": message.project,
        "fallback": message.fallback,
        "facts": dict(message.facts),
        "rev": 1,
        "sent_rev": 0,
        "state": "pending",
        "created_at": now,
        "due_at": message.due or now,
        "expires_at": message.expires,
        "tries": 0,
        "fence": 0,
        "seq": await _next_seq(db),
    }
    if await insert_once(db, outbox, values):
        return
    row = await known(db, outbox, key=message.key)
    waits = (row.state != "dead" and row.tries > 0) or (message.rank == PROGRESS and row.delivered_at)
    due = max(now, row.due_at) if waits else now
    anew = row.state == "dead" and message.rank != PROGRESS  # how it ended may be taken where its progress was not
    deleted = row.state == "void" and row.ts is not None and message.kind == "operation" and message.rank == RESULT
    content = {
        "kind": message.kind,
        "facts": dict(message.facts),
        "rank": message.rank,
        "due_at": due,
        "state": "pending" if row.state in ("pending", "sent") or anew or deleted else row.state,
        "expires_at": message.expires,
    }
    more = _ANOTHER_TRY if anew else _AS_NEW if deleted else {}
    await revise(db, row.id, content | more)


async def void(db: Tx, key: str, reason: str) -> bool:
    """Withdraw a message that has not been sent; True if it was still waiting."""
    unsent = outbox.c.state == "pending", outbox.c.sent_rev == 0, outbox.c.attempted_at.is_(None)
    withdrawn = update(outbox).where(outbox.c.key == key, *unsent).values(state="void", reason=reason)
    return bool((await db.execute(withdrawn)).rowcount == 1)


async def _next_seq(db: Tx) -> int:
    """Of PostgreSQL's own sequence: two writers at once never get the same place in the order."""
    if db.dialect.name == "postgresql":
        return int((await db.execute(_NEXT_SEQ)).scalar_one())
    row = (await db.execute(_LAST_SEQ)).first()
    return (row.seq if row else 0) + 1


def _owed(row: Any, error: SlackError) -> bool:
    """Whether a message that cannot be edited any more is posted anew.

    The workspace forbids late edits; or somebody deleted the progress of what a person asked for, who is still to hear
    how it ended.
    """
    deleted = error.code == "message_not_found" and row.kind == "operation" and row.rank == RESULT
    return error.code == "edit_window_closed" or deleted


class Postman:
    """Delivers what is due, one row at a time per subject, for any number of runners at once."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        slack: Slack,
        render: Renderer,
        events: Events,
        *,
        jitter: Callable[[], float],
        owner: str,
        open_url: Callable[[str], str],
    ) -> None:
        self._db, self._clock, self._slack, self._render, self._events = db, clock, slack, render, events
        self._jitter, self._owner, self._open_url = jitter, owner, open_url
        self.taken = 0  # messages that Slack has taken from this process

    async def claim(self) -> Any | None:
        """Take the next row that may be sent now; None if there is none."""
        now = self._clock.now()
        async with self._db.begin() as db:
            await lock(db, "outbox")  # order and paces are looked up and moved on as one
            row = (await db.execute(DUE, asked_at(now))).first()
            if row is None:
                return None
            values: dict[str, Any] = {
                "owner": self._owner,
                "claim_until": now + CLAIM,
                "fence": row.fence + 1,
                "attempted_at": row.attempted_at or now,
            }
            right = mended(row, now)
            values |= right
            await change(db, outbox, {"id": row.id}, values)
            if row.sent_rev == 0 and row.target_kind in CONVERSATIONS:
                await pace(db, row.target, now + CHANNEL_PACE, now)
            await tick_row(db, row, now)
            return SimpleNamespace(**(dict(row._mapping) | right)) if right else row

    async def deliver(self, row: Any) -> None:
        """Send one claimed row and record what came of it. Raises only while the store is away."""
        now = self._clock.now()
        try:
            await self._deliver(row, now)
        except SlackAnswerLost as error:
            await self._later(row, error, self._doubt(row, now), lost=True)
        except SlackBusy as error:
            await self._later(row, error, error.retry_after or timedelta(seconds=30))
        except SlackDown as error:
            await self._later(row, error, self._wait(row))
        except SlackError as error:
            drawn_wrong = row.target_kind == "view" and isinstance(error, SlackContent)
            if row.target_kind in ("response", "view") and row.fallback and not drawn_wrong:
                await self._to_dm(row)
            elif row.ts and _owed(row, error):
                await self._anew(row)
            elif row.ts and error.code in GONE:
                await self._void(row, "the message is no longer there to be redrawn")
            else:
                await self._dead(row, error)
        except Exception as error:
            if is_outage(error):
                raise
            # A fault of ours in one message is that message's trouble; whether it was posted is looked up.
            log.exception("message %s fails", row.key)
            await self._later(row, SlackAnswerLost(BROKEN, type(error).__name__), self._wait(row), lost=True)

    async def _anew(self, row: Any) -> None:
        """A new message says what the old one cannot any more."""
        async with self._db.begin() as db:
            await self._finish(db, row, ts=None, sent_rev=0, attempted_at=None)

    async def _to_dm(self, row: Any) -> None:
        """A `response_url` or a modal that has run out: what matters is told in the person's DM instead."""
        values: dict[str, Any] = {"target_kind": "dm", "target": row.fallback, "attempted_at": None}
        if row.target_kind == "view":
            if row.facts.get("view") != "error":  # whoever closed the window no longer wants what belongs in it
                await self._void(row, "the window was closed")
                return
            values |= {"kind": "answer", "facts": {"what": "error", "oops": row.facts["oops"]}}
        async with self._db.begin() as db:
            if row.fallback:
                await self._finish(db, row, **values)
            else:
                await self._finish(db, row, state="void", reason="the answer's address has run out", target="")

    async def _deliver(self, row: Any, now: datetime) -> None:
        if row.target_kind == "response" and now - row.created_at > RESPONSE_LIFE:
            await self._to_dm(row)
            return
        unknown = False
        if row.attempted_at and row.sent_rev == 0 and row.target_kind in CONVERSATIONS and row.channel:
            found = await self._found(row)
            if found:
                # What it says may be older than what the row says by now: then it is drawn again.
                await self._sent(row, Posted(row.channel, found), max(1, row.rev - 1), pictures.owed_after_all(row))
                return
            unknown = found is None
        there = self._there(now)
        if row.sent_rev == 0 and row.expires_at and min(now, there) >= row.expires_at:
            await self._overtaken(row, "its time was over before it could be sent", unknown=unknown)
            return
        row = await self._trimmed(row, there)
        message = await self._render(row, there)
        if isinstance(message, str):
            await self._overtaken(row, message, unknown=unknown)
            return
        await self._send(row, message)

    def _there(self, now: datetime) -> datetime:
        """What time it is where leases end: by Slack's clock, where ours is so far off that stops are paused."""
        skew = self._slack.skew()
        return now + skew if skew is not None and abs(skew) > SKEW else now

    async def _overtaken(self, row: Any, reason: str, *, unknown: bool) -> None:
        """It is sent no more. `unknown`: an earlier try may have arrived, and then it is to say so itself.

        That is not looked up for long: what comes after it on its subject waits.
        """
        if unknown and self._clock.now() - row.attempted_at < SHORT_DOUBT:
            raise SlackAnswerLost(UNKNOWN, "Whether it arrived cannot be looked up.")
        await self._void(row, reason)

    async def _trimmed(self, row: Any, now: datetime) -> Any:
        """The row as it goes: without what was overtaken while it waited. What may have been posted stays as it is."""
        facts = self._events.left(row, now) if row.sent_rev == 0 and row.attempted_at is None else None
        if facts is None:
            return row
        async with self._db.begin() as db:
            unchanged = {"id": row.id, "fence": row.fence + 1, "rev": row.rev}
            if not await change(db, outbox, unchanged, {"facts": dict(facts)}):
                return row
            await self._events.left_out(db, row, facts, now)
        whole = vars(row) if isinstance(row, SimpleNamespace) else dict(row._mapping)
        return SimpleNamespace(**whole | {"facts": facts})

    async def _found(self, row: Any) -> str | None:
        """The `ts` of an earlier attempt whose answer was lost, if it arrived after all (contract 2, delivery).

        Empty: it did not; None: that cannot be looked up, and a notice is sent again.
        """
        try:
            found = await self._slack.find(
                row.channel, keys.metadata(row)["event_payload"]["key"], row.attempted_at - timedelta(seconds=5)
            )
            return found or ""
        except SlackError as error:
            log.warning("history of %s cannot be read: %s", row.channel, error.code)
            passing = isinstance(error, SlackBusy) or (row.rank == RESULT and isinstance(error, SlackDown))
            if passing or row.rank == PROGRESS:  # looked up again before it is sent again
                raise SlackAnswerLost(UNKNOWN, "Whether it arrived cannot be looked up.") from error
            return None

    async def _send(self, row: Any, message: Message) -> None:
        try:
            posted = Posted(row.channel, row.ts) if pictures.to_send(row) else await self._put(row, message)
        except SlackContent as error:
            log.error("Slack refused the blocks of %s: %s", row.kind, error.detail or error.code)
            if row.target_kind in ("view", "home"):  # a window cannot be plain text
                raise
            posted = await self._put(row, Message(message.text))
        chart_in = await pictures.share(self._slack, row, posted, message, self._clock.now())
        await self._sent(row, posted, row.rev, chart_in)

    async def _put(self, row: Any, message: Message) -> Posted:
        match row.target_kind:
            case "response":
                await self._slack.respond(self._open_url(row.target), message)
                return Posted("", "")
            case "view":
                await self._slack.update_view(row.target, message.blocks[0])
                return Posted("", "")
            case "home":
                await self._slack.publish_home(row.target, message.blocks[0])
                return Posted("", "")
        if row.ts:
            await self._slack.update(row.channel, row.ts, message, keys.metadata(row))
            return Posted(row.channel, row.ts)
        return await self._post(row, message)

    async def _post(self, row: Any, message: Message) -> Posted:
        channel = row.channel or (row.target if row.target_kind == "channel" else await self._slack.open_dm(row.target))
        if row.channel is None:  # known before the post, so that a lost answer can be looked up there
            async with self._db.begin() as db:
                await change(db, outbox, {"id": row.id}, {"channel": channel})
        return await self._slack.post(channel, message, keys.metadata(row))

    async def _sent(self, row: Any, posted: Posted, rev: int, chart_in: timedelta | None) -> None:
        """Recorded with the time of the receipt of Slack's `ok`: graces run from it. `chart_in`: it is still owed."""
        now = self._clock.now()
        await lasting(lambda: self._note_sent(row, posted, rev, now, chart_in), self._clock, now + CLAIM)
        self.taken += 1

    async def _note_sent(self, row: Any, posted: Posted, rev: int, now: datetime, chart_in: timedelta | None) -> None:
        async with self._db.begin() as db:
            current = await find(db, outbox, id=row.id)
            if current is None or current.fence != row.fence + 1 or current.claim_until is None:
                return
            values = {
                "state": "sent" if current.rev == rev else "pending",
                "sent_rev": rev,
                "channel": posted.channel or current.channel,
                "ts": posted.ts or current.ts,
                "delivered_at": current.delivered_at or now,
                "attempted_at": None,
                "tries": 0,
                "failing_since": None,
                "owner": None,
                "claim_until": None,
                "error": None,
                "due_at": max(current.due_at, now + UPDATE_PACE) if current.rank == PROGRESS else current.due_at,
                "target": "" if row.target_kind == "response" else current.target,
            }
            await change(db, outbox, {"id": row.id}, values | pictures.noted(current.facts, chart_in, now))
            if row.sent_rev == 0:
                await self._events.delivered(db, row, posted, now)

    async def _void(self, row: Any, reason: str) -> None:
        now = self._clock.now()
        async with self._db.begin() as db:
            if await self._finish(db, row, state="void", reason=reason):
                await self._events.voided(db, row, reason, now)

    async def _dead(self, row: Any, error: SlackError) -> None:
        """Slack will not take it. A person who cannot be reached is somebody else's business: `Events` escalates."""
        now = self._clock.now()
        async with self._db.begin() as db:
            told = error.detail or str(error)
            if await self._finish(db, row, state="dead", reason=error.code, error=told, due_at=now):
                log.warning("given up: message %s, for Slack says %s", row.key, error.code)
                await self._events.undeliverable(db, row, error, now)

    async def _later(self, row: Any, error: SlackError, wait: timedelta, *, lost: bool = False) -> None:
        now = self._clock.now()
        since = row.failing_since or now
        if now - since > DEAD_AFTER:
            await self._dead(row, error)
            return
        async with self._db.begin() as db:
            await self._finish(
                db,
                row,
                state="pending",
                due_at=now + min(wait, LONGEST_WAIT),
                tries=row.tries + 1,
                failing_since=since,
                error=error.code,
                # This try did not arrive; one before it may have, and is still looked for.
                **({} if lost else {"attempted_at": row.attempted_at}),
            )
            if isinstance(error, SlackBusy):
                if row.target_kind in CONVERSATIONS and row.sent_rev == 0 and error.method != OPEN:
                    await pace(db, row.target, now + wait, now)  # other methods go on working
                await rest(db, OPEN if error.method == OPEN else row.method, now + wait, now)

    async def _finish(self, db: Tx, row: Any, **values: Any) -> bool:
        ours = {"id": row.id, "fence": row.fence + 1}
        return await change(db, outbox, ours, {"owner": None, "claim_until": None, **values})

    def _doubt(self, row: Any, now: datetime) -> timedelta:
        """How long a lost answer is waited out: the client's time-out, then as long as nothing has been known of it."""
        known: timedelta = now - row.attempted_at if row.attempted_at else timedelta(0)
        return min(LONGEST_DOUBT, max(CLIENT_TIMEOUT, known))

    def _wait(self, row: Any) -> timedelta:
        most = min(timedelta(minutes=5), timedelta(seconds=2) * 2 ** min(row.tries, 10))
        wait: timedelta = most * (0.5 + self._jitter() / 2)
        return wait

    async def next_due(self) -> datetime | None:
        """When the next message may go: when it is due, and the paces of its channel and method allow; None: never."""
        async with self._db.read() as db:
            rows = list(await db.execute(WAITING, asked_at(self._clock.now())))
        return min((may_go(row) for row in rows), default=None)
