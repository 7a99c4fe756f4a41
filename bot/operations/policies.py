"""The effective policy of a notebook, with the source of each value."""

from bot.config.policy import EffectivePolicy, effective
from bot.model import Flavor, Notebook
from bot.operations.deps import Deps
from bot.operations.whose import owner_of
from bot.stores import catalogues
from bot.stores.database import Tx
from bot.stores.schema import projects
from bot.stores.upsert import find


async def flavor_of(db: Tx, project: str, flavor_id: str) -> Flavor | None:
    """The flavor as last listed; None if it was never seen."""
    entries, _at = await catalogues.get(db, project, "flavors")
    return next((flavor for flavor in catalogues.flavors(entries) if flavor.id == flavor_id), None)


async def policy_of(
    db: Tx, deps: Deps, project: str, notebook: Notebook | None, flavor_id: str = "", *, asked_by: str | None = None
) -> EffectivePolicy:
    """What applies to this notebook, or to a new one of this flavor for whoever asks."""
    flavor = await flavor_of(db, project, notebook.flavor if notebook else flavor_id)
    owner = asked_by if notebook is None else None
    if notebook is not None and deps.config.rules_by_owner:
        owner = await owner_of(db, deps, project, notebook)
    row = await find(db, projects, name=project)
    return effective(
        deps.config,
        project,
        notebook,
        flavor or (Flavor(flavor_id, category="") if flavor_id else None),
        owner_slack=owner,
        stored_mode=row.mode if row else None,
    )
