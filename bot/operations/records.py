"""Decisions on record: a row when outcome, rule or evidence class changes; a pass stamps "confirmed at"."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from bot.ids import Ids
from bot.rules.facts import Decision, NotebookFacts
from bot.stores.database import Tx
from bot.stores.schema import decisions


async def latest(db: Tx, project: str) -> dict[str, Any]:
    """The last decision about each notebook."""
    newest = (
        select(decisions.c.notebook_id, func.max(decisions.c.at).label("at"))
        .where(decisions.c.project == project)
        .group_by(decisions.c.notebook_id)
        .subquery()
    )
    rows = await db.execute(
        select(decisions)
        .join(newest, (decisions.c.notebook_id == newest.c.notebook_id) & (decisions.c.at == newest.c.at))
        .where(decisions.c.project == project)
    )
    return {row.notebook_id: row for row in rows}


async def record(
    db: Tx,
    ids: Ids,
    project: str,
    facts: NotebookFacts,
    decision: Decision,
    before: Any | None,
    config_hash: str,
    now: datetime,
) -> None:
    """Write the decision, or confirm the one before if nothing about it changed."""
    evidence = evidence_of(facts)
    if before is not None and same(before, decision, evidence):
        await db.execute(update(decisions).where(decisions.c.id == before.id).values(confirmed_at=now))
        return
    await db.execute(
        decisions.insert().values(
            id=ids.new(),
            project=project,
            notebook_id=facts.notebook.id,
            at=now,
            confirmed_at=now,
            outcome=decision.outcome,
            rule=decision.rule,
            because=decision.because,
            evidence=evidence,
            config_hash=config_hash,
        )
    )


def same(before: Any, decision: Decision, evidence: list[dict[str, str]]) -> bool:
    """The same outcome by the same rule on evidence of the same class."""

    def classes(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
        return [(row["source"], row["state"]) for row in rows]

    return (
        before.outcome == decision.outcome
        and before.rule == decision.rule
        and classes(before.evidence) == classes(evidence)
    )


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


async def forget(db: Tx, before: datetime) -> None:
    """Drop what is older than the policy keeps."""
    await db.execute(delete(decisions).where(decisions.c.confirmed_at < before))
