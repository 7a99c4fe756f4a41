"""Lease warnings: one per lead and end, delivered or void for a reason, each with the buttons of its time."""

from datetime import timedelta

import pytest

from bot.clock import to_ms
from bot.rules.plan import ENDED
from bot.rules.warnings import OVER
from bot.stores.schema import notices
from tests.flows.scene import ANA, BEN, CARLA, HOUR, MINUTE, RESEARCH, Scene, buttons, key, minutes


def lease_key(scene: Scene, notebook_id: str, lead_s: int) -> str:
    return f"lease_warning:{notebook_id}:{to_ms(scene.end(notebook_id))}:{lead_s}"


async def test_each_lead_is_one_new_message_and_takes_the_buttons_off_the_one_before(scene: Scene) -> None:
    made = await scene.ending("ana", "two-leads", minutes(70))
    assert scene.in_dm(ANA, "lease_warning") == []
    await scene.pass_time(minutes(12), minutes(4))
    (first,) = scene.in_dm(ANA, "lease_warning")
    assert key(first) == lease_key(scene, made.id, 3600)
    assert "notebook_extend:1h" in buttons(first)
    await scene.pass_time(minutes(48), minutes(6))
    first, second = scene.in_dm(ANA, "lease_warning")
    assert key(second) == lease_key(scene, made.id, 900)
    assert buttons(first) == []
    assert "notebook_extend:1h" in buttons(second)
    await scene.pass_time(minutes(12), minutes(4))
    first, second = scene.in_dm(ANA, "lease_warning")
    assert buttons(second) == []  # it has ended meanwhile
    assert "lease ended" in second.text


async def test_a_short_lease_is_warned_at_half_time_not_at_once(scene: Scene) -> None:
    made = await scene.ending("ana", "hour", minutes(50), lease_ms=HOUR)
    assert scene.in_dm(ANA, "lease_warning") == []
    await scene.pass_time(minutes(21), minutes(7))
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert key(warning) == lease_key(scene, made.id, 3600)


async def test_after_an_outage_two_leads_are_one_message(scene: Scene) -> None:
    """Nothing waits for an exact minute: what is late is still due, once."""
    made = await scene.ending("ana", "outage", minutes(70))
    await scene.jump(minutes(60))
    await scene.sweep()
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert key(warning) == lease_key(scene, made.id, 900)
    (merged,) = [n for n in await scene.rows(notices) if n.state == "void"]
    assert merged.key == lease_key(scene, made.id, 3600)
    assert "merged" in merged.reason


async def test_a_lease_first_seen_late_is_warned_at_once(scene: Scene) -> None:
    await scene.notebook("ana", "late", lease_ms=10 * MINUTE, age_ms=3 * HOUR, settled_ago_ms=3 * HOUR)
    await scene.pass_time(minutes(6), minutes(2))
    assert len(scene.in_dm(ANA, "lease_warning")) == 1


async def test_a_renewal_in_the_console_arms_the_warnings_again(scene: Scene) -> None:
    made = await scene.ending("ana", "console")
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
    scene.cloud.console.renew(made.id, 2 * HOUR)
    await scene.sweep()
    (first,) = scene.in_dm(ANA, "lease_warning")
    assert buttons(first) == []
    assert "renewed" in first.text.lower()
    await scene.jump(minutes(61))
    await scene.sweep()
    _first, second = scene.in_dm(ANA, "lease_warning")
    assert key(second) == lease_key(scene, made.id, 3600)


async def test_ten_notebooks_of_one_owner_share_one_message_that_lists_and_marks_every_one(scene: Scene) -> None:
    """The trap: telling about five and marking ten."""
    made = [await scene.notebook("ana", f"batch-{n}", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0) for n in range(10)]
    await scene.jump(minutes(61))
    await scene.sweep()
    (warning,) = scene.in_dm(ANA, "lease_warning")
    payload = (warning.metadata or {})["event_payload"]
    told = set(payload["notebook_ids"].split(","))
    assert told == {n.id for n in made}
    assert all(f"batch-{n}" in warning.text for n in range(10))
    assert payload["notebook_id"] in told
    assert payload["key"] in payload["keys"].split(",")
    marked = {n.notebook_id for n in await scene.rows(notices) if n.state == "delivered"}
    assert marked == told


