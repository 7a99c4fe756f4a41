"""What a pass sees: the listing, and a look at each that is missing from it.

Where far more rests than runs, most passes list only what runs, so that they cost what runs and not what there is:
whatever else was awake when it was last seen is looked at one by one, and what rests is taken to rest. Who is deleted
while at rest is then seen by the next whole listing, `WHOLE_EVERY` later at most. A brief listing in which much is
missing proves nothing: the whole one is read. Where a pass has learned nothing about somebody, the next one lists all.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.cloud.port import Cloud
from bot.errors import CloudError, CloudInvalid, CloudNotFound
from bot.model import Listing, Notebook, NotebookId, Status
from bot.operations.deps import Deps
from bot.rules import brakes
from bot.stores import notebooks
from bot.stores.schema import projects
from bot.stores.upsert import find

log = logging.getLogger(__name__)

CONFIRM_MOST = 25  # disappeared notebooks looked up in one pass
WHOLE_EVERY = timedelta(hours=1)


@dataclass(slots=True)
class Looked:
    """What the cloud said."""

    listing: Listing
    read_at: datetime  # by the host's clock, when the listing was at its end: what `server_now` is held against
    brief: bool = False  # the listing holds only what runs
    found: list[Notebook] = field(default_factory=list)  # absent from the listing, yet there
    absent: list[str] = field(default_factory=list)  # not found
    before: dict[str, Any] = field(default_factory=dict)  # as we last saw each; of a brief one: each that was awake
    stale: set[str] = field(default_factory=set)  # somebody has read them since: left to the next pass

    @property
    def seen(self) -> list[Notebook]:
        """Every notebook there is, as far as we saw."""
        return [*self.listing.notebooks, *self.found]

    @property
    def unsettled(self) -> bool:
        """Of some we have learned nothing: a listing that broke off, or one missing that was not looked up."""
        learned = {each.id for each in self.found} | set(self.absent)
        return not self.listing.complete or any(each not in learned for each in _missing(self))

    @property
    def running(self) -> list[Notebook]:
        """What a collapse is measured by: what the listing says to run, or what a brief one stands for."""
        return [each for each in (self.seen if self.brief else self.listing.notebooks) if each.status.runs]


async def look(deps: Deps, cloud: Cloud, project: str, now: datetime) -> Looked:
    """One walk over the listing; who is missing from a complete one is looked up (API digest 12)."""
    looked = await _brief(deps, cloud, project, now) or await _whole(deps, cloud, project)
    if looked.listing.complete:
        for notebook_id in _in_turn(_missing(looked), now):
            await _confirm(cloud, notebook_id, looked)
    return looked


async def _whole(deps: Deps, cloud: Cloud, project: str) -> Looked:
    looked = Looked(await cloud.list_all(), deps.clock.now())
    async with deps.db.read() as db:
        looked.before = await notebooks.as_seen(db, project)
    return looked


async def _brief(deps: Deps, cloud: Cloud, project: str, now: datetime) -> Looked | None:
    """The listing of what runs; None where it is not worth it, or not to be believed."""
    async with deps.db.read() as db:
        state = await find(db, projects, name=project)
    if state is None or not _brief_will_do(state, deps.brief_from, now):
        return None
    try:
        told = await cloud.list_all(Status.RUNNING)
    except CloudInvalid:  # the filter is refused
        return None
    runs = tuple(each for each in told.notebooks if each.status is Status.RUNNING)  # a filter may not be known
    looked = Looked(Listing(runs, told.complete, told.server_now), deps.clock.now(), brief=True)
    async with deps.db.read() as db:
        looked.before = await notebooks.awake(db, project)
    if told.complete and len(_missing(looked)) > CONFIRM_MOST:
        return None
    return None if brakes.collapse(state.last_running, len(runs), told.complete) else looked


def _brief_will_do(state: Any, least: int, now: datetime) -> bool:
    """The last whole listing is not old, and so many of it were at rest that leaving them out saves pages."""
    if state.listed_at is None or state.last_running is None:
        return False
    at_rest: int = state.listed - state.last_running
    return timedelta(0) <= now - state.listed_at < WHOLE_EVERY and at_rest >= least


def _missing(looked: Looked) -> list[str]:
    listed = {notebook.id for notebook in looked.listing.notebooks}
    return [each for each in looked.before if each not in listed]


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
