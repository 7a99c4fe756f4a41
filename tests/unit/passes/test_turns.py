"""Slack's tiers: for what is looked up, right at the call; for opening conversations, when a message is claimed."""

import itertools
from datetime import datetime, timedelta

import pytest

from bot.errors import SlackBusy
from bot.paces import LOOKUPS, OPEN, TIERS, Turns
from bot.stores.database import Database
from tests.unit.passes.stand import NOW, HandClock, Stand
from tests.unit.passes.test_outbox_order import Wire, postman, put, run

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def taken(turns: Turns, name: str, wish: int) -> int:
    """How many of so many calls at once are let through."""
    count = 0
    for _ in range(wish):
        try:
            await turns.take(name)
            count += 1
        except SlackBusy:
            pass
    return count


@pytest.mark.parametrize(
    ("name", "a_minute"),
    [("users.info", 100), ("conversations.members", 100), ("conversations.history", 50), ("usergroups.users.list", 20)],
)
async def test_on_the_average_no_method_is_called_faster_than_its_tier(
    db: Database, name: str, a_minute: int
) -> None:  # fmt: skip
    clock, made = HandClock(), 0
    turns = Turns(db, clock)
    for _ in range(60):
        made += await taken(turns, name, 10)
        clock.at += 5 * SECOND
    assert a_minute * 5 * 0.5 <= made <= a_minute * 5.5
    assert LOOKUPS[name][0] >= MINUTE / a_minute


async def test_a_burst_goes_at_once_and_then_it_is_said_how_long_to_wait(db: Database) -> None:
    clock = HandClock()
    turns = Turns(db, clock)
    assert await taken(turns, "conversations.history", 60) == 26
    with pytest.raises(SlackBusy) as busy:
        await turns.take("conversations.history")
    assert busy.value.retry_after is not None
    clock.at += busy.value.retry_after
    assert await taken(turns, "conversations.history", 5) == 1


async def test_replicas_share_the_tier(db: Database) -> None:
    clock = HandClock()
    one, two = Turns(db, clock), Turns(db, clock)
    assert await taken(one, "users.info", 60) + await taken(two, "users.info", 60) == 51


async def test_retry_after_holds_every_replica(db: Database) -> None:
    clock = HandClock()
    one, two = Turns(db, clock), Turns(db, clock)
    await one.rest("users.info", 40 * SECOND)
    clock.at += 39 * SECOND
    assert await taken(two, "users.info", 1) == 0
    assert await taken(two, "conversations.history", 1) == 1
    clock.at += SECOND
    assert await taken(two, "users.info", 1) == 1


async def test_what_a_wrong_clock_wrote_holds_nobody(db: Database) -> None:
    clock = HandClock(NOW + timedelta(hours=9))
    turns = Turns(db, clock)
    await taken(turns, "users.info", 60)
    clock.at = NOW
    assert await taken(turns, "users.info", 1) == 1


async def test_what_has_no_tier_of_its_own_is_let_through(db: Database) -> None:
    assert await taken(Turns(db, HandClock()), "views.open", 500) == 500


class Opening(Wire):
    """When conversations were opened."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self._clock = clock
        self.opened: list[datetime] = []
        self.refusals: list[SlackBusy] = []

    async def open_dm(self, user: str) -> str:
        self.opened.append(self._clock.now())
        if self.refusals:
            raise self.refusals.pop(0)
        return f"D{user}"


async def test_conversations_are_opened_no_faster_than_the_tier(stand: Stand) -> None:
    wire = Opening(stand.clock)
    post = postman(stand.db, stand.clock, wire)
    for number in range(90):
        await put(stand.db, f"k{number}", to=f"U{number}")
    rounds = 0
    while (due := await post.next_due()) is not None:
        stand.clock.at = max(stand.clock.at, due)
        assert await run(post) > 0  # nobody looks in vain
        rounds += 1
    assert len(wire.opened) == len(wire.calls) == 90
    most = max(sum(at <= each < at + MINUTE for each in wire.opened) for at in wire.opened)
    assert most <= 77
    assert wire.opened[-1] - wire.opened[0] >= (90 - 26) * TIERS[OPEN][0] * 0.9


async def test_a_rest_for_opening_holds_new_conversations_only(stand: Stand) -> None:
    wire = Opening(stand.clock)
    post = postman(stand.db, stand.clock, wire)
    await put(stand.db, "known", to="U0")
    await run(post)
    busy = SlackBusy("ratelimited", retry_after=20 * SECOND)
    busy.method = OPEN
    wire.refusals = [busy]
    stand.clock.at += 2 * SECOND
    for number in (1, 2):
        await put(stand.db, f"k{number}", to=f"U{number}", at=stand.clock.now())
    await put(stand.db, "known", to="U0", facts={"new": 1}, at=stand.clock.now())
    assert await run(post) == 2  # the refused one, and the update of a message that is there
    stand.clock.at += 19 * SECOND
    assert await run(post) == 0
    stand.clock.at += SECOND
    await run(post)
    stand.clock.at += 2 * SECOND
    await run(post)
    assert len(wire.opened) == 4
    assert all(b >= a for a, b in itertools.pairwise(wire.opened))
