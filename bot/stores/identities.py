"""Slack person <-> cloud identity, with the credentials sealed field by field."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from bot.model import CloudIdentity, Credentials, KeyCredentials, PasswordCredentials
from bot.secrets import Sealer, credential_place
from bot.stores.database import Tx
from bot.stores.schema import identities
from bot.stores.upsert import find, put

_FIELDS = ("domain", "user", "password", "access_key", "secret_key", "security_token")


@dataclass(frozen=True, slots=True)
class Place:
    """Whose credentials, for which project."""

    team: str
    user: str
    project: str


async def get(db: Tx, place: Place) -> Any | None:
    """The row, or None."""
    return await find(db, identities, team=place.team, slack=place.user, project=place.project)


async def of_person(db: Tx, team: str, user: str) -> list[Any]:
    """Every link of a person."""
    rows = await db.execute(
        select(identities).where(identities.c.team == team, identities.c.slack == user).order_by(identities.c.project)
    )
    return list(rows)


async def everyone(db: Tx) -> list[Any]:
    """Every link there is."""
    return list(await db.execute(select(identities).order_by(identities.c.project, identities.c.slack)))


async def linked(db: Tx) -> list[Any]:
    """Every link but those that wait for an admin."""
    return [row for row in await everyone(db) if row.state != "waiting"]


async def holder(db: Tx, project: str, cloud_user: str) -> Any | None:
    """Who holds this cloud user in this project."""
    return (
        await db.execute(
            select(identities).where(
                identities.c.project == project,
                identities.c.cloud_user_id == cloud_user,
                identities.c.state != "waiting",
            )
        )
    ).first()


def sealed(sealer: Sealer, place: Place, credentials: Credentials) -> dict[str, str]:
    """Each field for itself, bound to the person, the project and the field."""
    clear = {name: getattr(credentials, name, None) for name in _FIELDS}
    return {
        name: sealer.seal(value, bound_to=credential_place(place.team, place.user, place.project, name))
        for name, value in clear.items()
        if value
    }


def opened(sealer: Sealer, place: Place, row: Any) -> Credentials:
    """The credentials of a row. Raises SealBroken."""
    clear = {
        name: sealer.open(text, bound_to=credential_place(place.team, place.user, place.project, name))
        for name, text in row.secrets.items()
    }
    if row.kind == "password":
        return PasswordCredentials(clear["domain"], clear["user"], clear["password"])
    return KeyCredentials(clear["access_key"], clear["secret_key"], clear.get("security_token"), row.expires_at)


async def save(
    db: Tx, sealer: Sealer, place: Place, credentials: Credentials, who: CloudIdentity, *, state: str, now: datetime
) -> None:
    """Keep a proven link."""
    await put(
        db,
        identities,
        {
            "team": place.team,
            "slack": place.user,
            "project": place.project,
            "state": state,
            "kind": _kind(credentials),
            "cloud_user_id": who.user_id,
            "cloud_user_name": who.user_name,
            "domain_name": who.domain_name,
            "cloud_project_id": who.project_id,
            "secrets": sealed(sealer, place, credentials),
            "linked_at": now,
            "expires_at": getattr(credentials, "expires_at", None) or who.password_expires_at,
            "broken_at": None,
            "told_at": None,
        },
    )


async def mark_broken(db: Tx, place: Place, now: datetime) -> None:
    """The cloud no longer accepts them; kept until linked again, so that we know who it was."""
    await db.execute(update(identities).where(_at(place)).values(state="broken", broken_at=now))


async def activate(db: Tx, place: Place) -> bool:
    """An admin confirmed a waiting link."""
    confirmed = {"state": "active", "told_at": None}
    change = update(identities).where(_at(place), identities.c.state == "waiting").values(confirmed)
    return bool((await db.execute(change)).rowcount == 1)


async def note_told(db: Tx, place: Place, now: datetime) -> None:
    """Somebody was told what there is to tell of it: that it expires, or that it waits for an admin."""
    await db.execute(update(identities).where(_at(place)).values(told_at=now))


async def forget(db: Tx, place: Place) -> bool:
    """Erase a link and its credentials."""
    return bool((await db.execute(delete(identities).where(_at(place)))).rowcount)


def _kind(credentials: Credentials) -> str:
    if isinstance(credentials, PasswordCredentials):
        return "password"
    return "temporary" if credentials.security_token else "aksk"


def _at(place: Place) -> Any:
    return (
        (identities.c.team == place.team) & (identities.c.slack == place.user) & (identities.c.project == place.project)
    )
