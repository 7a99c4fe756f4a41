"""NAME -> one notebook: a name, an id or a unique prefix; several are offered as choices."""

import difflib
from typing import Any

from bot.errors import Ambiguous, NotAllowed, NotFound
from bot.model import Person
from bot.operations.deps import Deps
from bot.stores import notebooks
from bot.stores.database import Tx


async def resolve(db: Tx, person: Person, projects: tuple[str, ...], name: str) -> Any:
    """The row of the one notebook meant. One's own comes first among twins.

    Raises NotFound with the nearest name, Ambiguous with the choices, NotAllowed for who belongs to no project.
    """
    if not projects:
        raise NotAllowed(
            "You are in no project's channel, so I cannot show you its notebooks.",
            next_step="Join the project's channel, then try again.",
        )
    found = await notebooks.matching(db, projects, name, set(person.cloud_users.values()))
    if len(found) == 1:
        return found[0]
    if found:
        own = [row for row in found if owns(person, row)]
        if len(own) == 1:
            return own[0]
        choices = tuple((row.id, _told_apart(row)) for row in (own or found))
        raise Ambiguous(f"Several notebooks match “{name}”.", choices)
    raise await _unknown(db, projects, name)


def _told_apart(row: Any) -> str:
    """What tells it from others of its name."""
    return " · ".join((row.name, row.status.lower(), row.flavor, row.owner_name or "unknown owner", row.id[:8]))


async def _unknown(db: Tx, projects: tuple[str, ...], name: str) -> NotFound:
    names = {row.name for row in await notebooks.of_projects(db, projects)}
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f" Did you mean “{near[0]}”?" if near else ""
    return NotFound(f"I know no notebook “{name}”.{hint}")


def owns(person: Person, row: Any) -> bool:
    """Whether this is the person's own, by the linked cloud user."""
    return bool(row.owner_id) and person.cloud_users.get(row.project) == row.owner_id


async def chosen(deps: Deps, db: Tx, project: str, notebook_id: str, projects: tuple[str, ...]) -> Any:
    """The row a button names; raises NotAllowed if the person does not belong to its project."""
    if project not in projects:
        raise NotAllowed("That notebook belongs to a project whose channel you are not in.")
    row = await notebooks.get(db, project, notebook_id)
    if row is None or row.deleted_at is not None:
        raise NotFound("That notebook no longer exists.", next_step=f"`{deps.command} list` shows what is there.")
    return row
