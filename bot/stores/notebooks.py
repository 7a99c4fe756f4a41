"""Notebooks as last seen. The cloud is the truth; this is what answers at once, and what a pass compares with."""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import Text, bindparam, func, insert, or_, select, type_coerce, update

from bot.clock import from_ms, to_ms
from bot.model import CloudUserId, Lease, LeaseType, Notebook, NotebookId, ProgressStep, Status
from bot.stores import upsert
from bot.stores.database import Tx
from bot.stores.schema import notebooks

_SECRET = {"url", "token"}  # never stored
_INSTANTS = {"created_at", "updated_at", "server_now"}
_DERIVED = _SECRET | _INSTANTS | {"lease", "progress", "tags", "status"}
_NEVER = -1e12  # seconds; no year has it
_NO_LEASE = (_NEVER, _NEVER, _NEVER, False)
_packed = struct.Struct("<dddd?").pack
_CHUNK = 500  # ids in one statement
# What a pass reads of those it decides about; the verdict as text, it is decoded only once.
_LEAN = (
    notebooks.c.id, notebooks.c.running_since, notebooks.c.lease_seen_at, notebooks.c.keep_until,
    notebooks.c.keep_reason, notebooks.c.undo_until, notebooks.c.poll_at,
    type_coerce(notebooks.c.verdict, Text).label("verdict"),
)  # fmt: skip
_OF_PROJECT = notebooks.c.project == bindparam("of_project")
_THERE = _OF_PROJECT & notebooks.c.deleted_at.is_(None)
_SOME = notebooks.c.id.in_(bindparam("ids", expanding=True))
_ONE = _OF_PROJECT & (notebooks.c.id == bindparam("of_id"))
_RUNS = notebooks.c.status.in_([status.value for status in Status if status.runs])
_KNOWN = select(*_LEAN).where(_THERE)
_KNOWN_SOME, _KNOWN_RUNNING = _KNOWN.where(_SOME), _KNOWN.where(_RUNS)
_LOCKED = select(notebooks).where(_ONE).with_for_update()
_AS_SEEN = select(notebooks.c.id, notebooks.c.digest, notebooks.c.missing).where(_THERE)
_RESTS = notebooks.c.status.in_([status.value for status in Status if status.rests])
_AWAKE = _AS_SEEN.where(or_(_RESTS.is_(False), notebooks.c.missing > 0))
_ANY_OF = select(notebooks.c.id).where(_OF_PROJECT, _SOME)
_SEEN_OF = select(notebooks.c.id, notebooks.c.snapshot, notebooks.c.digest).where(_THERE, _SOME)
_STOPPED_SINCE = select(notebooks.c.id).where(
    _OF_PROJECT, notebooks.c.stop_by.is_not(None), notebooks.c.running_since.is_(None),
    notebooks.c.seen_at > bindparam("since"),
)  # fmt: skip
_POLL = update(notebooks).where(_ONE).values(poll_at=bindparam("next"))
_JUDGED = _POLL.values(verdict=bindparam("found"))
_PLAIN = tuple(f.name for f in fields(Notebook) if f.name not in _DERIVED)


def dump(notebook: Notebook) -> dict[str, Any]:
    """Everything but the private link and token, as JSON."""
    plain = {name: getattr(notebook, name) for name in _PLAIN}
    times = {name: _ms(getattr(notebook, name)) for name in _INSTANTS}
    lease = notebook.lease
    return (
        plain
        | times
        | {
            "status": notebook.status.value,
            "tags": [list(tag) for tag in notebook.tags],
            "progress": [[s.step, s.status, s.text] for s in notebook.progress],
            "lease": lease
            and {
                "created_at": to_ms(lease.created_at),
                "duration": lease.duration // timedelta(milliseconds=1),
                "enabled": lease.enabled,
                "kind": lease.kind.value,
                "stamped_at": _ms(lease.stamped_at),
            },
        }
    )


