"""Idle stops: warned with evidence, stopped only after the grace that begins with the delivery, never on a guess."""

import itertools
import re
from datetime import timedelta

import pytest

from bot.clock import from_ms
from bot.stores.schema import notices, stops, work
from deploy.sandbox.cloud.model import Notebook
from scheduler.jobs import ask_now
from tests.flows.idle_scene import about, idle_one, until_warned
from tests.flows.scene import ANA, BEN, CARLA, DORA, HOUR, MINUTE, Scene, buttons, key, minutes


async def test_warned_with_evidence_and_stopped_only_when_the_grace_has_passed(scene: Scene) -> None:
    made = await idle_one(scene)
    told_at = await until_warned(scene)
    (warning,) = scene.in_dm(ANA, "idle_warning")
    assert "forgotten" in warning.text
    assert "CPU" in warning.text
    assert "EUR" in warning.text
    assert buttons(warning) == ["notebook_keep", "notebook_keep_until", "notebook_stop", "notebook_why"]
    await scene.pass_time(told_at + minutes(15) - scene.now - timedelta(seconds=1), minutes(5))
    assert scene.stops() == []
    await scene.pass_time(minutes(5))
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) >= told_at + minutes(15)
    assert stop["user"] is not None
    (told,) = scene.in_dm(ANA, "stopped")
    assert scene.found(made.id).status == "STOPPED"
    assert "because it was idle" in told.text
    stopped_at = re.search(r"<!date\^\d+", told.text)
    assert stopped_at is not None
    assert f"Stopped, because it was idle ({stopped_at[0]}" in scene.in_dm(ANA, "idle_warning")[-1].text
    assert "EUR" in told.text
    assert buttons(told) == ["notebook_start", "notebook_false_stop", "notebook_delete"]
    (warning,) = scene.in_dm(ANA, "idle_warning")
    assert buttons(warning) == []


async def test_the_grace_counts_from_delivery_not_from_the_decision(scene: Scene) -> None:
    """Slack takes no message for twenty minutes after the warning was decided."""
    made = await idle_one(scene)
    scene.slack.fault("chat.postMessage", "ratelimited", retry_after=60, count=9)
    for _ in range(30):
        if scene.in_dm(ANA, "idle_warning"):
            break
        await scene.pass_time(minutes(2), minutes(2))
    assert scene.stops() == []
    (warning,) = scene.in_dm(ANA, "idle_warning")
    told_at = from_ms(warning.posted_ms)
    (notice,) = [n for n in await scene.rows(notices) if n.kind == "idle_warning"]
    assert told_at - notice.created_at > minutes(15)
    assert scene.stops() == []
    await scene.pass_time(minutes(14), minutes(7))
    assert scene.stops() == []
    await scene.pass_time(minutes(4), minutes(2))
    assert len(scene.stops(made)) == 1


async def test_with_slack_down_nothing_is_ever_stopped(scene: Scene) -> None:
    await idle_one(scene)
    scene.slack.fault("*", "status", status=503, count=None)
    await scene.pass_time(timedelta(hours=3), minutes(10))
    assert scene.stops() == []


async def test_slack_down_after_the_warning_stops_nothing_either(scene: Scene) -> None:
    await idle_one(scene)
    await until_warned(scene)
    scene.slack.fault("*", "status", status=503, count=None)
    await scene.pass_time(timedelta(hours=2), minutes(10))
    assert scene.stops() == []


