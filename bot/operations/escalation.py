"""Who is told where the owner cannot be; and lease warnings that nobody got in time."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update

from bot.config.policy import EffectivePolicy, effective
from bot.operations.base import Parts
from bot.outbox import NOTICE, Say, TargetKind, say
from bot.stores.database import Tx
from bot.stores.schema import notices, outbox

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
