"""What a request reads and writes before it is acknowledged: one short transaction."""

import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from sqlalchemy import Text, bindparam, literal, or_, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreDown
from bot.ids import Ids
from bot.stores.database import Database, Tx
from bot.stores.schema import catalogues, notebooks, people, rates, work
from bot.work import Item, record

log = logging.getLogger(__name__)

BURST = 20.0  # contract 2: at once
PER_SECOND = 1.0  # and 60 a minute
BELIEVED = timedelta(hours=1)  # how long "is a guest" holds before it is asked again

MOST_UNFINISHED = 200
UNFINISHED_FOR = timedelta(days=3)  # longer nothing waits: not even what is held
UNFINISHED = ("open", "running", "held")

Kept = Literal["new", "again", "joined", "counted", "too_fast", "refused"]


# Built once: putting a statement together costs more than carrying it out.

# The work of this cause, and whether Slack said within the hour that the person is no full member; an older word is
# left to the operation, which asks Slack again.
_SEEN = select(
    select(work.c.id).where(work.c.cause == bindparam("named")).scalar_subquery().label("known"),
    select(literal(1))
    .where(
        people.c.team == bindparam("in_team"),
        people.c.slack == bindparam("of"),
        people.c.checked_at >= bindparam("since"),
        or_(people.c.guest, people.c.stranger, people.c.deleted),
    )
    .scalar_subquery()
    .label("refused"),
)
_TAKE = update(rates).where(rates.c.person == bindparam("who")).values(tokens=bindparam("left"), at=bindparam("then"))
_RAW = type_coerce(work.c.data, Text)  # as it is stored, so that what cannot match need not be read
_UNFINISHED = (
    select(work.c.id, work.c.data)
    .where(
        work.c.author == bindparam("of"),
        work.c.created_at >= bindparam("since"),
        work.c.state.in_(UNFINISHED),
        or_(_RAW.like(bindparam("like"), escape="/"), _RAW.like('%"request":%')),
    )
    .order_by(work.c.created_at, work.c.id)
    .limit(MOST_UNFINISHED)
)
_LOCK = {
    name: insert(rates)
    .on_conflict_do_update(index_elements=[rates.c.person], set_={"at": rates.c.at})
    .returning(rates.c.tokens, rates.c.at)
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


class Asked(Protocol):
    """One request, parsed: `handlers.ports.Entry`."""

    @property
    def cause(self) -> str: ...
    @property
    def serial(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def team(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def text(self) -> str | None: ...
    @property
    def counted(self) -> bool: ...
    @property
    def kept(self) -> bool: ...


class Barrier(Protocol):
    """Raises StoreDown if the commit would come too late: `handlers.ports.Gate`."""

    def enter(self) -> None: ...


class Intake:
    """The store of the intake. Raises StoreDown when the database fails, whatever its driver raised."""

    def __init__(self, db: Database, ids: Ids) -> None:
        self._db, self._ids = db, ids

    async def keep(self, asked: Asked, now: datetime, gate: Barrier) -> tuple[Kept, str | None]:
        """Refuse, slow down, join or insert; the work's id where there is one."""

        async def keep(db: Tx) -> tuple[Kept, str | None]:
            kept = await self._keep(db, asked, now)
            gate.enter()
            return kept

        async with _outages():
            return await self._db.at_once(keep)

    async def _keep(self, db: Tx, asked: Asked, now: datetime) -> tuple[Kept, str | None]:
        tokens = await _tokens(db, asked, now) if asked.counted else BURST
        seen = (
            await db.execute(
                _SEEN, {"in_team": asked.team, "of": asked.author, "named": asked.cause, "since": now - BELIEVED}
            )
        ).one()
        if seen.refused:
            return "refused", None
        if seen.known:
            return "again", str(seen.known)
        if tokens < 1:
            return "too_fast", None
        if asked.counted:
            await db.execute(_TAKE, {"who": _person(asked), "left": tokens - 1, "then": now})
        if not asked.kept:
            return "counted", None
        if asked.text is not None and (twin := await _twin(db, asked, now)):
            return "joined", twin
        item = Item("request", asked.cause, asked.serial, asked.data, asked.author)
        return "new", (await record(db, self._ids, item, now))[0]

    async def zone(self, team: str, user: str) -> str | None:
        """The person's time zone as Slack last gave it."""
        async with _outages(), self._db.read() as db:
            found = await db.execute(select(people.c.zone).where(people.c.team == team, people.c.slack == user))
            return found.scalar_one_or_none()

    async def catalogue(self, project: str | None, kind: Literal["images", "flavors"]) -> Sequence[Mapping[str, Any]]:
        """Entries as last listed."""
        statement = select(catalogues.c.data).where(catalogues.c.kind == kind).order_by(catalogues.c.project).limit(1)
        if project is not None:
            statement = statement.where(catalogues.c.project == project)
        async with _outages(), self._db.read() as db:
            row = (await db.execute(statement)).first()
        return list(row.data) if row else []

    async def notebook_name(self, project: str, notebook: str) -> str | None:
        """The name it was last seen with."""
        statement = select(notebooks.c.name).where(notebooks.c.project == project, notebooks.c.id == notebook)
        async with _outages(), self._db.read() as db:
            return (await db.execute(statement)).scalar_one_or_none()


def _person(asked: Asked) -> str:
    return f"{asked.team}:{asked.author}"


async def _tokens(db: Tx, asked: Asked, now: datetime) -> float:
    """What the person may still do at once. Locks the row: one person's requests are taken one after the other."""
    row = (await db.execute(_LOCK[db.dialect.name], {"person": _person(asked), "tokens": BURST, "at": now})).one()
    elapsed = max(0.0, (now - row.at) / timedelta(seconds=1))
    return float(min(BURST, row.tokens + elapsed * PER_SECOND))


async def _twin(db: Tx, asked: Asked, now: datetime) -> str | None:
    """Unfinished work of the same person for the same words: the request itself, or the operation it has become."""
    unfinished = (
        await db.execute(
            _UNFINISHED, {"of": asked.author, "since": now - UNFINISHED_FOR, "like": _like(str(asked.text))}
        )
    ).all()
    if same := next((str(row.id) for row in unfinished if row.data.get("text") == asked.text), None):
        return same
    begun = {str(row.data["request"]): str(row.id) for row in unfinished if row.data.get("request")}
    if not begun:
        return None
    asked_before = await db.execute(select(work.c.id, work.c.data).where(work.c.id.in_(list(begun))))
    return next((begun[row.id] for row in asked_before if row.data.get("text") == asked.text), None)


def _like(text: str) -> str:
    """A pattern for stored JSON that holds `text`; it may find more, never less."""
    written = json.dumps(text, ensure_ascii=False)
    return "%" + written.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"


@asynccontextmanager
async def _outages() -> AsyncIterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("the store failed: %s", type(getattr(error, "orig", None) or error).__name__)
        raise StoreDown("The store does not answer.") from None
