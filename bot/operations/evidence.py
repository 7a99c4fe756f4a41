"""Evidence of idleness is read, stored and combined: kind `evidence`, and once more right before a stop."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.config.policy import category_of
from bot.errors import CloudError, CloudNotFound
from bot.idle import poll, samples
from bot.idle.ports import Source, Subject
from bot.model import Notebook, NotebookId, Status
from bot.operations import gather
from bot.operations.base import Parts
from bot.operations.told import observe
from bot.rules import idle
from bot.rules.idle import SourceReading, Verdict
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.schema import samples as table
from bot.stores.upsert import put
from bot.work import Claim, Done, Outcome

log = logging.getLogger(__name__)


Sources = Callable[[str], Mapping[str, Source]]  # project -> its sources by name


class Evidence:
    """Kind `evidence`; `data`: project, notebooks (ids)."""

    def __init__(self, parts: Parts, sources: Sources) -> None:
        self.parts, self.deps, self._sources = parts, parts.deps, sources

    async def __call__(self, claim: Claim, now: datetime) -> Outcome:
        project = str(claim.data["project"])
        shown = [n for n in [await self._show(project, str(i), now) for i in claim.data["notebooks"]] if n]
        verdicts = await self.read(project, shown, now)
        return Done({"read": len(verdicts)})

    async def _show(self, project: str, notebook_id: str, now: datetime) -> Notebook | None:
        """Afresh: its token changes at each start, and only the service account may read on others' behalf."""
        try:
            notebook = await self.parts.tokens.service(project).show(NotebookId(notebook_id))
        except CloudNotFound:
            return None
        except CloudError as error:
            log.warning("notebook %s cannot be shown: %s", notebook_id, error)
            return None
        async with self.deps.db.begin() as db:
            await observe(db, self.deps, project, notebook, now)
        return notebook

    async def read(self, project: str, shown: Sequence[Notebook], now: datetime) -> dict[str, Verdict]:
        """Ask every source about those that run; store samples and verdicts; returns the verdicts by id."""
        running = [notebook for notebook in shown if notebook.status is Status.RUNNING]
        if not running:
            return {}
        async with self.deps.db.read() as db:
            known = await gather.project(db, self.deps, project, now)
            memory = await self._memory(db, project, [n.id for n in running])
        sources = self._sources(project)
        readings: dict[str, list[SourceReading]] = {n.id: [] for n in running}
        fresh: list[tuple[str, str, samples.Sample]] = []
        for name, source in sources.items():
            subjects = [
                self._subject(known, n, memory.get((n.id, name)))
                for n in running
                if name in self._policy(known, n).idle_sources
            ]
            for notebook_id, evidence in (await source.read(subjects)).items() if subjects else ():
                fresh.append((notebook_id, name, samples.Sample(now, evidence.reading, evidence.memory)))
                readings[notebook_id].append(evidence.reading)
        verdicts: dict[str, Verdict] = {n.id: self._verdict(known, n, readings[n.id], now) for n in running}
        async with self.deps.db.begin() as db:
            await self._keep(db, project, known, fresh, verdicts, now)
        return verdicts

    def _policy(self, known: gather.Project, notebook: Notebook) -> Any:
        return gather.policy_for(self.deps, known, notebook, gather.owner_id(self.deps, known, notebook))

    def _subject(self, known: gather.Project, notebook: Notebook, before: samples.Sample | None) -> Subject:
        policy, row = self._policy(known, notebook), known.rows.get(notebook.id)
        since = row.running_since if row is not None and row.running_since else notebook.updated_at
        return Subject(
            notebook,
            self.deps.config.projects[known.name].endpoint,
            category_of(notebook.flavor, known.flavors.get(notebook.flavor)) or "CPU",
            since or self.deps.clock.now(),
            policy.idle_after,
            policy.idle_fresh,
            before.memory if before else {},
        )

    def _verdict(
        self, known: gather.Project, notebook: Notebook, readings: list[SourceReading], now: datetime
    ) -> Verdict:
        row = known.rows.get(notebook.id)
        previous = idle.decode(row.verdict) if row is not None and row.verdict else None
        return idle.combine(notebook.server_now or now, readings, self._policy(known, notebook), previous)

    async def _memory(self, db: Tx, project: str, ids: list[str]) -> dict[tuple[str, str], samples.Sample]:
        rows = await db.execute(select(table).where(table.c.project == project, table.c.notebook_id.in_(ids)))
        decoded = {(row.notebook_id, row.source): samples.decode(row.data) for row in rows}
        return {key: sample for key, sample in decoded.items() if sample is not None}

    async def _keep(
        self,
        db: Tx,
        project: str,
        known: gather.Project,
        fresh: list[tuple[str, str, samples.Sample]],
        verdicts: Mapping[str, Verdict],
        now: datetime,
    ) -> None:
        for notebook_id, source, sample in fresh:
            await put(
                db,
                table,
                {
                    "project": project,
                    "notebook_id": notebook_id,
                    "source": source,
                    "at": now,
                    "data": samples.encode(sample),
                },
            )
        for notebook_id, verdict in verdicts.items():
            row = known.rows.get(notebook_id)
            policy = self._policy(known, notebooks.load(row.snapshot)) if row is not None else None
            if policy is None:
                continue
            stop_at = next(
                (
                    state.delivered_at + policy.idle_grace
                    for state in known.notices.get(notebook_id, {}).values()
                    if state.delivered_at and state.delivered_at + policy.idle_grace > now
                ),
                None,
            )
            due = poll.next_poll(
                now,
                policy.idle_after,
                idle_since=verdict.idle_since,
                stop_at=stop_at,
                confirm=verdict.wants_confirmation,
            )
            await notebooks.change(db, project, notebook_id, verdict=idle.encode(verdict), poll_at=due)
