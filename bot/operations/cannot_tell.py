"""Notebooks whose idleness could not be told for long: admins hear of it, since nothing of them is ever stopped."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from bot.operations.alerts import alert
from bot.operations.base import Parts
from bot.operations.gather import Project
from bot.rules import keys
from bot.rules.durations import format_duration
from bot.rules.idle import UNKNOWN_LEAST, unknown_too_long
from bot.stores.database import Tx
from bot.stores.schema import decisions, outbox

if TYPE_CHECKING:
    from bot.operations.sweep import Decided

KIND = "cannot_tell"
UNKNOWN = "unknown"  # the outcome of a decision
REASONS, NAMES = 5, 3  # named in one alert


async def look(parts: Parts, known: Project, decided: Sequence["Decided"], now: datetime) -> None:
    """Once an hour. Each run of a notebook is told of once, all of a project together, at most once a day."""
    last = known.last_ok_at
    if last is not None and last.hour == now.hour and now - last < timedelta(hours=1):
        return
    blind: dict[str, Decided] = {
        each.facts.notebook.id: each for each in decided if each.plan.decision.outcome == UNKNOWN
    }
    if not blind:
        return
    async with parts.deps.db.read() as db:
        since = await _since(db, known, blind, now)
        due = {each: at + unknown_too_long(blind[each].policy.idle_after) for each, at in since.items()}
        due = {each: at for each, at in due.items() if at <= now}
        zone = parts.deps.config.timezone
        told_at = await _told_at(db, known.name, days(min(due.values()), now, zone)) if due else None
    if any(told_at is None or at > told_at for at in due.values()):
        await _tell(parts, known.name, [blind[each] for each in due], now - min(since[each] for each in due), now)


def days(first: datetime, last: datetime, zone: tzinfo) -> list[date]:
    """The dates of `zone` from one instant to another."""
    begin, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


async def _since(db: Tx, known: Project, blind: Collection[str], now: datetime) -> dict[str, datetime]:
    """When each began not to be told, of those for whom that is long ago."""
    later = decisions.alias("later")
    told = (
        select(later.c.id)
        .where(
            later.c.project == decisions.c.project,
            later.c.notebook_id == decisions.c.notebook_id,
            later.c.at > decisions.c.at,
            later.c.outcome != UNKNOWN,
        )
        .exists()
    )
    first = func.min(decisions.c.at).label("first")
    query = (
        select(decisions.c.notebook_id, first)
        .where(decisions.c.project == known.name, decisions.c.outcome == UNKNOWN, ~told)
        .group_by(decisions.c.notebook_id)
        .having(first <= now - UNKNOWN_LEAST)
    )
    rows = [row for row in await db.execute(query) if row.notebook_id in blind]
    return {row.notebook_id: _in_this_run(row.first, known.rows.get(row.notebook_id)) for row in rows}


def _in_this_run(at: datetime, row: Any | None) -> datetime:
    """What was not known of an earlier run is past."""
    return max(at, row.running_since) if row is not None and row.running_since else at


async def _told_at(db: Tx, project: str, on: Sequence[date]) -> datetime | None:
    """When admins were told of it last, on one of these days."""
    mine = outbox.c.base.in_([keys.alert(KIND, project, day) for day in on])
    told_at: datetime | None = (await db.execute(select(func.max(outbox.c.created_at)).where(mine))).scalar_one()
    return told_at


async def _tell(parts: Parts, project: str, blind: Sequence["Decided"], longest: timedelta, now: datetime) -> None:
    admins = await parts.people.admins(project)
    reasons: dict[str, list[str]] = {}
    for each in blind:
        reasons.setdefault(each.plan.decision.because, []).append(each.facts.notebook.name)
    async with parts.deps.db.begin() as db:
        await alert(
            parts, db, admins, KIND, project, now, project=project, text=said(reasons, longest),
            next_step="Run `leasebot check`: it names the source that does not answer and the right that is missing.",
        )  # fmt: skip


def said(reasons: Mapping[str, Sequence[str]], longest: timedelta) -> str:
    """Each reason with how many it concerns; figures in it (ages, status codes aside) do not make it another one."""
    alike: dict[str, tuple[str, list[str]]] = {}
    for reason, names in reasons.items():
        alike.setdefault(re.sub(r"\d+(?= min\b)", "…", reason), (reason, []))[1].extend(names)
    count = sum(len(names) for _reason, names in alike.values())
    by_number = sorted(alike.values(), key=lambda each: -len(each[1]))
    parts = [f"{reason} ({_names(names)})" for reason, names in by_number[:REASONS]]
    more = f"; and {len(by_number) - REASONS} other reasons" if len(by_number) > REASONS else ""
    which = "a running notebook is" if count == 1 else f"{count} running notebooks are"
    return (
        f"For up to {format_duration(longest)} I cannot tell whether {which} in use, so nothing of it is stopped. "
        f"Why: {'; '.join(parts)}{more}."
    )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(sorted(names)[:NAMES]) + more
