"""Whoever has never spoken to the bot has quiet hours too: their zone is asked for before anything is due."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.errors import SlackUnreachable
from bot.operations.people import MET_MOST
from bot.slack import SlackPerson
from bot.stores.database import Database
from bot.stores.schema import outbox, people
from tests.unit.passes.stand import HOUR, POLICY, Members, Stand, a_notebook, a_stand

MINUTE = timedelta(minutes=1)
NIGHT = POLICY.replace('timezone = "UTC"', 'timezone = "Europe/Berlin"').replace(
    "[policy]\n", '[policy]\nquiet_hours = "20:00-08:00"\n'
)


@dataclass(slots=True)
class NewYork(Members):
    """Everybody lives there."""

    asked: list[str] = field(default_factory=list)

    async def person(self, user: str) -> SlackPerson:
        self.asked.append(user)
        if user in self.gone:
            raise SlackUnreachable("user_not_found")
        return replace(await Members.person(self, user), zone="America/New_York")


@pytest.fixture
def slack() -> NewYork:
    return NewYork()


@pytest.fixture
def stand(db: Database, slack: NewYork) -> Stand:
    made = a_stand(db, NIGHT)
    object.__setattr__(made.parts.deps, "slack", slack)
    return made


async def test_the_first_warning_keeps_out_of_the_owners_night(stand: Stand) -> None:
    """A lease that ends at ten in Berlin, four in New York: warned of at ten to eight in the evening there."""
    began = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    end, due = datetime(2026, 3, 3, 9, 0, tzinfo=UTC), datetime(2026, 3, 3, 0, 50, tzinfo=UTC)
    stand.clock.at = began
    stand.cloud.add(a_notebook(1, since=began, lease=end - began))
    await stand.sweep()
    await stand.sweep(due - began - MINUTE)
    warned = select(outbox).where(outbox.c.kind == "lease_warning")
    assert await stand.rows(warned) == []
    await stand.sweep(MINUTE)
    assert [row.target for row in await stand.rows(warned)] == ["U0ANA"]


@pytest.mark.parametrize(
    ("chosen", "due"),
    [
        pytest.param({"quiet": "none"}, "2026-03-03T08:00", id="none: an hour ahead, in the night"),
        pytest.param({"quiet": "21:00-06:00"}, "2026-03-03T01:50", id="other hours"),
        pytest.param({"zone": "Europe/Berlin"}, "2026-03-03T08:00", id="another zone: nine in the morning there"),
        pytest.param({"quiet": "nonsense"}, "2026-03-03T00:50", id="unreadable: the policy's"),
    ],
)
async def test_what_a_person_chose_counts_before_the_policy(stand: Stand, chosen: dict[str, str], due: str) -> None:
    began, at = datetime(2026, 3, 2, 14, 0, tzinfo=UTC), datetime.fromisoformat(due).replace(tzinfo=UTC)
    stand.clock.at = began
    stand.cloud.add(a_notebook(1, since=began, lease=19 * HOUR))  # until four in the morning there
    await stand.sweep()
    await stand.write(update(people).values(settings=chosen))
    await stand.sweep(at - began - MINUTE)
    assert await stand.rows(select(outbox).where(outbox.c.kind == "lease_warning")) == []
    await stand.sweep(MINUTE)
    assert len(await stand.rows(select(outbox).where(outbox.c.kind == "lease_warning"))) == 1


async def test_nobody_is_asked_about_twice_within_an_hour(stand: Stand, slack: NewYork) -> None:
    slack.gone.add("U0ANA")  # named in the policy file, and unknown to Slack
    stand.cloud.add(a_notebook(1))
    for _ in range(5):
        await stand.sweep(10 * MINUTE)
    assert slack.asked == ["U0ANA"]
    await stand.sweep(HOUR)
    assert slack.asked == ["U0ANA"], "Slack has said that there is nobody of that id"


async def test_names_unknown_to_slack_keep_nobody_else_from_being_asked_about(stand: Stand, slack: NewYork) -> None:
    users = [f"U{number}" for number in range(MET_MOST + 1)]
    slack.gone.update(users[:-1])
    await stand.parts.people.meet(users)
    await stand.parts.people.meet(users)
    assert sorted(slack.asked) == sorted(users)


async def test_without_quiet_hours_nobody_is_asked_about(db: Database, slack: NewYork) -> None:
    stand = a_stand(db)
    object.__setattr__(stand.parts.deps, "slack", slack)
    stand.cloud.add(a_notebook(1))
    await stand.sweep()
    assert slack.asked == []
