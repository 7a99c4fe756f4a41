"""The intake's store on asyncpg alone: the tables and promises of `bot.stores.intake`, without SQLAlchemy.

Importing SQLAlchemy would cost a cold function a good part of Slack's three seconds.
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

import asyncpg

from bot.clock import from_ms, to_ms
from bot.errors import StoreDown
from bot.ids import Ids
from bot.rules.keys import base_of
from handlers.ports import Entry, Gate, Outcome

log = logging.getLogger(__name__)

BURST, PER_SECOND = 20.0, 1.0  # commands and clicks of one person: at once, and in the long run
BELIEVED = timedelta(hours=1)  # how long "is a guest" holds before Slack is asked again
UNFINISHED_FOR, MOST_UNFINISHED = timedelta(days=3), 200
CONNECT_S = 2.0
SENDING = timedelta(seconds=60)  # at most, of one message

_LOCK = """
INSERT INTO rates (person, tokens, at) VALUES ($1, $2, $3)
ON CONFLICT (person) DO UPDATE SET at = rates.at RETURNING tokens, at"""
_SEEN = """
SELECT (SELECT id FROM work WHERE cause = $3) AS known,
       (SELECT 1 FROM people WHERE team = $1 AND slack = $2 AND checked_at >= $4
        AND (guest OR stranger OR deleted)) AS refused"""
_UNFINISHED = """
SELECT id, data FROM work WHERE author = $1 AND created_at >= $2 AND state IN ('open', 'running', 'held')
AND (data LIKE $3 ESCAPE '/' OR data LIKE '%"request":%') ORDER BY created_at, id LIMIT $4"""
_ADD = """
INSERT INTO work (id, kind, cause, serial, state, step, data, author, due_at, created_at, updated_at, fence, tries)
VALUES ($1, 'request', $2, $3, 'open', 'start', $4, $5, $6, $6, $6, 0, 0) ON CONFLICT DO NOTHING"""

# As `bot.outbox` has it while a message is being sent, so that whoever sends it in our stead looks for it first.
_ALERT = """
INSERT INTO outbox (id, key, kind, subject, rank, target_kind, target, project, facts, rev, sent_rev, state, created_at,
                    due_at, tries, owner, claim_until, fence, attempted_at, base, seq)
VALUES ($1, $2, 'alert', $3, 0, 'dm', $4, $5, $6, 1, 0, 'pending', $7, $7, 0, 'gateway', $8, 1, $7, $9,
        nextval('outbox_order'))
ON CONFLICT (key) DO UPDATE SET owner = 'gateway', claim_until = excluded.claim_until, fence = outbox.fence + 1
WHERE outbox.state = 'pending' AND outbox.claim_until <= excluded.created_at RETURNING fence"""
_ALERTED = """
UPDATE outbox SET state = 'sent', sent_rev = rev, channel = $3, ts = $4, delivered_at = $5, attempted_at = NULL,
                  tries = 0, failing_since = NULL, owner = NULL, claim_until = NULL, error = NULL
