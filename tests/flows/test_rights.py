"""Every action id, pressed by everybody who may not: refused, said so, and nothing written or done."""

import json
import re
from typing import Any

from bot.render import ids
from bot.render.ids import Button
from bot.stores.schema import (
    approvals,
    audit,
    identities,
    notebooks,
    notices,
    people,
    projects,
    reservations,
    stops,
    usage,
    work,
)
from deploy.sandbox.slack import wire
from tests.flows.forged import press, send_off
from tests.flows.mortal import live
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, RESEARCH, Scene, minutes

GUEST, STRANGER, SHARED = "U0GUEST", "U0STRANGER", "C0SHARED"
DECIDING = (ids.APPROVE, ids.APPROVE_LESS, ids.DENY)
ADMINS = (ids.ADMIN_ENFORCE, ids.ADMIN_RELEASE)
FOR_MEMBERS = (ids.WHY, ids.CREATE, ids.SETTINGS_OPEN, ids.DIGEST_DETAILS)  # looking, and what is their own
REFUSAL = re.compile(r"belongs to|cannot decide|Only |Guests")
TABLES = (approvals, audit, identities, notebooks, notices, projects, reservations, stops, usage)


class Stage:
    """Ana's running notebook, hers that was stopped for idleness, her request, her choice; stops are paused."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.values: dict[str, Button] = {}

    async def set(self) -> None:
        scene = self.scene
        idle = await scene.notebook("ana", "idle", busy=False, lease_ms=9 * HOUR)
        while not scene.in_dm(ANA, "stopped"):
            await scene.pass_time(minutes(4), minutes(4))
        made = await scene.notebook("ana", "hers", lease_ms=3 * HOUR)
        await scene.notebook("ana", "herself", lease_ms=3 * HOUR)
        await scene.ask(DORA, "admin pause")
        await scene.ask(ANA, "extend hers 6h because of the sweep")
        await scene.ask(ANA, "show her")
        await scene.ask(ANA, "list")
        (request,) = await scene.rows(approvals)
        choice, listed = (await self._asked("show her"), await self._asked("list"))
        stop_key = (scene.in_dm(ANA, "stopped")[0].metadata or {})["event_payload"]["key"]
        plain = Button(cause="drawn:once", project="research", notebook=made.id, approval=request.id, seconds=3600,
                       request=choice)  # fmt: skip
        self.values = dict.fromkeys(ids.ACTIONS, plain)
        self.values[ids.FALSE_STOP] = Button(cause=stop_key, project="research", notebook=idle.id)
        turn = Button(cause="drawn:once", request=listed, page=2)
        self.values |= {ids.PAGE_NEXT: turn, ids.PAGE_PREV: turn}
        self.values[ids.START] = self.values[ids.FALSE_STOP]

    async def _asked(self, text: str) -> str:
        return next(str(r.id) for r in await self.scene.rows(work) if r.data.get("text") == text)

    async def written(self) -> dict[str, Any]:
        """What the bot knows and the cloud has done; not who asked what, nor what they were answered."""
        rows = {table.name: sorted(map(repr, await self.scene.rows(table))) for table in TABLES}
        rows["work"] = [r.cause for r in await self.scene.rows(work) if r.kind != "request"]
        rows["settings"] = sorted(
            (r.slack, json.dumps(r.settings)) for r in await self.scene.rows(people) if r.settings
        )
        return rows | {"cloud": self.scene.cloud.effects()}

    async def refused(self, user: str, action: str, channel: str, team: str | None = None) -> str | None:
        """What is wrong with how the bot took that click; None if it refused it."""
        scene = self.scene
        before, told = await self.written(), len(scene.slack.ephemerals(user))
        await scene.jump(minutes(1))  # nobody is too fast
        answer = await press(scene, user, action, self.values[action], channel, team=team)
        await scene.work()
        form = scene.slack.modal(user)
        words = [m.text for m in scene.slack.ephemerals(user)[told:]]
        if form is not None:
            words.append(json.dumps(form.blocks))
            await scene.slack.close_view(user, form.id)
        after = await self.written()
        wrong = [f"{name} changed" for name in before if before[name] != after[name]]
        wrong += ["not acknowledged"] * (not answer.ok) + ["told nothing"] * (not words)
        wrong += ["not refused"] * (not any(REFUSAL.search(text) for text in words))
        wrong += ["a form to send off"] * (form is not None and "submit" in form.body)
        return f"{user} {action}: {wrong} {words}" if wrong else None


async def everybody_but(stage: Stage) -> list[str]:
    """Each kind of person with each action that is not theirs."""
    found = [await stage.refused(GUEST, action, RESEARCH) for action in ids.ACTIONS]
    found += [await stage.refused(STRANGER, action, SHARED) for action in ids.ACTIONS]
    found += [await stage.refused(ANA, action, SHARED, team="T0OTHER") for action in ids.ACTIONS]
    found += [await stage.refused(BEN, action, RESEARCH) for action in ids.ACTIONS if action not in FOR_MEMBERS]
    found += [await stage.refused(ANA, action, RESEARCH) for action in (*DECIDING, *ADMINS)]
    found += [await stage.refused(CARLA, action, RESEARCH) for action in (ids.WITHDRAW, ids.FALSE_STOP, *ADMINS)]
    return [each for each in found if each]


async def _presses(scene: Scene) -> None:
    stage = Stage(scene)
    await stage.set()
    found = await everybody_but(stage)
    if found:
        raise AssertionError("\n".join(found))
    assert await stage.refused(CARLA, ids.APPROVE, RESEARCH) is not None  # it is the person, not the button


def test_who_may_not_is_refused_whatever_they_press() -> None:
    live(_presses, {"idle_mode": '"enforce"'})


FORMS = {
    ids.DELETE: (ANA, {"typed_name": "hers"}, (BEN, GUEST, STRANGER)),
    ids.EXTEND_OTHER: (ANA, {"for": "1h"}, (BEN, GUEST, STRANGER)),
    ids.KEEP_UNTIL: (ANA, {"for": "1h", "reason": "mine"}, (BEN, GUEST, STRANGER)),
    ids.DENY: (CARLA, {"reason": "no"}, (ANA, BEN, GUEST, STRANGER)),
    ids.APPROVE_LESS: (CARLA, {"for": "1h"}, (ANA, BEN, GUEST, STRANGER)),
}


async def _forms(scene: Scene) -> None:
    stage = Stage(scene)
    await stage.set()
    before = await stage.written()
    for action, (owner, values, others) in FORMS.items():
        await press(scene, owner, action, stage.values[action], RESEARCH)
        await scene.work()
        view = scene.slack.modal(owner)
        assert "submit" in view.body
        shown = wire.view(scene.slack, view)
        for block, value in values.items():
            shown["state"]["values"].setdefault(block, {})[block] = {"type": "plain_text_input", "value": value}
        for user in others:
            await scene.jump(minutes(1))
            shown["hash"] = f"{action}{user}"
            await send_off(scene, user, shown)
            await scene.work()
            after = await stage.written()
            wrong = [name for name in before if before[name] != after[name]]
            if wrong:
                raise AssertionError((action, user, wrong))
        await scene.slack.close_view(owner, view.id)


def test_a_form_is_carried_out_for_nobody_but_who_may() -> None:
    live(_forms)
