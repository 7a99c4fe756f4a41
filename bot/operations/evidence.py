"""Evidence of idleness is read, stored and combined: kind `evidence`, and once more right before a stop.

The platform's metrics are asked first: they come for many notebooks at once and need nothing of the notebook itself.
Only where they show no work since the last time is the notebook looked at and its own server asked, so that many busy
ones cost little.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import bindparam, select

from bot.config.policy import EffectivePolicy, category_of
from bot.errors import CloudError, CloudNotFound
from bot.idle import poll, samples
from bot.idle.ports import Source, Subject
from bot.idle.reading import read_all
from bot.idle.samples import Sample
from bot.model import Notebook, NotebookId, Status
from bot.operations import gather, shadow
from bot.operations.base import Parts
from bot.operations.told import observe
from bot.rules import idle
from bot.rules.idle import METRICS, Verdict
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.schema import samples as table
from bot.stores.upsert import put_all
from bot.work import Claim, Done, Go, Outcome

log = logging.getLogger(__name__)

CONFIRM = "confirm"
_SAMPLES = select(table).where(
    table.c.project == bindparam("of_project"), table.c.notebook_id.in_(bindparam("ids", expanding=True))
)

Told = dict[NotebookId, dict[str, Sample]]  # by source


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored before anybody is asked."""

    project: gather.Project
    memory: Told
    running: list[Notebook]
    digests: Mapping[str, str | None] = field(default_factory=dict)  # of what was last seen of each


class Sources(Protocol):
    """The sources of one project, by name."""

    def __call__(self, project: str, /) -> Mapping[str, Source]: ...


def _new_load(notebook_id: NotebookId, told: Told, memory: Told) -> bool:
    """Whether the metrics show work that they did not show the last time.

    Old work still counts as use for `idle_after`; but what is closed meanwhile (a terminal, a kernel) must be noticed
    when it goes: noticed later, it may have been in use until then.
    """
    read, before = told.get(notebook_id, {}).get(METRICS), memory.get(notebook_id, {}).get(METRICS)
    if read is None or read.reading.state != "active" or read.reading.since is None:
        return False
    return before is None or before.reading.newest is None or read.reading.since > before.reading.newest


