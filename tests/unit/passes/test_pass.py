"""A pass adopts what changed, decides about what runs, confirms what stays, and never believes what is older."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from bot.clock import to_ms
from bot.errors import CloudDown, CloudLoginFailed
from bot.model import Lease, Status
from bot.operations.told import observe
from bot.outbox import Say, say
from bot.rules import idle
from bot.rules.brakes import by_hand
from bot.rules.idle import SourceReading, Verdict
from bot.stores.database import Database
from bot.stores.schema import approvals, decisions, notebooks, notices, outbox, people, projects, usage, work
from tests.unit.passes.stand import HOUR, NOW, POLICY, Stand, a_notebook, a_stand

MINUTE = timedelta(minutes=1)


def idle_since(read_at: datetime) -> dict[str, object]:
    """What evidence leaves of a notebook that had been idle for long when it was read."""
    reading = SourceReading("metrics", "idle", NOW - 2 * HOUR, "quiet", read_at, {})
    return idle.encode(Verdict("idle", NOW - 2 * HOUR, "quiet", (reading,), NOW, 2, {}, NOW - 2 * HOUR))


async def test_what_is_new_is_known_after_one_pass(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1), a_notebook(2, status=Status.STOPPED))
    await stand.sweep()
    rows = {row.name: row for row in await stand.rows(select(notebooks))}
    assert rows["experiment-1"].running_since == NOW - HOUR
    assert rows["experiment-2"].running_since is None
    intervals = await stand.rows(select(usage))
    assert sorted((row.notebook_name, row.kind) for row in intervals) == [
        ("experiment-1", "disk"), ("experiment-1", "run"), ("experiment-2", "disk"),
    ]  # fmt: skip


async def test_nothing_is_adopted_twice(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1))
    await stand.sweep()
    await stand.sweep(MINUTE)
    (row,) = await stand.rows(select(notebooks))
    assert row.seen_at == NOW
    assert len(await stand.rows(select(usage))) == 2


async def test_a_decision_that_stays_is_confirmed_and_not_repeated(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1), a_notebook(2, status=Status.STOPPED))
    await stand.sweep()
    await stand.sweep(MINUTE)
    (row,) = await stand.rows(select(decisions))
    assert (row.outcome, row.at, row.confirmed_at, row.live) == ("unknown", NOW, NOW + MINUTE, True)


async def test_a_stop_ends_the_row_of_confirmations(stand: Stand) -> None:
    stand.cloud.add(made := a_notebook(1))
    await stand.sweep()
    stand.cloud.change(made.id, status=Status.STOPPED, updated_at=NOW + MINUTE)
    await stand.sweep(2 * MINUTE)
    await stand.sweep(MINUTE)
    rows = sorted(await stand.rows(select(decisions)), key=lambda row: row.at)
    assert [(row.outcome, row.live) for row in rows] == [("unknown", False), ("not_running", False)]
    assert rows[-1].confirmed_at == NOW + 2 * MINUTE


async def test_a_listing_that_broke_off_confirms_only_what_it_holds(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1), lost := a_notebook(2))
    await stand.sweep()
    stand.cloud.complete = False
    del stand.cloud.notebooks[lost.id]
    await stand.sweep(MINUTE)
    rows = {row.notebook_id: row.confirmed_at for row in await stand.rows(select(decisions))}
    assert rows[lost.id] == NOW
    assert sorted(rows.values()) == [NOW, NOW + MINUTE]


async def test_what_is_gone_is_believed_at_the_second_look(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1), made := a_notebook(2))
    await stand.sweep()
    del stand.cloud.notebooks[made.id]
    await stand.sweep(MINUTE)
    gone = select(notebooks.c.deleted_at).where(notebooks.c.id == made.id)
    assert (await stand.rows(gone))[0].deleted_at is None
    await stand.sweep(MINUTE)
    assert (await stand.rows(gone))[0].deleted_at == NOW + 2 * MINUTE


async def test_many_that_cannot_be_looked_up_keep_no_other_from_being_believed_gone(stand: Stand) -> None:
    stand.cloud.add(*(a_notebook(number, status=Status.STOPPED) for number in range(40)))
    await stand.sweep()
    stand.cloud.mute = set(list(stand.cloud.notebooks)[:38])
    stand.cloud.notebooks.clear()
    for _ in range(6):
        await stand.sweep(MINUTE)
    rows = await stand.rows(select(notebooks.c.id).where(notebooks.c.deleted_at.is_not(None)))
    assert len(rows) == 2


async def test_an_answer_older_than_what_is_known_is_not_adopted(stand: Stand) -> None:
    """A command has seen it stopped while the pass was still reading pages."""
    made = a_notebook(1)
    stand.cloud.add(made)
    await stand.sweep()
    async with stand.db.begin() as tx:
        stopped = a_notebook(1, status=Status.STOPPED, since=NOW - HOUR, updated_at=NOW + 2 * MINUTE)
        await observe(tx, stand.parts.deps, "research", stopped, NOW + 2 * MINUTE)
    await stand.sweep(MINUTE)  # its listing still says RUNNING
    (row,) = await stand.rows(select(notebooks))
    assert row.status == "STOPPED"
    assert [r.to_at is not None for r in await stand.rows(select(usage).where(usage.c.kind == "run"))] == [True]


async def test_a_lease_older_than_the_one_that_is_known_is_not_adopted(stand: Stand) -> None:
    """A listing may lag behind what a command has read back: its end is no renewal, and warns of nothing."""
    made = a_notebook(1)
    stand.cloud.add(made)
    await stand.sweep()
    renewed = replace(made, lease=Lease(NOW - HOUR, 30 * HOUR, stamped_at=NOW + MINUTE))
    async with stand.db.begin() as tx:
        await observe(tx, stand.parts.deps, "research", renewed, NOW + 2 * MINUTE)
    await stand.sweep(5 * MINUTE)
    (row,) = await stand.rows(select(notebooks))
    assert row.lease_end == renewed.lease_ends != made.lease_ends


async def test_every_lead_of_an_end_that_is_past_is_on_record(stand: Stand) -> None:
    made = a_notebook(1)
    stand.cloud.add(made)
    await stand.sweep()
    end = made.lease_ends
    assert end is not None
    renewed = Lease(NOW - HOUR, 30 * HOUR, stamped_at=NOW + MINUTE)
    stand.cloud.change(made.id, lease=renewed)
    await stand.sweep(2 * MINUTE)
    rows = await stand.rows(select(notices))
    assert {row.key for row in rows} == {f"lease_warning:{made.id}:{to_ms(end)}:{lead}" for lead in (3600, 900)}
    assert {(row.state, row.reason) for row in rows} == {("void", "the lease was renewed")}


async def test_a_warning_that_may_have_arrived_says_that_a_newer_one_follows(stand: Stand) -> None:
    """The first was sent and its answer lost; the second falls due before that is cleared up."""
    made = a_notebook(1, lease=3 * HOUR)  # ends in two hours
    stand.cloud.add(made)
    await stand.sweep()
    await stand.sweep(HOUR)
    await stand.write(update(outbox).values(attempted_at=stand.clock.now(), channel="D1"))
    await stand.sweep(45 * MINUTE)
    hers = select(outbox).where(outbox.c.kind == "lease_warning", outbox.c.target == "U0ANA")
    first, second = await stand.rows(hers.order_by(outbox.c.seq))
    assert (first.state, first.facts["items"][0]["settled"]) == ("pending", "A newer warning follows below.")
    assert (second.state, second.facts["items"][0].get("settled")) == ("pending", None)
    reasons = {row.key: (row.state, row.reason) for row in await stand.rows(select(notices))}
    assert reasons == {first.key: ("void", "merged"), second.key: ("pending", None)}


async def test_an_end_that_comes_back_is_warned_of_again(stand: Stand) -> None:
    made = a_notebook(1, lease=3 * HOUR)  # ends in two hours
    stand.cloud.add(made)
    await stand.sweep()
    stand.cloud.change(made.id, lease=Lease(NOW - HOUR, 9 * HOUR, stamped_at=NOW + MINUTE))
    await stand.sweep(2 * MINUTE)
    stand.cloud.change(made.id, lease=Lease(NOW - HOUR, 3 * HOUR, stamped_at=NOW + 3 * MINUTE))
    await stand.sweep(2 * MINUTE)
    await stand.sweep(HOUR)
    sent = [row.key for row in await stand.rows(select(outbox)) if row.kind == "lease_warning"]
    assert len(sent) == 1


async def due_to_stop(stand: Stand, count: int) -> None:
    """So many idle ones whose notice was delivered longer than a grace ago."""
    stand.cloud.add(*(a_notebook(number) for number in range(count)))
    await stand.sweep()
    await stand.write(update(notebooks).values(verdict=idle_since(NOW)))
    await stand.sweep(MINUTE)
    await stand.write(update(notices).values(state="delivered", delivered_at=NOW + MINUTE))


ORDERS = select(work).where(work.c.kind == "idle_stop").order_by(work.c.created_at)


async def stops(stand: Stand) -> int:
    return len(await stand.rows(select(work.c.id).where(work.c.kind == "idle_stop")))


async def alerts(stand: Stand) -> list[str]:
    return [row.facts["kind"] for row in await stand.rows(select(outbox).where(outbox.c.kind == "alert"))]


async def paused(stand: Stand) -> str | None:
    (row,) = await stand.rows(select(projects.c.paused))
    return row.paused  # type: ignore[no-any-return]


async def capped(db: Database, most: int, count: int) -> Stand:
    """A policy that stops so few in one pass; so many are due, and the one with the highest number was told first."""
    stand = a_stand(db, POLICY.replace("[policy]", f"[policy]\nmax_stops_per_pass = {most}"))
    await due_to_stop(stand, count)
    for number in range(count):
        told = notices.c.notebook_id == a_notebook(number).id, notices.c.kind == "idle_warning"
        await stand.write(update(notices).where(*told).values(delivered_at=NOW + MINUTE * (2 - number / count)))
    await stand.sweep(20 * MINUTE)
    return stand


async def test_stops_are_few_per_pass(db: Database) -> None:
    assert await stops(await capped(db, 3, 8)) == 3


async def test_whoever_was_told_first_is_stopped_first(db: Database) -> None:
    stand = await capped(db, 3, 8)
    stopped = {row.data["notebook"] for row in await stand.rows(select(work).where(work.c.kind == "idle_stop"))}
    assert stopped == {a_notebook(number).id for number in (5, 6, 7)}


async def test_those_that_cannot_be_stopped_do_not_keep_the_others_from_it(db: Database) -> None:
    """The cloud refuses those that were told first, whatever is tried; each of the others has its turn."""
    stand = await capped(db, 3, 8)
    refused = {row.data["notebook"] for row in await stand.rows(ORDERS)}
    for _ in range(3):
        await stand.write(update(work).where(work.c.kind == "idle_stop").values(state="failed", due_at=None))
        await stand.sweep(MINUTE)
    ordered = [row.data["notebook"] for row in await stand.rows(ORDERS)]
    assert set(ordered) == {a_notebook(number).id for number in range(8)}
    assert set(ordered[-6:]) >= refused, "and then they are tried again"


async def test_a_stop_that_is_under_way_is_not_ordered_again(db: Database) -> None:
    stand = await capped(db, 3, 8)
    for _ in range(3):
        await stand.sweep(MINUTE)
    ordered = [row.data["notebook"] for row in await stand.rows(ORDERS)]
    assert len(ordered) == len(set(ordered)) == 8


async def test_a_listing_that_broke_off_proves_no_absence(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1), lost := a_notebook(2))
    await stand.sweep()
    stand.cloud.complete = False
    del stand.cloud.notebooks[lost.id]
    for _ in range(3):
        await stand.sweep(MINUTE)
    rows = {row.id: row.deleted_at for row in await stand.rows(select(notebooks))}
    assert rows[lost.id] is None


async def test_a_notebook_that_cannot_be_adopted_fails_alone(stand: Stand) -> None:
    """What the listing says of one of them is nothing that the store can hold."""
    stand.cloud.add(a_notebook(1), a_notebook(2, volume_gb=10**30), a_notebook(3))
    await stand.sweep()
    assert {row.name for row in await stand.rows(select(notebooks))} == {"experiment-1", "experiment-3"}
    assert len(await stand.rows(select(decisions))) == 2


async def test_a_notebook_that_cannot_be_decided_about_fails_alone(stand: Stand) -> None:
    """What is stored of one of them is nothing that a rule can read."""
    stand.cloud.add(a_notebook(1), spoilt := a_notebook(2))
    await stand.sweep()
    broken = {"key": "lease_warning:spoilt", "kind": "lease_warning", "project": "research", "state": "pending",
              "notebook_id": spoilt.id, "created_at": NOW}  # fmt: skip
    await stand.write(insert(notices).values(**broken))
    await stand.sweep(MINUTE)
    confirmed = {row.notebook_id: row.confirmed_at for row in await stand.rows(select(decisions))}
    assert confirmed == {a_notebook(1).id: NOW + MINUTE, spoilt.id: NOW}


@pytest.mark.parametrize("zone", ["Europe", "Nowhere/Land", "../etc"])
async def test_a_zone_that_is_none_is_no_reason_to_warn_nobody(stand: Stand, zone: str) -> None:
    stand.cloud.add(a_notebook(1, lease=110 * MINUTE))
    await stand.sweep()
    await stand.write(insert(people).values(team="T0TEAM", slack="U0ANA", settings={"zone": zone}))
    await stand.sweep(36 * MINUTE)  # its last lead has begun
    assert [row.target for row in await stand.rows(select(outbox))] == ["U0ANA"]


async def test_a_part_of_a_pass_that_fails_keeps_no_other_back(stand: Stand) -> None:
    """A request that cannot be expired, for its record is broken; an address that has run out is erased all the same,
    and evidence asked for."""
    broken = {"id": "a1", "project": "research", "kind": "extension", "requester": "U0ANA", "needs": "admin",
              "state": "pending", "wish": {}, "facts": {}, "created_at": NOW, "expires_at": NOW}  # fmt: skip
    await stand.write(insert(approvals).values(**broken))
    async with stand.db.begin() as tx:
        answer = Say("old", "answer", "response", "sealed", {}, "s")
        await say(tx, stand.parts.deps.ids, answer, NOW - HOUR)
    stand.cloud.add(a_notebook(1))
    await stand.sweep()
    assert [row.state for row in await stand.rows(select(approvals))] == ["pending"]
    assert [row.target for row in await stand.rows(select(outbox).where(outbox.c.key == "old"))] == [""]
    assert len(await stand.rows(select(work).where(work.c.kind == "evidence"))) == 1


async def test_a_jump_pauses_until_released_and_then_lets_them_go(stand: Stand) -> None:
    await due_to_stop(stand, 11)
    await stand.sweep(20 * MINUTE)
    assert (await stops(stand), "11 of 11" in str(await paused(stand))) == (0, True)
    await stand.sweep(MINUTE)
    assert (await stops(stand), await alerts(stand)) == (0, ["brake"])
    released = {"paused": None, "released_at": stand.clock.now(), "last_running": None}
    await stand.write(update(projects).values(**released))
    await stand.sweep(MINUTE)
    assert (await stops(stand), await paused(stand)) == (11, None)


async def test_a_jump_that_was_released_says_nothing_of_the_next(stand: Stand) -> None:
    await due_to_stop(stand, 11)
    await stand.sweep(20 * MINUTE)
    await release(stand)
    await stand.write(update(notices).values(delivered_at=stand.clock.now() + MINUTE))  # told after the release
    await stand.write(update(notebooks).values(verdict=idle_since(stand.clock.now() + 15 * MINUTE)))
    await stand.sweep(20 * MINUTE)
    assert (await stops(stand), "11 of 11" in str(await paused(stand))) == (0, True)


async def release(stand: Stand) -> None:
    await stand.write(update(projects).values(paused=None, paused_at=None, released_at=stand.clock.now()))


async def asked(stand: Stand) -> list[tuple[str, str]]:
    """Which admins were asked to release which brake."""
    rows = await stand.rows(select(outbox).where(outbox.c.kind == "alert").order_by(outbox.c.seq))
    return [(row.target, row.facts["cause"]) for row in rows if row.facts["kind"] == "brake"]


async def test_a_brake_that_trips_again_on_the_same_day_asks_again(stand: Stand) -> None:
    """Nobody would know otherwise that stops rest once more."""
    stand.cloud.add(a_notebook(1))
    stand.cloud.skew = 3 * MINUTE
    for _ in range(3):
        await stand.sweep(MINUTE)
        await stand.sweep(MINUTE)
        await release(stand)
    assert await asked(stand) == [
        ("U0DORA", "alert:brake:research:2026-03-02"),
        ("U0DORA", "alert:brake:research#2:2026-03-02"),
        ("U0DORA", "alert:brake:research#3:2026-03-02"),
    ]


async def test_a_brake_that_holds_over_midnight_asks_once(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1))
    stand.cloud.skew = 3 * MINUTE
    for _ in range(30):
        await stand.sweep(HOUR)
    assert await asked(stand) == [("U0DORA", "alert:brake:research:2026-03-02")]


async def test_admins_whom_slack_could_not_name_are_asked_as_soon_as_it_can(db: Database) -> None:
    stand = a_stand(db, POLICY.replace('"U0DORA"', '"S0ADMINS"'))
    stand.cloud.add(a_notebook(1))
    stand.cloud.skew = 3 * MINUTE
    stand.slack.down = True
    await stand.sweep()
    assert (await asked(stand), "clock" in str(await paused(stand))) == ([], True)
    stand.slack.down, stand.slack.groups = False, {"S0ADMINS": frozenset({"U0DORA"})}
    await stand.sweep(6 * MINUTE)
    assert [user for user, _cause in await asked(stand)] == ["U0DORA"]


async def test_whoever_paused_stops_by_hand_is_not_asked_to_release_them(stand: Stand) -> None:
    await stand.sweep()
    await stand.write(update(projects).values(paused=by_hand("dora"), paused_at=NOW))
    stand.cloud.skew = 3 * MINUTE
    await stand.sweep(MINUTE)
    assert (await asked(stand), await paused(stand)) == ([], "dora paused them")


@pytest.mark.parametrize("whose", ["cloud", "Slack"])
async def test_a_clock_that_is_off_pauses_stops(stand: Stand, whose: str) -> None:
    await due_to_stop(stand, 3)
    if whose == "cloud":
        stand.cloud.skew = 3 * MINUTE
    else:
        stand.slack.off = 3 * MINUTE
    await stand.sweep(20 * MINUTE)
    assert await stops(stand) == 0
    assert whose in str(await paused(stand))


async def test_a_listing_that_took_minutes_is_no_sign_of_a_wrong_clock(stand: Stand) -> None:
    await due_to_stop(stand, 3)
    stand.cloud.takes = 3 * MINUTE
    await stand.sweep(20 * MINUTE)
    assert (await paused(stand), await stops(stand)) == (None, 3)


async def collapsed(stand: Stand) -> None:
    """Twelve ran, and in the next listing five do."""
    stand.cloud.add(*(a_notebook(number) for number in range(12)))
    await stand.sweep()
    for each in list(stand.cloud.notebooks)[5:]:
        stand.cloud.change(each, status=Status.STOPPED, updated_at=NOW + MINUTE)
    await stand.sweep(2 * MINUTE)


async def test_a_collapse_pauses_and_is_measured_against_the_old_figure(stand: Stand) -> None:
    await collapsed(stand)
    assert "only 5 notebooks run, 12 did" in str(await paused(stand))


async def test_a_brake_that_is_released_while_a_pass_goes_on_is_not_set_again_by_that_pass(stand: Stand) -> None:
    """What it saw has been looked at and released meanwhile; the admin was told that stops go on."""
    await collapsed(stand)

    async def released() -> None:
        stand.clock.at += timedelta(seconds=5)
        await release(stand)
        await stand.write(update(projects).values(last_running=None))

    await stand.sweep(MINUTE, released)
    assert (await paused(stand), len(await asked(stand))) == (None, 1)
    await stand.sweep(MINUTE)
    assert await paused(stand) is None


@pytest.mark.parametrize(("grace", "silence"), [(15 * MINUTE, 3 * HOUR), (90 * MINUTE, 125 * MINUTE)])
async def test_after_a_long_silence_everybody_is_warned_anew(
    db: Database, grace: timedelta, silence: timedelta
) -> None:
    """However long the grace is: it counts from a notice of which somebody can still take the bot's word."""
    stand = a_stand(db, POLICY.replace('idle_grace = "15m"', f'idle_grace = "{grace // MINUTE}m"'))
    await due_to_stop(stand, 2)
    await stand.sweep(silence)
    assert (await stops(stand), len(await stand.rows(select(notices)))) == (0, 2), "evidence of before says nothing"
    await stand.write(update(notebooks).values(verdict=idle_since(stand.clock.now())))
    await stand.sweep(MINUTE)
    assert await stops(stand) == 0
    fresh = [row for row in await stand.rows(select(notices)) if row.kind == "idle_warning" and row.settled_at is None]
    assert [row.state for row in fresh] == ["pending", "pending"]
    await stand.write(update(notices).where(notices.c.state == "pending").values(
        state="delivered", delivered_at=stand.clock.now()))  # fmt: skip
    await stand.sweep(grace - MINUTE)
    assert await stops(stand) == 0
    await stand.write(update(notebooks).values(verdict=idle_since(stand.clock.now())))
    await stand.sweep(MINUTE)
    assert await stops(stand) == 2


