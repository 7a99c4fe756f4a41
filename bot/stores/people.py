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

_TOLD_OF = select(people).where(
    people.c.team == bindparam("of_team"), people.c.slack.in_(bindparam("users", expanding=True))
)
_SETTINGS = select(people.c.settings).where(
    people.c.team == bindparam("of_team"), people.c.slack == bindparam("of_user")
)
_LINKED_TO = select(identities.c.slack).where(
    identities.c.project == bindparam("of_project"),
    identities.c.cloud_user_id == bindparam("of_cloud_user"),
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


async def has_left(db: Tx, team: str, user: str) -> bool:
    """Whether Slack, when it was last asked, called the account deactivated."""
    row = await find(db, people, team=team, slack=user)
    return row is not None and bool(row.deleted)


async def told_of(db: Tx, team: str, users: Collection[str]) -> Sequence[Any]:
    """The rows of those of them that Slack has ever told of."""
    if not users:
        return ()
    return (await db.execute(_TOLD_OF, {"of_team": team, "users": list(users)})).all()


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
    row = (await db.execute(_SETTINGS, {"of_team": team, "of_user": user})).first()
    return dict(row.settings or {}) if row else {}


async def save_settings(db: Tx, team: str, user: str, values: dict[str, Any]) -> None:
    """Replace a person's own settings."""
    await db.execute(update(people).where(people.c.team == team, people.c.slack == user).values(settings=values))


async def by_cloud_user(db: Tx, project: str, cloud_user: str) -> str | None:
    """The Slack id of whoever is linked to this cloud user in this project."""
    row = (await db.execute(_LINKED_TO, {"of_project": project, "of_cloud_user": cloud_user})).first()
    return str(row.slack) if row else None
