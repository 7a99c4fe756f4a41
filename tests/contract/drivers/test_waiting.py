"""A request waits for an answer although no process outlives the waiting; it is settled once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import from_ms
from bot.stores.schema import approvals, audit, notebooks
from tests.contract.drivers.crew import until
from tests.contract.drivers.replicas import Troupe, troupe_on
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, RESEARCH, policy_text

ESCALATES, EXPIRES = timedelta(minutes=30), timedelta(minutes=45)
POLICY = {"escalate_after": '"30m"', "approval_expires": '"45m"', "idle_mode": '"off"', "escalate_to": f'["{DORA}"]'}


@pytest.fixture
async def troupe(database_url: str, driver: str, tmp_path: Path) -> AsyncIterator[Troupe]:
    folder = tmp_path / "stage"
    folder.mkdir()
    async with troupe_on(database_url, driver, folder, policy_text(POLICY)) as made:
        await made.link()
        yield made


async def asked(troupe: Troupe, user: str, owner: str, name: str) -> Any:
    """A process has heard that this person wants more than they may have, and is dead."""
    made = troupe.on.cloud.cloud.console.create(owner, name, lease_ms=3 * HOUR)
    (first,) = await troupe.start(1)
    troupe.hear(first)
    await until(lambda: troupe.rows(notebooks, id=made.id), "the notebook is known")
    assert (await troupe.on.slack.command(user, f"extend {name} 6h because of the sweep", channel=RESEARCH)).ok
    await until(lambda: troupe.on.slack.notices("approval_request"), "the request is shown")
    await troupe.kill_all()
    return made


def renewals(troupe: Troupe, notebook: Any) -> list[Any]:
    """As the cloud did them."""
    every = troupe.on.cloud.cloud.effects("lease_renewed")
    return [e for e in every if e["notebook_id"] == notebook.id and e["details"]["by"] == "api"]


def settled(troupe: Troupe, user: str) -> list[Any]:
    """What the requester was told about the outcome."""
    told: list[Any] = troupe.on.slack.notices("approval_settled", user=user)
    return told


async def state(troupe: Troupe) -> str:
    (row,) = await troupe.rows(approvals)
    return str(row.state)


async def decisions(troupe: Troupe) -> list[str]:
    """What is on record about it after it was asked."""
    return [row.action for row in await troupe.rows(audit) if row.action in ("approve", "denied", "expire")]


async def test_answered_twice_with_one_click_after_everybody_was_killed_it_is_approved_once(troupe: Troupe) -> None:
    made = await asked(troupe, ANA, "ana", "greedy")
    before = from_ms(troupe.on.cloud.cloud.notebook(made.id).lease.end)
    first, second = await troupe.start(2)
    troupe.hear(first)
    assert (await troupe.on.slack.click(CARLA, "approval_approve", channel=RESEARCH)).ok
    troupe.hear(second)
    assert (await troupe.on.slack.replay()).ok  # the same click, delivered again
    assert (await troupe.on.slack.click(CARLA, "approval_approve", channel=RESEARCH, stale=True)).ok  # and a second one
    await until(lambda: settled(troupe, ANA), "the requester is told")
    await until(lambda: troupe.on.slack.ephemerals(CARLA), "the second click is told that it came late")
    assert await state(troupe) == "approved"
    assert await decisions(troupe) == ["approve"]
    assert len(renewals(troupe, made)) == len(settled(troupe, ANA)) == 1
    after = from_ms(troupe.on.cloud.cloud.notebook(made.id).lease.end)
    # A second for rounding up, and what the call takes on a busy machine: the cloud counts from when it hears of it.
    assert timedelta(0) <= after - before - timedelta(hours=6) < timedelta(seconds=10)


async def test_a_request_escalates_and_expires_over_restarts(troupe: Troupe) -> None:
    made = await asked(troupe, BEN, "ben", "patient")
    troupe.pass_time(ESCALATES + timedelta(minutes=1))
    await troupe.start(1)
    await until(lambda: troupe.on.slack.notices("approval_request", user=DORA)[1:], "it is escalated")
    await troupe.kill_all()
    troupe.pass_time(EXPIRES - ESCALATES)
    (last,) = await troupe.start(1)
    await until(lambda: settled(troupe, BEN), "the requester is told")
    troupe.hear(last)
    assert (await troupe.on.slack.click(CARLA, "approval_approve", channel=RESEARCH, stale=True)).ok
    await until(lambda: troupe.on.slack.ephemerals(CARLA), "it is too late to answer")
    assert await state(troupe) == "expired"
    assert await decisions(troupe) == ["expire"]
    assert len(settled(troupe, BEN)) == 1
    assert len(troupe.on.slack.notices("approval_request", user=DORA)) == 2  # in the channel, and once to her
    assert renewals(troupe, made) == []
