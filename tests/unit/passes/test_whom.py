"""A rule of the policy may name others for some notebooks: each is escalated to those that its own policy names."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.operations.acts import TOGETHER
from bot.operations.escalation import Targets, copies, late_warnings, without
from bot.rules import idle
from bot.rules.idle import SourceReading, Verdict
from bot.stores.database import Database
from bot.stores.schema import notebooks, outbox
from tests.unit.passes.stand import HOUR, NOW, POLICY, Stand, a_notebook, a_stand

MINUTE = timedelta(minutes=1)
GPU = "modelarts.vm.gpu.tnt004"
RULE = """
[[policy.rules]]
when = { category = "GPU" }
escalate_to = ["U0GUS"]
escalate_after = "10m"
"""


@pytest.fixture
def stand(db: Database) -> Stand:
    return a_stand(db, POLICY + RULE)


async def both(stand: Stand) -> None:
    """A cheap and a dear notebook, both of Ana and due to end."""
    stand.cloud.add(a_notebook(1, lease=3 * HOUR), a_notebook(2, lease=3 * HOUR, flavor=GPU))
    await stand.sweep()
    await stand.sweep(70 * MINUTE)


async def told(stand: Stand, kind: str) -> list[tuple[str, list[str]]]:
    """Who is to be told of which notebooks."""
    rows = await stand.rows(select(outbox).where(outbox.c.kind == kind).order_by(outbox.c.target))
    named: list[list[dict[str, Any]]] = [row.facts.get("items") or [row.facts] for row in rows]
    return [(row.target, [item["name"] for item in items]) for row, items in zip(rows, named, strict=True)]


async def test_of_an_owner_who_left_each_notebook_is_told_to_its_own_contact(stand: Stand) -> None:
    stand.slack.gone.add("U0ANA")
    await both(stand)
    assert await told(stand, "lease_warning") == [("U0CARLA", ["experiment-1"]), ("U0GUS", ["experiment-2"])]


async def test_an_idle_notebook_is_escalated_to_its_own_contact(stand: Stand) -> None:
    stand.slack.gone.add("U0ANA")
    stand.cloud.add(a_notebook(1), a_notebook(2, flavor=GPU))
    await stand.sweep()
    reading = SourceReading("metrics", "idle", NOW - 2 * HOUR, "quiet", NOW, {})
    verdict = idle.encode(Verdict("idle", NOW - 2 * HOUR, "quiet", (reading,), NOW, 2, {}, NOW - 2 * HOUR))
    await stand.write(update(notebooks).values(verdict=verdict))
    await stand.sweep(MINUTE)
    assert await told(stand, "idle_warning") == [("U0CARLA", ["experiment-1"]), ("U0GUS", ["experiment-2"])]


async def test_what_the_owner_does_not_get_goes_to_the_contacts_of_all_it_speaks_of_when_the_first_wants_it(
    stand: Stand,
) -> None:
    await both(stand)
    stand.clock.at += 9 * MINUTE
    await late_warnings(stand.parts, "research", stand.clock.now())
    assert [target for target, _names in await told(stand, "lease_warning")] == ["U0ANA"]
    stand.clock.at += MINUTE
    await late_warnings(stand.parts, "research", stand.clock.now())
    assert [target for target, _names in await told(stand, "lease_warning")] == ["U0ANA", "U0CARLA", "U0GUS"]


async def test_what_waits_is_escalated_after_the_time_of_its_own_policy(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1, lease=3 * HOUR), a_notebook(2, lease=3 * HOUR, flavor=GPU, owner="zoe"))
    await stand.sweep()
    await stand.sweep(70 * MINUTE)
    stand.clock.at += 29 * MINUTE  # the cheap one waits for half an hour
    await late_warnings(stand.parts, "research", stand.clock.now())
    assert [target for target, _names in await told(stand, "lease_warning")] == ["U0ANA", "U0GUS"]
    stand.clock.at += MINUTE
    await late_warnings(stand.parts, "research", stand.clock.now())
    assert [target for target, _names in await told(stand, "lease_warning")] == ["U0ANA", "U0CARLA", "U0GUS"]


async def test_more_than_a_message_holds_go_in_several_that_name_every_one_once(stand: Stand) -> None:
    """Slack refuses metadata that are too large, and then nobody would be told of any."""
    every = [a_notebook(n, lease=3 * HOUR) for n in range(2 * TOGETHER + 1)]
    stand.cloud.add(*every)
    await stand.sweep()
    await stand.sweep(70 * MINUTE)
    messages = await told(stand, "lease_warning")
    assert [(target, len(names)) for target, names in messages] == [("U0ANA", 50), ("U0ANA", 50), ("U0ANA", 1)]
    assert sorted(name for _target, names in messages for name in names) == sorted(each.name for each in every)


def test_that_the_owner_is_there_says_nothing_of_the_other_leads() -> None:
    """Who has been tried already and got nothing is not the one whose presence counts."""
    leads = Targets(frozenset({"U0ANA", "U0CARLA"}), "C0RESEARCH", frozenset({"U0ANA"}))
    assert copies(leads, surely=True) == [("dm", "U0ANA"), ("dm", "U0CARLA")]
    assert copies(without(leads, "U0ANA"), surely=True) == [("dm", "U0CARLA"), ("channel", "C0RESEARCH")]
