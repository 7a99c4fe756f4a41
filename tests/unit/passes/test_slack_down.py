"""With Slack down nothing is stopped: it is asked in the pass itself, once, and only if something is due."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.errors import SlackBusy, SlackDown, SlackError
from bot.rules import idle
from bot.rules.idle import SourceReading, Verdict
from bot.stores.schema import decisions, notebooks, notices, work
from tests.unit.passes.stand import HOUR, NOW, Stand, a_notebook

MINUTE = timedelta(minutes=1)


@dataclass
class Asked:
    """Slack's answer to `auth.test`, and how often it was asked for."""

    trouble: SlackError | None = None
    times: int = 0

    async def __call__(self) -> dict[str, Any]:
        self.times += 1
        if self.trouble:
            raise self.trouble
        return {}


@pytest.fixture
def asked(stand: Stand) -> Asked:
    made = Asked()
    object.__setattr__(stand.parts.deps, "slack", Answering(stand.slack, made))
    return made


class Answering:
    """The stand's Slack, with another `auth.test`."""

    def __init__(self, slack: Any, asked: Asked) -> None:
        self._slack, self.whoami = slack, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._slack, name)


async def due(stand: Stand, count: int = 2) -> None:
    """Notices were delivered longer than a grace ago."""
    stand.cloud.add(*(a_notebook(number) for number in range(count)))
    await stand.sweep()
    reading = SourceReading("metrics", "idle", NOW - 2 * HOUR, "quiet", NOW, {})
    verdict = idle.encode(Verdict("idle", NOW - 2 * HOUR, "quiet", (reading,), NOW, 2, {}, NOW - 2 * HOUR))
    await stand.write(update(notebooks).values(verdict=verdict))
    await stand.sweep(MINUTE)
    await stand.write(update(notices).values(state="delivered", delivered_at=stand.clock.now()))


async def stops(stand: Stand) -> int:
    return len(await stand.rows(select(work.c.id).where(work.c.kind == "idle_stop")))


async def outcomes(stand: Stand) -> set[str]:
    return {row.outcome for row in await stand.rows(select(decisions.c.outcome).where(decisions.c.live))}


@pytest.mark.parametrize("trouble", [SlackDown("connection"), SlackBusy("ratelimited", retry_after=MINUTE)])
async def test_nothing_is_stopped_while_it_does_not_answer(stand: Stand, asked: Asked, trouble: SlackError) -> None:
    await due(stand)
    asked.trouble = trouble
    await stand.sweep(20 * MINUTE)
    assert (await stops(stand), await outcomes(stand)) == (0, {"slack_down"})
    asked.trouble = None
    await stand.sweep(MINUTE)
    assert (await stops(stand), await outcomes(stand)) == (2, {"stop"})


async def test_it_is_asked_once_and_only_when_something_is_due(stand: Stand, asked: Asked) -> None:
    await due(stand, 5)
    await stand.sweep(MINUTE)
    assert asked.times == 0
    await stand.sweep(20 * MINUTE)
    assert asked.times == 1
