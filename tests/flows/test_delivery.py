"""The outbox: never dropped, never doubled, in order, paced, and told apart from what cannot be sent."""

import itertools
from datetime import timedelta

import pytest

from bot.clock import from_ms
from bot.ids import RandomIds
from bot.outbox import NOTICE, Say, say
from bot.stores.schema import notices, outbox
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, Scene, buttons, key, minutes


async def test_too_many_requests_drop_nothing_and_are_waited_out(scene: Scene) -> None:
    """The trap: a message lost to a 429."""
    await scene.ending("ana", "limited", minutes(62))
    scene.slack.fault("chat.postMessage", "ratelimited", retry_after=30, count=3)
    await scene.pass_time(minutes(6), minutes(1))
    assert ["limited" in m.text for m in scene.in_dm(ANA, "lease_warning")] == [True]
    attempts = [c["at_ms"] for c in scene.slack.calls("chat.postMessage")]
    refused = attempts[-4:]
    assert all(b - a >= 30_000 for a, b in itertools.pairwise(refused))


async def test_a_post_whose_answer_was_lost_is_looked_up_not_doubled(scene: Scene) -> None:
    await scene.ending("ana", "once", minutes(62))
    scene.slack.fault("chat.postMessage", "lost")
    await scene.pass_time(minutes(5), minutes(1))
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
    assert len(scene.slack.calls("conversations.history")) >= 1
    (notice,) = await scene.rows(notices)
    assert notice.state == "delivered"


async def test_one_that_arrived_unseen_and_was_overtaken_since_says_so(scene: Scene) -> None:
    """Nothing is sent again of it: so there is time to wait until the history can be read."""
    made = await scene.ending("ana", "unseen", minutes(61))
    scene.slack.fault("chat.postMessage", "lost")
    scene.slack.fault("conversations.history", "status", count=2)
    while not (told := scene.in_dm(ANA, "lease_warning")):
        await scene.pass_time(timedelta(seconds=20), timedelta(seconds=20))
    assert buttons(told[0]) != []
    scene.cloud.console.renew(made.id, 9 * HOUR)
    await scene.sweep()
    await scene.pass_time(minutes(12), minutes(1))
    (told_once,) = scene.in_dm(ANA, "lease_warning")
    assert buttons(told_once) == []
    assert "renewed" in str(told_once.blocks)


async def test_a_post_that_never_arrived_is_sent_again(scene: Scene) -> None:
    """The trap: marking it before the send, so that a lost send was never repeated."""
    await scene.ending("ana", "again", minutes(62))
    scene.slack.fault("chat.postMessage", "reset")
    await scene.pass_time(minutes(2), minutes(1))
    for notice in await scene.rows(notices):
        assert (notice.state == "delivered") == bool(scene.in_dm(ANA, "lease_warning"))
    await scene.pass_time(minutes(5), minutes(1))
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
    (notice,) = await scene.rows(notices)
    assert notice.state == "delivered"


async def test_delivered_is_when_slack_said_ok(scene: Scene) -> None:
    await scene.ending("ana", "receipt", minutes(62))
    scene.slack.fault("chat.postMessage", "status", status=503, count=2)
    await scene.pass_time(minutes(6), minutes(1))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    (notice,) = await scene.rows(notices)
    assert notice.delivered_at == from_ms(warning.posted_ms)


async def test_blocks_that_slack_refuses_go_as_plain_text(scene: Scene) -> None:
    await scene.ending("ana", "blocks", minutes(62))
    scene.expected.add("Slack refused the blocks")
    scene.slack.fault("chat.postMessage", "error", error="invalid_blocks")
    await scene.pass_time(minutes(4), minutes(1))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert warning.blocks == []
    assert "blocks" in warning.text