def load(data: dict[str, Any]) -> Notebook:
    """The notebook of a `snapshot` column."""
    lease = data["lease"]
    known: dict[str, Any] = {name: data[name] for name in _PLAIN if name in data}
    known |= {name: _at(data.get(name)) for name in _INSTANTS}
    known |= {"id": NotebookId(data["id"]), "owner_id": CloudUserId(data["owner_id"]) if data["owner_id"] else None}
    return Notebook(
        **known,
        status=Status(data["status"]),
        tags=tuple((key, value) for key, value in data["tags"]),
        progress=tuple(ProgressStep(*step) for step in data["progress"]),
        lease=lease
        and Lease(
            from_ms(lease["created_at"]),
            timedelta(milliseconds=lease["duration"]),
            lease["enabled"],
            LeaseType(lease["kind"]),
            _at(lease["stamped_at"]),
        ),
    )


def digest(notebook: Notebook) -> str:
    """Of all that a listing says and a decision rests on; the same for a listing and for a look at one.

    Worked out for every notebook in every pass, so that what has not changed costs no more than this.
    """
    lease, instants, kind = notebook.lease, _NO_LEASE, ""
    if lease is not None:
        ends = lease.created_at.timestamp(), lease.duration.total_seconds()
        instants, kind = (*ends, _seconds(lease.stamped_at), lease.enabled), lease.kind
    words = (notebook.status, notebook.flavor, notebook.owner_id or "", kind, notebook.name)  # the name last: any text
    said = _packed(_seconds(notebook.updated_at), *instants) + "\0".join(words).encode(errors="surrogatepass")
    return blake2b(said, digest_size=16).hexdigest()


def _seconds(at: datetime | None) -> float:
    """Enough of it to tell two milliseconds apart."""
    return _NEVER if at is None else at.timestamp()


async def get(db: Tx, project: str, notebook_id: str, *, lock: bool = False) -> Any | None:
    """The row, gone ones included; None if never seen. `lock`: nobody else changes it until this transaction ends."""
    if not lock:
        return await upsert.find(db, notebooks, project=project, id=notebook_id)
    return (await db.execute(_LOCKED, {"of_project": project, "of_id": notebook_id})).first()


async def as_seen(db: Tx, project: str) -> dict[str, Any]:
    """Id -> digest and misses, of all that are not gone."""
    rows = await db.execute(_AS_SEEN, {"of_project": project})
    return {row.id: row for row in rows.all()}


async def awake(db: Tx, project: str) -> dict[str, Any]:
    """The same of those that did not rest when they were last seen, or were missing since."""
    return {row.id: row for row in await db.execute(_AWAKE, {"of_project": project})}


async def last_seen(db: Tx, project: str, ids: Sequence[str]) -> list[Any]:
    """Id, snapshot and digest of those of them that are not gone."""
    return list(await db.execute(_SEEN_OF, {"of_project": project, "ids": ids}))


async def stopped_since(db: Tx, project: str, at: datetime) -> set[str]:
    """Those that we have stopped and that were seen to run no more after `at`."""
    return {row.id for row in await db.execute(_STOPPED_SINCE, {"of_project": project, "since": at})}


async def known(db: Tx, project: str, only: Iterable[str] | None = None) -> dict[str, Any]:
    """Id -> what must be known of it to decide, of all that are not gone; `only`: of these."""
    if only is None:
        return {row.id: row for row in (await db.execute(_KNOWN, {"of_project": project})).all()}
    found: dict[str, Any] = {}
    for ids in chunks(sorted(only)):
        rows = await db.execute(_KNOWN_SOME, {"of_project": project, "ids": ids})
        found.update((row.id, row) for row in rows.all())
    return found


async def known_running(db: Tx, project: str, beside: Iterable[str]) -> dict[str, Any]:
    """The same of all that run, and of those `beside` them. To name thousands takes longer than to read them."""
    rows = await db.execute(_KNOWN_RUNNING, {"of_project": project})
    found = {row.id: row for row in rows.all()}
    return found | await known(db, project, [each for each in beside if each not in found])


async def gone_before(db: Tx, project: str, ids: Iterable[str]) -> set[str]:
    """Which of these have a row although they were believed to be gone."""
    found: set[str] = set()
    for some in chunks(sorted(ids)):
        found |= {row.id for row in await db.execute(_ANY_OF, {"of_project": project, "ids": some})}
    return found


def chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """As many as one statement takes."""
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]


