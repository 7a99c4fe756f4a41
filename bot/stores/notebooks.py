"""Notebooks as last seen. The cloud is the truth; this is what answers at once, and what a pass compares with."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update

from bot.clock import from_ms, to_ms
from bot.model import CloudUserId, Lease, LeaseType, Notebook, NotebookId, ProgressStep, Status
from bot.stores.database import Tx
from bot.stores.schema import notebooks
from bot.stores.upsert import put

_SECRET = {"url", "token"}  # never stored
_INSTANTS = {"created_at", "updated_at", "server_now"}
_DERIVED = _SECRET | _INSTANTS | {"lease", "progress", "tags", "status"}
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


async def get(db: Tx, project: str, notebook_id: str) -> Any | None:
    """The row, gone ones included; None if never seen."""
    return (
        await db.execute(select(notebooks).where(notebooks.c.project == project, notebooks.c.id == notebook_id))
    ).first()


async def of_projects(db: Tx, projects: Sequence[str]) -> list[Any]:
    """Every notebook there is in these projects, running ones first, then by name."""
    rows = await db.execute(
        select(notebooks)
        .where(notebooks.c.project.in_(projects), notebooks.c.deleted_at.is_(None))
        .order_by(notebooks.c.status != "RUNNING", notebooks.c.name, notebooks.c.id)
    )
    return list(rows)


async def matching(db: Tx, projects: Sequence[str], name: str) -> list[Any]:
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
    return list(await db.execute(begins.order_by(notebooks.c.name).limit(25)))


async def save(db: Tx, project: str, notebook: Notebook, values: dict[str, Any], now: datetime) -> None:
    """Keep what was just seen, and `values` decided from it."""
    await put(
        db,
        notebooks,
        {
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
        }
        | values,
    )


async def change(db: Tx, project: str, notebook_id: str, **values: Any) -> None:
    """Set columns of one notebook."""
    await db.execute(
        update(notebooks).where(notebooks.c.project == project, notebooks.c.id == notebook_id).values(**values)
    )


async def running_ids(db: Tx, project: str) -> set[str]:
    """Ids of those last seen running."""
    rows: Iterable[Any] = await db.execute(
        select(notebooks.c.id).where(
            notebooks.c.project == project,
            notebooks.c.status.in_(("RUNNING", "SNAPSHOTTING")),
            notebooks.c.deleted_at.is_(None),
        )
    )
    return {row.id for row in rows}


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
