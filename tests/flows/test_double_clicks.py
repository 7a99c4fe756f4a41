"""The same click twice at once, Slack's repeats, and an address for answers that has run out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.sandbox.clock import SimClock
from tests.flows.deaths import Part, places
from tests.flows.scene import ANA, CARLA, DORA, HOUR, RESEARCH, Scene, minutes

MOMENT = minutes(1 / 150)  # between the two presses
CREATE = "create fresh image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=2h"
IMAGE, FLAVOR = "e1a07296-22a8-4f05-8bc8-e936c8e54090", "modelarts.vm.cpu.2u"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """On SQLite alone; two replicas have both."""
    return f"sqlite:///{tmp_path / 'leasebot.sqlite3'}"


async def running(scene: Scene) -> None:
    await scene.notebook("ana", "one", lease_ms=3 * HOUR)


async def warned(scene: Scene) -> None:
    await scene.ending("ana", "one")


async def asked_to_stop(scene: Scene) -> None:
    await running(scene)
    await scene.ask(ANA, "stop one")


async def offered_to_start(scene: Scene) -> None:
    await scene.notebook("ana", "one", status="STOPPED", busy=None)
    await scene.ask(ANA, "extend one 2h")


async def warned_of_idleness(scene: Scene) -> None:
    await scene.notebook("ana", "one", busy=False, lease_ms=9 * HOUR)
    while not scene.in_dm(ANA, "idle_warning"):
        await scene.pass_time(minutes(2), minutes(2))


async def stopped_for_idleness(scene: Scene) -> None:
    await warned_of_idleness(scene)
    while not scene.in_dm(ANA, "stopped"):
        await scene.pass_time(minutes(4), minutes(4))


async def requested(scene: Scene) -> None:
    await running(scene)
    await scene.ask(ANA, "extend one 6h")


async def braked(scene: Scene) -> None:
    """Half of the notebooks and more have gone at once."""
    for n in range(6):
        await scene.notebook("ana", f"many-{n}")
    for each in scene.cloud.notebooks():
        if each.name.startswith("many"):
            scene.cloud.console.set_status(each.id, "STOPPED")
    await scene.sweep()


@dataclass(frozen=True)
class Twice:
    """A button in somebody's sight; `told` is what the second press is answered."""

    before: Part
    user: str
    action: str
    effects: dict[str, int]
    told: str
    messages: tuple[str, ...] = ()  # event types of new messages, each once
    where: str | None = None


ALREADY = "asked for this already"
BUTTONS = {
    "extend": Twice(warned, ANA, "notebook_extend:1h", {"lease_renewed": 1}, ALREADY, ("operation",)),
    "stop": Twice(asked_to_stop, ANA, "notebook_stop", {"stopping": 1}, ALREADY, ("operation",)),
    "start": Twice(offered_to_start, ANA, "notebook_start", {"starting": 1}, ALREADY, ("operation",)),
    "keep": Twice(warned_of_idleness, ANA, "notebook_keep", {}, ALREADY, ("operation",)),
    "false stop": Twice(stopped_for_idleness, ANA, "notebook_false_stop", {}, "marked as wrong already"),
    "approve": Twice(requested, CARLA, "approval_approve", {"lease_renewed": 1}, "was approved",
                     ("approval_settled",), RESEARCH),
    "withdraw": Twice(requested, ANA, "approval_withdraw", {}, "was withdrawn", ("approval_settled",), RESEARCH),
    "release": Twice(braked, DORA, "admin_release", {}, "are not paused"),
}  # fmt: skip


def new(scene: Scene, before: set[Any]) -> list[str]:
    """Event types of the messages that came since, but for answers."""
    fresh = [m for at, m in places(scene).items() if at not in before and m.ephemeral_to is None]
    return sorted(str((m.metadata or {}).get("event_type")) for m in fresh)


def done(scene: Scene, since: int) -> dict[str, int]:
    """What the API was asked to do, since then."""
    actions = [e["action"] for e in scene.cloud.effects()[since:] if e["details"].get("by", "api") == "api"]
    return {action: actions.count(action) for action in actions
            if action in ("lease_renewed", "stopping", "starting", "creating", "deleting")}  # fmt: skip


@pytest.mark.parametrize("name", BUTTONS)
async def test_pressed_twice_at_once_it_happens_once_and_the_second_is_told_so(scene: Scene, name: str) -> None:
    case = BUTTONS[name]
    scene.expected.add("gone at once")
    await case.before(scene)
    before, since, told = set(places(scene)), len(scene.cloud.effects()), len(scene.slack.ephemerals(case.user))
    for _ in range(2):
        assert (await scene.slack.click(case.user, case.action, channel=case.where)).ok
        await scene.jump(MOMENT)
    await scene.work()
    await scene.pass_time(minutes(4), minutes(1))
    assert done(scene, since) == case.effects
    assert new(scene, before) == sorted(case.messages)
    answers = [m.text for m in scene.slack.ephemerals(case.user)[told:]]
    assert [case.told in text for text in answers].count(True) == 1, answers