async def test_keep_cancels_and_a_later_stop_is_warned_of_anew(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.click(ANA, "notebook_keep")
    (warning,) = scene.in_dm(ANA, "idle_warning")
    assert buttons(warning) == []
    await scene.pass_time(timedelta(hours=1, minutes=55), minutes(20))
    assert scene.stops() == []
    for _ in range(10):
        if len(scene.in_dm(ANA, "idle_warning")) == 2:
            break
        await scene.pass_time(minutes(5), minutes(5))
    assert scene.stops() == []
    _first, second = scene.in_dm(ANA, "idle_warning")
    await scene.pass_time(minutes(20), minutes(4))
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= second.posted_ms + 15 * MINUTE


async def test_keep_until_cancels_for_as_long_as_the_form_says(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.click(ANA, "notebook_keep_until")
    until = scene.now + timedelta(hours=3)
    await scene.submit(ANA, {"until": int(until.timestamp()), "reason": "training"})
    (warning,) = scene.in_dm(ANA, "idle_warning")
    assert buttons(warning) == []
    await scene.pass_time(timedelta(hours=2, minutes=55), minutes(20))
    assert scene.stops(made) == []
    assert len(scene.in_dm(ANA, "idle_warning")) == 1


async def test_stop_on_the_warning_is_the_persons_own_stop(scene: Scene) -> None:
    """Once, at once, in their name; nobody is told that leasebot stopped it for being idle."""
    made = await idle_one(scene)
    told_at = await until_warned(scene)
    await scene.click(ANA, "notebook_stop")
    await scene.pass_time(minutes(4), minutes(1))
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) < told_at + minutes(15)
    (row,) = [row for row in await scene.rows(stops) if row.notebook_id == made.id]
    assert (row.cause, row.by) == ("person", ANA)
    (warning,) = scene.in_dm(ANA, "idle_warning")
    assert buttons(warning) == []
    await scene.pass_time(minutes(40), minutes(5))
    assert len(scene.stops(made)) == 1
    assert scene.in_dm(ANA, "stopped") == []


async def test_asking_why_cancels_nothing(scene: Scene) -> None:
    made = await idle_one(scene)
    told_at = await until_warned(scene)
    await scene.click(ANA, "notebook_why")
    await scene.pass_time(told_at + minutes(15) - scene.now - timedelta(seconds=1), minutes(5))
    assert scene.stops(made) == []
    await scene.pass_time(minutes(5))
    assert len(scene.stops(made)) == 1


async def test_activity_cancels(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    scene.cloud.make_busy(made.id)
    await scene.pass_time(minutes(40), minutes(5))
    assert scene.stops() == []
    assert (await about(scene, made))[-1].outcome == "active"


async def test_activity_in_the_last_minute_is_seen_right_before_the_stop(scene: Scene) -> None:
    """The stop is decided again on fresh data: what the last poll said is not enough."""
    made = await idle_one(scene)
    told_at = await until_warned(scene)
    await scene.pass_time(told_at + minutes(15) - scene.now - timedelta(seconds=10), minutes(5))
    scene.cloud.jupyter(made.id).set_kernel("busy", scene.now_ms)
    await scene.pass_time(minutes(10), minutes(2))
    assert scene.stops() == []


async def about_to_stop(scene: Scene, step: str = "stop") -> Notebook:
    """Its stop was decided, and looked at again unless `step` says "start"; that step is what comes next."""
    made = await idle_one(scene)
    told_at = await until_warned(scene)
    await scene.jump(told_at + minutes(15) - scene.now)
    await ask_now(scene.play.bot.db, scene.play.bot.ids, ["research"], scene.now)
    for _ in range(50):
        if [row.step for row in await scene.rows(work) if row.kind == "idle_stop"] == [step]:
            return made
        await scene.play.bot.drain.one_work()
    raise AssertionError("no stop was decided")


async def test_activity_after_the_decision_is_seen_right_before_the_stop(scene: Scene) -> None:
    """The pass has decided; the evidence it decided on is older than the work that has begun since."""
    made = await about_to_stop(scene, "start")
    workshop = scene.play.bot.workshop
    taken = [claim for _ in range(9) if (claim := await workshop.claim()) is not None]
    (stop,) = [claim for claim in taken if claim.kind == "idle_stop"]
    for other in taken:
        if other is not stop:  # a reading that was due with the pass has found it idle, too
            await workshop.advance(other)
    scene.cloud.jupyter(made.id).set_kernel("busy", scene.now_ms)
    await workshop.advance(stop)
    await scene.work()
    assert scene.stops() == []
    assert (await about(scene, made))[-1].outcome == "stop"


async def test_a_stop_that_waited_is_looked_at_anew(scene: Scene) -> None:
    """The process was away between the look and the call; meanwhile somebody has begun to work."""
    made = await about_to_stop(scene)
    scene.cloud.jupyter(made.id).set_kernel("busy", scene.now_ms)
    await scene.jump(minutes(2))
    await scene.work()
    assert scene.stops() == []
    assert scene.found(made.id).status == "RUNNING"


async def test_a_brake_between_the_last_look_and_the_stop_holds(scene: Scene) -> None:
    """Another hand carries out an admin's word while this one is about to call the cloud."""
    made = await about_to_stop(scene)
    claim = await scene.play.bot.workshop.claim()
    assert claim is not None
    assert (claim.kind, claim.step) == ("idle_stop", "stop")
    await scene.ask(DORA, "admin pause research")
    await scene.play.bot.workshop.advance(claim)
    await scene.work()
    assert scene.stops() == []
    assert scene.found(made.id).status == "RUNNING"


async def test_a_busy_cell_with_the_browser_closed_is_work(scene: Scene) -> None:
    """A kernel that computes without a connection and without load that metrics see."""
    made = await idle_one(scene)
    state = scene.cloud.jupyter(made.id)
    state.tab_open = False
    state.set_kernel("busy", scene.now_ms - 3 * HOUR, connections=0)
    await scene.pass_time(timedelta(hours=2), minutes(10))
    assert scene.in_dm(ANA, "idle_warning") == []
    assert scene.stops() == []
    assert (await about(scene, made))[-1].outcome == "active"


async def test_load_without_a_kernel_is_work(scene: Scene) -> None:
    """`nohup` work that only metrics can see."""
    made = await idle_one(scene)
    scene.cloud.set_activity(made.id, cpu=70.0)
    await scene.pass_time(timedelta(hours=1, minutes=30), minutes(10))
    assert scene.stops() == []
    assert scene.in_dm(ANA, "idle_warning") == []


async def test_looking_at_it_is_not_using_it(scene: Scene) -> None:
    """Our own polls count as no activity; an open tab alone does not either."""
    made = await idle_one(scene)
    scene.cloud.jupyter(made.id).tab_open = True
    await until_warned(scene)
    await scene.pass_time(minutes(25), minutes(5))
    assert len(scene.stops(made)) == 1
    assert scene.cloud.jupyter(made.id).tracked_calls == 0


@pytest.mark.parametrize("trouble", ["403", "503", "500", "html", "login", "garbage", "404"])
async def test_a_notebook_that_cannot_be_looked_into_is_not_idle(scene: Scene, trouble: str) -> None:
    made = scene.cloud.console.create("ana", "opaque", lease_ms=9 * HOUR, age_ms=3 * HOUR, settled_ago_ms=3 * HOUR)
    scene.cloud.make_idle(made.id, scene.now_ms - 3 * HOUR)
    if trouble == "403":
        scene.cloud.faults.add("status", path=r"/jupyter/", status=403, count=0)
    else:
        scene.cloud.jupyter(made.id).trouble = trouble
    await scene.pass_time(minutes(60), minutes(10))
    assert scene.in_dm(ANA, "idle_warning") == []
    assert scene.stops() == []
    assert (await about(scene, made))[-1].outcome == "unknown"


async def test_a_gap_in_the_metrics_is_not_quiet(scene: Scene) -> None:
    made = scene.cloud.console.create("ana", "gap", lease_ms=9 * HOUR, age_ms=3 * HOUR, settled_ago_ms=3 * HOUR)
    scene.cloud.make_idle(made.id, scene.now_ms - 3 * HOUR)
    scene.cloud.set_gap(made.id, scene.now_ms - 40 * MINUTE, scene.now_ms + 50 * MINUTE)
    await scene.pass_time(minutes(40), minutes(10))
    assert scene.in_dm(ANA, "idle_warning") == []
    assert (await about(scene, made))[-1].outcome == "unknown"


async def test_metrics_down_is_not_quiet(scene: Scene) -> None:
    scene.cloud.settings.metrics_down = True
    made = await idle_one(scene)
    await scene.pass_time(minutes(60), minutes(10))
    assert scene.in_dm(ANA, "idle_warning") == []
    assert (await about(scene, made))[-1].outcome == "unknown"


async def test_evidence_lost_after_the_warning_stops_nothing(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    scene.cloud.jupyter(made.id).trouble = "503"
    await scene.pass_time(minutes(60), minutes(10))
    assert scene.stops() == []


async def test_an_unreachable_owner_is_replaced_by_the_lead_and_the_grace_runs_from_there(scene: Scene) -> None:
    scene.slack.workspace.users[BEN].deleted = True
    made = await idle_one(scene, "ben", "orphan")
    told_at = await until_warned(scene, CARLA)
    assert scene.in_dm(BEN, "idle_warning") == []
    (copy,) = scene.in_dm(CARLA, "idle_warning")
    assert f"<@{BEN}>" in copy.text
    assert key(copy).startswith(f"idle_warning:{made.id}:")
    await scene.pass_time(minutes(14), minutes(7))
    assert scene.stops() == []
    await scene.pass_time(minutes(6), minutes(2))
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) >= told_at + minutes(15)


async def test_a_dm_that_slack_refuses_is_escalated(scene: Scene) -> None:
    made = await idle_one(scene)
    scene.slack.fault("conversations.open", "error", error="cannot_dm_bot")
    await scene.pass_time(minutes(60), minutes(5))
    (copy,) = scene.in_dm(CARLA, "idle_warning")
    (stop,) = scene.stops(made)
    assert stop["at_ms"] >= copy.posted_ms + 15 * MINUTE


async def test_a_stop_in_the_console_is_seen_and_told(scene: Scene) -> None:
    made = await scene.notebook("ana", "hands-on")
    scene.cloud.console.stop(made.id)
    await scene.pass_time(minutes(4), minutes(2))
    (told,) = scene.in_dm(ANA, "stopped")
    assert "outside leasebot" in told.text
    assert "EUR" not in told.text
    assert await scene.rows(stops) == []
    scene.cloud.console.start(made.id)
    await scene.pass_time(minutes(2))
    (told,) = scene.in_dm(ANA, "stopped")
    assert buttons(told) == []


async def test_start_again_undoes_it(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.pass_time(minutes(24), minutes(4))
    assert scene.found(made.id).status == "STOPPED"
    await scene.click(ANA, "notebook_start")
    await scene.pass_time(minutes(2))
    assert scene.found(made.id).status == "RUNNING"
    assert scene.found(made.id).flavor == made.flavor
    (told,) = scene.in_dm(ANA, "stopped")
    assert buttons(told) == ["notebook_false_stop"]
    assert "counted as wrong" in await scene.click(ANA, "notebook_false_stop")
    assert (await scene.rows(stops))[0].wrong_at is not None
    (told,) = scene.in_dm(ANA, "stopped")
    assert buttons(told) == []


async def test_that_was_wrong_is_counted_and_keeps_idle_stops_away(scene: Scene) -> None:
    made = await idle_one(scene)
    await until_warned(scene)
    await scene.pass_time(minutes(24), minutes(4))
    told = await scene.click(ANA, "notebook_false_stop")
    assert "counted as wrong" in told
    (stop,) = await scene.rows(stops)
    assert stop.wrong_at is not None
    scene.cloud.console.start(made.id, 9 * HOUR)
    await scene.pass_time(timedelta(hours=3), minutes(15))
    assert len(scene.stops(made)) == 1


class TestShadow:
    """Only reports what it would have stopped."""

    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return {"idle_mode": '"shadow"'}

    async def test_no_message_and_no_stop_but_a_record(self, scene: Scene) -> None:
        made = await idle_one(scene)
        await scene.pass_time(timedelta(hours=1), minutes(5))
        assert scene.in_dm(ANA, "idle_warning") == []
        assert scene.notices("idle_warning") == []
        assert scene.stops() == []
        (shadow,) = await scene.rows(stops)
        assert (shadow.notebook_id, shadow.cause) == (made.id, "shadow")
        assert {"shadow_warned", "shadow_stop"} <= {row.outcome for row in await about(scene, made)}

    async def test_the_digest_lists_it(self, scene: Scene) -> None:
        await idle_one(scene)
        await scene.pass_time(timedelta(hours=1), minutes(5))
        await scene.jump(timedelta(hours=22, minutes=30))
        await scene.sweep()
        digest = scene.in_channel("digest")[-1]
        assert "forgotten" in digest.text


class TestBrakes:
    """Signs that what we see is wrong pause stops and ask an admin."""

    async def test_a_collapsed_listing(self, scene: Scene) -> None:
        many = [await idle_one(scene, "ana", f"many-{n}") for n in range(6)]
        made = await idle_one(scene, "ben", "watched")
        await until_warned(scene, BEN)
        for each in many:
            scene.cloud.console.set_status(each.id, "STOPPED")
        await scene.pass_time(minutes(40), minutes(5))
        assert scene.stops() == []
        (alert,) = scene.in_dm(DORA, "alert")
        assert buttons(alert) == ["admin_release"]
        await scene.click(DORA, "admin_release")
        await scene.pass_time(minutes(40), minutes(5))
        assert len(scene.stops(made)) == 1

    async def test_a_jump_in_due_stops(self, scene: Scene) -> None:
        for n in range(11):
            made = scene.cloud.console.create("ana" if n % 2 else "ben", f"jump-{n}", lease_ms=9 * HOUR,
                                              age_ms=3 * HOUR, settled_ago_ms=3 * HOUR)  # fmt: skip
            scene.cloud.make_idle(made.id, scene.now_ms - 3 * HOUR)
        await scene.pass_time(minutes(60), minutes(6))
        assert len(scene.notices("idle_warning")) == 11
        assert scene.stops() == []
        (alert,) = scene.in_dm(DORA, "alert")
        assert "11 of 11" in alert.text

    async def test_a_jump_that_was_released_long_after_is_not_asked_about_again(self, scene: Scene) -> None:
        """All are warned anew, and then they are stopped: an admin has looked at them."""
        for n in range(11):
            made = scene.cloud.console.create("ana" if n % 2 else "ben", f"jump-{n}", lease_ms=9 * HOUR,
                                              age_ms=3 * HOUR, settled_ago_ms=3 * HOUR)  # fmt: skip
            scene.cloud.make_idle(made.id, scene.now_ms - 3 * HOUR)
        await scene.pass_time(timedelta(hours=4), minutes(10))
        assert scene.stops() == []
        await scene.ask(DORA, "admin release research")
        await scene.pass_time(minutes(40), minutes(5))
        assert len(scene.stops()) == 11
        assert len(scene.in_dm(DORA, "alert")) == 1

    async def test_a_clock_that_is_off(self, scene: Scene) -> None:
        await idle_one(scene)
        await until_warned(scene)
        scene.cloud.clock = type(scene.on.clock)(scene.now_ms - 10 * MINUTE, running=False)
        await scene.pass_time(minutes(40), minutes(10))
        assert scene.stops() == []
        assert any("clock" in m.text for m in scene.in_dm(DORA, "alert"))


class TestCap:
    """At most so many in one pass."""

    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return {"max_stops_per_pass": "1"}

    async def test_one_each_pass_and_whoever_was_told_first_goes_first(self, scene: Scene) -> None:
        made = [await idle_one(scene, owner, f"cap-{owner}") for owner in ("ana", "ben", "carla")]
        await scene.pass_time(minutes(12), minutes(3))
        counts = []
        for _ in range(12):
            await scene.pass_time(minutes(2), minutes(2))
            counts.append(len(scene.stops()))
        steps = [b - a for a, b in itertools.pairwise(counts)]
        assert counts[-1] == len(made)
        assert max(steps) == 1


async def test_an_answer_that_cannot_be_stored_blinds_nobody_else(scene: Scene) -> None:
    """Half a character in one notebook's answer; both are read in one piece of work."""
    made = {}
    for owner in ("ana", "ben"):
        made[owner] = scene.cloud.console.create(owner, f"of-{owner}", lease_ms=9 * HOUR, age_ms=3 * HOUR,
                                                 settled_ago_ms=3 * HOUR)  # fmt: skip
        scene.cloud.make_idle(made[owner].id, scene.now_ms - 3 * HOUR)
    scene.cloud.faults.add("status", path=rf"{made['ben'].id}/api$", status=200, count=0,
                           body=r'{"version": "\ud800"}', headers={"Content-Type": "application/json"})  # fmt: skip
    await until_warned(scene)
    assert scene.in_dm(BEN, "idle_warning") == []
    last = (await about(scene, made["ben"]))[-1]
    assert (last.outcome, "not JSON" in last.because) == ("unknown", True)
