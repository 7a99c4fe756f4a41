"""What is wrong with one message is that message's trouble: the others go on, and it is not forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.errors import SlackBusy, SlackContent, SlackError, SlackUnreachable
from bot.ids import RandomIds
from bot.outbox import NOTICE, PROGRESS, RESULT, Postman, Say, say
from bot.slack import Message
from bot.stores.schema import outbox
from tests.unit.passes.stand import Stand
from tests.unit.passes.test_outbox_order import Quiet, Wire, plain, put, run

SECOND = timedelta(seconds=1)


class Windows(Wire):
    """Slack as far as windows and answers to commands go."""

    async def update_view(self, _view_id: str, _view: Any) -> None:
        raise self.failures.pop(0)

    async def publish_home(self, _user: str, _view: Any) -> None:
        raise self.failures.pop(0)

    async def respond(self, _url: str, _message: Message, **_how: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.calls.append(("respond", ""))


class Drawn:
    """Draws everything but what it is told to fail at."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)

    async def __call__(self, row: Any, now: datetime) -> Message:
        if row.key in self.broken:
            raise KeyError("a fact that the drawing misses")
        message = await plain(row, now)
        return Message(message.text, ({"type": "home", "blocks": []},))


def postman(stand: Stand, wire: Wire, drawn: Drawn, events: Quiet) -> Postman:
    slack: Any = wire
    return Postman(
        stand.db, stand.clock, slack, drawn, events, jitter=lambda: 0.5, owner="one", open_url=lambda url: url
    )  # fmt: skip


async def state(stand: Stand, key: str) -> str:
    (row,) = await stand.rows(select(outbox).where(outbox.c.key == key))
    return str(row.state)


