"""People as Slack last told of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from bot.model import CloudUserId, Person, SlackUserId
from bot.slack import SlackPerson
from bot.stores.database import Tx
from bot.stores.schema import identities, people
from bot.stores.upsert import find, put

_LINKED = select(identities.c.project, identities.c.cloud_user_id).where(
    identities.c.team == bindparam("of_team"),
    identities.c.slack == bindparam("of_user"),
    identities.c.state != "waiting",
)


async def get(db: Tx, team: str, user: str) -> tuple[Person, datetime | None] | None:
    """The person and when Slack was last asked; None if never heard of."""
    row = await find(db, people, team=team, slack=user)
    if row is None:
        return None
    linked = await db.execute(_LINKED, {"of_team": team, "of_user": user})
    clouds = {r.project: CloudUserId(r.cloud_user_id) for r in linked}
    person = Person(team, SlackUserId(user), row.name, row.zone, row.deleted, row.guest, row.stranger, clouds)
    return person, row.checked_at


async def told_of(db: Tx, team: str, users: Collection[str]) -> Sequence[Any]:
    """The rows of those of them that Slack has ever told of."""
    if not users:
        return ()
    return (await db.execute(select(people).where(people.c.team == team, people.c.slack.in_(users)))).all()


async def save(db: Tx, team: str, said: SlackPerson, now: datetime) -> None:
    """Keep what Slack said of somebody; of a deactivated account it tells no zone, and the one that was known stays."""
    values = {
        "team": team,
        "slack": said.id,
        "name": said.name,
        "deleted": said.deleted,
        "guest": said.guest,
        "stranger": said.stranger,
        "checked_at": now,
    }
    await put(db, people, values | ({"zone": said.zone} if said.zone else {}))


async def settings(db: Tx, team: str, user: str) -> dict[str, Any]:
    """A person's own settings: zone, quiet hours, muted kinds. Empty: none set."""
    row = (await db.execute(select(people.c.settings).where(people.c.team == team, people.c.slack == user))).first()
    return dict(row.settings or {}) if row else {}


async def save_settings(db: Tx, team: str, user: str, values: dict[str, Any]) -> None:
    """Replace a person's own settings."""
    await db.execute(update(people).where(people.c.team == team, people.c.slack == user).values(settings=values))


async def by_cloud_user(db: Tx, project: str, cloud_user: str) -> str | None:
    """The Slack id of whoever is linked to this cloud user in this project."""
    row = (
        await db.execute(
            select(identities.c.slack).where(
                identities.c.project == project,
                identities.c.cloud_user_id == cloud_user,
                identities.c.state != "waiting",
            )
        )
    ).first()
    return str(row.slack) if row else None