class Evidence:
    """Kind `evidence`; `data`: project, notebooks (ids)."""

    def __init__(self, parts: Parts, sources: Sources) -> None:
        self.parts, self.deps, self._sources = parts, parts.deps, sources

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        project = str(claim.data["project"])
        known = await self._known(project, [str(each) for each in claim.data["notebooks"]], now)
        stored = known.running
        told = await self._ask(known, stored, {METRICS})
        loaded = [each for each in stored if _new_load(each.id, told, known.memory)]
        busy = await self._settle(known, loaded, told, now, only_busy=True)
        quiet = [each for each in stored if each.id not in busy]
        shown = [n for n in [await self._show(known, each.id, now) for each in quiet] if n]
        verdicts = await self._read(known, shown, told, now)
        doubtful = [each for each, verdict in verdicts.items() if verdict.wants_confirmation]
        if doubtful and claim.step != CONFIRM:  # not left to the next pass: an idle stop would come one pass later
            data = {"project": project, "notebooks": doubtful}
            return Go(CONFIRM, data, due=now + poll.SECOND_LOOK)
        return Done({"read": len(busy) + len(verdicts)})

    async def read(self, project: str, shown: Sequence[Notebook], now: datetime) -> dict[str, Verdict]:
        """Ask every source about those that run, as they were just shown; the verdicts by id."""
        known = await self._known(project, [each.id for each in shown], now)
        return await self._read(known, shown, {}, now)

    async def _read(self, known: Known, shown: Sequence[Notebook], told: Told, now: datetime) -> dict[str, Verdict]:
        """Ask whom `told` does not hold yet."""
        running = [notebook for notebook in shown if notebook.status is Status.RUNNING]
        asked = set(self._sources(known.project.name)) - ({METRICS} if told else set())
        more = await self._ask(known, running, asked)
        both = {n.id: told.get(n.id, {}) | more.get(n.id, {}) for n in running}
        return await self._settle(known, running, both, now)

    # --- looking -------------------------------------------------------------------------------

    async def _known(self, project: str, ids: Sequence[str], now: datetime) -> Known:
        """Everything stored, read once; as last seen is enough to ask the metrics service."""
        async with self.deps.db.read() as db:
            seen = await notebooks.last_seen(db, project, ids)
            known = await gather.project(db, self.deps, project, now, only=ids)
            memory = await self._memory(db, project, ids)
        found = [notebooks.load(row.snapshot) for row in seen]
        running = [each for each in found if each.status is Status.RUNNING]
        return Known(known, memory, running, {row.id: row.digest for row in seen})

    async def _show(self, known: Known, notebook_id: NotebookId, now: datetime) -> Notebook | None:
        """Afresh: its token changes at each start, and only the service account may read on others' behalf."""
        project = known.project.name
        try:
            notebook = await self.parts.tokens.service(project).show(notebook_id)
        except CloudNotFound:
            return None
        except CloudError as error:
            log.warning("notebook %s cannot be shown: %s", notebook_id, error)
            return None
        if notebooks.digest(notebook) != known.digests.get(notebook_id):
            async with self.deps.db.begin() as db:
                await observe(db, self.deps, project, notebook, now)
        return notebook

    async def _ask(self, known: Known, running: Sequence[Notebook], names: Iterable[str]) -> Told:
        """A new sample of each source for those whose policy counts it; all sources at once."""
        if not running:
            return {}
        project = known.project
        sources = {name: source for name, source in self._sources(project.name).items() if name in set(names)}
        counted = {name: [n for n in running if name in self._policy(project, n).idle_sources] for name in sources}
        subjects = {name: [self._subject(project, n) for n in those] for name, those in counted.items()}
        answers = await asyncio.gather(
            *(read_all([source], subjects[name], known.memory, self.deps.clock) for name, source in sources.items())
        )
        told: Told = {n.id: {} for n in running}
        for answer in answers:
            for notebook_id, by_source in answer.items():
                told[notebook_id] |= by_source
        return told

    def _policy(self, known: gather.Project, notebook: Notebook) -> EffectivePolicy:
        return gather.policy_for(self.deps, known, notebook, gather.owner_id(self.deps, known, notebook))

    def _subject(self, known: gather.Project, notebook: Notebook) -> Subject:
        policy, row = self._policy(known, notebook), known.rows.get(notebook.id)
        known_since = row.running_since if row is not None else None
        since = max((at for at in (known_since, notebook.updated_at) if at is not None), default=None)
        return Subject(
            notebook,
            self.deps.config.projects[known.name].endpoint,
            category_of(notebook.flavor, known.flavors.get(notebook.flavor)) or "",  # not known: nothing is concluded
            since or self.deps.clock.now(),
            policy.idle_after,
            policy.idle_fresh,
            self.deps.poll,
        )

    async def _memory(self, db: Tx, project: str, ids: Sequence[str]) -> Told:
        found: Told = {}
        for row in await db.execute(_SAMPLES, {"of_project": project, "ids": list(ids)}):
            sample = samples.decode(row.data)
            if sample is not None:
                found.setdefault(NotebookId(row.notebook_id), {})[row.source] = sample
        return found

    # --- concluding ----------------------------------------------------------------------------

    async def _settle(
        self, before: Known, running: Sequence[Notebook], told: Told, now: datetime, *, only_busy: bool = False
    ) -> dict[str, Verdict]:
        """Combine and keep. `only_busy`: those that are in use whatever the other sources will say."""
        if not running:
            return {}
        project = before.project.name
        server_now = self.parts.tokens.service(project).server_now()
        async with self.deps.db.begin() as db:
            known = await gather.again(db, before.project, [n.id for n in running])
            found: dict[str, Verdict] = {}
            for notebook in running:
                verdict = self._verdict(known, notebook, told.get(notebook.id, {}), server_now)
                if verdict.state == "active" or not only_busy:
                    found[notebook.id] = verdict
            unsaid = await shadow.score(db, project, found, now)
            await self._keep(db, known, [each for each in running if each.id in found], told, found, unsaid, now)
        return found

    def _verdict(
        self, known: gather.Project, notebook: Notebook, told: Mapping[str, Sample], server_now: datetime
    ) -> Verdict:
        previous = gather.verdict_of(known.rows.get(notebook.id))
        readings = [sample.reading for sample in told.values()]
        return idle.combine(server_now, readings, self._policy(known, notebook), previous)

    async def _keep(
        self,
        db: Tx,
        known: gather.Project,
        judged: Sequence[Notebook],
        told: Told,
        verdicts: Mapping[str, Verdict],
        unsaid: Mapping[str, datetime],
        now: datetime,
    ) -> None:
        """Samples and verdicts of all of them in two statements."""
        rows = [
            {"project": known.name, "notebook_id": each.id, "at": now, "source": source, "data": samples.encode(sample)}
            for each in judged
            for source, sample in told.get(each.id, {}).items()
        ]
        await put_all(db, table, rows)
        kept = {
            each.id: (
                idle.encode(verdicts[each.id]),
                self._next(known, each, verdicts[each.id], unsaid.get(each.id), now),
            )
            for each in judged
        }
        await notebooks.judged(db, known.name, kept)

    def _next(
        self, known: gather.Project, notebook: Notebook, verdict: Verdict, unsaid: datetime | None, now: datetime
    ) -> datetime:
        """When it is read again. `unsaid`: when shadow mode recorded a stop that is still to be judged."""
        policy = self._policy(known, notebook)
        look = shadow.look_at(unsaid, now, policy.idle_after, self.deps.poll) if unsaid else None
        usual = poll.next_poll(
            now,
            policy.idle_after,
            idle_since=verdict.idle_since,
            stop_at=self._stop_at(known, notebook, policy, now),
            confirm=verdict.wants_confirmation,
        )
        return min(usual, look) if look else usual

    def _stop_at(
        self, known: gather.Project, notebook: Notebook, policy: EffectivePolicy, now: datetime
    ) -> datetime | None:
        """When an announced stop is due."""
        told = known.notices.get(notebook.id, {}).items()
        delivered = [
            (state, state.delivered_at or state.escalation_delivered_at)
            for key, state in told
            if key.startswith("idle_warning:") and state.arrived and state.ended_at is None
        ]
        dues = [state.stops_at(at, policy.idle_grace) for state, at in delivered if at is not None]
        return min((due for due in dues if due > now), default=None)