WHERE key = $1 AND fence = $2 AND state = 'pending'"""


class PgStore:
    """`handlers.ports.IntakeStore`. One connection per call: a function may be frozen between two requests."""

    def __init__(self, url: str, ids: Ids) -> None:
        self._url, self._ids = url, ids

    async def keep(self, entry: Entry, now: datetime, gate: Gate) -> tuple[Outcome, str | None]:
        """Refuse, slow down, join or insert, in one transaction; the work's id where there is one."""
        async with self._connection() as db, db.transaction():
            kept = await self._keep(db, entry, now)
            gate.enter()
        return kept

    async def _keep(self, db: Any, entry: Entry, now: datetime) -> tuple[Outcome, str | None]:
        tokens = await _tokens(db, entry, now) if entry.counted else BURST
        seen = await db.fetchrow(_SEEN, entry.team, entry.author, entry.cause, to_ms(now - BELIEVED))
        if seen["refused"]:
            return "refused", None
        if seen["known"]:
            return "again", str(seen["known"])
        if tokens < 1:
            return "too_fast", None
        if entry.counted:
            statement = "UPDATE rates SET tokens = $2, at = $3 WHERE person = $1"
            await db.execute(statement, _person(entry), tokens - 1, to_ms(now))
        if not entry.kept:
            return "counted", None
        if entry.text is not None and (twin := await _twin(db, entry, now)):
            return "joined", twin
        data = json.dumps(dict(entry.data), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        await db.execute(_ADD, self._ids.new(), entry.cause, entry.serial, data, entry.author, to_ms(now))
        return "new", str(await db.fetchval("SELECT id FROM work WHERE cause = $1", entry.cause))

    async def zone(self, team: str, user: str) -> str | None:
        """The person's time zone as Slack last gave it."""
        async with self._connection() as db:
            found = await db.fetchval("SELECT zone FROM people WHERE team = $1 AND slack = $2", team, user)
        return None if found is None else str(found)

    async def catalogue(self, project: str | None, kind: Literal["images", "flavors"]) -> Sequence[Mapping[str, Any]]:
        """Entries as last listed; of any project if none is named."""
        statement = "SELECT data FROM catalogues WHERE kind = $1 AND ($2::text IS NULL OR project = $2) " \
                    "ORDER BY project LIMIT 1"  # fmt: skip
        async with self._connection() as db:
            found = await db.fetchval(statement, kind, project)
        return [] if found is None else list(json.loads(found))

    async def notebook_name(self, project: str, notebook: str) -> str | None:
        """The name it was last seen with."""
        async with self._connection() as db:
            found = await db.fetchval("SELECT name FROM notebooks WHERE project = $1 AND id = $2", project, notebook)
        return None if found is None else str(found)

    async def team(self) -> str | None:
        """The workspace of this deployment, if the worker has met anybody in it: people are kept under it alone."""
        async with self._connection() as db:
            found = await db.fetchval("SELECT team FROM people WHERE NOT stranger LIMIT 1")
        return None if found is None else str(found)

    async def last_passes(self) -> Mapping[str, datetime]:
        """When the last pass of each project was; not those that never had one."""
        async with self._connection() as db:
            rows = await db.fetch("SELECT name, last_pass_at FROM projects WHERE last_pass_at IS NOT NULL")
        return {row["name"]: from_ms(row["last_pass_at"]) for row in rows}

    async def oldest_request(self) -> datetime | None:
        """Since when anything that was asked for has waited to be begun."""
        async with self._connection() as db:
            found = await db.fetchval("SELECT min(created_at) FROM work WHERE kind = 'request' AND state = 'open'")
        return None if found is None else from_ms(found)

    async def alerts(self, prefix: str) -> Mapping[str, Mapping[str, Any]]:
        """Facts of the alerts whose keys begin so, by key."""
        async with self._connection() as db:
            rows = await db.fetch("SELECT key, facts FROM outbox WHERE starts_with(key, $1)", prefix)
        return {row["key"]: json.loads(row["facts"]) for row in rows}

    async def begin_alert(self, key: str, user: str, facts: Mapping[str, Any], now: datetime) -> int | None:
        """Put an alert to somebody in the outbox, for us to send: the fence, None if somebody has seen to it."""
        text = json.dumps(dict(facts), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        subject, at, until = f"alert:{facts['kind']}:{facts['subject']}:{user}", to_ms(now), to_ms(now + SENDING)
        async with self._connection() as db:
            what = (self._ids.new(), key, subject, user, facts["project"], text, at, until, base_of(key))
            found = await db.fetchval(_ALERT, *what)
        return None if found is None else int(found)

    async def alert_sent(self, key: str, fence: int, channel: str, ts: str, now: datetime) -> None:
        """Slack has taken it; unless somebody else has sent it meanwhile."""
        async with self._connection() as db:
            await db.execute(_ALERTED, key, fence, channel, ts, to_ms(now))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """Raises StoreDown for whatever the database or its driver raises."""
        try:
            db = await asyncpg.connect(self._url, timeout=CONNECT_S)
            try:
                yield db
            finally:
                await db.close(timeout=CONNECT_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("the store failed: %s", type(error).__name__)
            raise StoreDown("The store does not answer.") from None


def _person(entry: Entry) -> str:
    return f"{entry.team}:{entry.author}"


async def _tokens(db: Any, entry: Entry, now: datetime) -> float:
    """What the person may still do at once. Locks the row: one person's requests are taken one after the other."""
    row = await db.fetchrow(_LOCK, _person(entry), BURST, to_ms(now))
    elapsed = max(0, to_ms(now) - int(row["at"])) / 1000
    return float(min(BURST, row["tokens"] + elapsed * PER_SECOND))


async def _twin(db: Any, entry: Entry, now: datetime) -> str | None:
    """Unfinished work of the same person for the same words: the request itself, or the operation it has become."""
    since = to_ms(now - UNFINISHED_FOR)
    rows = await db.fetch(_UNFINISHED, entry.author, since, _like(str(entry.text)), MOST_UNFINISHED)
    unfinished = [(str(row["id"]), json.loads(row["data"])) for row in rows]
    if same := next((id_ for id_, data in unfinished if data.get("text") == entry.text), None):
        return same
    begun = {str(data["request"]): id_ for id_, data in unfinished if data.get("request")}
    asked = await db.fetch("SELECT id, data FROM work WHERE id = ANY($1::text[])", list(begun))
    return next((begun[row["id"]] for row in asked if json.loads(row["data"]).get("text") == entry.text), None)


def _like(text: str) -> str:
    """A pattern for stored JSON that holds `text`; it may find more, never less."""
    written = json.dumps(text, ensure_ascii=False)
    return "%" + written.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"