async def test_slack_that_does_not_answer_is_no_reason_to_escalate(stand: Stand) -> None:
    stand.slack.down = True
    await due_to_stop(stand, 2)
    assert await stand.rows(select(notices)) == []
    (one, two) = await stand.rows(select(decisions).where(decisions.c.live))
    assert {one.outcome, two.outcome} == {"cannot_ask"}


async def test_a_person_who_left_is_escalated_to_the_lead(stand: Stand) -> None:
    stand.slack.gone.add("U0ANA")
    await due_to_stop(stand, 1)
    rows = [row for row in await stand.rows(select(outbox)) if row.kind == "idle_warning"]
    assert [(row.target, row.key.endswith("@U0CARLA")) for row in rows] == [("U0CARLA", True)]


async def test_admins_hear_of_a_project_whose_passes_fail_for_long(stand: Stand) -> None:
    stand.cloud.add(a_notebook(1))
    await stand.sweep()
    stand.cloud.failure = CloudDown("the cloud does not answer")
    for _ in range(10):
        await stand.sweep(MINUTE)
    assert await alerts(stand) == []
    for _ in range(3):
        await stand.sweep(MINUTE)
    assert await alerts(stand) == ["pass_fails"]
    (row,) = await stand.rows(select(outbox).where(outbox.c.kind == "alert"))
    assert "the cloud does not answer" in row.facts["text"]


