"""The grace is reckoned by the clock that stamped the notice, however far the cloud's is from it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.operations.idle_stop import IdleStop
from bot.stores.schema import outbox, work
from bot.work import Claim, Done
from tests.unit.passes.stand import NOW, Stand
from tests.unit.passes.test_pass import MINUTE, due_to_stop, stops


@pytest.mark.parametrize("ahead_s", [-119, -60, 0, 60, 119])
async def test_a_pass_stops_nothing_before_the_grace_is_over_and_nothing_much_later(stand: Stand, ahead_s: int) -> None:
    """Up to two minutes between the clocks trip no brake."""
    stand.cloud.skew = timedelta(seconds=ahead_s)
    await due_to_stop(stand, 1)
    await stand.sweep(15 * MINUTE - timedelta(seconds=1))
    assert await stops(stand) == 0
    await stand.sweep(timedelta(seconds=1))
    assert await stops(stand) == 1


class Untold:
    """No evidence is read anew."""

    async def read(self, *_args: object) -> None:
        return None


@pytest.mark.parametrize(("waited", "outcome"), [(15 * MINUTE - timedelta(seconds=1), "done"), (15 * MINUTE, "go")])
async def test_nor_does_the_last_look_before_a_stop(stand: Stand, waited: timedelta, outcome: str) -> None:
    await due_to_stop(stand, 1)
    await stand.sweep(15 * MINUTE)
    (order,) = await stand.rows(select(work).where(work.c.kind == "idle_stop"))
    stand.cloud.skew = timedelta(seconds=119)
    stand.clock.at = NOW + MINUTE + waited
    claim = Claim(
        order.id, "idle_stop", order.cause, order.serial, "start", order.data, None, order.created_at, 1, 0
    )  # fmt: skip
    evidence: object = Untold()
    done = await IdleStop(stand.parts, evidence)(claim, stand.clock.now())  # type: ignore[arg-type]
    assert ("done" if isinstance(done, Done) else "go") == outcome


async def test_a_clock_that_was_put_ahead_meanwhile_makes_no_grace_shorter(stand: Stand) -> None:
    """By less than what trips the brake; Slack's own clock says how long ago it took the notice."""
    await due_to_stop(stand, 1)
    posted = {"ts": f"{(NOW + MINUTE).timestamp():.6f}", "sent_rev": 1, "state": "sent"}
    await stand.write(update(outbox).where(outbox.c.kind == "idle_warning").values(**posted))
    stand.slack.off = -timedelta(seconds=100)
    await stand.sweep(15 * MINUTE + timedelta(seconds=97))
    assert await stops(stand) == 0
    await stand.sweep(timedelta(seconds=3))
    assert await stops(stand) == 1
