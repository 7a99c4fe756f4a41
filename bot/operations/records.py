"""Decisions on record: a row when outcome, rule or evidence class changes; a pass stamps "confirmed at"."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, bindparam, insert, select, type_coerce, update

from bot.ids import Ids
from bot.rules.durations import format_duration
from bot.rules.facts import Decision, NotebookFacts
from bot.rules.keys import lease_warning_parts
from bot.stores.database import Tx
from bot.stores.notebooks import chunks
from bot.stores.schema import decisions, notices
from bot.stores.upsert import drop

MOST_NAMED = 500  # ids in one statement
_LIVE = (
    decisions.c.id, decisions.c.notebook_id, decisions.c.outcome, decisions.c.rule,
    type_coerce(decisions.c.evidence, Text).label("evidence"),
)  # fmt: skip

_ALL_LIVE = select(*_LIVE).where(decisions.c.project == bindparam("of_project"), decisions.c.live)
_INSERT = insert(decisions)
_OVER = update(decisions).where(decisions.c.id.in_(bindparam("ids", expanding=True))).values(live=False)
_CONFIRM = (
    update(decisions)
    .where(decisions.c.project == bindparam("of_project"), decisions.c.live,
           decisions.c.id.not_in(bindparam("undecided", expanding=True)))
    .values(confirmed_at=bindparam("now"))
)  # fmt: skip


async def live(db: Tx, project: str) -> dict[str, Any]:
    """The last decision about each notebook that runs (or ran until a moment ago)."""
    rows = await db.execute(_ALL_LIVE, {"of_project": project})
    return {row.notebook_id: row for row in rows.all()}


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision of this pass. `runs`: passes go on confirming it."""

    facts: NotebookFacts
    decision: Decision
    runs: bool


async def record(
    db: Tx, ids: Ids, project: str, taken: Sequence[Taken], before: Mapping[str, Any], config_hash: str, now: datetime
) -> None:
    """Write those that changed, confirm those that did not; three statements, however many there are."""
    changed = [each for each in taken if _news(before.get(each.facts.notebook.id), each)]
    decided = {each.facts.notebook.id for each in taken}
    old = [row.id for each in changed if (row := before.get(each.facts.notebook.id))]
    for some in chunks(old):
        await db.execute(_OVER, {"ids": some})
    await _confirm(db, project, [row.id for row in before.values() if row.notebook_id not in decided], now)
    if changed:
        rows = [_row(ids, project, each, config_hash, now) for each in changed]
        await db.execute(_INSERT, rows)


async def _confirm(db: Tx, project: str, undecided: list[str], now: datetime) -> None:
    """All that are live, but those of which this pass could not see anything."""
    if len(undecided) > MOST_NAMED:
        return  # a listing that broke off confirms nothing
    await db.execute(_CONFIRM, {"of_project": project, "undecided": undecided, "now": now})


def _row(ids: Ids, project: str, each: Taken, config_hash: str, now: datetime) -> dict[str, Any]:
    return {
        "id": ids.new(),
        "project": project,
        "notebook_id": each.facts.notebook.id,
        "at": now,
        "confirmed_at": now,
        "outcome": each.decision.outcome,
        "rule": each.decision.rule,
        "because": each.decision.because,
        "evidence": evidence_of(each.facts),
        "config_hash": config_hash,
        "live": each.runs,
    }


def _news(before: Any | None, each: Taken) -> bool:
    """That it does not run is on record once: nobody decides about it any more, whoever still waits to be told."""
    return (each.runs or before is not None) and not _same(before, each)


def _same(before: Any | None, each: Taken) -> bool:
    """The same outcome by the same rule on evidence of the same class."""
    if before is None or before.outcome != each.decision.outcome or before.rule != each.decision.rule:
        return False
    verdict = each.facts.verdict
    classes = tuple((r.source, r.state) for r in verdict.readings) if verdict else ()
    return classes == _classes(before.evidence)


@lru_cache(maxsize=32_768)  # of rows that do not change
def _classes(evidence: str) -> tuple[tuple[str, str], ...]:
    return tuple((row["source"], row["state"]) for row in json.loads(evidence))


def evidence_of(facts: NotebookFacts) -> list[dict[str, str]]:
    """Each source's word, as facts of a message."""
    readings = facts.verdict.readings if facts.verdict else ()
    return [{"source": r.source, "state": r.state, "text": r.reason} for r in readings]


async def about(db: Tx, project: str, notebook_id: str, limit: int = 10) -> list[Any]:
    """The latest decisions about one notebook, newest first."""
    return list(
        await db.execute(
            select(decisions)
            .where(decisions.c.project == project, decisions.c.notebook_id == notebook_id)
            .order_by(decisions.c.at.desc())
            .limit(limit)
        )
    )


async def announced(db: Tx, project: str, notebook_id: str, limit: int = 5) -> list[Any]:
    """The latest warnings about one notebook and what became of each, newest first."""
    mine = notices.c.project == project, notices.c.notebook_id == notebook_id
    newest = notices.c.created_at.desc(), notices.c.key.desc()
    return list(await db.execute(select(notices).where(*mine).order_by(*newest).limit(limit)))


def became(notice: Any) -> str:
    """A warning and its fate in one sentence: `lease warning, 1 h lead: never sent (merged)`."""
    said = "idle warning"
    if notice.kind == "lease_warning":
        said = f"lease warning, {format_duration(lease_warning_parts(notice.key)[2])} lead"
    why = f" ({notice.reason.rstrip('.')})" if notice.reason else ""
    if notice.state == "void":
        return f"{said}: void{why}"
    who = ", to the lead or the channel" if notice.escalated_key else ""
    return f"{said}: delivered{who}" if notice.state == "delivered" else f"{said}: waits for delivery{who}{why}"


def became_at(notice: Any) -> datetime:
    """When that was so."""
    at: datetime = notice.voided_at or notice.delivered_at or notice.created_at
    return at


async def forget(db: Tx, project: str, before: datetime) -> None:
    """Drop what is older than the project's policy keeps."""
    await drop(db, decisions, "confirmed_at", before, project=project)
