"""Whose notebook it is in Slack."""

from bot.model import Notebook
from bot.operations.deps import Deps
from bot.stores import hints, people
from bot.stores.database import Tx


async def owner_of(db: Tx, deps: Deps, project: str, notebook: Notebook) -> str | None:
    """Who is told about it in Slack: the linked person, else the one an admin or the policy file names."""
    if notebook.owner_id:
        linked = await people.by_cloud_user(db, project, notebook.owner_id)
        if linked:
            return linked
    mapped = await hints.of_project(db, deps.team, project)
    for name in (notebook.owner_name, notebook.owner_id):
        if name and (hint := mapped.get(name) or deps.config.person_of(name)):
            return hint
    return None
