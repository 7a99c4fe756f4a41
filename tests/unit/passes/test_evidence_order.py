"""Metrics are asked first and for many at once; only what they show no work of is looked at itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from bot.idle.ports import Evidence as Read
from bot.idle.ports import Subject
from bot.model import NotebookId
from bot.operations.evidence import Evidence
from bot.rules.idle import SourceReading, Verdict, decode
from bot.stores.schema import notebooks
from bot.work import Claim
from tests.unit.passes.stand import HOUR, NOW, Stand, a_notebook


class Told:
    """A source that says what it is told to, and counts whom it was asked about."""

    def __init__(self, name: str, busy: set[str] | None = None) -> None:
        self.name, self.busy = name, busy or set()
        self.asked: list[list[str]] = []

    async def read(self, subjects: Sequence[Subject]) -> Mapping[NotebookId, Read]:
        self.asked.append([each.notebook.id for each in subjects])
        return {each.notebook.id: self._of(each.notebook.id) for each in subjects}

    def _of(self, notebook_id: str) -> Read:
        state: Any = "active" if notebook_id in self.busy else "idle"
        since = NOW if state == "active" else NOW - 2 * HOUR
        return Read(SourceReading(self.name, state, since, f"{self.name} says {state}", NOW, {}), {})


async def read(stand: Stand, *sources: Told) -> None:
    """One piece of evidence work about all of them."""
    data = {"project": "research", "notebooks": list(stand.cloud.notebooks)}
    claim = Claim("w", "evidence", "c", "s", "start", data, None, NOW, 1, 0)
    evidence = Evidence(stand.parts, lambda _project: {source.name: source for source in sources})
    await evidence(claim, stand.clock.now())


async def verdicts(stand: Stand) -> dict[str, Verdict]:
    found = {row.id: decode(row.verdict) for row in await stand.rows(select(notebooks)) if row.verdict}
    return {each: verdict for each, verdict in found.items() if verdict is not None}


async def test_busy_ones_cost_one_question_for_all(stand: Stand) -> None:
    stand.cloud.add(*(a_notebook(number) for number in range(20)))
    await stand.sweep()
    jupyter, metrics = Told("jupyter"), Told("metrics", set(stand.cloud.notebooks))
    stand.cloud.shown.clear()
    await read(stand, jupyter, metrics)
    assert (len(metrics.asked), jupyter.asked, stand.cloud.shown) == (1, [], [])
    assert {verdict.state for verdict in (await verdicts(stand)).values()} == {"active"}


async def test_quiet_ones_are_looked_at_and_asked_themselves(stand: Stand) -> None:
    quiet, busy = a_notebook(1), a_notebook(2)
    stand.cloud.add(quiet, busy)
    await stand.sweep()
    jupyter, metrics = Told("jupyter"), Told("metrics", {busy.id})
    stand.cloud.shown.clear()
    await read(stand, jupyter, metrics)
    assert (jupyter.asked, stand.cloud.shown, len(metrics.asked)) == ([[quiet.id]], [quiet.id], 1)
    found = await verdicts(stand)
    assert (found[busy.id].state, found[quiet.id].wants_confirmation) == ("active", True)
    assert {reading.source for reading in found[quiet.id].readings} == {"jupyter", "metrics"}


async def test_where_the_load_is_an_old_one_the_server_is_asked_what_has_gone_since(stand: Stand) -> None:
    made = a_notebook(1)
    stand.cloud.add(made)
    await stand.sweep()
    jupyter, metrics = Told("jupyter"), Told("metrics", {made.id})
    await read(stand, jupyter, metrics)
    assert jupyter.asked == [], "the load is new"
    await read(stand, jupyter, metrics)
    assert jupyter.asked == [[made.id]], "the same point again, which still counts as use"
    assert (await verdicts(stand))[made.id].state == "active"


async def test_a_busy_kernel_wins_over_quiet_metrics(stand: Stand) -> None:
    made = a_notebook(1)
    stand.cloud.add(made)
    await stand.sweep()
    await read(stand, Told("jupyter", {made.id}), Told("metrics"))
    assert (await verdicts(stand))[made.id].state == "active"
