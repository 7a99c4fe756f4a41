"""A listing with failed pages proves no absence: what is on the good pages is decided, the rest is left as it was."""

from datetime import timedelta

import pytest

from bot.stores.schema import decisions, notebooks, projects
from tests.flows.scene import ANA, BEN, DORA, HOUR, MINUTE, Scene, minutes

MANY = 118
LISTING = r"/notebooks/all$"


@pytest.fixture
def policy() -> dict[str, str]:
    return {"idle_mode": '"off"'}  # leases alone: so many need not be looked into


async def a_hundred_and_twenty(scene: Scene) -> None:
    """Three pages, newest first; the oldest and the newest end in 62 minutes, all others tomorrow."""
    short = {"lease_ms": 2 * HOUR, "settled_ago_ms": 0}
    scene.cloud.console.create("ana", "oldest", age_ms=9 * HOUR, **short)
    for n in range(MANY):
        scene.cloud.console.create("dora", f"many-{n}", lease_ms=24 * HOUR, age_ms=5 * HOUR + n, settled_ago_ms=0)
    scene.cloud.console.create("ben", "newest", age_ms=0, **short)
    await scene.sweep()
    assert len(await scene.rows(notebooks)) == MANY + 2
    await scene.jump(minutes(58))


async def bad_pass(scene: Scene) -> None:
    """One pass of which only the first page is read."""
    scene.cloud.faults.clear()
    scene.cloud.faults.add("truncated", path=LISTING, nth=2, count=0)
    await scene.jump(minutes(2))
    await scene.sweep()
    scene.cloud.faults.clear()


async def test_the_good_page_is_decided_and_the_lost_one_left_as_it_was(scene: Scene) -> None:
    await a_hundred_and_twenty(scene)
    before = {row.notebook_id: row.confirmed_at for row in await scene.rows(decisions)}
    for _ in range(4):
        await bad_pass(scene)
    warned = {user: len(scene.in_dm(user, "lease_warning")) for user in (ANA, BEN)}
    assert warned == {ANA: 0, BEN: 1}
    rows = await scene.rows(notebooks)
    assert [row.name for row in rows if row.deleted_at is not None or row.missing] == []
    after = {row.notebook_id: row.confirmed_at for row in await scene.rows(decisions)}
    assert sum(after[each] == before[each] for each in before) == MANY + 2 - 50
    await scene.sweep()
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
    assert len(scene.in_dm(BEN, "lease_warning")) == 1


async def test_it_trips_no_brake_and_the_next_whole_listing_is_compared_with_the_last_whole_one(scene: Scene) -> None:
    await a_hundred_and_twenty(scene)
    for _ in range(2):
        await bad_pass(scene)
    (row,) = await scene.rows(projects)
    assert (row.paused, row.last_running) == (None, MANY + 2)
    assert scene.in_dm(DORA, "alert") == []
    await scene.sweep()
    (row,) = await scene.rows(projects)
    assert (row.paused, row.last_running) == (None, MANY + 2)


async def test_what_is_gone_is_believed_only_of_whole_listings(scene: Scene) -> None:
    await a_hundred_and_twenty(scene)
    gone = scene.named("oldest")
    scene.cloud.console.delete(gone.id)
    await scene.jump(timedelta(milliseconds=5 * MINUTE))
    for _ in range(3):
        await bad_pass(scene)
    row = {r.name: r for r in await scene.rows(notebooks)}["oldest"]
    assert (row.deleted_at, row.missing) == (None, 0)
    await scene.pass_time(minutes(3), minutes(1))
    row = {r.name: r for r in await scene.rows(notebooks)}["oldest"]
    assert row.deleted_at is not None
