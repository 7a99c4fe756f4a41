"""What the clock brings about, killed at any moment of the passes that do it: once, said once, nothing left undone."""

from datetime import timedelta

import pytest

from bot.clock import from_ms
from bot.stores.schema import approvals, notices, stops
from tests.flows.deaths import Case, Part, check_all, keys_of, settle, sweep
from tests.flows.scene import ANA, CARLA, HOUR, MINUTE, RESEARCH, Scene, buttons, key, minutes

EXPIRES, ESCALATES = timedelta(hours=8), minutes(30)


def pushed(first: Part, span: timedelta) -> Part:
    """After `first` time goes by, in which no pass is made."""

    async def before(scene: Scene) -> None:
        await first(scene)
        await settle(scene)
        await scene.jump(span)

    return before


def passes(count: int) -> Part:
    """So many, two minutes apart."""

    async def deed(scene: Scene) -> None:
        for _ in range(count):
            await sweep(scene)
            await scene.jump(minutes(2))

    return deed


async def ending(scene: Scene) -> None:
    await scene.ending("ana", "one", minutes(62))


async def both_ending(scene: Scene) -> None:
    for name in ("one", "two"):
        await scene.notebook("ana", name, age_ms=0, settled_ago_ms=0, lease_ms=2 * HOUR)


async def idle(scene: Scene) -> None:
    await scene.notebook("ana", "one", busy=False, lease_ms=9 * HOUR)


async def grace_is_over(scene: Scene) -> None:
    await idle(scene)
    while not (warned := scene.in_dm(ANA, "idle_warning")):
        await scene.pass_time(minutes(2), minutes(2))
    await scene.pass_time(from_ms(warned[0].posted_ms) + minutes(14) - scene.now, minutes(7))
    assert scene.stops() == []
    await scene.jump(minutes(2))


def asked(wish: str, lease_ms: int) -> Part:
    """Ana's request waits."""

    async def before(scene: Scene) -> None:
        await scene.notebook("ana", "one", lease_ms=lease_ms)
        await scene.ask(ANA, f"extend one {wish}")

    return before


async def about_to_be_held(scene: Scene) -> None:
    """Ana's request waits, and she has been warned; five minutes before its end the lease is bridged."""
    await pushed(asked("5h", 20 * MINUTE), minutes(11))(scene)
    await sweep(scene)
    assert len(scene.in_dm(ANA, "lease_warning")) == 1


async def escalated(scene: Scene) -> None:
    await pushed(asked("6h", 10 * HOUR), ESCALATES)(scene)
    await sweep(scene)
    assert len(scene.in_dm(CARLA, "approval_request")) == 1


async def unpriced(scene: Scene) -> None:
    """What it costs is not known, so that no chart is drawn: what draws it does not live through a fork."""
    flavors = scene.cloud.catalog.flavors
    flavors.append(flavors[0] | {"id": "modelarts.vm.cpu.4u"})
    await scene.notebook("ana", "one", lease_ms=60 * HOUR, flavor="modelarts.vm.cpu.4u", capacity=0)


async def lists_both(scene: Scene) -> None:
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert len(keys_of(warning)) == 2
    assert {row.state for row in await scene.rows(notices)} == {"delivered"}


async def is_counted_once(scene: Scene) -> None:
    (stop,) = await scene.rows(stops)
    assert stop.cause == "idle"
    assert buttons(scene.in_dm(ANA, "idle_warning")[0]) == []


async def has_expired(scene: Scene) -> None:
    (row,) = await scene.rows(approvals)
    assert row.state == "expired"
    for copy in (*scene.in_channel("approval_request"), *scene.in_dm(CARLA, "approval_request")):
        assert buttons(copy) == []


async def has_the_same_key(scene: Scene) -> None:
    (copy,) = scene.in_dm(CARLA, "approval_request")
    assert key(copy) == key(scene.in_channel("approval_request")[0])


async def is_held_within_bounds(scene: Scene) -> None:
    (row,) = await scene.rows(approvals)
    assert (row.state, row.held_until) == ("pending", scene.end(scene.named("one")))
    assert row.base_end < row.held_until <= row.base_end + timedelta(hours=2)


CASES = {
    "warns of a lease": Case(pushed(ending, minutes(3)), sweep, said={(ANA, "lease_warning"): "one"}),
    "warns of two at once": Case(
        pushed(both_ending, minutes(61)), sweep, said={(ANA, "lease_warning"): "two"}, also=lists_both
    ),
    "tells of a lease that ended": Case(
        pushed(ending, minutes(70)), sweep, said={(ANA, "stopped"): "lease ended"}, effects={}
    ),
    "warns of idleness": Case(idle, passes(3), said={(ANA, "idle_warning"): "one"}, passes=3),
    "stops what is idle": Case(
        grace_is_over,
        sweep,
        effects={"stopping": 1},
        said={(ANA, "stopped"): "because it was idle"},
        passes=3,
        also=is_counted_once,
    ),
    "holds a lease": Case(
        pushed(about_to_be_held, minutes(4)), sweep, effects={"lease_renewed": 1}, also=is_held_within_bounds
    ),
    "escalates a request": Case(
        pushed(asked("6h", 10 * HOUR), ESCALATES),
        sweep,
        said={(CARLA, "approval_request"): "one"},
        also=has_the_same_key,
    ),
    "lets a request expire": Case(
        pushed(escalated, EXPIRES), sweep, said={(ANA, "approval_settled"): "expired"}, also=has_expired
    ),
    "posts a digest": Case(pushed(unpriced, timedelta(hours=23)), sweep, said={(RESEARCH, "digest"): "no price"}),
}


@pytest.mark.parametrize("name", CASES)
def test_killed_at_any_moment_of_a_pass_it_is_done_once_and_said_once(name: str) -> None:
    assert check_all(CASES[name]) == []
