"""Rules by owner hold for whoever the owner is known to be, and for whoever asks for a new notebook."""

from datetime import timedelta

from bot.operations import gather
from bot.operations.policies import policy_of
from bot.stores.database import Database
from tests.unit.passes.stand import NOW, POLICY, a_notebook, a_stand

RULE = '[[policy.rules]]\nwhen = { owner = "U0ANA" }\nwarnings = ["30m"]\nlease = "3h"\n[prices]'


async def test_an_owner_known_from_the_policy_file_has_one_policy_for_passes_and_for_commands(db: Database) -> None:
    stand = a_stand(db, POLICY.replace("[prices]", RULE))
    deps, made = stand.parts.deps, a_notebook(1)
    async with db.read() as tx:
        known = await gather.project(tx, deps, "research", NOW)
        of_pass = gather.policy_for(deps, known, made, gather.owner_id(deps, known, made))
        of_command = await policy_of(tx, deps, "research", made)
    assert of_pass.warnings == of_command.warnings == (timedelta(minutes=30),)


async def test_a_new_notebook_is_under_the_rules_of_whoever_asks_for_it(db: Database) -> None:
    stand = a_stand(db, POLICY.replace("[prices]", RULE))
    async with db.read() as tx:
        asked = [
            (await policy_of(tx, stand.parts.deps, "research", None, "modelarts.vm.cpu.2u", asked_by=user)).lease
            for user in ("U0ANA", "U0BEN")
        ]
    assert asked == [timedelta(hours=3), timedelta(hours=2)]