@pytest.mark.parametrize("name", BUTTONS)
async def test_delivered_three_times_more_it_happens_once_and_nobody_is_told_twice(scene: Scene, name: str) -> None:
    """Slack's repeats are no second click: nobody reads of them."""
    case = BUTTONS[name]
    await case.before(scene)
    before, since, told = set(places(scene)), len(scene.cloud.effects()), len(scene.slack.ephemerals(case.user))
    assert (await scene.slack.click(case.user, case.action, channel=case.where)).ok
    assert (await scene.slack.replay()).ok
    await scene.work()
    for _ in range(2):
        assert (await scene.slack.replay()).ok
        await scene.pass_time(minutes(2), minutes(1))
    assert done(scene, since) == case.effects
    assert new(scene, before) == sorted(case.messages)
    assert len(scene.slack.ephemerals(case.user)) - told <= (not case.messages)


@dataclass(frozen=True)
class FormTwice:
    """A modal that is sent off; `effects` and `messages` as above."""

    before: Part
    user: str
    values: dict[str, str]
    effects: dict[str, int] = field(default_factory=dict)
    messages: tuple[str, ...] = ("operation",)
    command: str | None = None
    action: str | None = None


FORMS = {
    "create": FormTwice(running, ANA, {"name": "fresh", "image": IMAGE, "flavor": FLAVOR, "for": "2h"},
                        {"creating": 1}, command="create"),
    "delete": FormTwice(running, ANA, {"typed_name": "one"}, {"stopping": 1, "deleting": 1}, command="delete one"),
    "extend other": FormTwice(warned, ANA, {"for": "2h"}, {"lease_renewed": 1}, action="notebook_extend_other"),
    "keep until": FormTwice(warned_of_idleness, ANA, {"reason": "training"},
                            action="notebook_keep_until"),
    "deny": FormTwice(requested, CARLA, {"reason": "no"}, {}, ("approval_settled",), action="approval_deny"),
    "approve less": FormTwice(requested, CARLA, {"for": "5h"}, {"lease_renewed": 1}, ("approval_settled",),
                              action="approval_approve_less"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_delivered_four_times_is_carried_out_once(scene: Scene, name: str) -> None:
    case = FORMS[name]
    await case.before(scene)
    if case.command:
        await scene.ask(case.user, case.command)
    if case.action:
        await scene.click(case.user, case.action)
    before, since = set(places(scene)), len(scene.cloud.effects())
    assert (await scene.slack.submit(case.user, values=case.values)).body is None
    assert (await scene.slack.replay()).ok
    await scene.work()
    for _ in range(2):
        assert (await scene.slack.replay()).ok
        await scene.pass_time(minutes(2), minutes(1))
    assert done(scene, since) == case.effects
    assert new(scene, before) == sorted(case.messages)


@pytest.mark.parametrize("text", ["extend one 2h", "keep one until 23:00 training", CREATE, "show one", "list"])
async def test_a_command_delivered_four_times_is_one(scene: Scene, text: str) -> None:
    await running(scene)
    before, since = set(places(scene)), len(scene.cloud.effects())
    await scene.command(ANA, text)
    await scene.slack.replay()
    await scene.work()
    for _ in range(2):
        await scene.slack.replay()
        await scene.pass_time(minutes(2), minutes(1))
    verb = text.partition(" ")[0]
    assert done(scene, since) == {"extend": {"lease_renewed": 1}, "create": {"creating": 1}}.get(verb, {})
    assert new(scene, before) == ([] if verb in ("show", "list") else ["operation"])
    assert len(scene.slack.ephemerals(ANA)) == 1


async def test_an_event_that_slack_repeats_is_one(scene: Scene) -> None:
    assert (await scene.slack.open_home(ANA)).ok
    for _ in range(3):
        assert (await scene.slack.replay()).ok
    await scene.work()
    assert len(scene.slack.calls("views.publish")) == 1


# --- the address of an answer --------------------------------------------------------------------


async def address(scene: Scene) -> str:
    """Of the command that was typed last."""
    return str(scene.slack.sender.sent[-1].payload["response_url"])


async def used_up(scene: Scene) -> None:
    async with httpx.AsyncClient(trust_env=False) as anybody:
        for _ in range(5):
            assert (await anybody.post(await address(scene), json={"text": "taken"})).status_code == 200


async def half_an_hour_later(scene: Scene) -> None:
    await scene.jump(minutes(31))


async def expired_by_slacks_clock(scene: Scene) -> None:
    """Ours is two minutes behind, and it believes that the address still holds."""
    await scene.jump(minutes(28.5))
    scene.slack.clock = SimClock(scene.now_ms + 120_000, running=False)


@pytest.mark.parametrize("trouble", [used_up, half_an_hour_later, expired_by_slacks_clock])
async def test_an_answer_without_an_address_comes_as_a_dm_once(scene: Scene, trouble: Part) -> None:
    await running(scene)
    await scene.command(ANA, "show one")
    await trouble(scene)
    before = set(places(scene))
    for _ in range(3):
        await scene.work()
        await scene.jump(minutes(1))
    (told,) = [m for at, m in places(scene).items() if at not in before]
    assert told.ephemeral_to is None
    assert "*one*" in told.text
    assert told in scene.slack.messages(ANA)


async def test_a_second_click_without_an_address_is_told_in_a_dm(scene: Scene) -> None:
    await warned(scene)
    for _ in range(2):
        await scene.slack.click(ANA, "notebook_extend:1h")
        await scene.jump(MOMENT)
    await used_up(scene)
    before = set(places(scene))
    await scene.work()
    said = [m.text for at, m in places(scene).items() if at not in before and m.ephemeral_to is None]
    assert [ALREADY in text for text in said].count(True) == 1
