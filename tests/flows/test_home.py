"""App Home after a button on it was pressed: what it offered is not offered again."""

from typing import Any

import pytest

from tests.flows.scene import ANA, CARLA, DORA, HOUR, Scene, minutes


def offered(scene: Scene, user: str) -> list[str]:
    """The action ids on that person's tab."""
    rows: list[Any] = [block["elements"] for block in scene.slack.home(user).blocks if block["type"] == "actions"]
    return [element["action_id"].partition(":")[0] for row in rows for element in row]


async def test_a_request_that_was_approved_there_leaves_it(scene: Scene) -> None:
    made = await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    await scene.slack.open_home(CARLA)
    await scene.work()
    assert "approval_approve" in offered(scene, CARLA)
    await scene.jump(minutes(1))
    await scene.click(CARLA, "approval_approve", view="home")
    assert len(scene.renewals(made)) == 1
    assert "approval_approve" not in offered(scene, CARLA)


async def test_an_admin_is_offered_no_decision_on_their_own_request(scene: Scene) -> None:
    """Dora is an admin and an approver; what Ana asks for she may decide."""
    for user, name in ((DORA, "hers"), (ANA, "anas")):
        await scene.notebook(scene.slack.workspace.users[user].name, name, lease_ms=3 * HOUR)
        await scene.ask(user, f"extend {name} 6h")
    await scene.slack.open_home(DORA)
    await scene.work()
    assert offered(scene, DORA).count("approval_approve") == 1
    assert offered(scene, DORA).count("approval_withdraw") == 1
    await scene.jump(minutes(1))
    await scene.click(DORA, "approval_withdraw", view="home")
    assert offered(scene, DORA).count("approval_withdraw") == 0
    (told,) = scene.in_dm(DORA, "approval_settled")
    assert "hers" in told.text


@pytest.mark.parametrize("policy", [{"idle_mode": ""}])
async def test_shadow_mode_that_was_ended_there_is_not_offered_to_be_ended(scene: Scene) -> None:
    await scene.slack.open_home(DORA)
    await scene.work()
    assert "admin_enforce" in offered(scene, DORA)
    await scene.jump(minutes(1))
    await scene.click(DORA, "admin_enforce", view="home")
    assert "admin_enforce" not in offered(scene, DORA)


async def test_two_changes_within_a_moment_are_both_drawn(scene: Scene) -> None:
    one, two = [await scene.notebook("ana", name, lease_ms=3 * HOUR) for name in ("one", "two")]
    await scene.slack.open_home(ANA)
    await scene.pass_time(minutes(1))
    await scene.ask(ANA, "extend one 1h")
    await scene.ask(ANA, "extend two 2h")
    shown = "\n".join(b["text"]["text"] for b in scene.slack.home(ANA).blocks if b["type"] == "section")
    for each in (one, two):
        assert str(int(scene.end(each).timestamp())) in shown
