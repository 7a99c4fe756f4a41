"""Whose notebook it is in Slack."""

from collections.abc import Callable, Mapping

from bot.model import Notebook
from bot.operations.deps import Deps
from bot.stores import hints, identities, people
from bot.stores.database import Tx

ByHint = Callable[[str | None, str | None], str | None]


async def owner_of(db: Tx, deps: Deps, project: str, notebook: Notebook) -> str | None:
    """Who is told about it in Slack: the linked person, else the one an admin or the policy file names."""
    if notebook.owner_id:
        linked = await people.by_cloud_user(db, project, notebook.owner_id)
        if linked:
            return linked
    return hinted(deps, await hints.of_project(db, deps.team, project), notebook.owner_id, notebook.owner_name)


def hinted(deps: Deps, mapped: Mapping[str, str], cloud_id: str | None, name: str | None) -> str | None:
    """Who stands for a cloud user that nobody has linked: as an admin has `mapped` it, or the policy file says."""
    said = (mapped.get(each) or deps.config.person_of(each) for each in (name, cloud_id) if each)
    return next((slack for slack in said if slack), None)


async def by_hint(db: Tx, deps: Deps, project: str) -> ByHint:
    """Whose a cloud user (id, name) is as an admin or the policy file says; nobody's if somebody has linked it."""
    mapped = await hints.of_project(db, deps.team, project)
    linked = {row.cloud_user_id for row in await identities.linked(db) if row.project == project}

    def whose(cloud_id: str | None, name: str | None) -> str | None:
        return None if cloud_id in linked else hinted(deps, mapped, cloud_id, name)

    return whose
