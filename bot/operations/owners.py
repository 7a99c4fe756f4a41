"""Whose notebooks they are: links, hints and what Slack said, of a whole project or of a few notebooks' owners."""

from collections.abc import Collection, Mapping
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
_HINTED = type_coerce(people.c.settings, Text).contains(hints.KEY)  # an admin has mapped somebody to them


@dataclass(frozen=True, slots=True)
class Owners:
    """`linked`: cloud user id -> Slack id. `mapped`: cloud user -> Slack id, as an admin said. `people` by Slack id."""

    linked: dict[str, str]
    people: dict[str, Any]
    mapped: Mapping[str, str]


async def read(db: Tx, deps: Deps, project: str, only: Collection[str] | None) -> Owners:
    """Everybody's, or with `only` what is needed to know the owners of these notebooks, which must be stored ones."""
    links, persons = _LINKED, _PEOPLE
    if only is not None:
        where = notebooks.c.project == project, notebooks.c.id.in_(only)
        whose = (await db.execute(select(notebooks.c.owner_id, notebooks.c.owner_name).where(*where))).all()
        names = {name for row in whose for name in row if name}
        links = links.where(identities.c.cloud_user_id.in_(names))
    linked = {row.cloud_user_id: row.slack for row in await db.execute(links, {"of_project": project})}
    if only is not None:
        named = {deps.config.person_of(name) for name in names} - {None}
        persons = persons.where(or_(people.c.slack.in_({*linked.values(), *named}), _HINTED))
    known = (await db.execute(persons, {"of_team": deps.team})).all()
    return Owners(linked, {row.slack: row for row in known}, hints.mapped(known, project))
