"""All sources are read together; one that fails is unknown and forgets nothing."""

from collections.abc import Mapping, Sequence

from bot.idle.ports import Evidence, Subject
from bot.idle.reading import read_all
from bot.idle.samples import Sample
from bot.model import NotebookId
from bot.rules.idle import SourceReading

from .jupyter_answers import NOW, FixedClock, a_subject


class Counting:
    """Says idle, and counts its readings in its memory."""

    name = "counting"

    async def read(self, subjects: Sequence[Subject]) -> Mapping[NotebookId, Evidence]:
        reading = SourceReading(self.name, "idle", NOW, "still", NOW, {})
        return {each.notebook.id: Evidence(reading, {"times": each.memory.get("times", 0) + 1}) for each in subjects}


class Broken:
    """Has a defect."""

    name = "broken"

    async def read(self, subjects: Sequence[Subject]) -> Mapping[NotebookId, Evidence]:
        raise RuntimeError("secret")


async def test_each_source_finds_its_own_memory_again() -> None:
    subjects = [a_subject(id=NotebookId(name)) for name in ("a", "b")]
    first = await read_all([Counting()], subjects[:1], {}, FixedClock())
    told = await read_all([Counting()], subjects, first, FixedClock())
    memories = {name: samples["counting"].memory for name, samples in told.items()}
    assert memories == {"a": {"times": 2}, "b": {"times": 1}}
    assert told[NotebookId("a")]["counting"].read_at == NOW


async def test_a_source_with_a_defect_is_unknown_and_fails_nobody_else() -> None:
    before = SourceReading("broken", "idle", NOW, "still", NOW, {})
    stored = {NotebookId("5f0c"): {"broken": Sample(NOW, before, {"kept": 1})}}
    told = (await read_all([Broken(), Counting()], [a_subject()], stored, FixedClock()))[NotebookId("5f0c")]
    assert (told["broken"].reading.state, told["broken"].reading.reason) == (
        "unknown",
        "it could not be read (RuntimeError)",
    )
    assert told["broken"].memory == {"kept": 1}
    assert told["counting"].reading.state == "idle"
