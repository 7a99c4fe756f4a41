"""Who gets the notices of a cloud user that has not linked, as an admin said. Gives no rights."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from bot.stores import people as store
from bot.stores.database import Tx
from bot.stores.schema import people

KEY = "cloud_users"  # in a person's settings: project -> cloud user, by name or id


async def of_project(db: Tx, team: str, project: str) -> dict[str, str]:
    """Cloud user -> Slack id."""
    rows = await db.execute(select(people.c.slack, people.c.settings).where(people.c.team == team))
    return mapped(rows, project)


def mapped(rows: Iterable[Any], project: str) -> dict[str, str]:
    """The same from rows that were read already."""
    found = {}
    for row in rows:
        cloud_user = dict((row.settings or {}).get(KEY) or {}).get(project)
        if cloud_user:
            found[cloud_user] = row.slack
    return found


async def save(db: Tx, team: str, user: str, project: str, cloud_user: str) -> None:
    """One cloud user has one such person; whoever had it before loses it."""
    before = (await of_project(db, team, project)).get(cloud_user)
    if before and before != user:
        await _set(db, team, before, project, None)
    await _set(db, team, user, project, cloud_user)


async def _set(db: Tx, team: str, user: str, project: str, cloud_user: str | None) -> None:
    chosen = await store.settings(db, team, user)
    known = dict(chosen.get(KEY) or {})
    known.pop(project, None)
    await store.save_settings(db, team, user, chosen | {KEY: known | ({project: cloud_user} if cloud_user else {})})
