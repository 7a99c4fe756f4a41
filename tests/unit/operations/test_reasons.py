"""`why`, `plan`, `policy`, `approvals`, `audit`: everything can be asked for, by whom it concerns."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.clock import to_ms
from bot.config.policy import effective
from bot.model import Status
from bot.operations.answers.foresight import foresee
from bot.rules.facts import NotebookFacts, OwnerFacts
from bot.rules.idle import SourceReading, Verdict, encode
from bot.stores import notebooks, people, trail
from bot.stores.schema import decisions, outbox
from tests.unit.operations.fakes import START, TEAM, a_notebook
from tests.unit.operations.stage import ADMIN, ANA, AUDITOR, BEN, LEAD, POLICY, Stage
from tests.unit.operations.test_views import a_request

READ = SourceReading("jupyter", "idle", START - timedelta(hours=2), "quiet", START)
IDLE = Verdict("idle", START - timedelta(hours=2), "quiet", (READ,), START, 2)


def _minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


async def test_why_gives_the_record_newest_first_with_rule_and_evidence(stage: Stage):
    await stage.see(a_notebook())
    async with stage.db.begin() as db:
        for number in range(12):
            await db.execute(
                decisions.insert().values(
                    id=f"d{number}",
                    project="research",
                    notebook_id="nb-train-1",
                    at=_minutes(number),
                    confirmed_at=_minutes(number),
                    outcome="active",
                    rule="idle_after 60 min, default",
                    because=f"busy {number}",
                    evidence=[{"source": "jupyter", "state": "active", "text": "a kernel"}],
                    config_hash="abc",
                )
            )
    answer = await stage.ask(BEN, "why", name="train-1")
    assert [row["text"] for row in answer["decisions"]] == [f"busy {number}" for number in range(11, 1, -1)]
    assert answer["decisions"][0]["outcome"] == "left alone: it is not idle"
    assert answer["decisions"][0]["evidence"][0]["source"] == "jupyter"
    assert answer["more"] == 2


async def a_decision(stage: Stage, at: datetime, outcome: str = "stop") -> None:
    values = {"id": f"d{at:%H%M}", "project": "research", "notebook_id": "nb-train-1", "at": at, "confirmed_at": at,
              "outcome": outcome, "rule": "idle_after 60 min, default", "because": "idle for 2 h", "evidence": [],
              "config_hash": "abc"}  # fmt: skip
    async with stage.db.begin() as db:
        await db.execute(decisions.insert().values(**values))


@pytest.mark.parametrize("asked", [{"name": "train-1"}, {"notebook": "nb-train-1", "project": "research"}])
async def test_why_outlives_the_notebook(stage: Stage, asked: dict[str, str]):
    """Also at the button of an old message; `plan` has nothing to say of it."""
    await stage.see(a_notebook())
    await a_decision(stage, START)
    async with stage.db.begin() as db:
        await notebooks.change(db, "research", "nb-train-1", deleted_at=START)
    assert [row["outcome"] for row in (await stage.ask(BEN, "why", **asked))["decisions"]] == ["idle: it is stopped"]
    assert (await stage.ask(BEN, "plan", **asked))["what"] == "error"
    assert (await stage.ask(BEN, "why", name="train-2"))["what"] == "error"


@pytest.mark.parametrize("verb", ["why", "plan", "policy", "show"])
@pytest.mark.parametrize("deleted_at", [None, START])
async def test_it_is_for_members_of_the_project(stage: Stage, verb: str, deleted_at: datetime | None):
    await stage.see(a_notebook())
    async with stage.db.begin() as db:
        await notebooks.change(db, "research", "nb-train-1", deleted_at=deleted_at)
    stage.slack.channels = {}
    assert (await stage.ask(BEN, verb, name="train-1"))["what"] == "error"


async def test_plan_takes_the_passs_own_decision_at_that_instant(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    answer = await stage.ask(ANA, "plan", name="train-1", at_ms=to_ms(_minutes(59)))
    assert [(step["at_ms"], step["text"]) for step in answer["ahead"]] == [
        (to_ms(START), "lease warning (1 h lead)"), (to_ms(_minutes(45)), "lease warning (15 min lead)"),
    ]  # fmt: skip
    assert "nobody renews" in answer["assumes"]
    ended = await stage.ask(ANA, "plan", name="train-1", at_ms=to_ms(_minutes(61)))
    assert "does not run" in ended["outcome"]
    assert ended["ahead"][-1] == {
        "at_ms": to_ms(_minutes(60)), "text": "its lease ends and the platform stops it", "rule": "the lease",
    }  # fmt: skip


async def test_plan_changes_nothing(stage: Stage):
    await stage.see(a_notebook())
    async with stage.db.begin() as db:
        await notebooks.change(db, "research", "nb-train-1", verdict=encode(IDLE))
    await stage.ask(ANA, "plan", name="train-1", at_ms=to_ms(_minutes(30)))
    assert stage.clouds.calls == []
    assert await stage.rows(decisions) == []


async def test_plan_looks_no_further_than_a_lease_can_reach(stage: Stage):
    await stage.see(a_notebook())
    answer = await stage.ask(ANA, "plan", name="train-1", at_ms=to_ms(START + timedelta(hours=73)))
    assert "72 h" in answer["oops"]["next_step"]


def _enforced(stage: Stage):
    return effective(stage.parts.deps.config, "vision")


def _idle_facts(**changes: object) -> NotebookFacts:
    known = {"notebook": a_notebook(lease=None), "owner": OwnerFacts("U0ANA", reachable=True), "verdict": IDLE}
    return NotebookFacts(**known | changes)  # type: ignore[arg-type]


async def test_an_idle_one_is_foreseen_to_be_warned_and_stopped_after_the_grace(stage: Stage):
    ahead = foresee(START, _minutes(60), _idle_facts(), _enforced(stage))
    assert [(step.at, step.text.partition(":")[0]) for step in ahead.steps] == [
        (START, "idle warning"), (_minutes(15), "it is stopped"),
    ]  # fmt: skip
    assert ahead.plan.decision.outcome == "not_running"
    before = foresee(START, _minutes(14.99), _idle_facts(), _enforced(stage))
    assert before.plan.decision.outcome == "grace"


async def test_a_kept_one_is_foreseen_to_be_warned_when_the_keep_ends(stage: Stage):
    facts = _idle_facts(keep_until=_minutes(120))
    ahead = foresee(START, _minutes(600), facts, _enforced(stage))
    assert [(step.at, step.text.partition(":")[0]) for step in ahead.steps] == [
        (_minutes(120), "idle warning"), (_minutes(135), "it is stopped"),
    ]  # fmt: skip
    assert foresee(START, _minutes(119), facts, _enforced(stage)).plan.decision.outcome == "kept"


async def test_shadow_mode_is_foreseen_to_record_and_never_to_stop(stage: Stage):
    policy = effective(stage.parts.deps.config, "research")
    ahead = foresee(START, _minutes(600), _idle_facts(), policy)
    assert [step.text.partition(":")[0] for step in ahead.steps] == ["recorded, not done"]


async def test_unknown_is_foreseen_to_be_left_alone(stage: Stage):
    doubt = Verdict("unknown", None, "metrics: no answer")
    ahead = foresee(START, _minutes(600), _idle_facts(verdict=doubt), _enforced(stage))
    assert (ahead.steps, ahead.plan.decision.outcome) == ((), "unknown")


def _last_used(minutes_ago: float, metrics: str = "idle") -> Verdict:
    """Used so long ago, as Jupyter tells; read just now."""
    used = START - timedelta(minutes=minutes_ago)
    read = SourceReading("jupyter", "active", used, "a kernel was in use", START, used=used)
    since = START - timedelta(minutes=90)
    beside = SourceReading("metrics", metrics, since, "CPU below the limit", START - timedelta(minutes=5), used=since)  # type: ignore[arg-type]
    return Verdict("active", None, "jupyter: a kernel was in use", (read, beside))


async def test_what_was_used_a_while_ago_is_foreseen_to_become_idle(stage: Stage):
    """Last used 40 min ago, idle after an hour: warned in 20 min, stopped a grace later."""
    facts = _idle_facts(verdict=_last_used(40))
    ahead = foresee(START, _minutes(180), facts, _enforced(stage))
    assert [(step.at, step.text) for step in ahead.steps] == [
        (_minutes(20), "idle warning: idle for 1 h"),
        (_minutes(35), "it is stopped: idle for 1 h 15 min; the notice was delivered 15 min ago"),
    ]
    assert foresee(START, START, facts, _enforced(stage)).plan.decision.outcome == "active"
    young = foresee(START, _minutes(19), facts, _enforced(stage)).plan.decision
    assert (young.outcome, young.because) == ("active", "quiet for 59 min, less than 60 min")


async def test_what_should_be_idle_by_now_is_foreseen_to_be_at_the_next_look(stage: Stage):
    ahead = foresee(START, _minutes(180), _idle_facts(verdict=_last_used(61)), _enforced(stage))
    assert [step.at for step in ahead.steps] == [_minutes(1), _minutes(16)]


@pytest.mark.parametrize("began", [START, START - timedelta(minutes=5)])
async def test_what_is_at_work_is_foreseen_to_stay_so(stage: Stage, began: datetime):
    """Also as metrics see it: a point stands for the minutes after it."""
    busy = SourceReading("metrics", "active", began, "CPU was at 64 %", START, used=START)
    facts = _idle_facts(verdict=Verdict("active", None, "CPU was at 64 %", (busy,)))
    ahead = foresee(START, _minutes(600), facts, _enforced(stage))
    assert (ahead.steps, ahead.plan.decision.outcome) == ((), "active")


async def test_what_cannot_be_told_of_the_rest_is_foreseen_to_stay_unknown(stage: Stage):
    ahead = foresee(START, _minutes(600), _idle_facts(verdict=_last_used(40, metrics="unknown")), _enforced(stage))
    assert (ahead.steps, ahead.plan.decision.outcome) == ((), "unknown")


async def test_a_second_look_is_foreseen_to_see_what_the_first_did(stage: Stage):
    since = START - timedelta(minutes=70)
    told = tuple(SourceReading(name, "idle", since, "quiet", START, used=since) for name in ("jupyter", "metrics"))
    once = Verdict("unknown", None, "idle once", told, None, 1, {"jupyter": START, "metrics": START}, since)
    ahead = foresee(START, _minutes(60), _idle_facts(verdict=once), _enforced(stage))
    assert [step.text.partition(":")[0] for step in ahead.steps] == ["idle warning", "it is stopped"]


async def test_policy_names_every_key_with_its_source(stage: Stage):
    await stage.see(a_notebook("gpu", flavor="modelarts.vm.gpu.v100"))
    project = {row["key"]: row for row in (await stage.ask(ANA, "policy"))["rows"]}
    assert (project["idle_after"]["value"], project["idle_after"]["source"]) == ("1 h", "default")
    assert project["quiet_hours"]["value"] == "20:00-08:00"
    answer = await stage.ask(ANA, "policy", name="gpu")
    rows = {row["key"]: row for row in answer["rows"]}
    assert rows["idle_after"]["value"] == "30 min"
    assert "rules" in rows["idle_after"]["source"]
    assert answer["name"] == "gpu"


async def test_approvals_shows_what_waits_for_me_and_by_me(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.see(a_notebook())
    await a_request(stage)
    mine, theirs = await stage.ask(ANA, "approvals"), await stage.ask(LEAD, "approvals")
    assert ([r["id"] for r in mine["by_me"]], mine["for_me"]) == (["a1"], [])
    assert ([r["id"] for r in theirs["for_me"]], theirs["by_me"]) == (["a1"], [])
    assert (await stage.ask(BEN, "approvals"))["for_me"] == []


async def _stopped_by_ana(stage: Stage) -> None:
    await stage.see(a_notebook(status=Status.STOPPED))
    async with stage.db.begin() as db:
        entry = trail.Entry("research", ANA, "stop", "nb-train-1", "w1", data={"end_ms": to_ms(_minutes(60))})
        await trail.append(db, b"chain", entry, START)


@pytest.mark.parametrize(("user", "may"), [(ANA, True), (LEAD, True), (ADMIN, True), (AUDITOR, True), (BEN, False)])
async def test_audit_is_for_owner_leads_admins_and_auditors(stage: Stage, user: str, may: bool):
    await stage.link(ANA, "ana")
    await _stopped_by_ana(stage)
    answer = await stage.ask(user, "audit", name="train-1")
    assert (answer["what"] == "audit") is may
    if may:
        assert [(row["actor"], row["action"]) for row in answer["rows"]] == [(ANA, "stopped it")]
        assert answer["head"]


async def test_audit_knows_notebooks_that_are_gone(stage: Stage):
    await _stopped_by_ana(stage)
    async with stage.db.begin() as db:
        await notebooks.change(db, "research", "nb-train-1", deleted_at=START)
    assert (await stage.ask(LEAD, "audit", name="train-1"))["rows"]
    assert (await stage.ask(BEN, "audit", name="train-1"))["what"] == "error"
    assert (await stage.ask(LEAD, "audit", name="never-was"))["what"] == "error"


@pytest.mark.parametrize(
    ("action", "data", "said"),
    [
        ("renew", {"before_ms": 1, "after_ms": 2, "approval": "a1"}, "lease from [[at:1]] to [[at:2]], request a1"),
        ("extend", {"before_ms": None, "after_ms": 2}, "lease until [[at:2]]"),
        ("approve", {"granted": {"by_s": 36_000}, "shown": {}}, "granted 10 h"),
        ("approve", {"granted": {"until_ms": 7}}, "granted until [[at:7]]"),
        ("approve", {"granted": {"for_s": 7_200, "name": "train-1", "image": "i"}}, "granted 2 h"),
        ("ask", {"approval": "a1", "why": "4 h are free"}, "request a1, because 4 h are free"),
        ("stop", {"end_ms": 5}, "lease until [[at:5]]"),
    ],
)
async def test_audit_says_in_words_what_came_of_it(stage: Stage, action: str, data: dict[str, Any], said: str):
    await stage.see(a_notebook())
    async with stage.db.begin() as db:
        await trail.append(db, b"chain", trail.Entry("research", ANA, action, "nb-train-1", "w1", data=data), START)
    (row,) = (await stage.ask(LEAD, "audit", name="train-1"))["rows"]
    assert row["result"] == said
    assert " " in row["action"], "it is a sentence"


async def test_whoami_says_links_roles_and_projects(stage: Stage):
    await stage.link(LEAD, "lena")
    answer = await stage.ask(LEAD, "whoami")
    assert answer["links"][0]["cloud_user"] == "lena"
    assert answer["links"][0]["state"] == "working"
    assert "lead of research" in answer["roles"]
    assert "approver of research" in answer["roles"]
    assert answer["projects"] == ["research"]
    assert answer["zone"] == "Europe/Berlin"


async def test_settings_are_saved_and_what_warns_cannot_be_muted(stage: Stage):
    await stage.ask(ANA, "settings_save", via="submit", quiet="off", notices=["stopped_outside"])
    answer = await stage.ask(ANA, "settings")
    assert answer["quiet"] == ""
    assert {notice["key"]: notice["on"] for notice in answer["notices"]} == {
        "stopped_lease": False, "stopped_outside": True,
    }  # fmt: skip
    await stage.ask(ANA, "settings_save", via="submit", quiet="")
    assert (await stage.ask(ANA, "settings"))["quiet"] == "20:00-08:00"


@pytest.mark.parametrize(
    ("policy", "shown"), [(POLICY, "20:00-08:00"), (POLICY.replace('"20:00-08:00"', '"none"'), "off")]
)
async def test_quiet_hours_that_were_left_as_shown_stay_the_projects(stage: Stage, shown: str):
    """The form shows what holds: whoever saves it for another reason has not chosen them."""
    await stage.ask(ANA, "settings_save", via="submit", quiet=shown, notices=[])
    async with stage.db.read() as db:
        assert "quiet" not in await people.settings(db, TEAM, ANA)
    await stage.ask(ANA, "settings_save", via="submit", quiet="22:00-07:00")
    await stage.ask(ANA, "settings_save", via="submit", quiet=shown)
    assert (await stage.ask(ANA, "settings"))["quiet"] == shown.replace("off", "")


async def test_a_muted_notice_does_not_come_and_the_others_do(stage: Stage):
    await stage.link(ANA, "ana")
    await stage.ask(ANA, "settings_save", via="submit", quiet="", notices=["stopped_outside"])
    await stage.see(a_notebook("ends"), a_notebook("outside"))
    stage.clock.go(timedelta(minutes=30))
    await stage.see(a_notebook("outside", status=Status.STOPPED, updated_at=stage.clock.now()))
    stage.clock.go(timedelta(minutes=30))
    await stage.see(a_notebook("ends", status=Status.STOPPED, updated_at=stage.clock.now()))
    told = [key for key in await _keys(stage) if key.startswith("stopped:")]
    assert [key.split(":")[1] for key in told] == ["nb-outside"]


async def _keys(stage: Stage) -> list[str]:
    return [row.key for row in await stage.rows(outbox)]
