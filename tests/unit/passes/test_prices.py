"""Time that was used keeps the price it had: a new policy file changes only what comes after it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from bot.errors import CloudDown
from bot.operations.costs import bill
from bot.stores.database import Database
from bot.stores.schema import stops, usage
from tests.unit.passes.stand import NOW, POLICY, Stand, a_notebook, a_stand

HALF = timedelta(minutes=30)


@pytest.mark.parametrize("down", [False, True])
async def test_a_price_that_changed_begins_another_interval(stand: Stand, db: Database, down: bool) -> None:
    stand.cloud.add(a_notebook(1))
    await stand.sweep()
    dearer = a_stand(db, POLICY.replace("0.17", "0.20"))
    dearer.cloud.add(a_notebook(1))
    dearer.cloud.failure = CloudDown("the first pass under the new file sees nothing") if down else None
    await dearer.sweep(HALF)
    dearer.cloud.failure = None
    await dearer.sweep(HALF)
    runs = sorted(await stand.rows(select(usage).where(usage.c.kind == "run")), key=lambda row: row.from_at)
    assert [(row.price, row.to_at) for row in runs] == [(Decimal("0.17"), NOW + HALF), (Decimal("0.20"), None)]
    (disk,) = await stand.rows(select(usage).where(usage.c.kind == "disk"))
    assert disk.to_at is None


async def test_a_disk_that_grew_costs_more_from_then_on(stand: Stand) -> None:
    made = a_notebook(1)
    stand.cloud.add(made)
    await stand.sweep()
    stand.cloud.change(made.id, volume_gb=100, updated_at=NOW)
    await stand.sweep(HALF)
    disks = sorted(await stand.rows(select(usage).where(usage.c.kind == "disk")), key=lambda row: row.from_at)
    assert [(row.disk_gb, row.to_at) for row in disks] == [(50, NOW + HALF), (100, None)]


async def test_one_that_was_deleted_unseen_costs_no_longer_than_its_lease_ran(stand: Stand) -> None:
    ends = NOW + 2 * HALF
    stand.cloud.add(made := a_notebook(1, since=NOW - 2 * HALF, lease=4 * HALF))
    await stand.sweep()
    del stand.cloud.notebooks[made.id]
    for _ in range(2):
        await stand.sweep(timedelta(hours=24))
    (run,) = await stand.rows(select(usage).where(usage.c.kind == "run"))
    assert run.to_at == ends


async def test_savings_count_the_stops_they_are_made_of(stand: Stand) -> None:
    made = {"project": "research", "notebook_id": "n", "at": NOW, "cause": "idle", "price": Decimal("0.17")}
    kinds = {"good": {"would_end": NOW + HALF}, "wrong": {"would_end": NOW + HALF, "wrong_at": NOW}, "no end": {}}
    for name, more in kinds.items():
        await stand.write(stops.insert().values(id=name, key=name, **made, **more))
    async with stand.db.read() as tx:
        found = await bill(tx, stand.parts.deps, ["research"], (NOW - HALF, NOW + HALF), NOW + HALF)
    assert (found.stops, found.wrong, found.idle) == (1, 1, 3)
    assert found.saved.said("EUR") == "0.09 EUR"
