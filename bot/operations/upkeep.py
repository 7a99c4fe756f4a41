"""Links are looked after: their owner is told before they expire, and what belongs to who left is erased."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from bot.clock import to_ms
from bot.operations.alerts import alert
from bot.operations.base import Parts
from bot.operations.decide import requester_left, withdrawn
from bot.operations.links import ask_admins, erase
from bot.render.facts import at
from bot.stores.identities import Place, note_told
from bot.stores.schema import identities, people
from bot.stores.upsert import find
from bot.work import release_held

AHEAD = timedelta(days=3)
ASK_AGAIN = timedelta(hours=24)  # how old what Slack said of a linked person may get
ASKED_MOST = 10  # people asked about in one pass
# With what Slack said of each; of the credentials only what is needed here.
_LINKS = (
    select(
        identities.c.team, identities.c.slack, identities.c.project, identities.c.state, identities.c.expires_at,
        identities.c.told_at, identities.c.cloud_user_name, people.c.deleted, people.c.name, people.c.checked_at,
    )
    .outerjoin(people, (people.c.team == bindparam("of_team")) & (people.c.slack == identities.c.slack))
    .where(identities.c.project == bindparam("of_project"))
)  # fmt: skip


async def look_after_links(parts: Parts, project: str, now: datetime) -> None:
    """One project's links; part of its pass."""
    async with parts.deps.db.read() as db:
        links = (await db.execute(_LINKS, {"of_project": project, "of_team": parts.deps.team})).all()
    await _tell_expiring(parts, [row for row in links if _expires(row, now)], now)
    await _ask_admins(parts, project, [row for row in links if row.state == "waiting" and row.told_at is None], now)
    gone = await _gone(parts, links, now)
    for row in links:
        if row.slack in gone:
            await _erase(parts, row, gone[row.slack], now)


def _expires(row: Any, now: datetime) -> bool:
    soon = row.expires_at is not None and now < row.expires_at <= now + AHEAD
    return bool(row.state == "active" and row.told_at is None and soon)


async def _tell_expiring(parts: Parts, rows: Sequence[Any], now: datetime) -> None:
    """Once per link, while it still works: what is held for it would wait."""
    for row in rows:
        async with parts.deps.db.begin() as db:
            await note_told(db, Place(row.team, row.slack, row.project), now)
            await alert(
                parts,
                db,
                frozenset({row.slack}),
                "credentials_expire",
                f"{row.project}:{row.slack}",
                now,
                project=row.project,
                button="link",
                text=f"Your credentials of cloud user {row.cloud_user_name} for {row.project} expire "
                f"{at(to_ms(row.expires_at))}. After that I can do nothing for you there.",
                next_step="Link again with fresh ones before.",
            )


async def _ask_admins(parts: Parts, project: str, waiting: Sequence[Any], now: datetime) -> None:
    """Of links that wait for an admin since nobody could say who they are."""
    if not waiting:
        return
    admins = await parts.people.admins(project)
    for row in waiting:
        async with parts.deps.db.begin() as db:
            link = await find(db, identities, team=row.team, slack=row.slack, project=row.project)
            if link is not None and link.state == "waiting":
                await ask_admins(parts, db, link, admins, now)


async def _gone(parts: Parts, links: Sequence[Any], now: datetime) -> dict[str, str]:
    """Id and name of who has left Slack; a few are asked about in each pass, the others are as last told.

    Whoever seems gone is asked about again: they may have come back and linked since. While Slack does not say, nobody
    has left.
    """
    old = dict.fromkeys(row.slack for row in links if row.checked_at is None or now - row.checked_at > ASK_AGAIN)
    asked = {user: await parts.people.get(user) for user in list(old)[:ASKED_MOST]}
    fresh = {user: (person.deleted, person.name) for user, person in asked.items()}
    told = {row.slack: (row.deleted, row.name) for row in links} | fresh
    seem = [user for user, (deleted, _name) in told.items() if deleted]
    reach = await parts.people.reach_each(seem)
    sure = {user: await parts.people.get(user) for user in seem if reach[user] is False}
    return {user: person.name or user for user, person in sure.items() if person.deleted}


async def _erase(parts: Parts, row: Any, name: str, now: datetime) -> None:
    """Their notices go to the lead by themselves, since they cannot be reached; here their credentials go."""
    leads = await parts.people.expand(parts.deps.config.projects[row.project].roles.leads)
    told = leads or await parts.people.admins(row.project)
    async with parts.deps.db.begin() as db:
        link = await find(db, identities, team=row.team, slack=row.slack, project=row.project)
        if link is None:  # they have just unlinked
            return
        asked = await requester_left(db, row.project, row.slack, now)
        await erase(parts, db, link, "scheduler", now, "left")
        names = await withdrawn(parts, db, asked, now)
        await release_held(db, row.slack, row.project, now)  # what waits for a link of theirs ends now, and says so
        await alert(
            parts,
            db,
            told,
            "person_left",
            f"{row.project}:{row.slack}",
            now,
            project=row.project,
            text=f"{name} has left Slack. I erased the credentials of cloud user {row.cloud_user_name}; notices about "
            f"their notebooks come to you.{_withdrawn(names)}",
            next_step=f"`list all {row.cloud_user_name}` shows them: stop or delete what nobody needs.",
        )


def _withdrawn(names: list[str]) -> str:
    """Of what they asked for and nobody has answered."""
    return f" I have withdrawn what they asked for: {', '.join(names)}." if names else ""
