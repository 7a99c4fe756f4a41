"""With the store down or slow nothing is claimed to be done, and nothing is done later."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.errors import StoreDown
from bot.ids import RandomIds
from bot.render import ids
from bot.render.ids import Button
from bot.stores.database import Database
from bot.stores.intake import Intake as Store
from handlers import answers
from handlers.intake import Patience
from handlers.ports import Entry, Gate
from tests.contract.ingress_stage import ANA, HOOK, TEAM, Stage, stage, submission

HASTY = Patience(store=0.05, commit=0.05, window=0.05, word=0.05, all=0.5, least=0.01)


class Spoilt:
    """A store that fails, hangs before its commit, or hangs in it; otherwise the real one."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(f"sqlite+aiosqlite:///{folder / 'store.db'}")
        self.real = Store(self.db, RandomIds())
        self.how = "down"
        self.go_on = asyncio.Event()
        self.ended: list[Any] = []

    async def keep(self, entry: Entry, now: datetime, gate: Gate) -> Any:
        if self.how == "down":
            raise StoreDown
        if self.how == "slow commit":
            gate.enter()
        if self.how != "fine":
            await self.go_on.wait()
        try:
            kept = await self.real.keep(entry, now, gate)
        except StoreDown as error:
            self.ended.append(error)
            raise
        self.ended.append(kept)
        return kept

    async def zone(self, team: str, user: str) -> Any:
        return await self._read()

    async def catalogue(self, project: str | None, kind: Any) -> Any:
        return await self._read()

    async def notebook_name(self, project: str, notebook: str) -> Any:
        return await self._read()

    async def _read(self) -> Any:
        if self.how == "down":
            raise StoreDown
        await self.go_on.wait()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Spoilt]:
    made = Spoilt(tmp_path)
    yield made
    await made.db.dispose()


@pytest.fixture
async def here(tmp_path: Path, store: Spoilt) -> AsyncIterator[Stage]:
    async with stage(tmp_path, store=store, patience=HASTY) as made:
        yield made
        store.go_on.set()


@pytest.mark.parametrize("how", ["down", "slow"])
async def test_everybody_is_told_that_nothing_was_stored(here: Stage, store: Spoilt, how: str) -> None:
    store.how = how
    for text in ("list", "extend train-1 until 18:00"):
        said = await here.command(text)
        assert (said.status_code, said.json()["text"]) == (200, answers.NOT_STORED)
    assert "nothing was done" in answers.NOT_STORED
    await here.click(ids.STOP, Button(cause="c", project="p", notebook="n").dump())
    assert here.slack.said == [(HOOK, answers.NOT_STORED)]
    form = submission(ids.VIEW_DENY, Button(cause="c", approval="a").dump(), {"reason": "x"})
    assert (await here.interact(form)).json()["errors"] == {"reason": answers.NOT_STORED}
    assert (await here.event({"type": "app_home_opened", "user": ANA, "tab": "home"})).status_code == 503
    search = {
        "type": "block_suggestion",
        "action_id": "image",
        "value": "",
        "team": {"id": TEAM},
        "view": {},
        "user": {"id": ANA},
    }
    assert len((await here.interact(search)).json()["options"]) == 1
    assert (await here.command("create")).json()["text"] == answers.NOT_STORED
    assert answers.NOT_STORED in json.dumps(here.slack.updated)  # the window that was opened says so too


async def test_what_was_said_not_to_be_stored_is_not_stored_later(here: Stage, store: Spoilt) -> None:
    store.how = "slow"
    await here.command("start train-1")
    store.go_on.set()
    await here.intake.close()
    assert [type(end) for end in store.ended] == [StoreDown]
    assert await here.rows() == []


async def test_a_commit_that_hangs_is_not_called_undone(here: Stage, store: Spoilt) -> None:
    store.how = "slow commit"
    assert (await here.command("start train-1")).json()["text"] == answers.UNCERTAIN
    store.go_on.set()
    await here.intake.close()
    await here.only()


async def test_help_needs_no_store(here: Stage) -> None:
    assert "one of these" in (await here.command("help")).json()["text"]


async def test_a_locked_database_is_an_outage(tmp_path: Path) -> None:
    async with stage(tmp_path, patience=HASTY) as here, here.db.begin():  # somebody else holds the write lock
        assert (await here.command("list")).json()["text"] == answers.NOT_STORED
    async with stage(tmp_path) as here:
        assert await here.rows() == []


async def test_what_nobody_foresaw_gets_a_reference(
    here: Stage, store: Spoilt, caplog: pytest.LogCaptureFixture
) -> None:
    store.how = "fine"
    store.real = None  # type: ignore[assignment]
    said = (await here.command("list secret-words")).json()["text"]
    ref = said.rpartition(": ")[2].rstrip(".")
    assert f"request {ref} failed: AttributeError" in caplog.text
    assert "secret-words" not in caplog.text
    assert (await here.event({"type": "app_home_opened", "user": ANA, "tab": "home"})).status_code == 503
    assert (await here.click(ids.WHY, Button(cause="c", notebook="n").dump())).status_code == 200


async def test_a_slack_that_hangs_does_not_make_us_late(here: Stage, store: Spoilt) -> None:
    store.how = "fine"
    here.slack.slow.clear()
    assert (await here.command("create")).json()["text"] == answers.PRESS_AGAIN
    assert (await here.click(ids.STOP, "old")).status_code == 200
    here.slack.slow.set()
    assert await here.rows() == []


def test_all_parts_together_stay_within_slacks_three_seconds() -> None:
    usual = Patience()
    assert usual.store == 2.0  # contract 6
    assert usual.all < 3.0
    assert usual.store + usual.word <= usual.all
