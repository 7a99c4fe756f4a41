"""The zone a person had is kept while Slack tells none: warnings before quiet hours hang on it."""

from dataclasses import replace

from bot.slack import SlackPerson
from bot.stores import people
from bot.stores.database import Database
from tests.unit.passes.stand import NOW

BEN = SlackPerson("U0BEN", "T0", "Ben", "America/New_York", deleted=False, guest=False, stranger=False, bot=False)


async def test_a_deactivated_account_keeps_its_zone_for_when_it_comes_back(db: Database) -> None:
    async with db.begin() as tx:
        await people.save(tx, "T0", BEN, NOW)
        await people.save(tx, "T0", replace(BEN, zone=None, deleted=True), NOW)
        known = await people.get(tx, "T0", "U0BEN")
    assert known is not None
    assert (known[0].zone, known[0].deleted) == ("America/New_York", True)


async def test_another_zone_takes_its_place(db: Database) -> None:
    async with db.begin() as tx:
        await people.save(tx, "T0", replace(BEN, zone=None), NOW)
        await people.save(tx, "T0", BEN, NOW)
        await people.save(tx, "T0", replace(BEN, zone="Europe/Berlin"), NOW)
        known = await people.get(tx, "T0", "U0BEN")
    assert known is not None
    assert known[0].zone == "Europe/Berlin"