async def test_a_grouped_message_settles_one_notebook_at_a_time(scene: Scene) -> None:
    made = [await scene.notebook("ana", name, lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0) for name in ("g1", "g2")]
    await scene.jump(minutes(61))
    await scene.sweep()
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert buttons(warning).count("notebook_extend:1h") == 2
    first_block = next(b["block_id"] for b in warning.blocks if b["type"] == "actions")
    await scene.click(ANA, "notebook_extend:1h", block_id=first_block)
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert buttons(warning).count("notebook_extend:1h") == 1
    assert sorted(len(scene.renewals(n)) for n in made) == [0, 1]


async def late_together(scene: Scene) -> tuple[str, str]:
    """Two leads fall due in one pass, and Slack takes their message only when one of the leases is over; their keys."""
    soon = await scene.notebook("ana", "soon", lease_ms=75 * MINUTE, age_ms=0, settled_ago_ms=0)
    later = await scene.notebook("ana", "later", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
    await scene.jump(minutes(38))
    await scene.sweep()  # half its lease is left: the first is warned of
    await scene.jump(minutes(23))
    scene.slack.fault("chat.postMessage", "ratelimited", count=None)
    await scene.sweep()
    keys = lease_key(scene, soon.id, 900), lease_key(scene, later.id, 3600)
    await scene.jump(minutes(15))
    scene.slack.faults.clear()
    await scene.work()
    return keys


async def test_a_message_that_went_late_leaves_out_whose_lease_is_over(scene: Scene) -> None:
    over, key = await late_together(scene)
    before, warning = scene.in_dm(ANA, "lease_warning")
    assert "newer warning" not in before.text  # there is none of this notebook
    assert "soon" not in warning.text
    assert "later" in warning.text
    payload = warning.metadata["event_payload"]
    assert (payload["keys"], payload["notebook_id"]) == (key, key.split(":")[1])
    states = {row.key: (row.state, row.reason) for row in await scene.rows(notices)}
    assert states[over] == ("void", OVER)
    assert states[key][0] == "delivered"


async def test_the_notebook_of_another_owner_has_a_message_of_its_own(scene: Scene) -> None:
    await scene.notebook("ana", "hers", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
    await scene.notebook("ben", "his", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
    await scene.jump(minutes(61))
    await scene.sweep()
    (hers,), (his,) = scene.in_dm(ANA, "lease_warning"), scene.in_dm(BEN, "lease_warning")
    assert "his" not in hers.text.split()
    assert "hers" not in his.text


async def test_extending_settles_the_warning(scene: Scene) -> None:
    await scene.ending("ana", "settled")
    await scene.click(ANA, "notebook_extend:4h")
    (warning,) = scene.in_dm(ANA, "lease_warning")
    assert buttons(warning) == []
    assert "Extended" in warning.text


async def test_an_owner_who_left_is_replaced_by_the_lead(scene: Scene) -> None:
    scene.slack.workspace.users[BEN].deleted = True
    made = await scene.ending("ben", "orphan")
    assert scene.in_dm(BEN, "lease_warning") == []
    (copy,) = scene.in_dm(CARLA, "lease_warning")
    assert key(copy) == lease_key(scene, made.id, 3600)
    assert f"<@{BEN}>" in copy.text


@pytest.mark.parametrize("policy", [{"escalate_to": "[]"}])
async def test_with_nobody_else_to_tell_the_channel_is_told(scene: Scene) -> None:
    scene.slack.workspace.users[BEN].deleted = True
    scene.slack.workspace.users[CARLA].deleted = True
    await scene.ending("ben", "nobody")
    (copy,) = scene.in_channel("lease_warning")
    assert f"<@{BEN}>" in copy.text


async def test_an_owner_unknown_to_slack_is_still_warned_of(scene: Scene) -> None:
    scene.cloud.identity.add("zoe", rights=frozenset())
    await scene.ending("zoe", "foreign")
    (copy,) = scene.in_dm(CARLA, "lease_warning")
    assert "zoe" in copy.text


async def test_a_warning_that_could_not_be_sent_before_a_renewal_is_void(scene: Scene) -> None:
    made = await scene.ending("ana", "overtaken", minutes(70))
    scene.slack.fault("chat.postMessage", "status", status=503, count=None)
    await scene.pass_time(minutes(12), minutes(4))
    assert scene.in_dm(ANA, "lease_warning") == []
    scene.cloud.console.renew(made.id, 6 * HOUR)
    await scene.sweep()
    scene.slack.faults.clear()
    await scene.pass_time(minutes(10), minutes(2))
    assert scene.in_dm(ANA, "lease_warning") == []
    (void,) = [n for n in await scene.rows(notices) if n.kind == "lease_warning" and n.outbox_key]
    assert void.state == "void"
    assert "renewed" in void.reason


async def test_a_warning_that_could_not_be_sent_before_a_stop_is_void(scene: Scene) -> None:
    made = await scene.ending("ana", "gone", minutes(70))
    scene.slack.fault("chat.postMessage", "status", status=503, count=None)
    await scene.pass_time(minutes(12), minutes(4))
    scene.cloud.console.stop(made.id)
    await scene.sweep()
    scene.slack.faults.clear()
    await scene.pass_time(minutes(10), minutes(2))
    assert scene.in_dm(ANA, "lease_warning") == []
    assert {n.state for n in await scene.rows(notices)} == {"void"}


async def test_slack_down_past_the_end_is_on_record(scene: Scene) -> None:
    await scene.ending("ana", "deaf", minutes(70))
    scene.slack.fault("chat.postMessage", "status", status=503, count=None)
    await scene.pass_time(minutes(75), minutes(5))
    scene.slack.faults.clear()
    await scene.pass_time(minutes(15), minutes(5))
    assert scene.in_dm(ANA, "lease_warning") == []
    every = [n for n in await scene.rows(notices) if n.kind == "lease_warning" and n.outbox_key]
    assert len(every) == 2
    assert all(n.state == "void" and n.reason for n in every)


async def test_the_bot_itself_stops_nothing_at_the_end_of_a_lease(scene: Scene) -> None:
    made = await scene.ending("ana", "ends", minutes(5))
    await scene.pass_time(minutes(10), minutes(2))
    assert scene.stops() == []
    (told,) = scene.in_dm(ANA, "stopped")
    assert "its lease ended" in told.text
    assert scene.found(made.id).status in ("STOPPING", "STOPPED")


class TestQuietHours:
    """Ana's and the policy's: 20:00-08:00 in Berlin."""

    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return {"quiet_hours": '"20:00-08:00"', "free_total": '"72h"', "max_extension": '"72h"'}

    async def test_a_warning_inside_them_comes_ten_minutes_before_they_begin(self, scene: Scene) -> None:
        """It ends at 22:30; both leads fall into the quiet hours and become one message at 19:50."""
        made = await scene.notebook("ana", "night", lease_ms=12 * HOUR + 30 * MINUTE, age_ms=0, settled_ago_ms=0)
        await scene.jump(timedelta(hours=9, minutes=45))
        await scene.sweep()
        assert scene.in_dm(ANA, "lease_warning") == []
        await scene.jump(minutes(5))
        await scene.sweep()
        (warning,) = scene.in_dm(ANA, "lease_warning")
        await scene.jump(timedelta(hours=2))
        await scene.pass_time(minutes(30), minutes(10))
        assert len(scene.in_dm(ANA, "lease_warning")) == 1
        every = {n.key: n.state for n in await scene.rows(notices)}
        assert sorted(every.values()) == ["delivered", "void"]
        assert every[key(warning)] == "delivered"
        assert made.id in key(warning)

    async def test_times_are_shown_in_the_readers_zone(self, scene: Scene) -> None:
        """The trap: times leaking out in UTC. Slack draws the date token for each reader."""
        made = await scene.notebook("ana", "zoned", lease_ms=12 * HOUR + 30 * MINUTE, age_ms=0, settled_ago_ms=0)
        await scene.jump(timedelta(hours=9, minutes=51))
        await scene.sweep()
        (warning,) = scene.in_dm(ANA, "lease_warning")
        assert f"<!date^{to_ms(scene.end(made)) // 1000}^" in warning.text
        assert RESEARCH not in warning.text


async def test_why_says_what_became_of_every_lead(scene: Scene) -> None:
    """Delivered, or void with its reason: whoever asks why they were not warned gets an answer."""
    made = await scene.ending("ana", "asked", left=minutes(59))
    await scene.ask(ANA, "extend asked 1h")
    told = await scene.ask(BEN, "why asked")
    assert "lease warning, 1 h lead: delivered" in told
    await scene.jump(scene.end(made) - scene.now - minutes(10))
    await scene.sweep()
    first, second, *_ = [line for line in (await scene.ask(BEN, "why asked")).splitlines() if "lease warning" in line]
    assert {first.partition("UTC>: ")[2], second.partition("UTC>: ")[2]} == {
        "lease warning, 15 min lead: delivered",
        "lease warning, 1 h lead: void (merged)",
    }


async def test_leads_of_one_that_was_stopped_and_deleted_between_two_passes_are_on_record(scene: Scene) -> None:
    made = await scene.notebook("ana", "doomed", lease_ms=5 * HOUR, age_ms=0, settled_ago_ms=0)
    scene.cloud.console.stop(made.id)
    await scene.jump(timedelta(seconds=40))
    scene.cloud.console.delete(made.id)
    await scene.pass_time(minutes(10), minutes(1))
    assert {(row.state, row.reason) for row in await scene.rows(notices)} == {("void", ENDED)}
    assert len(await scene.rows(notices)) == 2


class TestOneLead:
    @pytest.fixture
    def policy(self) -> dict[str, str]:
        return {"warnings": '["60m"]', "quiet_hours": '"none"'}

    async def test_a_message_that_goes_without_its_first_notebook_has_the_key_of_the_next(self, scene: Scene) -> None:
        first = scene.cloud.console.create("ana", "aa", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
        await scene.jump(minutes(10))
        second = scene.cloud.console.create("ana", "bb", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
        for each in (first, second):
            scene.cloud.make_busy(each.id)
        await scene.sweep()
        await scene.jump(minutes(60))
        scene.slack.fault("chat.postMessage", "ratelimited", retry_after=200, count=1)
        await scene.pass_time(minutes(1), minutes(1))
        scene.cloud.console.renew(second.id, 5 * HOUR)
        await scene.pass_time(minutes(8), minutes(2))
        (message,) = scene.in_dm(ANA, "lease_warning")
        payload = message.metadata["event_payload"]
        assert payload["notebook_id"] == first.id
        assert payload["key"].startswith(f"lease_warning:{first.id}:")
        assert payload["key"] == payload["keys"]


async def test_a_state_that_is_not_known_takes_no_warning_away(scene: Scene) -> None:
    """A word that the vendor has made up meanwhile: the lease goes on, and nobody believes that it does not run."""
    made = await scene.ending("ana", "odd")
    scene.cloud.console.set_status(made.id, "HIBERNATING")
    await scene.pass_time(minutes(10), minutes(5))
    why = await scene.ask(ANA, "why odd")
    assert "a state that I do not know" in why
    assert "not running any more" not in why
    scene.cloud.console.set_status(made.id, "RUNNING")
    await scene.pass_time(minutes(35), minutes(5))
    assert [key(told) for told in scene.in_dm(ANA, "lease_warning")] == [
        lease_key(scene, made.id, 3600), lease_key(scene, made.id, 900),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ((3 * HOUR, None), "Its lease was renewed"),
        ((3 * HOUR, "IDLE"), "It has no timed end any more"),
        ((HOUR // 2, None), "Its lease was shortened"),
    ],
)
async def test_what_the_console_made_of_an_end_is_said_where_it_was_warned_of(
    scene: Scene, new: tuple[int, str | None], says: str
) -> None:
    made = await scene.ending("ana", "changed", minutes(59))
    scene.cloud.console.renew(made.id, *new)
    await scene.pass_time(minutes(2))
    (warning, *_newer) = scene.in_dm(ANA, "lease_warning")
    assert says in warning.text
    assert buttons(warning) == []
