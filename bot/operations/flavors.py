"""The flavors there are, known before anything is decided by them: rules and needed metrics go by their category."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.cloud.port import Cloud
from bot.errors import CloudError
from bot.model import Flavor
from bot.operations.base import Parts
from bot.operations.deps import Deps
from bot.operations.gather import Project
from bot.stores import catalogues

log = logging.getLogger(__name__)

OLD = timedelta(days=1)
AGAIN = timedelta(hours=1)  # for one that was not among them


async def listed(deps: Deps, cloud: Cloud, project: str, now: datetime) -> tuple[Flavor, ...]:
    """Ask the cloud, and keep what it says. Raises CloudError."""
    fresh = await cloud.flavors()
    async with deps.db.begin() as db:
        await catalogues.save(db, project, "flavors", fresh, now)
    return fresh


async def refresh(parts: Parts, known: Project, used: Iterable[str], now: datetime) -> None:
    """List them where that is long ago, or where one is used that is not among them. Without them the pass goes on."""
    missing = any(flavor not in known.flavors for flavor in used)
    at = known.flavors_at
    if at is not None and timedelta(0) <= now - at < (AGAIN if missing else OLD):
        return
    try:
        fresh = await listed(parts.deps, parts.tokens.service(known.name), known.name, now)
    except CloudError as error:
        log.warning("the flavors of %s cannot be listed: %s", known.name, error)
        return
    known.flavors, known.flavors_at = {flavor.id: flavor for flavor in fresh}, now
