"""A host's clock stands ahead for a while and goes right again: what it has stamped holds nothing back."""

from datetime import timedelta

from sqlalchemy import select

from bot.errors import SlackAnswerLost, SlackBusy, SlackDown
from bot.model import Lease
from bot.stores.schema import notebooks, outbox
from tests.unit.passes.stand import HOUR, NOW, Stand, a_notebook
from tests.unit.passes.test_outbox_order import Wire, postman, put, run

AHEAD = timedelta(hours=2)


async def test_a_conversation_that_was_written_to_is_not_paced_for_hours(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    stand.clock.at = NOW + AHEAD
    await put(stand.db, "then", at=stand.clock.at)
    assert await run(post) == 1
    stand.clock.at = NOW + timedelta(seconds=2)
    await put(stand.db, "now", at=stand.clock.at)
    assert await run(post) == 1
    assert wire.calls == [("post", "DU1")] * 2


async def test_a_method_that_was_asked_to_rest_is_used_again(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    stand.clock.at = NOW + AHEAD
    wire.failures = [SlackBusy("ratelimited", "slow", retry_after=timedelta(seconds=30))]
    await put(stand.db, "then", at=stand.clock.at)
    assert await run(post) == 1
    stand.clock.at = NOW
    assert await run(post) == 1
    assert await run(post) == 0


async def test_a_message_put_off_by_failures_goes_once(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    stand.clock.at = NOW + AHEAD
    wire.failures = [SlackDown("down", "no"), SlackDown("down", "no")]
    await put(stand.db, "k", at=stand.clock.at)
    assert await run(post) == 1
    stand.clock.at = NOW
    assert await run(post) == 1  # at once, and it fails again
    assert await run(post) == 0, "what the right clock has put off waits"
    stand.clock.at += timedelta(minutes=1)
    assert await run(post) == 1
    assert len(wire.calls) == 3


async def test_an_attempt_of_that_time_is_looked_up_from_long_before(stand: Stand) -> None:
    """The stamp of the attempt is wrong by hours; the history is asked from early enough to find it."""
    asked = []

    class Watched(Wire):
        async def find(self, _channel: str, _key: str, oldest: object) -> str | None:
            asked.append(oldest)
            return "1.0"

    wire = Watched()
    post = postman(stand.db, stand.clock, wire)
    stand.clock.at = NOW + AHEAD
    wire.failures = [SlackAnswerLost("lost", "no answer")]
    await put(stand.db, "k", at=stand.clock.at)
    assert await run(post) == 1
    stand.clock.at = NOW
    assert await run(post) == 1
    assert len(wire.calls) == 1
    assert len(asked) == 1
    assert asked[0] < NOW


async def test_a_claim_of_that_time_is_free(stand: Stand) -> None:
    wire = Wire()
    post = postman(stand.db, stand.clock, wire)
    stand.clock.at = NOW + AHEAD
    await put(stand.db, "k", at=stand.clock.at)
    assert await post.claim() is not None  # and the process dies
    stand.clock.at = NOW
    assert await run(post) == 1
    assert wire.calls == [("post", "DU1")]


async def test_since_when_a_lease_is_known_is_told_by_the_cloud_so_no_lead_seems_to_lie_behind(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1), a_notebook(2))
    stand.clock.at, stand.cloud.skew = NOW + AHEAD, -AHEAD
    await stand.sweep()
    stand.cloud.change(a_notebook(1).id, lease=Lease(NOW, 2 * HOUR, stamped_at=NOW))
    await stand.sweep(timedelta(minutes=1))
    seen = [row.lease_seen_at for row in await stand.rows(select(notebooks).order_by(notebooks.c.name))]
    assert seen == [NOW + timedelta(minutes=1), NOW]
    stand.clock.at, stand.cloud.skew = NOW + HOUR, timedelta(0)
    await stand.sweep()
    warned = [row.key for row in await stand.rows(select(outbox).where(outbox.c.kind == "lease_warning"))]
    assert len(warned) == 1
    assert warned[0].endswith(":3600")


async def test_what_slack_said_of_a_person_then_is_asked_for_again(stand: Stand) -> None:
    """Who was there at an instant that is still to come may be gone by now."""
    stand.clock.at = NOW + AHEAD
    assert await stand.parts.people.reach("U0ANA") is True
    stand.clock.at = NOW
    stand.slack.gone.add("U0ANA")
    assert await stand.parts.people.reach("U0ANA") is False
    assert await stand.parts.people.reach_each(["U0ANA"]) == {"U0ANA": False}
