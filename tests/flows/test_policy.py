"""`policy [NAME]` in Slack, and what listens to a pass."""

from tests.flows.scene import ANA, HOUR, Scene


async def test_people_and_groups_are_shown_by_name(scene: Scene) -> None:
    await scene.notebook("ana", "limits", lease_ms=9 * HOUR)
    for asked in ("policy", "policy limits"):
        told = await scene.ask(ANA, asked)
        assert "`approvers`: *<!subteam^S0APPROVERS>*" in told
        assert "`escalate_to`: *<@U0CARLA>*" in told


async def test_who_listens_hears_of_each_pass_once_it_has_ended(scene: Scene) -> None:
    heard: list[str] = []
    scene.play.bot.drain.listeners.append(heard.append)
    await scene.sweep()
    await scene.sweep()
    assert heard.count("pass") == 2