async def of_projects(db: Tx, projects: Sequence[str]) -> list[Any]:
    """Every notebook there is in these projects, running ones first, then by name."""
    rows = await db.execute(
        select(notebooks)
        .where(notebooks.c.project.in_(projects), notebooks.c.deleted_at.is_(None))
        .order_by(notebooks.c.status != "RUNNING", notebooks.c.name, notebooks.c.id)
    )
    return list(rows)


async def deleted_of(db: Tx, project: str, ids: Collection[str]) -> frozenset[str]:
    """Which of them are deleted."""
    if not ids:
        return frozenset()
    gone = notebooks.c.project == project, notebooks.c.id.in_(ids), notebooks.c.deleted_at.is_not(None)
    return frozenset(row.id for row in await db.execute(select(notebooks.c.id).where(*gone)))


async def matching(db: Tx, projects: Sequence[str], name: str, mine: Collection[str] = ()) -> list[Any]:
    """Those of this id or this name; if there are none, those whose name or id begins so (any case)."""
    there = select(notebooks).where(notebooks.c.project.in_(projects), notebooks.c.deleted_at.is_(None))
    exact = list(await db.execute(there.where(or_(notebooks.c.id == name, notebooks.c.name == name))))
    if exact:
        return exact
    low = name.lower()
    begins = there.where(
        or_(
            func.lower(notebooks.c.name).startswith(low, autoescape=True),
            notebooks.c.id.startswith(low, autoescape=True),
        )
    )
    own_first = notebooks.c.owner_id.in_(mine).desc()
    return list(await db.execute(begins.order_by(own_first, notebooks.c.name).limit(200)))


async def once(db: Tx, projects: Sequence[str], name: str) -> Any | None:
    """The last one of this id or exactly this name, deleted or not: what is on record outlives it."""
    mine = notebooks.c.project.in_(projects), or_(notebooks.c.id == name, notebooks.c.name == name)
    newest = (notebooks.c.deleted_at.is_(None).desc(), notebooks.c.deleted_at.desc())
    return (await db.execute(select(notebooks).where(*mine).order_by(*newest).limit(1))).first()


async def save(db: Tx, project: str, notebook: Notebook, values: dict[str, Any], now: datetime) -> None:
    """Keep what was just seen, and `values` decided from it."""
    await upsert.put(db, notebooks, columns(project, notebook, now) | values)


async def add(db: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Keep many that were never seen before."""
    if rows:
        await db.execute(insert(notebooks), rows)


def columns(project: str, notebook: Notebook, now: datetime) -> dict[str, Any]:
    """What is stored of a notebook as it was just seen."""
    return {
        "project": project,
        "id": notebook.id,
        "name": notebook.name,
        "owner_id": notebook.owner_id,
        "owner_name": notebook.owner_name,
        "status": notebook.status.value,
        "flavor": notebook.flavor,
        "snapshot": dump(notebook),
        "lease_end": notebook.lease_ends,
        "seen_at": now,
        "missing": 0,
        "updated_at": notebook.updated_at,
        "digest": digest(notebook),
    }


async def polls(db: Tx, project: str, due: dict[str, datetime]) -> None:
    """When the evidence of each of these is read next."""
    if due:
        await db.execute(_POLL, [{"of_project": project, "of_id": each, "next": at} for each, at in due.items()])


async def judged(db: Tx, project: str, found: Mapping[NotebookId, tuple[dict[str, object], datetime]]) -> None:
    """The verdict on each of these, and when its evidence is read next."""
    if found:
        rows = [
            {"of_project": project, "of_id": each, "found": verdict, "next": at}
            for each, (verdict, at) in found.items()
        ]
        await db.execute(_JUDGED, rows)


async def change(db: Tx, project: str, notebook_id: str, **values: Any) -> None:
    """Set columns of one notebook."""
    await upsert.change(db, notebooks, {"project": project, "id": notebook_id}, values)


async def running_ids(db: Tx, project: str) -> set[str]:
    """Ids of those last seen running."""
    rows: Iterable[Any] = await db.execute(
        select(notebooks.c.id).where(
            notebooks.c.project == project,
            _RUNS,
            notebooks.c.deleted_at.is_(None),
        )
    )
    return {row.id for row in rows}


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
