"""Warnings that are owed go from the owner to the leads to the channel; whatever Slack refused is told to admins."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bot.errors import CloudDown
from bot.operations.escalation import dead_letters, late_warnings
from bot.operations.refusals import Refused, next_step, said
from bot.outbox import NOTICE, Say, say
from bot.stores.database import Database
from bot.stores.schema import approvals, notices, outbox
from tests.unit.passes.stand import HOUR, NOW, POLICY, Stand, a_notebook, a_stand

MINUTE = timedelta(minutes=1)


async def warned(stand: Stand, count: int = 1, owner: str = "ana") -> None:
    """Lease warnings are written: they end within the hour."""
    stand.cloud.add(*(a_notebook(n, owner=owner, lease=3 * HOUR) for n in range(count)))
    await stand.sweep()
    await stand.sweep(70 * MINUTE)


async def targets(stand: Stand) -> list[tuple[str, str]]:
    rows = await stand.rows(select(outbox).where(outbox.c.kind == "lease_warning").order_by(outbox.c.seq))
    return [(row.target, row.state) for row in rows]


async def refuse(stand: Stand, target: str, code: str = "cannot_dm_bot") -> None:
    """Slack takes nothing for that target."""
    values = {"state": "dead", "reason": code, "due_at": stand.clock.now()}
    await stand.write(update(outbox).where(outbox.c.target == target).values(**values))


async def further(stand: Stand, by: timedelta = timedelta(0)) -> list[tuple[str, str]]:
    stand.clock.at += by
    await late_warnings(stand.parts, "research", stand.clock.now())
    return await targets(stand)


async def test_what_was_taken_goes_no_further(stand: Stand) -> None:
    await warned(stand)
    await stand.write(update(outbox).values(state="sent", sent_rev=1))
    await stand.write(update(notices).where(notices.c.state == "pending").values(state="delivered"))
    assert await further(stand, HOUR / 2) == [("U0ANA", "sent")]


async def test_what_waits_goes_to_the_lead_after_escalate_after_and_once(stand: Stand) -> None:
    await warned(stand)
    assert await further(stand, 29 * MINUTE) == [("U0ANA", "pending")]
    both = [("U0ANA", "pending"), ("U0CARLA", "pending")]
    assert await further(stand, MINUTE) == both
    assert await further(stand, MINUTE) == both


async def test_what_was_refused_goes_to_the_lead_at_once_then_to_the_channel(stand: Stand) -> None:
    await warned(stand)
    await refuse(stand, "U0ANA")
    assert await further(stand) == [("U0ANA", "dead"), ("U0CARLA", "pending")]
    await refuse(stand, "U0CARLA")
    assert await further(stand) == [("U0ANA", "dead"), ("U0CARLA", "dead"), ("C0RESEARCH", "pending")]


async def test_a_channel_that_refused_is_asked_again_after_escalate_after(stand: Stand) -> None:
    await warned(stand)
    for target in ("U0ANA", "U0CARLA"):
        await refuse(stand, target)
        await further(stand)
    await refuse(stand, "C0RESEARCH", "not_in_channel")
    assert (await further(stand, 10 * MINUTE))[-1] == ("C0RESEARCH", "dead")
    assert (await further(stand, 20 * MINUTE))[-1] == ("C0RESEARCH", "pending")


async def test_all_notices_of_one_message_go_together_and_a_settled_one_is_owed_no_more(stand: Stand) -> None:
    await warned(stand, 3)
    await refuse(stand, "U0ANA")
    await stand.write(update(notices).where(notices.c.kind == "lease_warning").values(state="void"))
    assert await further(stand) == [("U0ANA", "dead")]
    await stand.write(update(notices).where(notices.c.outbox_key.is_not(None)).values(state="pending"))
    assert await further(stand) == [("U0ANA", "dead"), ("U0CARLA", "pending")]


async def test_what_was_refused_goes_further_while_the_cloud_is_down(stand: Stand) -> None:
    """Whom a warning goes to depends on Slack alone, and so does what is told to admins."""
    await warned(stand)
    await refuse(stand, "U0ANA")
    stand.cloud.failure = CloudDown("the cloud does not answer")
    await stand.sweep(MINUTE)
    assert await targets(stand) == [("U0ANA", "dead"), ("U0CARLA", "pending")]
    assert [row.target for row in await stand.rows(select(outbox).where(outbox.c.kind == "alert"))] == ["U0DORA"]


async def test_nothing_is_told_of_a_lease_that_is_over(stand: Stand) -> None:
    await warned(stand)
    await refuse(stand, "U0ANA")
    assert await further(stand, HOUR) == [("U0ANA", "dead")]


async def test_an_owner_who_is_the_lead_is_not_asked_twice(stand: Stand) -> None:
    await warned(stand)
    await stand.write(update(outbox).values(target="U0CARLA"))
    await refuse(stand, "U0CARLA")
    assert await further(stand) == [("U0CARLA", "dead"), ("C0RESEARCH", "pending")]


# --- what is told to admins ----------------------------------------------------------------------


async def letter(stand: Stand, kind: str, target: str, code: str, *, project: str | None = "research") -> None:
    async with stand.db.begin() as tx:
        facts = {"name": "experiment-1"}
        where: Any = "channel" if target.startswith("C") else "dm"
        key = f"{kind}:{target}:{code}:{stand.clock.now()}"
        await say(tx, stand.parts.deps.ids, Say(key, kind, where, target, facts, key, NOTICE, project), stand.clock.at)
    await stand.write(
        update(outbox).where(outbox.c.key == key).values(state="dead", reason=code, due_at=stand.clock.now())
    )


async def told(stand: Stand) -> list[Any]:
    await dead_letters(stand.parts, "research", stand.clock.now())
    return list(await stand.rows(select(outbox).where(outbox.c.kind == "alert").order_by(outbox.c.seq)))


async def test_one_alert_a_day_for_each_topic(stand: Stand) -> None:
    for kind, target, code in (
        ("lease_warning", "U0ANA", "cannot_dm_bot"), ("idle_warning", "U0BEN", "cannot_dm_bot"),
        ("digest", "C0RESEARCH", "not_in_channel"), ("operation", "U0ANA", "invalid_blocks"),
    ):  # fmt: skip
        await letter(stand, kind, target, code)
    assert [row.facts["subject"] for row in await told(stand)] == [
        "research:warnings", "research:channel", "research:messages"]  # fmt: skip
    await letter(stand, "lease_warning", "U0BEN", "cannot_dm_bot")
    assert len(await told(stand)) == 3
    (row, *_others) = await told(stand)
    assert row.key == "alert:undelivered:research:warnings:2026-03-02@U0DORA"
    assert row.target == "U0DORA"
    stand.clock.at += 24 * HOUR
    await letter(stand, "lease_warning", "U0ANA", "cannot_dm_bot")
    assert len(await told(stand)) == 4


async def test_one_refusal_before_midnight_is_told_once(stand: Stand) -> None:
    stand.clock.at = NOW.replace(hour=23, minute=59)
    await letter(stand, "digest", "C0RESEARCH", "is_archived")
    stand.clock.at += 2 * MINUTE
    (row,) = await told(stand)
    assert row.key.startswith("alert:undelivered:research:channel:2026-03-02")
    stand.clock.at += HOUR
    assert len(await told(stand)) == 1


async def test_an_alert_that_was_refused_makes_no_alert(stand: Stand) -> None:
    await letter(stand, "alert", "U0DORA", "user_disabled")
    assert [row.state for row in await told(stand)] == ["dead"]


async def test_what_belongs_to_no_project_is_told_once_for_all(stand: Stand) -> None:
    await letter(stand, "answer", "U0ANA", "invalid_blocks", project=None)
    (row,) = await told(stand)
    assert row.facts["subject"] == "workspace:messages"


async def test_what_is_refused_and_what_to_do_is_named(stand: Stand) -> None:
    await letter(stand, "idle_warning", "U0ANA", "user_disabled")
    (row,) = await told(stand)
    assert "idle warning about experiment-1 to U0ANA (user_disabled)" in row.facts["text"]
    assert "The lead or the channel is told instead" in row.facts["text"]
    assert "admin map @user CLOUD_USER" in row.facts["next_step"]


@pytest.mark.parametrize(
    ("codes", "step"),
    [
        (["not_in_channel"], "/invite"),
        (["missing_scope", "missing_scope", "not_in_channel"], "leasebot manifest"),
        (["token_revoked"], "new token"),
        (["invalid_blocks"], "Report it"),
        (["messages_tab_disabled"], "messages tab"),
        (["something_new"], "leasebot check"),
        ([""], "leasebot check"),
    ],
)
def test_there_is_one_next_step_for_what_was_refused_most_often(codes: list[str], step: str) -> None:
    assert step in next_step([Refused("digest", code, "channel", "C0", {}) for code in codes])


def test_many_are_counted_and_a_few_named() -> None:
    letters = [
        Refused("lease_warning", "cannot_dm_bot", "dm", f"U{n}", {"items": [{"name": f"n{n}"}]}) for n in "1234567"
    ]
    text = said(letters, "warnings")
    assert text.startswith("Slack did not take 7 of my messages: lease warning about n1 to U1 (cannot_dm_bot)")
    assert "and 2 more" in text


CAREFUL = """
[[policy.rules]]
when = { flavor = "modelarts.vm.gpu.*" }
escalate_to = ["U0BEN"]
[policy]
escalate_to = ["U0DORA"]
"""


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"notebook_id": "n", "kind": "extension"}, "U0BEN"),
        ({"kind": "create", "facts": {"flavor": "modelarts.vm.gpu.v100"}}, "U0BEN"),
        ({"kind": "create", "facts": {"flavor": "modelarts.vm.cpu.2u"}}, "U0DORA"),
    ],
)
async def test_a_request_goes_to_whom_the_policy_of_its_own_notebook_names(
    db: Database, about: dict[str, Any], told: str
) -> None:
    stand = a_stand(db, POLICY.replace("[policy]\n", CAREFUL))
    stand.cloud.add(a_notebook(1, flavor="modelarts.vm.gpu.v100", id="n"))
    await stand.sweep()
    request = {"id": "a1", "project": "research", "requester": "U0ANA", "needs": "approver", "state": "pending",
               "wish": {}, "facts": {}, "created_at": NOW, "escalate_at": NOW, "expires_at": NOW + HOUR}  # fmt: skip
    await stand.write(insert(approvals).values(**(request | about)))
    await stand.sweep(MINUTE)
    copies = await stand.rows(select(outbox).where(outbox.c.kind == "approval_request", outbox.c.target_kind == "dm"))
    assert [row.target for row in copies] == [told]
