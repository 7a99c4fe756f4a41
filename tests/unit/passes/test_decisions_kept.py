"""Decisions are kept for as long as each project's policy says."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select

from bot.stores.database import Database
from bot.stores.schema import decisions
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
