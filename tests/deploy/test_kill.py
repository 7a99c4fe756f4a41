"""`kill -9` after an acknowledgement: the next process finishes what was accepted, once, and says so, once."""

import os
import signal
from typing import Any

import pytest

from deploy.compose import bot, greet
from deploy.sandbox.links import link_people
from deploy.sandbox.stage import Stage
from tests.deploy.processes import server

CREATE = "create survivor image=spark2.4.5 flavor=modelarts.vm.cpu.2u for=2h"


async def link_ana(on: Stage) -> None:
    settings, config = on.settled()
    async with bot(settings, config, clock=on.clock) as running:
        await greet(running)
        await link_people(running.parts.deps, "research", {"U0ANA": "ana"})


def made(on: Stage) -> list[Any]:
    on.cloud.cloud.settle()
    return [notebook for notebook in on.cloud.cloud.notebooks() if notebook.name == "survivor"]


@pytest.mark.parametrize("begun", [False, True], ids=["at once", "when the cloud was asked"])
async def test_a_killed_server_has_lost_nothing(on: Stage, begun: bool) -> None:
    await link_ana(on)
    on.cloud.cloud.settings.create_ms = 3_000
    async with server("serve", "--port", "0", folder=on.folder, **on.environment()) as first:
        on.slack.bot_url = f"{first.url}/slack/events"
        answer = await on.slack.command("U0ANA", CREATE, channel="C0RESEARCH")
        assert answer.ok
        if begun:
            await on.slack.until(lambda: bool(made(on)), seconds=20)
        os.kill(first.pid, signal.SIGKILL)
    assert first.end is not None
    assert first.end.code == -signal.SIGKILL
    async with server("serve", "--port", "0", folder=on.folder, **on.environment()) as second:
        on.slack.bot_url = f"{second.url}/slack/events"
        await on.slack.until(lambda: any("is running" in m.text for m in told(on)), seconds=45)
    assert len(made(on)) == 1
    assert len(told(on)) == 1


def told(on: Stage) -> list[Any]:
    found: list[Any] = on.slack.notices("operation", user="U0ANA")
    return found
