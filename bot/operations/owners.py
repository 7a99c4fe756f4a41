"""Whose notebooks they are: links, hints and what Slack said, of a whole project or of a few notebooks' owners."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, bindparam, or_, select, type_coerce

from bot.operations.deps import Deps
from bot.stores import hints
from bot.stores.database import Tx
from bot.stores.schema import identities, notebooks, people

_LINKED = select(identities.c.cloud_user_id, identities.c.slack).where(
    identities.c.project == bindparam("of_project"), identities.c.state != "waiting"
)
_PEOPLE = select(people.c.slack, people.c.zone, people.c.settings).where(people.c.team == bindparam("of_team"))
_WHOSE = select(notebooks.c.owner_id, notebooks.c.owner_name).where(
    notebooks.c.project == bindparam("of_project"), notebooks.c.id.in_(bindparam("ids", expanding=True))
)
_LINKED_SOME = _LINKED.where(identities.c.cloud_user_id.in_(bindparam("names", expanding=True)))
_HINTED = type_coerce(people.c.settings, Text).contains(hints.KEY)  # an admin has mapped somebody to them
_PEOPLE_SOME = _PEOPLE.where(or_(people.c.slack.in_(bindparam("users", expanding=True)), _HINTED))


@dataclass(frozen=True, slots=True)
class Owners:
    """`linked`: cloud user id -> Slack id. `mapped`: cloud user -> Slack id, as an admin said. `people` by Slack id."""

    linked: dict[str, str]
    people: dict[str, Any]
    mapped: Mapping[str, str]


async def read(db: Tx, deps: Deps, project: str, only: Collection[str] | None) -> Owners:
    """Everybody's, or with `only` what is needed to know the owners of these notebooks, which must be stored ones."""
    links, persons = await (_everybody(db, deps, project) if only is None else _owners(db, deps, project, only))
    linked = {row.cloud_user_id: row.slack for row in links}
    return Owners(linked, {row.slack: row for row in persons}, hints.mapped(persons, project))


async def _everybody(db: Tx, deps: Deps, project: str) -> tuple[Sequence[Any], Sequence[Any]]:
    links = await db.execute(_LINKED, {"of_project": project})
    return links.all(), (await db.execute(_PEOPLE, {"of_team": deps.team})).all()


async def _owners(db: Tx, deps: Deps, project: str, only: Collection[str]) -> tuple[Sequence[Any], Sequence[Any]]:
    whose = await db.execute(_WHOSE, {"of_project": project, "ids": list(only)})
    names = sorted({name for row in whose for name in row if name})
    links = (await db.execute(_LINKED_SOME, {"of_project": project, "names": names})).all()
    named = {row.slack for row in links} | {deps.config.person_of(name) for name in names}
    users = sorted(user for user in named if user is not None)
    return links, (await db.execute(_PEOPLE_SOME, {"of_team": deps.team, "users": users})).all()
