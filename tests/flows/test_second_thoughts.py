"""What holds beyond the first click: keeps that are long or short, stops by others, owners who are guests now."""

import pytest

from bot.stores.schema import notebooks
from tests.flows.scene import ANA, CARLA, HOUR, Scene, minutes
from tests.flows.test_idle import idle_one


async def kept_until(scene: Scene, name: str):
    (row,) = [row for row in await scene.rows(notebooks) if row.name == name]
    return row.keep_until


@pytest.mark.parametrize("policy", [{"keep_max": '"2h"'}], ids=[""])
async def test_nothing_is_kept_for_longer_than_policy_says(scene: Scene) -> None:
    await scene.notebook("ana", "long", lease_ms=9 * HOUR)
    asked_at = scene.now
    await scene.ask(ANA, "keep long until 23:00 the sweep")
    until = await kept_until(scene, "long")
    assert minutes(119) < until - asked_at <= minutes(121)
    assert "at most 2 h" in scene.operation(ANA)


async def test_a_keep_is_not_made_shorter_by_another(scene: Scene) -> None:
    await scene.notebook("ana", "long", lease_ms=9 * HOUR)
    await scene.ask(ANA, "keep long until 22:00 the sweep")
    before = await kept_until(scene, "long")
    await scene.ask(ANA, "keep long until 21:00 the sweep")
    assert before is not None
    assert await kept_until(scene, "long") == before


async def test_whose_notebook_somebody_else_has_stopped_is_told_by_whom(scene: Scene) -> None:
    await scene.notebook("ana", "mine", lease_ms=9 * HOUR)
    await scene.ask(CARLA, "stop mine")
    await scene.click(CARLA, "notebook_stop")
    await scene.pass_time(minutes(4))
    (told,) = scene.in_dm(ANA, "stopped")
    assert CARLA in told.text or "carla" in told.text.lower()


async def test_an_owner_who_is_a_guest_now_is_not_to_be_reached(scene: Scene) -> None:
    scene.slack.workspace.users[ANA].is_restricted = True
    await idle_one(scene)
    for _ in range(6):
        await scene.pass_time(minutes(2), minutes(2))
    assert scene.in_dm(ANA, "idle_warning") == []
    assert len(scene.in_dm(CARLA, "idle_warning")) == 1
