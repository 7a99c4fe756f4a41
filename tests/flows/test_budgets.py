"""Budgets open an approval instead of a wall, and creates at the same time cannot overshoot."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.stores.schema import reservations
from deploy.sandbox.clock import SimClock
from deploy.sandbox.stage import TEMPLATE, Stage, stage
from tests.flows.scene import ANA, CARLA, HOUR, START_MS, Scene, minutes

LINE = "create {} image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=2h"  # 0.34 EUR

OTHER = """
[[projects]]
name = "other"
cloud = "otc"
region = "eu-de"
channel = "C0RANDOM"
workspace = "w1"
endpoint = "{cloud}"
service_account = { domain = "OTC-EU-DE-SANDBOX", user = "notebook-bot", password = "env:SANDBOX_BOT_PASSWORD" }

[roles]
"""


@pytest.fixture
def more() -> str:
    """Another project; a test parametrizes it."""
    return "\n[roles]\n"


@pytest.fixture
async def on(more: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A month is worth half a euro per person: one lease of two hours, not two."""
    text = TEMPLATE.read_text(encoding="utf-8").replace("per_person_month = 400", "per_person_month = 0.5")
    text = text.replace("\n[roles]\n", more, 1)
    folder = tmp_path / "stage"
    folder.mkdir()
    async with stage(clock=SimClock(START_MS, running=False), folder=folder, policy=text) as made:
        made.slack.workspace.channels["C0RANDOM"].members.append("U0LEASEBOT")
        yield made


async def create(scene: Scene, name: str) -> None:
    await scene.command(ANA, LINE.format(name))


def made(scene: Scene) -> list[str]:
    return sorted(n.name for n in scene.cloud.notebooks() if n.name.startswith("b-"))


async def test_of_two_creates_at_once_only_one_fits(scene: Scene) -> None:
    await create(scene, "b-one")
    await create(scene, "b-two")
    await scene.work()
    await scene.pass_time(minutes(3))
    assert len(made(scene)) == 1
    (request,) = scene.in_channel("approval_request")
    assert "per_person_month" in request.text


async def test_with_an_approval_it_is_made_beyond_the_budget(scene: Scene) -> None:
    await create(scene, "b-one")
    await scene.pass_time(minutes(3))
    await create(scene, "b-two")
    await scene.pass_time(minutes(3))
    assert made(scene) == ["b-one"]
    await scene.click(CARLA, "approval_approve")
    await scene.pass_time(minutes(3))
    assert made(scene) == ["b-one", "b-two"]
    reserved = await scene.rows(reservations)
    assert {row.notebook_id for row in reserved} == {scene.named(name).id for name in made(scene)}


async def test_several_hands_at_once_do_not_overshoot(scene: Scene) -> None:
    for number in range(4):
        await create(scene, f"b-{number}")
    await asyncio.gather(*(scene.play.bot.drain() for _ in range(4)))
    await scene.pass_time(minutes(3))
    assert len(made(scene)) == 1


@pytest.mark.parametrize("more", [OTHER])
async def test_a_persons_month_counts_over_all_their_projects(scene: Scene) -> None:
    """Three hours of a notebook in another project are the half euro."""
    await scene.notebook("ana", "elsewhere", workspace_id="w1", lease_ms=2 * HOUR)
    await scene.ask(ANA, LINE.format("b-one") + " project=research")
    await scene.pass_time(minutes(3))
    assert made(scene) == []
    assert "0.00 EUR of per_person_month are left" in scene.in_channel("approval_request")[-1].text


async def test_what_has_no_timed_end_goes_on_counting_as_it_was_accepted(scene: Scene) -> None:
    """Two hours of each were asked for, and the half euro is worth less than three."""
    for name in ("b-one", "b-two"):
        await scene.ask(ANA, LINE.format(name) + " idle")
        await scene.pass_time(minutes(4))
    assert made(scene) == ["b-one"]
    assert scene.named("b-one").lease.type == "IDLE"
    assert "per_person_month" in scene.in_channel("approval_request")[-1].text
