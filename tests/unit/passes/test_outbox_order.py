"""The outbox under writers at once, paces of methods, lost answers without a history, and failures that last."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.errors import SlackAnswerLost, SlackBusy, SlackDown, SlackError
from bot.ids import RandomIds
from bot.next_message import several
from bot.outbox import CLAIM, NOTICE, PROGRESS, RESULT, Postman, Say, say
from bot.slack import Message, Posted
from bot.stores.database import Database
from bot.stores.schema import outbox
from tests.unit.passes.stand import NOW, HandClock, Stand

SECOND = timedelta(seconds=1)


class Wire:
    """Slack as far as posts go; what fails next is put into `failures`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.failures: list[Exception] = []
        self.history: str | SlackError | None = None

    def skew(self) -> timedelta | None:
        return None

    async def open_dm(self, user: str) -> str:
        return f"D{user}"

    async def post(self, channel: str, _message: Message, _metadata: Mapping[str, Any]) -> Posted:
        self.calls.append(("post", channel))
        if self.failures:
            raise self.failures.pop(0)
        return Posted(channel, f"{len(self.calls)}.0")

    async def update(self, channel: str, _ts: str, _message: Message, _metadata: Mapping[str, Any]) -> None:
        self.calls.append(("update", channel))
        if self.failures:
            raise self.failures.pop(0)

    async def find(self, _channel: str, _key: str, _oldest: datetime) -> str | None:
        if isinstance(self.history, SlackError):
            raise self.history
        return self.history


class Quiet:
    """Nothing has to happen with a delivery here; receipts, voids and refusals are remembered."""

    def __init__(self) -> None:
        self.received: list[datetime] = []
        self.void: list[str] = []
        self.refused: list[str] = []

    def left(self, _row: Any, _now: Any) -> None:
        """Nothing is overtaken here."""

    async def left_out(self, *_words: Any) -> None:
        raise AssertionError

    async def delivered(self, _db: Any, _row: Any, _posted: Any, now: datetime) -> None:
        self.received.append(now)

    async def voided(self, _db: Any, row: Any, _reason: str, _now: Any) -> None:
        self.void.append(row.key)

    async def undeliverable(self, _db: Any, row: Any, _error: Any, _now: Any) -> None:
        self.refused.append(row.key)


async def plain(row: Any, now: datetime) -> Message:
    return Message(row.key)


def postman(db: Database, clock: HandClock, wire: Wire, events: Quiet | None = None) -> Postman:
    slack: Any = wire
    return Postman(
        db, clock, slack, plain, events or Quiet(), jitter=lambda: 0.5, owner="one", open_url=lambda url: url
    )  # fmt: skip


async def put(db: Database, key: str, *, to: str = "U1", rank: int = RESULT, facts: Any = None, at: Any = NOW) -> None:
    async with db.begin() as tx:
        await say(tx, RandomIds(), Say(key, "operation", "dm", to, facts or {}, f"s:{key}", rank), at)


async def run(post: Postman, most: int = 500) -> int:
    """Deliver what may go now; returns how many rows were taken."""
    for count in range(most):
        row = await post.claim()
        if row is None:
            return count
        await post.deliver(row)
    return most


async def test_writers_at_once_get_places_of_their_own(db: Database) -> None:
    await asyncio.gather(*(put(db, f"k{number}") for number in range(20)))
    async with db.read() as tx:
        places = [row.seq for row in await tx.execute(select(outbox.c.seq))]
    assert len(set(places)) == 20


