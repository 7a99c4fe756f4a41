"""What people ask for, killed at any moment after the acknowledgement: finished once by whoever comes next."""

import pytest

from bot.stores.schema import approvals, audit, notebooks, people, projects, stops
from tests.flows.deaths import Case, check_all, settle
from tests.flows.mortal import Part
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, RESEARCH, Scene, buttons, minutes

CREATE = "create fresh image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=2h"
ON_IT = "On it"


def typed(user: str, *commands: str, **options: object) -> Part:
    """Ana's running notebook `one`; all but the last command are carried out before, the last is acknowledged."""

    async def before(scene: Scene) -> None:
        await scene.notebook("ana", "one", **({"lease_ms": 3 * HOUR} | options))
        for text in commands[:-1]:
            await scene.ask(user, text)
        await scene.command(user, commands[-1])

    return before


def clicked(user: str, action: str, first: Part, **values: str) -> Part:
    """After `first`: a button; with `values` the modal that it opens is sent off. Acknowledged, and no more."""

    async def before(scene: Scene) -> None:
        await first(scene)
        await settle(scene)
        assert (await scene.slack.click(user, action)).ok
        if values:
            await settle(scene)
            assert (await scene.slack.submit(user, values=values)).body is None

    return before


def submitted(user: str, command: str, values: dict[str, str], **options: object) -> Part:
    """A command that opens a modal, which is sent off."""

    async def before(scene: Scene) -> None:
        await typed(user, command, **options)(scene)
        await settle(scene)
        answer = await scene.slack.submit(user, values=values)
        assert (answer.ok, answer.body) == (True, None), answer

    return before


ASKED = typed(ANA, "extend one 6h because of the sweep")


async def stopped_for_idleness(scene: Scene) -> None:
    """Warned, and stopped after the grace."""
    made = await scene.notebook("ana", "one", busy=False, lease_ms=9 * HOUR)
    while not scene.in_dm(ANA, "stopped"):
        await scene.pass_time(minutes(4), minutes(4))
    assert scene.found(made.id).status == "STOPPED"


async def warned(scene: Scene) -> None:
    """An hour before the end of its lease."""
    await scene.ending("ana", "one")


async def warned_of_idleness(scene: Scene) -> None:
    await scene.notebook("ana", "one", busy=False, lease_ms=9 * HOUR)
    while not scene.in_dm(ANA, "idle_warning"):
        await scene.pass_time(minutes(4), minutes(4))


async def paused(scene: Scene) -> None:
    await scene.notebook("ana", "one", lease_ms=3 * HOUR)
    await scene.ask(DORA, "admin pause")
    await scene.command(DORA, "admin release")


async def settled_request(scene: Scene, state: str) -> None:
    (row,) = await scene.rows(approvals)
    assert row.state == state
    assert buttons(scene.in_channel("approval_request")[-1]) == []


async def request_is_approved(scene: Scene) -> None:
    await settled_request(scene, "approved")


async def request_is_denied(scene: Scene) -> None:
    await settled_request(scene, "denied")


async def request_is_withdrawn(scene: Scene) -> None:
    await settled_request(scene, "withdrawn")


async def form_is_drawn(scene: Scene) -> None:
    assert scene.slack.modal(ANA).body["submit"]["text"] == "Delete"


async def is_kept(scene: Scene) -> None:
    (row,) = await scene.rows(notebooks)
    assert row.keep_until is not None


async def is_wrong_once(scene: Scene) -> None:
    (stop,) = await scene.rows(stops)
    assert stop.wrong_at is not None


async def quiet_is_saved(scene: Scene) -> None:
    (row,) = [row for row in await scene.rows(people) if row.slack == ANA]
    assert row.settings["quiet"] == "22:00-07:00"


async def enforces(scene: Scene) -> None:
    (row,) = await scene.rows(projects)
    assert row.mode == "enforce"


async def is_opened_once(scene: Scene) -> None:
    assert [row.action for row in await scene.rows(audit)] == ["open"]