async def test_a_notice_that_slack_never_takes_goes_to_the_lead(scene: Scene) -> None:
    await scene.ending("ana", "dead", minutes(62))
    scene.expected.add("Slack refused")
    scene.slack.fault("chat.postMessage", "error", error="invalid_blocks", count=2)
    await scene.pass_time(minutes(6), minutes(1))
    assert "dead" in {r.state for r in await scene.rows(outbox) if r.kind == "lease_warning"}
    assert scene.in_dm(ANA, "lease_warning") == []
    assert [f"<@{ANA}>" in m.text for m in scene.in_dm(CARLA, "lease_warning")] == [True]
    (notice,) = await scene.rows(notices)
    assert notice.state == "delivered"
    (alert,) = scene.in_dm(DORA, "alert")
    assert key(alert).startswith("alert:undelivered:research:warnings:")
    assert "lease warning about dead" in alert.text


async def test_any_other_message_that_slack_never_takes_is_dead_and_an_admin_is_told(scene: Scene) -> None:
    made = await scene.notebook("ana", "dead")
    scene.expected.add("Slack refused")
    scene.slack.fault("chat.postMessage", "error", error="invalid_blocks", count=2)
    await scene.command(ANA, "extend dead 1h")
    await scene.pass_time(minutes(3), minutes(1))
    assert len(scene.renewals(made)) == 1
    assert [r.state for r in await scene.rows(outbox) if r.kind == "operation"] == ["dead"]
    assert len(scene.in_dm(DORA, "alert")) == 1


async def test_an_answer_whose_address_has_run_out_comes_as_a_dm(scene: Scene) -> None:
    await scene.notebook("ana", "late")
    await scene.command(ANA, "show late")
    await scene.jump(minutes(31))
    await scene.work()
    assert scene.slack.ephemerals(ANA) == []
    assert any("late" in m.text for m in scene.slack.messages(ANA))


async def test_an_answer_that_slack_refuses_comes_as_a_dm(scene: Scene) -> None:
    await scene.notebook("ana", "refused")
    scene.slack.fault("response_url", "status", status=404)
    await scene.ask(ANA, "show refused")
    assert scene.slack.ephemerals(ANA) == []
    assert any("refused" in m.text for m in scene.slack.messages(ANA))


async def test_order_is_kept_for_one_notebook(scene: Scene) -> None:
    """The stop is told after the warning, even when the warning had to wait."""
    made = await scene.ending("ana", "ordered", minutes(62))
    scene.slack.fault("chat.postMessage", "ratelimited", retry_after=20, count=2)
    await scene.pass_time(minutes(4), minutes(1))
    await scene.ask(ANA, "stop ordered")
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(5), minutes(1))
    kinds = [(m.metadata or {}).get("event_type") for m in scene.slack.messages(ANA)]
    assert kinds == ["lease_warning", "operation"]
    assert made.id in key(scene.in_dm(ANA, "lease_warning")[0])


def charts(scene: Scene, user: str) -> list[int]:
    """When each picture came into that person's DM."""
    return [m.posted_ms for m in scene.slack.messages(user) if m.files]


@pytest.mark.parametrize(
    ("method", "effect"),
    [
        ("files.getUploadURLExternal", "ratelimited"),
        ("files.getUploadURLExternal", "status"),
        ("upload", "status"),
        ("files.completeUploadExternal", "ratelimited"),
    ],
)
async def test_a_chart_that_slack_does_not_take_right_now_comes_later(scene: Scene, method: str, effect: str) -> None:
    """It was promised: figures where they were asked for, the chart in the direct messages."""
    await scene.notebook("ana", "dear")
    scene.slack.fault(method, effect, retry_after=40, status=503, count=2)
    asked_ms = scene.now_ms
    assert "The chart is in your direct messages" in await scene.ask(ANA, "cost me 7d")
    assert charts(scene, ANA) == []
    await scene.pass_time(minutes(10))
    (came_ms,) = charts(scene, ANA)
    assert came_ms - asked_ms >= (80_000 if effect == "ratelimited" else 30_000)
    assert len(scene.in_dm(ANA, "operation")) == 1
    assert scene.slack.calls("chat.update") == []
    assert {r.state for r in await scene.rows(outbox)} == {"sent"}


