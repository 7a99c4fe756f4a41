"""Decisions are kept for as long as each project's policy says, messages for half a year; what became of warnings."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from bot.clock import to_ms
from bot.ids import RandomIds
from bot.operations import records
from bot.outbox import NOTICE, Say, say
from bot.stores.database import Database
from bot.stores.schema import decisions, notices, outbox
from tests.unit.passes.stand import HOUR, NOW, POLICY, Stand, a_stand

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHORT = POLICY.replace("[roles]", '[projects.policy]\nkeep_decisions = "7d"\n[roles]', 1)


async def a_record(stand: Stand, project: str, confirmed_at: datetime) -> None:
    """What was decided in that project of a notebook that does not run any more."""
    values = {"id": f"{project}-{confirmed_at:%d%H}", "project": project, "notebook_id": "nb", "at": confirmed_at,
              "confirmed_at": confirmed_at, "outcome": "active", "rule": "", "because": "in use", "evidence": [],
              "config_hash": "h", "live": False}  # fmt: skip
    await stand.write(insert(decisions).values(**values))


async def kept(stand: Stand) -> list[str]:
    return sorted([row.id for row in await stand.rows(select(decisions.c.id))])


async def test_one_projects_short_memory_is_not_the_others(db: Database) -> None:
    stand = a_stand(db, SHORT)
    for project in ("research", "vision"):
        await a_record(stand, project, NOW - 8 * DAY)
    await stand.sweep()
    assert [each.partition("-")[0] for each in await kept(stand)] == ["vision"]


async def test_what_is_young_enough_is_kept(db: Database) -> None:
    stand = a_stand(db, SHORT)
    await a_record(stand, "research", NOW - 7 * DAY + MINUTE)
    await stand.sweep()
    assert len(await kept(stand)) == 1


async def test_a_pass_a_day_at_the_same_hour_forgets_too(db: Database) -> None:
    stand = a_stand(db, SHORT)
    await stand.sweep()
    await a_record(stand, "research", NOW - 7 * DAY + HOUR)
    await stand.sweep(DAY)
    assert await kept(stand) == []


OLD = NOW - 181 * DAY


async def a_message(
    stand: Stand, key: str, at: datetime, state: str = "sent", project: str | None = "research"
) -> None:
    async with stand.db.begin() as tx:
        await say(tx, RandomIds(), Say(key, "alert", "dm", "U1", {}, key, NOTICE, project), at)
    await stand.write(update(outbox).where(outbox.c.key == key).values(state=state))


async def a_notice(stand: Stand, key: str, over_at: datetime | None) -> None:
    await stand.write(insert(notices).values(
        key=key, kind="idle_warning", project="research", notebook_id="nb", state="delivered", outbox_key=key,
        created_at=NOW if over_at is None else OLD, over_at=over_at,
    ))  # fmt: skip


async def messages(stand: Stand) -> set[str]:
    return {row.key for row in await stand.rows(select(outbox.c.key))}


async def test_settled_messages_are_forgotten_after_half_a_year(stand: Stand) -> None:
    await a_message(stand, "old@U1", OLD)
    await a_message(stand, "void", OLD, "void")
    await a_message(stand, "nobodys", OLD, project=None)
    await a_message(stand, "young", OLD + 2 * DAY)
    await a_message(stand, "waits", OLD, "pending")
    await a_message(stand, "elsewhere", OLD, project="vision")
    await stand.sweep()
    assert await messages(stand) == {"young", "waits", "elsewhere"}


async def test_a_message_is_kept_while_what_it_warned_of_is_not_over(stand: Stand) -> None:
    for key, over_at in (("idle_warning:nb:1", OLD), ("idle_warning:nb:2", None)):
        await a_message(stand, key, OLD)
        await a_message(stand, f"{key}@U2", OLD)
        await a_notice(stand, key, over_at)
    await stand.sweep()
    assert await messages(stand) == {"idle_warning:nb:2", "idle_warning:nb:2@U2"}
    assert [row.key for row in await stand.rows(select(notices.c.key))] == ["idle_warning:nb:2"]


async def test_who_keeps_decisions_longer_keeps_messages_as_long(db: Database) -> None:
    stand = a_stand(db, SHORT.replace("7d", "200d"))
    await a_message(stand, "old", OLD)
    await stand.sweep()
    assert await messages(stand) == {"old"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"state": "delivered", "delivered_at": NOW}, "lease warning, 1 h lead: delivered"),
        ({"state": "delivered", "escalated_key": "k"},
         "lease warning, 1 h lead: delivered, to the lead or the channel"),
        ({"state": "pending"}, "lease warning, 1 h lead: waits for delivery"),
        ({"state": "pending", "reason": "Slack: msg_too_long"},
         "lease warning, 1 h lead: waits for delivery (Slack: msg_too_long)"),
        ({"state": "void", "reason": "Renewed.", "voided_at": NOW}, "lease warning, 1 h lead: void (Renewed)"),
        ({"state": "void", "reason": "it is in use again", "key": "idle_warning:nb:1", "kind": "idle_warning"},
         "idle warning: void (it is in use again)"),
    ],
)  # fmt: skip
async def test_what_became_of_a_warning_is_told_from_its_record(
    stand: Stand, told: dict[str, object], said: str
) -> None:
    known = {"key": f"lease_warning:nb:{to_ms(NOW)}:3600", "kind": "lease_warning", "project": "research",
             "notebook_id": "nb", "created_at": NOW}  # fmt: skip
    await stand.write(insert(notices).values(**known | told))
    async with stand.db.read() as tx:
        (row,) = await records.announced(tx, "research", "nb")
    assert (records.became(row), records.became_at(row)) == (said, NOW)
