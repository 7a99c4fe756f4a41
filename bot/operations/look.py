"""What a pass sees: the listing, and a look at each that is missing from it."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.cloud.port import Cloud
from bot.errors import CloudError, CloudNotFound
from bot.model import Listing, Notebook, NotebookId
from bot.operations.deps import Deps
from bot.stores import notebooks

log = logging.getLogger(__name__)

CONFIRM_MOST = 25  # disappeared notebooks looked up in one pass


@dataclass(slots=True)
class Looked:
    """What the cloud said."""

    listing: Listing
    read_at: datetime  # by the host's clock, when the listing was at its end: what `server_now` is held against
    found: list[Notebook] = field(default_factory=list)  # absent from the listing, yet there
    absent: list[str] = field(default_factory=list)  # not found
    before: dict[str, Any] = field(default_factory=dict)  # as we last saw each
    stale: set[str] = field(default_factory=set)  # somebody has read them since: left to the next pass

    @property
    def seen(self) -> list[Notebook]:
        """Every notebook there is, as far as we saw."""
        return [*self.listing.notebooks, *self.found]


async def look(deps: Deps, cloud: Cloud, project: str, now: datetime) -> Looked:
    """One walk over the listing; who is missing from a complete one is looked up (API digest 12)."""
    listing = await cloud.list_all()
    looked = Looked(listing, deps.clock.now())
    async with deps.db.read() as db:
        looked.before = await notebooks.as_seen(db, project)
    if not looked.listing.complete:
        return looked
    listed = {notebook.id for notebook in looked.listing.notebooks}
    for notebook_id in _in_turn([each for each in looked.before if each not in listed], now):
        await _confirm(cloud, notebook_id, looked)
    return looked


async def _confirm(cloud: Cloud, notebook_id: str, looked: Looked) -> None:
    try:
        looked.found.append(await cloud.show(NotebookId(notebook_id)))
    except CloudNotFound:
        looked.absent.append(notebook_id)
    except CloudError as error:
        log.warning("notebook %s cannot be shown: %s", notebook_id, error)


def _in_turn(missing: list[str], now: datetime) -> list[str]:
    """So many as one pass looks up, others each minute: some of which nothing can be learned block nobody."""
    if len(missing) <= CONFIRM_MOST:
        return missing
    start = int(now.timestamp()) // 60 * CONFIRM_MOST % len(missing)
    return [*missing[start:], *missing[:start]][:CONFIRM_MOST]