@pytest.mark.parametrize(("effect", "apart"), [("ratelimited", minutes(5)), ("status", timedelta(seconds=30))])
async def test_a_chart_is_offered_seldom_while_slack_refuses_it(scene: Scene, effect: str, apart: timedelta) -> None:
    """As late as Slack wants it, and ever more seldom where it does not say."""
    await scene.notebook("ana", "dear")
    scene.slack.fault("files.getUploadURLExternal", effect, retry_after=300, status=503, count=50)
    await scene.ask(ANA, "cost me 7d")
    await scene.pass_time(minutes(20))
    tried = [from_ms(call["at_ms"]) for call in scene.slack.calls("files.getUploadURLExternal")]
    assert 4 <= len(tried) <= 7
    assert all(later - before >= apart for before, later in itertools.pairwise(tried))


@pytest.mark.parametrize("effect", ["lost", "reset"])
async def test_a_chart_comes_once_though_the_answer_about_its_message_was_lost(scene: Scene, effect: str) -> None:
    await scene.notebook("ana", "dear")
    scene.slack.fault("chat.postMessage", effect)
    await scene.ask(ANA, "cost me 7d")
    await scene.pass_time(minutes(4))
    assert len(scene.in_dm(ANA, "operation")) == 1
    assert len(charts(scene, ANA)) == 1


async def test_a_chart_that_may_be_there_or_that_slack_forbids_is_not_sent_again(scene: Scene) -> None:
    await scene.notebook("ana", "dear")
    scene.slack.fault("files.completeUploadExternal", "lost")
    await scene.ask(ANA, "cost me 7d")
    scene.slack.fault("files.getUploadURLExternal", "error", error="missing_scope", count=None)
    await scene.ask(ANA, "cost me 30d")
    await scene.pass_time(minutes(4))
    assert len(scene.in_dm(ANA, "operation")) == 2
    assert len(charts(scene, ANA)) == 1
    assert len(scene.slack.calls("files.getUploadURLExternal")) == 2


