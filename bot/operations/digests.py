"""Daily and weekly digests to the project's channel: what ran, what it cost, what stops saved, what shadow would do."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, select

from bot.clock import to_ms
from bot.config.policy import EffectivePolicy, effective
from bot.operations.base import Parts
from bot.operations.costs import Bill, bill
from bot.operations.facts import money
from bot.operations.gather import Stored
from bot.outbox import RESULT, Say, say
from bot.rules import costs, keys
from bot.rules.durations import resolve
from bot.stores import approvals, trail, usage
from bot.stores.database import Tx
from bot.stores.schema import notebooks, outbox
from bot.stores.upsert import find

_WATCHED = (
    select(notebooks.c.id)
    .where(notebooks.c.project == bindparam("of_project"), notebooks.c.first_seen_at < bindparam("before"))
    .limit(1)
)
LATE = timedelta(hours=12)  # a digest that is later than this is not worth posting any more
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Period = Literal["daily", "weekly"]


async def due(parts: Parts, known: Stored, now: datetime) -> None:
    """Post what has fallen due and was not posted yet; a missed run comes later the same day."""
    project = known.name
    policy = effective(parts.deps.config, project, stored_mode=known.mode)
    today = now.astimezone(parts.deps.config.timezone).date()
    at = resolve(today, policy.digest_at, parts.deps.config.timezone)
    if not at <= now < at + LATE:
        return
    await _post(parts, project, "daily", today, policy, now)
    if WEEKDAYS[today.weekday()] == policy.digest_weekday:
        await _post(parts, project, "weekly", today, policy, now)


async def _post(
    parts: Parts, project: str, period: Period, today: date, policy: EffectivePolicy, now: datetime
) -> None:
    """Once per day and period; nothing is posted where nothing ran and nothing waits, nor of days nobody watched."""
    key = keys.digest(project, period, today)
    async with parts.deps.db.read() as db:
        if await find(db, outbox, key=key):
            return
    async with parts.deps.db.begin() as db:
        window = _window(parts, today, 1 if period == "daily" else 7)
        if not await _watched_before(db, project, window[1]):
            return
        facts = await _facts(db, parts, project, period, window, policy, now)
        if not facts["rows"] and not facts["shadow"] and not facts["pending"]:
            return
        await say(
            db,
            parts.deps.ids,
            Say(
                key,
                "digest",
                "channel",
                parts.deps.config.projects[project].channel,
                {"cause": key} | facts,
                f"digest:{project}",
                RESULT,
                project,
            ),
            now,
        )


async def _watched_before(db: Tx, project: str, at: datetime) -> bool:
    """Whether any notebook was known by then: figures of a time before our first pass would be made up."""
    return (await db.execute(_WATCHED, {"of_project": project, "before": at})).first() is not None


def _window(parts: Parts, today: date, days: int) -> tuple[datetime, datetime]:
    """The `days` whole days before today, in the file's zone."""
    zone = parts.deps.config.timezone
    midnight = datetime.min.time()
    return resolve(today - timedelta(days=days), midnight, zone), resolve(today, midnight, zone)


async def _facts(
    db: Tx,
    parts: Parts,
    project: str,
    period: Period,
    window: tuple[datetime, datetime],
    policy: EffectivePolicy,
    now: datetime,
) -> dict[str, Any]:
    names = await owner_names(db, project)
    spent = await bill(db, parts.deps, [project], window, now, by=lambda row: names.get(row.owner_id, "unknown"))
    running = await db.execute(
        select(notebooks.c.id).where(
            notebooks.c.project == project, notebooks.c.status.in_(("RUNNING", "SNAPSHOTTING"))
        )
    )
    return {
        "project": project,
        "period": period,
        "from_ms": to_ms(window[0]),
        "to_ms": to_ms(window[1]),
        "running": len(list(running)),
        "pending": len(await approvals.pending(db, [project])),
        "mode": policy.idle_mode,
        "may_enforce": not policy.mode_is_fixed,
        "shadow": await shadow_rows(db, parts, project, window, names, now),
        "audit_head": (await trail.head(db, project))[1][:12],
        "notebook_id": "",
    } | money_facts(parts, spent)


def money_facts(parts: Parts, spent: Bill) -> dict[str, Any]:
    """A bill, as facts."""
    currency = parts.deps.config.prices.currency
    return {
        "currency": currency,
        "total": spent.total.said(currency),
        "rows": list(spent.rows),
        "saved": spent.saved.said(currency),
        "saved_method": costs.SAVING_METHOD,
        "stops": spent.stops,
        "wrong": spent.wrong,
        "idle_stops": spent.idle,
        "unpriced": spent.unpriced,
    }


async def shadow_rows(
    db: Tx,
    parts: Parts,
    project: str,
    window: tuple[datetime, datetime],
    names: Mapping[str | None, str],
    now: datetime,
) -> list[dict[str, Any]]:
    """What would have been stopped, what it would have saved, and whether its owner was active soon after."""
    found = []
    for stop in await usage.stops_between(db, [project], *window):
        if stop.cause != "shadow":
            continue
        right = costs.Stop(stop.at, stop.would_end, stop.until, stop.price, stop.flavor, wrong=bool(stop.active_later))
        saved = costs.saving(right, now)
        found.append(
            {
                "name": stop.notebook_name,
                "owner": names.get(stop.owner_id, "unknown"),
                "at_ms": to_ms(stop.at),
                "money": money(parts.deps, saved.amount) if saved.amount else None,
                "active_later": stop.active_later,
            }
        )
    return found


async def owner_names(db: Tx, project: str) -> dict[str | None, str]:
    """Cloud user id -> the name the cloud gives."""
    rows = await db.execute(
        select(notebooks.c.owner_id, notebooks.c.owner_name).where(
            notebooks.c.project == project, notebooks.c.owner_name != ""
        )
    )
    return {row.owner_id: row.owner_name for row in rows}
