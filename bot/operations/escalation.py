"""Who is told where the owner cannot be; and lease warnings that nobody got in time."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update

from bot.config.policy import EffectivePolicy, effective
from bot.operations.alerts import alert
from bot.operations.base import Parts
from bot.operations.notices import WARNINGS
from bot.outbox import NOTICE, Say, TargetKind, say
from bot.stores.database import Tx
from bot.stores.schema import notices, outbox

SINCE = timedelta(days=1)
Targets = tuple[frozenset[str], str]  # people, else the channel


async def targets(parts: Parts, project: str, policy: EffectivePolicy) -> Targets:
    """`escalate_to`, else the leads, as far as they can be told; else the channel."""
    known = parts.deps.config.projects[project]
    named = await parts.people.expand(policy.escalate_to) or await parts.people.expand(known.roles.leads)
    return frozenset([user for user in named if await parts.people.reachable(user)]), known.channel


def copies(to: Targets) -> list[tuple[TargetKind, str]]:
    """Where each copy goes."""
    people, channel = to
    direct: list[tuple[TargetKind, str]] = [("dm", user) for user in sorted(people)]
    return direct or [("channel", channel)]


async def late_warnings(parts: Parts, project: str, now: datetime) -> None:
    """A lease warning that Slack refused, or that waits for longer than `escalate_after`, goes to the lead as well."""
    policy = effective(parts.deps.config, project)
    async with parts.deps.db.read() as db:
        late = list(await db.execute(_late(project, now - policy.escalate_after, now)))
    if not late:
        return
    to = await targets(parts, project, policy)
    async with parts.deps.db.begin() as db:
        for row in late:
            await _escalate(db, parts, project, row, to, now)


def _late(project: str, before: datetime, now: datetime) -> Any:
    waits = select(notices.c.outbox_key).where(
        notices.c.project == project,
        notices.c.over_at.is_(None),
        notices.c.kind == "lease_warning",
        notices.c.state == "pending",
        notices.c.escalated_key.is_(None),
    )
    return select(outbox).where(
        outbox.c.key.in_(waits),
        outbox.c.target_kind == "dm",
        outbox.c.expires_at > now,
        or_(outbox.c.state == "dead", (outbox.c.state == "pending") & (outbox.c.created_at <= before)),
    )


async def _escalate(db: Tx, parts: Parts, project: str, row: Any, to: Targets, now: datetime) -> None:
    """Under the same key; whoever gets it first makes it delivered."""
    facts = row.facts | {"owner": f"<@{row.target}>"}
    for kind, target in copies(to):
        copy = Say(
            f"{row.key}@{target}", row.kind, kind, target, facts, f"{row.subject}:{target}", NOTICE, project,
            expires=row.expires_at,
        )  # fmt: skip
        await say(db, parts.deps.ids, copy, now)
    waiting = notices.c.outbox_key == row.key, notices.c.state == "pending"
    await db.execute(update(notices).where(*waiting).values(escalated_key=row.key))


async def dead_letters(parts: Parts, project: str, now: datetime) -> None:
    """Messages that Slack will not take are told to an admin: once a day, with what was refused and why.

    An owner's notice that cannot be delivered is not among them: it has gone to the lead.
    """
    refused = (
        select(outbox.c.kind, outbox.c.reason, outbox.c.target_kind)
        .where(
            outbox.c.state == "dead",
            outbox.c.kind != "alert",
            outbox.c.due_at > now - SINCE,
            or_(outbox.c.project == project, outbox.c.project.is_(None)),
            or_(outbox.c.target_kind == "channel", outbox.c.kind.not_in(WARNINGS)),
        )
        .limit(50)
    )
    async with parts.deps.db.read() as db:
        rows = list(await db.execute(refused))
    if not rows:
        return
    admins = await parts.people.admins(project)
    said = ", ".join(sorted({f"{row.kind.replace('_', ' ')} ({row.reason})" for row in rows})[:5])
    async with parts.deps.db.begin() as db:
        await alert(
            parts, db, admins, "undelivered", project, now, project=project,
            text=f"Slack did not take {len(rows)} of my messages in {project}: {said}.",
            next_step="Invite me to the channel, or look at the app's rights with `leasebot check`.",
        )  # fmt: skip