@pytest.mark.parametrize("effect", ["status", "ratelimited"])
async def test_a_request_that_is_settled_before_slack_takes_it_is_not_posted(scene: Scene, effect: str) -> None:
    """Neither in the channel nor to whom it was escalated: nobody is asked what has been answered."""
    await scene.notebook("ana", "greedy", lease_ms=9 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    await scene.pass_time(minutes(28), minutes(4))
    scene.slack.fault("chat.postMessage", effect, status=503, retry_after=20, count=None)
    await scene.pass_time(minutes(3))
    await scene.click(DORA, "approval_approve")
    await scene.notebook("ben", "large", lease_ms=9 * HOUR)
    await scene.command(BEN, "extend large 6h")
    await scene.pass_time(minutes(2))
    await scene.ask(BEN, "approvals")
    await scene.click(BEN, "approval_withdraw")
    scene.slack.faults.clear()
    await scene.pass_time(minutes(8))
    assert ["greedy" in m.text for m in scene.in_channel("approval_request")] == [True]
    assert scene.in_dm(CARLA, "approval_request") == []
    unsent = [r for r in await scene.rows(outbox) if r.kind == "approval_request" and not r.ts]
    assert {r.target: (r.state, r.reason) for r in unsent} == {
        CARLA: ("void", "the request was settled: approved"),
        "C0RESEARCH": ("void", "the request was settled: withdrawn"),
    }
    assert ["withdrawn" in m.text for m in scene.in_dm(BEN, "approval_settled")] == [True]


async def test_a_request_that_cannot_be_edited_any_more_is_posted_anew_as_it_was_settled(scene: Scene) -> None:
    await scene.notebook("ana", "greedy", lease_ms=9 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    scene.slack.fault("chat.update", "error", error="edit_window_closed", count=None)
    await scene.click(DORA, "approval_approve")
    await scene.pass_time(minutes(2))
    _asked, settled = scene.in_channel("approval_request")
    assert f"*Approved* by <@{DORA}>" in settled.text


async def test_a_request_that_has_expired_when_slack_takes_messages_again_is_not_posted(scene: Scene) -> None:
    await scene.notebook("ana", "greedy", lease_ms=9 * HOUR)
    scene.slack.fault("chat.postMessage", "status", status=503, count=None)
    await scene.ask(ANA, "extend greedy 6h")
    await scene.jump(timedelta(hours=8))
    scene.slack.faults.clear()
    await scene.pass_time(minutes(10), minutes(5))
    assert scene.notices("approval_request") == []
    assert ["expired" in m.text for m in scene.in_dm(ANA, "approval_settled")] == [True]


async def test_one_channel_takes_one_message_a_second(scene: Scene) -> None:
    for n in range(4):
        await scene.notebook("ana", f"busy-{n}")
    for n in range(4):
        await scene.command(ANA, f"extend busy-{n} 1h")
    await scene.work()
    posted = [m.posted_ms for m in scene.in_dm(ANA, "operation")]
    assert len(posted) == 4
    assert all(b - a >= 1_000 for a, b in itertools.pairwise(posted))


async def test_a_broken_channel_keeps_nobody_else_back(scene: Scene) -> None:
    scene.slack.workspace.channels["C0RESEARCH"].is_archived = True
    await scene.notebook("ana", "big")
    await scene.notebook("ben", "small")
    await scene.command(ANA, "extend big 6h", channel="C0RANDOM")
    await scene.command(BEN, "extend small 1h", channel="C0RANDOM")
    await scene.pass_time(minutes(2), minutes(1))
    assert "now runs until" in scene.operation(BEN)


async def test_slack_down_for_hours_loses_nothing_that_still_holds(scene: Scene) -> None:
    await scene.notebook("ana", "outage", lease_ms=5 * HOUR)
    scene.slack.fault("chat.*", "status", status=503, count=None)
    await scene.command(ANA, "extend outage 1h")
    await scene.pass_time(timedelta(hours=2), minutes(15))
    assert scene.in_dm(ANA, "operation") == []
    scene.slack.faults.clear()
    await scene.pass_time(minutes(15), minutes(3))
    assert "now runs until" in scene.operation(ANA)


async def test_retries_back_off(scene: Scene) -> None:
    """The trap: a retry loop that sent half a million messages."""
    await scene.notebook("ana", "loop", lease_ms=5 * HOUR)
    scene.slack.fault("chat.*", "status", status=503, count=None)
    before = len(scene.slack.calls("chat.postMessage"))
    await scene.command(ANA, "extend loop 1h")
    await scene.pass_time(timedelta(hours=3), minutes(5))
    assert len(scene.slack.calls("chat.postMessage")) - before < 80


@pytest.mark.parametrize("effect", ["status", "reset", "lost", "ratelimited"])
async def test_a_trouble_of_one_call_is_seen_by_nobody(scene: Scene, effect: str) -> None:
    await scene.notebook("ana", "any")
    scene.slack.fault("*", effect, status=500)
    await scene.command(ANA, "extend any 1h")
    await scene.pass_time(minutes(4), minutes(1))
    (message,) = scene.in_dm(ANA, "operation")
    assert "now runs until" in message.text
    assert len(scene.slack.ephemerals(ANA)) + len(scene.slack.messages(ANA)) == 2


@pytest.mark.parametrize("code", ["token_revoked", "invalid_auth", "account_inactive"])
async def test_with_a_token_that_slack_takes_no_more_everything_waits_for_the_new_one(scene: Scene, code: str) -> None:
    """Nothing was wrong with the messages: after the app was installed again they are delivered."""
    made = await scene.ending("ana", "token", minutes(70))
    scene.slack.fault("*", "error", error=code, count=None)
    await scene.command(ANA, "extend token 30m")
    await scene.pass_time(minutes(14), minutes(2))
    assert {row.state for row in await scene.rows(outbox)} == {"pending"}
    scene.slack.faults.clear()
    await scene.pass_time(minutes(6), minutes(2))
    assert len(scene.renewals(made)) == 1
    assert "now runs until" in scene.operation(ANA)
    assert scene.notices("alert") == []


async def test_what_slack_does_not_take_is_not_counted_as_delivered(scene: Scene) -> None:
    scene.slack.fault("response_url", "status", status=503, count=1)
    await scene.command(ANA, "list all")
    first = await scene.play.bot.drain()
    await scene.jump(minutes(1))
    second = await scene.play.bot.drain()
    assert (first.delivered, second.delivered) == (0, 1)


async def test_a_warning_that_is_tried_again_comes_before_what_was_done_since(scene: Scene) -> None:
    """Order is kept per notebook, whatever speaks of it."""
    await scene.ending("ana", "nb", minutes(62))
    scene.slack.fault("chat.postMessage", "status", status=503, count=1)
    await scene.pass_time(minutes(2), minutes(1))
    assert scene.in_dm(ANA, "lease_warning") == []
    await scene.ask(ANA, "keep nb until 23:00 the sweep")
    await scene.pass_time(minutes(3), minutes(1))
    told = [message.metadata["event_type"] for message in scene.slack.messages(ANA) if message.metadata]
    assert told == ["lease_warning", "operation"]


async def test_what_is_done_with_one_of_several_that_were_warned_of_together_comes_after_the_warning(
    scene: Scene,
) -> None:
    for name in ("first", "second"):
        await scene.notebook("ana", name, age_ms=0, settled_ago_ms=0, lease_ms=2 * HOUR)
    await scene.jump(minutes(58))
    scene.slack.fault("chat.postMessage", "status", status=503, count=1)
    await scene.pass_time(minutes(2), minutes(1))
    assert scene.in_dm(ANA, "lease_warning") == []
    for name in ("first", "second"):
        await scene.command(ANA, f"keep {name} until 23:00 the sweep")
    await scene.pass_time(minutes(3), minutes(1))
    told = [message.metadata["event_type"] for message in scene.slack.messages(ANA) if message.metadata]
    assert told == ["lease_warning", "operation", "operation"]


@pytest.mark.parametrize("owner", ["ana", "zoe"])
async def test_what_is_told_of_one_comes_after_the_escalated_warning_of_several(scene: Scene, owner: str) -> None:
    """Zoe is nobody in Slack; Ana's message is refused."""
    scene.cloud.identity.add("zoe", rights=frozenset())
    made = [
        await scene.notebook(owner, name, age_ms=0, settled_ago_ms=0, lease_ms=2 * HOUR) for name in ("first", "second")
    ]
    await scene.jump(minutes(58))
    if owner == "ana":
        scene.slack.fault("chat.postMessage", "error", error="user_not_found", count=1)
    scene.slack.fault("chat.postMessage", "status", status=503, count=4)
    await scene.pass_time(minutes(4), minutes(1))
    assert scene.in_dm(CARLA, "lease_warning") == []
    facts = {"cause": "later", "project": "research", "notebook_id": made[1].id, "name": "second", "reason": "outside",
             "at_ms": scene.now_ms, "start_s": 3600}  # fmt: skip
    async with scene.play.bot.db.begin() as tx:
        later = Say("later", "stopped", "dm", CARLA, facts, f"notebook:{made[1].id}:{CARLA}", NOTICE)
        await say(tx, RandomIds(), later, scene.now)
    await scene.pass_time(minutes(15), timedelta(seconds=30))
    told = [message.metadata["event_type"] for message in scene.slack.messages(CARLA) if message.metadata]
    assert told == ["lease_warning", "stopped"]


async def test_updates_that_rest_hold_back_no_new_message(scene: Scene) -> None:
    """Slack's limits count per method: a redrawing that waits must not cost the next lease its warnings."""
    await scene.ending("ana", "nb", minutes(59))
    await scene.pass_time(minutes(1), minutes(1))
    scene.slack.fault("chat.update", "ratelimited", retry_after=7000, count=1)
    await scene.ask(ANA, "extend nb 30m")
    assert "now runs until" in scene.operation(ANA)
    await scene.pass_time(minutes(85), minutes(5))
    assert len(scene.in_dm(ANA, "lease_warning")) == 3