async def test_admins_hear_of_a_project_that_never_had_a_pass(stand: Stand) -> None:
    """Its service account was never right."""
    stand.cloud.failure = CloudLoginFailed("the password is wrong")
    await stand.sweep()
    assert await alerts(stand) == []
    await stand.sweep(MINUTE)
    assert await alerts(stand) == ["pass_fails"]


async def test_a_cloud_that_does_not_answer_is_on_record(stand: Stand) -> None:
    stand.cloud.failure = CloudDown("the cloud does not answer")
    outcome = await stand.sweep()
    assert outcome.result["error"] == "the cloud does not answer"
    (row,) = await stand.rows(select(projects))
    assert (row.last_pass_at, row.last_ok_at) == (NOW, None)


async def test_what_was_judged_by_a_shorter_idle_after_warns_nobody(db: Database) -> None:
    """The first pass under another policy file; the next reading judges anew."""
    before, after = a_stand(db), a_stand(db, POLICY.replace('idle_after = "60m"', 'idle_after = "6h"'))
    for stand in (before, after):
        stand.cloud.add(a_notebook(1, since=NOW - 5 * HOUR))
    await before.sweep()
    await before.write(update(notebooks).values(verdict=idle_since(NOW)))
    await after.sweep(MINUTE)
    assert await after.rows(select(notices)) == []
    (decision,) = await after.rows(select(decisions).where(decisions.c.live))
    assert (decision.outcome, decision.because) == (
        "unknown",
        "quiet for 2 h 1 min, as it was judged by another idle_after",
    )
    await before.sweep(2 * MINUTE)
    assert len(await before.rows(select(notices))) == 1
