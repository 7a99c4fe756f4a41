"""Whoever is told about a notebook is the same person whether a whole project is read or that notebook alone."""

import pytest
from sqlalchemy import insert

from bot.operations import gather
from bot.stores import hints
from bot.stores.schema import identities, people
from tests.unit.passes.stand import NOW, TEAM, Stand, a_notebook

LINK = {"team": TEAM, "project": "research", "kind": "password", "secrets": {}, "linked_at": NOW}


@pytest.mark.parametrize(
    ("owner", "told", "zone"),
    [("linked", "U0LINKED", "Asia/Tokyo"), ("ana", "U0ANA", "Africa/Cairo"), ("mapped", "U0MAPPED", "Europe/Rome"),
     ("waiting", None, "UTC"), ("nobody", None, "UTC")],
)  # fmt: skip
async def test_the_owner_of_one_is_found_as_among_all(stand: Stand, owner: str, told: str | None, zone: str) -> None:
    names = ("linked", "ana", "mapped", "waiting", "nobody")
    stand.cloud.add(*(a_notebook(number, owner=name) for number, name in enumerate(names)))
    await stand.sweep()
    for user, state in (("linked", "active"), ("waiting", "waiting")):
        who = {"slack": f"U0{user.upper()}", "cloud_user_id": f"id-{user}", "cloud_user_name": user, "state": state}
        await stand.write(insert(identities).values(LINK | who))
    for user, where in (("U0LINKED", "Asia/Tokyo"), ("U0ANA", "Africa/Cairo")):
        await stand.write(insert(people).values(team=TEAM, slack=user, zone=where))
    async with stand.db.begin() as db:
        await db.execute(insert(people).values(team=TEAM, slack="U0MAPPED", zone="Europe/Rome"))
        await hints.save(db, TEAM, "U0MAPPED", "research", "mapped")
    notebook = a_notebook(names.index(owner), owner=owner)
    for only in (None, notebook.id):
        async with stand.db.read() as db:
            known = await gather.project(db, stand.parts.deps, "research", NOW, only=only)
        assert gather.owner_id(stand.parts.deps, known, notebook) == told
        policy = gather.policy_for(stand.parts.deps, known, notebook, told)
        facts = gather.facts(
            stand.parts.deps, known, notebook, policy, owner=told, reachable=True, slack_up=True
        )  # fmt: skip
        assert facts.owner.zone.key == zone
    async with stand.db.read() as db:
        known = await gather.project(db, stand.parts.deps, "research", NOW, only=notebook.id)
    assert set(known.people) <= {told, "U0MAPPED"}
