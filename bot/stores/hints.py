"""Who gets the notices of a cloud user that has not linked, as an admin said. Gives no rights."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from bot.stores import people as store
from bot.stores.database import Tx
from bot.stores.schema import people

KEY = "cloud_users"  # in a person's settings: project -> cloud users, by name or id


async def of_project(db: Tx, team: str, project: str) -> dict[str, str]:
    """Cloud user -> Slack id."""
    rows = await db.execute(select(people.c.slack, people.c.settings).where(people.c.team == team))
    return mapped(rows, project)


def mapped(rows: Iterable[Any], project: str) -> dict[str, str]:
    """The same from rows that were read already."""
    return {cloud_user: row.slack for row in rows for cloud_user in _of(row.settings or {}, project)}


def _of(settings: Mapping[str, Any], project: str) -> list[str]:
    """Whom somebody stands for; a single one used to be kept as a plain text."""
    kept = (settings.get(KEY) or {}).get(project) or []
    return [kept] if isinstance(kept, str) else list(kept)


async def save(db: Tx, team: str, user: str, project: str, cloud_user: str) -> None:
    """One cloud user has one such person; whoever had it before loses it."""
    before = (await of_project(db, team, project)).get(cloud_user)
    if before == user:
        return
    if before:
        await _change(db, team, before, project, without=cloud_user)
    await _change(db, team, user, project, more=cloud_user)


async def _change(db: Tx, team: str, user: str, project: str, *, without: str = "", more: str = "") -> None:
    chosen = await store.settings(db, team, user)
    left = [each for each in _of(chosen, project) if each != without] + ([more] if more else [])
    known = dict(chosen.get(KEY) or {}) | {project: left}
    await store.save_settings(db, team, user, chosen | {KEY: known})
