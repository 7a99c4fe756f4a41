"""One reading by every source, from stored samples to the samples to store."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.clock import Clock
from bot.idle.ports import Evidence, Source, Subject
from bot.idle.samples import Sample
from bot.model import NotebookId
from bot.rules.idle import SourceReading

Samples = Mapping[str, Sample]  # source -> its last sample


async def read_all(
    sources: Sequence[Source],
    subjects: Sequence[Subject],
    stored: Mapping[NotebookId, Samples],
    clock: Clock,
) -> dict[NotebookId, dict[str, Sample]]:
    """A new sample of each source for each subject, all sources at once; `Subject.memory` is taken from `stored`.

    A source that fails as a whole is unknown for all subjects and keeps what it remembered.
    """
    told = await asyncio.gather(*(_read(source, subjects, stored) for source in sources))
    now = clock.now()
    by_source = {source.name: evidence for source, evidence in zip(sources, told, strict=True)}
    return {
        each.notebook.id: {name: _sample(read[each.notebook.id], now) for name, read in by_source.items()}
        for each in subjects
    }


async def _read(
    source: Source,
    subjects: Sequence[Subject],
    stored: Mapping[NotebookId, Samples],
) -> Mapping[NotebookId, Evidence]:
    remembered = [replace(each, memory=_memory(source, stored.get(each.notebook.id))) for each in subjects]
    try:
        return await source.read(remembered)
    except Exception as error:  # a defect in one source must neither end the pass nor pass for rest
        reason = f"it could not be read ({type(error).__name__})"
        reading = SourceReading(source.name, "unknown", None, reason, None, {})
        return {each.notebook.id: Evidence(reading, each.memory) for each in remembered}


def _memory(source: Source, samples: Samples | None) -> Mapping[str, object]:
    sample = (samples or {}).get(source.name)
    return sample.memory if sample else {}


def _sample(evidence: Evidence, now: datetime) -> Sample:
    return Sample(now, evidence.reading, evidence.memory)