async def test_posts_to_one_conversation_go_one_a_second(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    for number in range(3):
        await put(stand.db, f"k{number}")
    assert await run(post) == 1
    stand.clock.at += SECOND
    assert await run(post) == 1
    assert await post.next_due() == stand.clock.now() + SECOND


async def test_updates_keep_to_their_tier_over_all_messages(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    for number in range(60):
        await put(stand.db, f"k{number}", to=f"U{number}")
    while (due := await post.next_due()) is not None:
        stand.clock.at = max(stand.clock.at, due)
        await run(post)
    began = stand.clock.at
    for number in range(60):
        await put(stand.db, f"k{number}", to=f"U{number}", facts={"new": 1}, at=began)
    first = await run(post)
    assert 20 <= first < 40
    while (due := await post.next_due()) is not None:
        stand.clock.at = max(stand.clock.at, due)
        await run(post)
    assert len([call for call in wire.calls if call[0] == "update"]) == 60
    assert stand.clock.at - began >= timedelta(seconds=30)


async def test_updates_that_wait_become_one_with_the_last_content(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    post = postman(stand.db, stand.clock, wire, events)
    await put(stand.db, "k", rank=PROGRESS)
    await run(post)
    for percent in range(5):
        stand.clock.at += timedelta(milliseconds=500)
        await put(stand.db, "k", rank=PROGRESS, facts={"percent": percent}, at=stand.clock.now())
        await run(post)
    stand.clock.at += timedelta(minutes=1)
    await run(post)
    assert wire.calls.count(("update", "DU1")) == 1
    (row,) = await stand.rows(select(outbox))
    assert (row.facts, row.state, row.rev) == ({"percent": 4}, "sent", row.sent_rev)


async def test_a_throttled_update_holds_every_update_back(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    for who in ("U1", "U2"):
        await put(stand.db, who, to=who)
    await run(post)
    stand.clock.at += 10 * SECOND
    for who in ("U1", "U2"):
        await put(stand.db, who, to=who, facts={"new": 1}, at=stand.clock.now())
    wire.failures = [SlackBusy("ratelimited", retry_after=7 * SECOND)]
    assert await run(post) == 1
    stand.clock.at += 6 * SECOND
    assert await run(post) == 0
    stand.clock.at += SECOND
    assert await run(post) == 1
    stand.clock.at += 2 * SECOND  # and then no faster than the tier allows
    assert await run(post) == 1


async def lost(stand: Stand, wire: Wire, rank: int) -> Postman:
    """A post whose answer was lost, with a history that cannot be read, after the client's time-out."""
    post = postman(stand.db, stand.clock, wire)
    await put(stand.db, "k", rank=rank)
    wire.failures = [SlackAnswerLost("timeout", "lost")]
    wire.history = SlackError("missing_scope", "no")
    await run(post)
    stand.clock.at += 16 * SECOND
    return post


async def test_a_notice_goes_again_where_the_history_cannot_be_read(stand: Stand) -> None:
    wire = Wire()
    await run(await lost(stand, wire, NOTICE))
    assert len(wire.calls) == 2


async def test_progress_does_not(stand: Stand) -> None:
    wire = Wire()
    post = await lost(stand, wire, PROGRESS)
    for _ in range(5):
        await run(post)
        stand.clock.at += timedelta(minutes=1)
    assert len(wire.calls) == 1
    wire.history = None  # it can be read again, and it was not there
    stand.clock.at = await post.next_due() or stand.clock.at
    await run(post)
    assert len(wire.calls) == 2


@pytest.mark.parametrize("trouble", [SlackDown("connection"), SlackBusy("ratelimited", retry_after=SECOND)])
async def test_a_lost_answer_is_not_forgotten_over_tries_that_came_to_nothing(
    stand: Stand, trouble: SlackError
) -> None:
    """An outage often begins with answers that are lost and goes on with connections that are refused."""
    wire = Wire()
    post = await lost(stand, wire, NOTICE)
    wire.failures = [trouble]
    await run(post)
    wire.history = "17.0"
    stand.clock.at = await post.next_due() or stand.clock.at
    await run(post)
    (row,) = await stand.rows(select(outbox))
    assert (len(wire.calls), row.ts, row.state) == (2, "17.0", "sent")


async def test_found_in_the_history_it_is_not_sent_again(stand: Stand) -> None:
    wire = Wire()
    post = await lost(stand, wire, NOTICE)
    wire.history = "17.0"
    await run(post)
    (row,) = await stand.rows(select(outbox))
    assert (len(wire.calls), row.ts, row.state) == (1, "17.0", "sent")


async def test_a_day_of_failures_is_a_dead_letter_whenever_the_message_was_written(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    post = postman(stand.db, stand.clock, wire, events)
    await put(stand.db, "k")
    await run(post)
    stand.clock.at += timedelta(days=3)
    await put(stand.db, "k", facts={"late": 1}, at=stand.clock.now())
    wire.failures = [SlackDown("down", "down")] * 1000
    began = stand.clock.at
    while (due := await post.next_due()) is not None:
        stand.clock.at = max(stand.clock.at, due)
        await run(post)
    assert timedelta(hours=24) < stand.clock.at - began < timedelta(hours=25)
    assert events.refused == ["k"]


class SlowWire(Wire):
    """Slack takes ten seconds for its answer."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self.clock = clock

    async def post(self, channel: str, message: Message, metadata: Mapping[str, Any]) -> Posted:
        self.clock.at += 10 * SECOND
        return await super().post(channel, message, metadata)


async def test_the_receipt_of_slacks_answer_counts_not_the_sending(stand: Stand) -> None:
    events = Quiet()
    await put(stand.db, "k", rank=NOTICE)
    await run(postman(stand.db, stand.clock, SlowWire(stand.clock), events))
    assert events.received == [NOW + 10 * SECOND]
    (row,) = await stand.rows(select(outbox))
    assert row.delivered_at == NOW + 10 * SECOND


async def test_what_one_courier_carries_no_other_takes(stand: Stand) -> None:
    await put(stand.db, "k", rank=NOTICE)
    one, other = (postman(stand.db, stand.clock, Wire()) for _ in range(2))
    assert await one.claim() is not None
    stand.clock.at += CLAIM - SECOND
    assert await other.claim() is None
    stand.clock.at += SECOND
    assert await other.claim() is not None


async def test_a_courier_that_was_overtaken_records_nothing(stand: Stand) -> None:
    """It was away for longer than its claim, and sends what another has sent: that one's message is the one we know."""
    wire, events = Wire(), Quiet()
    slow, quick = (postman(stand.db, stand.clock, wire, events) for _ in range(2))
    await put(stand.db, "k", rank=NOTICE)
    carried = await slow.claim()
    stand.clock.at += CLAIM
    await run(quick)
    stand.clock.at += SECOND
    await slow.deliver(carried)
    assert events.received == [NOW + CLAIM]
    (row,) = await stand.rows(select(outbox))
    assert (row.ts, row.delivered_at) == ("1.0", NOW + CLAIM)


async def test_a_courier_that_was_overtaken_leaves_the_message_to_the_other(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    slow, quick = (postman(stand.db, stand.clock, wire, events) for _ in range(2))
    await put(stand.db, "k", rank=NOTICE)
    carried = await slow.claim()
    stand.clock.at += CLAIM
    assert await quick.claim() is not None
    await slow.deliver(carried)
    (row,) = await stand.rows(select(outbox))
    assert (events.received, row.state, row.ts) == ([], "pending", None)


async def test_notices_overtake_the_progress_of_their_subject(stand: Stand) -> None:
    post = postman(stand.db, stand.clock, Wire())
    async with stand.db.begin() as tx:
        for key, rank in (("progress", PROGRESS), ("notice", NOTICE)):
            await say(tx, RandomIds(), Say(key, "operation", "dm", "U1", {}, "notebook:n1", rank), NOW)
    for _ in range(2):
        await run(post)
        stand.clock.at += SECOND
    rows = await stand.rows(select(outbox).order_by(outbox.c.delivered_at))
    assert [row.key for row in rows] == ["notice", "progress"]


async def test_what_waits_behind_another_is_not_looked_for_before_that_one(stand: Stand) -> None:
    """Else `tick` would look in vain, again and again, for as long as it has patience."""
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    async with stand.db.begin() as tx:
        for key in ("first", "second"):
            await say(tx, RandomIds(), Say(key, "operation", "dm", "U1", {}, "notebook:n1", NOTICE), NOW)
    wire.failures = [SlackDown("connection")] * 8
    for _ in range(8):
        assert await run(post) == 1
        stand.clock.at = await post.next_due() or stand.clock.at
    assert stand.clock.at > NOW + timedelta(minutes=3)
    assert await run(post) == 1
    stand.clock.at += SECOND
    assert await run(post) == 1
    rows = await stand.rows(select(outbox).order_by(outbox.c.delivered_at))
    assert [row.key for row in rows] == ["first", "second"]


async def test_what_one_person_does_not_get_holds_back_nobody_elses(stand: Stand) -> None:
    """Whoever acts on a notebook hears how it ended, though Slack takes nothing for its owner."""
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    async with stand.db.begin() as tx:
        for key, to, rank in (("warning", "U1", NOTICE), ("outcome", "U2", RESULT)):
            await say(tx, RandomIds(), Say(key, "operation", "dm", to, {}, "notebook:n1", rank), NOW)
    wire.failures = [SlackDown("connection")]
    await run(post)
    assert wire.calls == [("post", "DU1"), ("post", "DU2")]
    assert {row.key: row.state for row in await stand.rows(select(outbox))} == {"warning": "pending", "outcome": "sent"}


@pytest.mark.parametrize("reader", ["U1", "U2"])
async def test_what_is_told_of_several_comes_after_what_this_reader_is_still_to_hear_of_one(
    stand: Stand, reader: str
) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    async with stand.db.begin() as tx:
        for key, to, subject in (("single", "U1", "notebook:n1"), ("group", reader, several(reader))):
            await say(tx, RandomIds(), Say(key, "lease_warning", "dm", to, {}, subject, NOTICE), NOW)
    wire.failures = [SlackDown("connection")]
    await run(post)
    assert wire.calls == [("post", "DU1"), *([("post", "DU2")] if reader == "U2" else [])]
    stand.clock.at += 10 * SECOND
    await run(post)
    stand.clock.at += 10 * SECOND
    await run(post)
    rows = sorted(await stand.rows(select(outbox)), key=lambda row: row.delivered_at)
    assert [row.key for row in rows] == (["single", "group"] if reader == "U1" else ["group", "single"])


@pytest.mark.parametrize("trouble", [SlackDown("down"), SlackBusy("ratelimited", retry_after=timedelta(hours=1))])
@pytest.mark.parametrize("own", [True, False])
async def test_a_redrawing_that_slack_does_not_take_holds_back_nothing_new(
    stand: Stand, trouble: SlackError, own: bool
) -> None:
    """Its method rests for itself; posts go on. `own`: it has failed itself, and not another's redrawing."""
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    for key in ("warning", "other"):
        await put(stand.db, key, rank=NOTICE)
        await run(post)
        stand.clock.at += 10 * SECOND
    failing = "warning" if own else "other"
    await put(stand.db, failing, rank=NOTICE, facts={"settled": "Renewed."}, at=stand.clock.now())
    wire.failures = [trouble]
    await run(post)
    await put(stand.db, "warning", rank=NOTICE, facts={"settled": "Renewed."}, at=stand.clock.now())
    if not own and isinstance(trouble, SlackDown):
        await run(post)
    async with stand.db.begin() as tx:
        outcome = Say("outcome", "operation", "dm", "U1", {}, "s:warning", RESULT)
        await say(tx, RandomIds(), outcome, stand.clock.now())
    stand.clock.at += SECOND
    await run(post)
    assert {row.key: row.sent_rev for row in await stand.rows(select(outbox))}["outcome"] == 1


@pytest.mark.parametrize("held", ["history", "broken"])
async def test_what_may_have_arrived_or_cannot_be_drawn_holds_back_nothing(stand: Stand, held: str) -> None:
    wire = Wire()

    async def draw(row: Any, now: datetime) -> Message:
        if row.key == "k" and held == "broken":
            raise ValueError
        return Message(row.key)

    post = postman(stand.db, stand.clock, wire)
    post._render = draw
    await put(stand.db, "k", at=NOW)
    if held == "history":
        wire.failures = [SlackAnswerLost("timeout", "lost")]
        wire.history = SlackDown("down")
    for _ in range(2):
        await run(post)
        stand.clock.at += 20 * SECOND
    async with stand.db.begin() as tx:
        await say(tx, RandomIds(), Say("next", "operation", "dm", "U1", {}, "s:k", RESULT), stand.clock.now())
    for _ in range(2):
        await run(post)
        stand.clock.at += SECOND
    assert {row.key: row.state for row in await stand.rows(select(outbox))} == {"k": "pending", "next": "sent"}


async def test_what_comes_after_its_time_is_void(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    async with stand.db.begin() as tx:
        await say(tx, RandomIds(), Say("k", "operation", "dm", "U1", {}, "s", NOTICE, expires=NOW + SECOND), NOW)
    stand.clock.at += SECOND
    await run(postman(stand.db, stand.clock, wire, events))
    assert (wire.calls, events.received, events.void) == ([], [], ["k"])


async def test_what_has_arrived_is_no_void_though_it_is_found_after_its_time(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    post = postman(stand.db, stand.clock, wire, events)
    async with stand.db.begin() as tx:
        await say(tx, RandomIds(), Say("k", "operation", "dm", "U1", {}, "s", NOTICE, expires=NOW + SECOND), NOW)
    wire.failures, wire.history = [SlackAnswerLost("timeout", "lost")], "17.0"
    await run(post)
    stand.clock.at += 16 * SECOND
    await run(post)
    (row,) = await stand.rows(select(outbox))
    assert (row.state, row.ts, events.void) == ("sent", "17.0", [])


async def test_a_lost_answer_is_looked_up_soon_whatever_failed_before(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    await put(stand.db, "k", rank=NOTICE)
    wire.failures = [*([SlackDown("connection")] * 6), SlackAnswerLost("timeout", "lost")]
    while wire.failures:
        await run(post)
        stand.clock.at = await post.next_due() or stand.clock.at
    wire.history = "17.0"
    posted = len(wire.calls)
    stand.clock.at += SECOND
    await run(post)
    (row,) = await stand.rows(select(outbox))
    assert (row.state, row.ts, len(wire.calls)) == ("sent", "17.0", posted)
    assert row.delivered_at - row.created_at < timedelta(minutes=4)


async def test_what_a_dead_runner_holds_is_looked_at_when_its_claim_runs_out(stand: Stand) -> None:
    post = postman(stand.db, stand.clock, Wire())
    await put(stand.db, "k")
    assert await post.claim() is not None
    assert await post.next_due() == stand.clock.now() + CLAIM