async def goes_on(scene: Scene) -> None:
    (row,) = await scene.rows(projects)
    assert row.paused is None


CASES = {
    "extend": Case(typed(ANA, "extend one 2h"), effects={"lease_renewed": 1},
                   said={(ANA, "operation"): "now runs until"}, answers={ANA: ON_IT}),
    "extend by a button": Case(clicked(ANA, "notebook_extend:1h", warned), effects={"lease_renewed": 1},
                               said={(ANA, "operation"): "now runs until"}),
    "ask": Case(typed(ANA, "extend one 6h"), answers={ANA: ON_IT},
                said={(ANA, "operation"): "needs an approval", (RESEARCH, "approval_request"): "6 h"}),
    "approve": Case(clicked(CARLA, "approval_approve", ASKED), effects={"lease_renewed": 1},
                    said={(ANA, "approval_settled"): "now runs until"}, also=request_is_approved),
    "approve less": Case(clicked(CARLA, "approval_approve_less", ASKED, **{"for": "5h"}),
                         effects={"lease_renewed": 1},
                         said={(ANA, "approval_settled"): "now runs until"}, also=request_is_approved),
    "deny": Case(clicked(CARLA, "approval_deny", ASKED, reason="no money"),
                 said={(ANA, "approval_settled"): "no money"}, also=request_is_denied),
    "withdraw": Case(clicked(ANA, "approval_withdraw", ASKED),
                     said={(ANA, "approval_settled"): "withdrawn"}, also=request_is_withdrawn),
    "create": Case(typed(ANA, CREATE), effects={"creating": 1}, said={(ANA, "operation"): "is running"},
                   answers={ANA: ON_IT}),
    "create by its form": Case(
        submitted(ANA, "create", {"name": "fresh", "image": "e1a07296-22a8-4f05-8bc8-e936c8e54090",
                                  "flavor": "modelarts.vm.cpu.2u", "for": "2h"}),
        effects={"creating": 1}, said={(ANA, "operation"): "is running"}),
    "start": Case(typed(ANA, "start one for 2h", status="STOPPED", busy=None), effects={"starting": 1},
                  said={(ANA, "operation"): "is running"}, answers={ANA: ON_IT}),
    "stop": Case(clicked(ANA, "notebook_stop", typed(ANA, "stop one")), effects={"stopping": 1},
                 said={(ANA, "operation"): "is stopped"}),
    "delete": Case(submitted(ANA, "delete one", {"typed_name": "one"}), effects={"stopping": 1, "deleting": 1},
                   said={(ANA, "operation"): "is deleted"}),
    "open a form": Case(typed(ANA, "delete one"), also=form_is_drawn),
    "keep": Case(typed(ANA, "keep one until 23:00 training"), said={(ANA, "operation"): "is kept"},
                 answers={ANA: ON_IT}, also=is_kept),
    "keep by its form": Case(
        clicked(ANA, "notebook_keep_until", warned_of_idleness, reason="training"),
        said={(ANA, "operation"): "is kept"}, also=is_kept),
    "false stop": Case(clicked(ANA, "notebook_false_stop", stopped_for_idleness),
                       answers={ANA: "counted as wrong"}, also=is_wrong_once),
    "settings": Case(clicked(ANA, "settings_open", typed(ANA, "settings"), quiet="22:00-07:00"),
                     said={(ANA, "operation"): "settings are saved"}, also=quiet_is_saved),
    "enforce": Case(typed(DORA, "admin enforce"), answers={DORA: "enforce mode"}, policy={"idle_mode": ""},
                    also=enforces),
    "release": Case(paused, answers={DORA: "go on"}, also=goes_on),
    "open": Case(typed(ANA, "open one"), answers={ANA: "private link"}, also=is_opened_once),
    "why": Case(typed(ANA, "why one"), answers={ANA: "What was decided about *one*"}),
    "map": Case(typed(DORA, f"admin map <@{BEN}> ben2"), answers={DORA: "ben2"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_killed_at_any_moment_it_is_done_once_and_said_once(name: str) -> None:
    assert check_all(CASES[name]) == []