async def test_a_message_that_cannot_be_drawn_keeps_nobody_back_and_goes_once_it_can(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    wire, events, drawn = Wire(), Quiet(), Drawn("broken")
    post = postman(stand, wire, drawn, events)
    await put(stand.db, "broken", to="U1", rank=NOTICE)
    await put(stand.db, "whole", to="U2")
    assert await run(post) == 2
    assert wire.calls == [("post", "DU2")]
    assert "message broken fails" in caplog.text
    drawn.broken.clear()  # mended and started again
    stand.clock.at = await post.next_due() or stand.clock.at
    await run(post)
    assert wire.calls == [("post", "DU2"), ("post", "DU1")]
    assert await state(stand, "broken") == "sent"


async def test_what_cannot_be_drawn_for_a_day_is_a_dead_letter(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    post = postman(stand, wire, Drawn("k"), events)
    await put(stand.db, "k", rank=NOTICE)
    began = stand.clock.at
    while (due := await post.next_due()) is not None:
        stand.clock.at = max(stand.clock.at, due)
        await run(post)
    assert timedelta(hours=24) < stand.clock.at - began < timedelta(hours=25)
    assert (wire.calls, events.refused) == ([], ["k"])


@pytest.mark.parametrize("kind", ["view", "home"])
async def test_a_window_that_slack_refuses_is_a_dead_letter(
    stand: Stand, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no plain text of a window. Admins are told, and the log says it also where they cannot be."""
    wire, events = Windows(), Quiet()
    wire.failures = [SlackContent("view_too_large")]
    async with stand.db.begin() as tx:
        window = Say("k", kind, kind, "V1", {"view": "create"}, "s", RESULT, fallback="U1")
        await say(tx, RandomIds(), window, stand.clock.now())
    assert await run(postman(stand, wire, Drawn(), events)) == 1
    assert (await state(stand, "k"), events.refused) == ("dead", ["k"])
    assert "given up: message k, for Slack says view_too_large" in caplog.text


async def test_a_window_that_was_closed_is_void(stand: Stand) -> None:
    wire, events = Windows(), Quiet()
    wire.failures = [SlackError("not_found")]
    async with stand.db.begin() as tx:
        window = Say("k", "view", "view", "V1", {"view": "create"}, "s", RESULT, fallback="U1")
        await say(tx, RandomIds(), window, stand.clock.now())
    await run(postman(stand, wire, Drawn(), events))
    assert (events.void, events.refused) == (["k"], [])


async def test_an_answer_that_is_throttled_waits_whatever_its_address(stand: Stand) -> None:
    """A sealed `response_url` is longer than any channel's name."""
    wire, events = Windows(), Quiet()
    wire.failures = [SlackBusy("ratelimited", retry_after=7 * SECOND)]
    post = postman(stand, wire, Drawn(), events)
    async with stand.db.begin() as tx:
        await say(tx, RandomIds(), Say("k", "answer", "response", "s" * 300, {}, "s"), stand.clock.now())
    await run(post)
    assert await post.next_due() == stand.clock.now() + 7 * SECOND
    stand.clock.at += 7 * SECOND
    await run(post)
    assert wire.calls == [("respond", "")]


async def test_the_outcome_is_told_although_its_progress_was_refused(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    wire.failures = [SlackUnreachable("messages_tab_disabled")]
    post = postman(stand, wire, Drawn(), events)
    await put(stand.db, "k", rank=PROGRESS)
    await run(post)
    await put(stand.db, "k", rank=PROGRESS, facts={"percent": 50}, at=stand.clock.now())
    assert await state(stand, "k") == "dead"  # more of the same is refused as well
    await put(stand.db, "k", rank=RESULT, facts={"done": 1}, at=stand.clock.now())
    stand.clock.at += SECOND
    await run(post)
    assert (await state(stand, "k"), len(wire.calls)) == ("sent", 2)


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), timedelta(hours=4)])
async def test_what_was_revised_by_a_clock_that_stood_ahead_goes_out_once_it_goes_right(
    stand: Stand, ahead: timedelta
) -> None:
    """The message itself is older than the jump: only when it is due tells."""
    wire, events = Wire(), Quiet()
    post, right = postman(stand, wire, Drawn(), events), stand.clock.now()
    await put(stand.db, "k", rank=RESULT)
    await run(post)
    stand.clock.at = right + ahead
    async with stand.db.begin() as tx:
        await say(tx, RandomIds(), Say("k", "operation", "dm", "U1", {"state": "done"}, "s", RESULT), stand.clock.now())
    stand.clock.at = right + timedelta(seconds=5)
    await run(post)
    assert [call for call, _where in wire.calls] == ["post", "update"]
    assert (await state(stand, "k"), await post.next_due()) == ("sent", None)


async def test_what_failed_again_by_such_a_clock_is_tried_again_once_it_goes_right(stand: Stand) -> None:
    wire, events = Wire(), Quiet()
    post, right = postman(stand, wire, Drawn(), events), stand.clock.now()
    wire.failures = [SlackBusy("ratelimited", retry_after=SECOND), SlackBusy("ratelimited", retry_after=SECOND)]
    await put(stand.db, "k", to="U1")
    await run(post)
    stand.clock.at = right + timedelta(hours=4)
    await run(post)
    stand.clock.at = right + timedelta(minutes=1)
    await run(post)
    assert await state(stand, "k") == "sent"


async def test_what_slack_asks_to_wait_for_is_waited_for(stand: Stand) -> None:
    """A wait of half an hour is no clock that was wrong."""
    wire, events = Wire(), Quiet()
    post = postman(stand, wire, Drawn(), events)
    wire.failures = [SlackBusy("ratelimited", retry_after=timedelta(minutes=30))]
    await put(stand.db, "k", to="U1")
    await run(post)
    stand.clock.at += timedelta(minutes=29)
    await run(post)
    assert await state(stand, "k") == "pending"
    stand.clock.at += timedelta(minutes=1)
    await run(post)
    assert await state(stand, "k") == "sent"


@pytest.mark.parametrize(
    ("kind", "rank", "calls", "ends"),
    [
        ("operation", RESULT, ["post", "update", "post"], "sent"),
        ("operation", PROGRESS, ["post", "update"], "void"),
        ("lease_warning", RESULT, ["post", "update"], "void"),
    ],
)
async def test_how_it_ended_is_told_anew_where_its_progress_was_deleted(
    stand: Stand, kind: str, rank: int, calls: list[str], ends: str
) -> None:
    """What else was deleted stays deleted: it was delivered, and it is nobody's answer."""
    wire = Wire()
    post = postman(stand, wire, Drawn(), Quiet())
    for facts, as_rank in (({}, PROGRESS), ({"more": 1}, rank)):
        async with stand.db.begin() as tx:
            await say(tx, RandomIds(), Say("k", kind, "dm", "U1", facts, "s", as_rank), stand.clock.now())
        await run(post)
        wire.failures = [SlackError("message_not_found")]
        stand.clock.at += 5 * SECOND
    wire.failures = []
    await run(post)
    assert ([call for call, _where in wire.calls], await state(stand, "k")) == (calls, ends)
