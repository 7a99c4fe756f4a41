"""Two replicas, each with its timers: every project gets one pass an interval, whoever asks for it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.stores.schema import beats, work
from deploy.sandbox.stage import TEMPLATE
from tests.contract.drivers.crew import until
from tests.contract.drivers.replicas import Troupe, troupe_on

EVERY = timedelta(seconds=1)
PROJECTS = ("research", "vision", "speech")
ENOUGH = 4


def three_projects() -> str:
    """The sandbox's policy for three projects instead of one."""
    text = TEMPLATE.read_text(encoding="utf-8")
    section = re.search(r"\[\[projects\]\]\n(?:.+\n)+", text)
    assert section is not None
    return text.replace(section[0], "\n".join(section[0].replace("research", name, 1) for name in PROJECTS))


@pytest.fixture
async def troupe(database_url: str, driver: str, tmp_path: Path) -> AsyncIterator[Troupe]:
    folder = tmp_path / "stage"
    folder.mkdir()
    async with troupe_on(database_url, driver, folder, three_projects()) as made:
        yield made


def in_order(passes: list[Any], project: str) -> list[Any]:
    """The passes of a project, each after the one it is named after. Fails if two follow the same one."""
    after = {row.cause: row for row in passes if row.data["project"] == project}
    line, at = [], "none"
    while (row := after.pop(f"pass:{project}:after:{at}", None)) is not None:
        line.append(row)
        at = row.id
    assert after == {}, "a pass that follows none of the others"
    return line


async def test_two_schedulers_make_one_pass_per_project_and_interval(troupe: Troupe) -> None:
    two = await troupe.start(2)

    async def enough() -> bool:
        passes = await troupe.rows(work, kind="pass", state="done")
        return all(sum(row.data["project"] == project for row in passes) >= ENOUGH for project in PROJECTS)

    await until(enough, f"every project has had {ENOUGH} passes")
    assert [await replica.end() for replica in two] == [0, 0]
    assert len(await troupe.rows(beats)) == 2, "both were there"
    passes = await troupe.rows(work, kind="pass")
    done = [row for row in passes if row.state == "done"]
    listings = troupe.on.cloud.cloud.calls("ListAllNotebooks")
    assert len(done) <= len(listings) <= sum(row.fence > 0 for row in passes), "one listing per pass"
    for project in PROJECTS:
        line = in_order(passes, project)
        assert {row.state for row in line[:-1]} == {"done"}
        ends = [row.updated_at for row in line if row in done]
        assert min(later - earlier for earlier, later in pairwise(ends)) >= EVERY
