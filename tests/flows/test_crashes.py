"""Killed at any moment after the acknowledgement: finished once by whoever comes next, and said once."""

import itertools
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.settings import async_database_url
from deploy.sandbox.stage import Stage
from tests.flows.mortal import Killed, MortalDatabase
from tests.flows.scene import ANA, CARLA, HOUR, RESEARCH, Scene, bot_on, minutes

Deed = Callable[[Scene, str], Coroutine[Any, Any, None]]
STRIDE = 7  # of the moments looked at, from each of FIRST: no multiple of the three that a transaction has
FIRST = (0, 3, 5)


async def extend(scene: Scene, name: str) -> None:
    await scene.command(ANA, f"extend {name} 2h")


async def create(scene: Scene, name: str) -> None:
    await scene.command(ANA, f"create new-{name} image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=2h")


async def stop(scene: Scene, name: str) -> None:
    await scene.ask(ANA, f"stop {name}")
    assert (await scene.slack.click(ANA, "notebook_stop")).ok


async def start(scene: Scene, name: str) -> None:
    scene.cloud.console.stop(scene.named(name).id)
    await scene.jump(timedelta(seconds=10))
    await scene.command(ANA, f"start {name} for 2h")


async def approve(scene: Scene, name: str) -> None:
    await scene.ask(ANA, f"extend {name} 6h")
    assert (await scene.slack.click(CARLA, "approval_approve", channel=RESEARCH)).ok


EFFECTS: dict[Deed, str] = {
    extend: "lease_renewed", create: "creating", stop: "stopping", start: "starting", approve: "lease_renewed",
}  # fmt: skip
WORDS: dict[Deed, str] = {extend: "now runs until", create: "is running", stop: "is stopped", start: "is running",
         approve: "was approved"}  # fmt: skip


async def live(scene: Scene, step: timedelta, steps: int) -> None:
    """Work, and the time it takes; no passes, which would repair what the work itself must."""
    await scene.work()
    for _ in range(steps):
        await scene.jump(step)
        await scene.work()


async def dies(scene: Scene, db: MortalDatabase, moment: int) -> bool:
    """Whether the work reached that moment before it was done."""
    db.arm(moment)
    try:
        await live(scene, timedelta(seconds=5), 5)
    except Killed:
        return True
    return False


async def check(scene: Scene, deed: Deed, moment: int, seen: int, told: int) -> None:
    """One effect, one message about it, and it says so."""
    effects = [e for e in scene.effects(EFFECTS[deed])[seen:] if e["details"]["by"] == "api"]
    assert len(effects) == 1, (moment, effects)
    new = scene.slack.messages(ANA)[told:]
    operations = [m for m in new if (m.metadata or {}).get("event_type") == "operation"]
    settled = [m for m in new if (m.metadata or {}).get("event_type") == "approval_settled"]
    assert len(operations) == 1, (moment, [m.text for m in operations])
    assert len(settled) == (deed is approve), (moment, [m.text for m in settled])
    final = (settled or operations)[-1]
    assert WORDS[deed] in final.text, (moment, final.text)


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("deed", EFFECTS, ids=lambda deed: deed.__name__)
async def test_killed_at_any_moment_it_is_done_once_and_said_once(
    on: Stage, deed: Deed, first: int, tmp_path: Path
) -> None:
    """Each bot comes after the death of the one before, finishes what that left, and dies a little later itself."""
    url = f"sqlite:///{tmp_path / 'leasebot.sqlite3'}"
    for delay in ("create_ms", "start_ms", "stop_ms"):
        setattr(on.cloud.cloud.settings, delay, 8_000)
    on.cloud.cloud.settings.quota_per_user = 1000
    died, seen, told = False, 0, 0
    async with AsyncExitStack() as stack:
        for moment in itertools.count(first, STRIDE):
            db = MortalDatabase(async_database_url(url))
            stack.push_async_callback(db.dispose)
            async with bot_on(on, url, db=db, linked=moment == first) as scene:
                if moment != first:
                    await live(scene, minutes(2), 3)
                    await check(scene, deed, moment - STRIDE, seen, told)
                    if not died:
                        break
                await scene.notebook("ana", f"n{moment}", lease_ms=3 * HOUR)
                seen, told = len(scene.effects(EFFECTS[deed])), len(scene.slack.messages(ANA))
                await deed(scene, f"n{moment}")
                died = await dies(scene, db, moment)
                db.dead = True
    assert moment > first + STRIDE
    assert on.slack.findings == []
