"""The checks can fail: a history that breaks a promise is reported by the check of that promise, and only by it."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.simulation import checks, holds, kept, leads, liveness, spent, told
from tests.simulation.checks import Scene
from tests.simulation.history import NEVER, SERVICE, Life, Post, Write
from tests.simulation.witness import Sample
from tests.simulation.world import HOUR_MS, MINUTE_MS, MONDAY_MS

NOTEBOOK, T0 = "n1", MONDAY_MS
STOP = T0 + 150 * MINUTE_MS
WARNED = STOP - 20 * MINUTE_MS
END = T0 + 8 * HOUR_MS
SAFE = (checks.stops, checks.activity, checks.shortened, checks.doubles, checks.effects, checks.creates,
        checks.settled, checks.rights, holds.bridges, kept.left_alone, leads.overtaken, leads.asleep, leads.early,
        leads.due, liveness.idle, told.addressed, told.unfinished, told.unanswered)  # fmt: skip


class Witness:
    """Nobody used it, and it was looked at a minute before the stop."""

    def __init__(self) -> None:
        self.samples = {NOTEBOOK: [Sample(STOP - MINUTE_MS, active=False)]}
        self.of_flavor = "CPU"
        self.busy_ms = 0
        self.late: set[tuple[str, int]] = set()
        self.made_at: dict[str, int] = {}
        self.uses: dict[str, list[tuple[int, bool]]] = {}

    def busy_at(self, _notebook: str, _at: int) -> bool:
        return bool(self.busy_ms)

    def busy_for_ms(self, _notebook: str, _at: int) -> int:
        return self.busy_ms

    def category(self, _notebook: str) -> str:
        return self.of_flavor

    def idle_after_ms(self, _notebook: str) -> int:
        return HOUR_MS

    def quiet_spells(self, _notebook: str, begin: int, end: int) -> list[tuple[int, int]]:
        return [(begin, end)]


def a_scene() -> Any:
    """A notebook of ana's: warned of idleness, and stopped after the grace."""
    scene = object.__new__(Scene)
    life = Life(NOTEBOOK, "ana", runs=[(T0 + HOUR_MS, STOP)], ends=[(T0 + HOUR_MS, STOP, END, END - T0)],
                stops=[(STOP, "api", SERVICE)])  # fmt: skip
    slack = SimpleNamespace(calls=lambda _method: [], log=[], workspace=SimpleNamespace(channels={}))
    scene.world = SimpleNamespace(  # type: ignore[assignment]
        poll_s=600, quiet=False, start_ms=T0, calm_ms=T0 + 20 * HOUR_MS, end_ms=T0 + 24 * HOUR_MS, witness=Witness(),
        slack=slack,
        braked=lambda _start, _end: False,
    )  # fmt: skip
    scene.lives, scene.writes, scene.acts, scene.spans, scene.jumps = {NOTEBOOK: life}, [], [], [], []
    scene._away, scene.counts = [], Counter()
    scene.posts = [a_post(WARNED, f"idle_warning:{NOTEBOOK}:{T0}")]
    return scene


def a_post(at: int, key: str, receipt: int | None = -1, to: str = "U0ANA") -> Post:
    return Post(at, "D1", f"{at}", key.partition(":")[0], (key,), at if receipt == -1 else receipt, to, NOTEBOOK)


def broken(scene: Any) -> set[str]:
    return {check.__name__ for check in SAFE if list(check(scene))}


def test_a_good_history_is_good() -> None:
    assert broken(a_scene()) == set()


@pytest.mark.parametrize("posts", [[], [a_post(WARNED, f"idle_warning:{NOTEBOOK}:1", None)],
                                   [a_post(STOP - 14 * MINUTE_MS, f"idle_warning:{NOTEBOOK}:1")],
                                   [a_post(T0, f"idle_warning:{NOTEBOOK}:1")]],
                         ids=["none", "its receipt never came", "grace not over", "of the run before"])  # fmt: skip
def test_a_stop_without_notice_or_grace(posts: list[Post]) -> None:
    scene = a_scene()
    scene.posts = posts
    assert broken(scene) == {"stops"}


def test_a_stop_on_a_notice_of_before_the_last_use() -> None:
    scene = a_scene()
    scene.world.witness.uses = {NOTEBOOK: [(WARNED + MINUTE_MS, True), (WARNED + 2 * MINUTE_MS, False)]}
    assert broken(scene) == {"stops"}
    scene.world.witness.samples = {NOTEBOOK: [Sample(WARNED, active=False), Sample(STOP - MINUTE_MS, active=False)]}
    scene.world.witness.uses = {NOTEBOOK: [(STOP - MINUTE_MS // 2, True)]}  # younger than what the last sample showed
    assert broken(scene) == set()


@pytest.mark.parametrize(
    "samples", [[], [Sample(STOP - MINUTE_MS, active=True)], [Sample(STOP - HOUR_MS, active=False)]]
)
def test_a_stop_of_what_was_in_use_or_not_looked_at(samples: list[Sample]) -> None:
    scene = a_scene()
    scene.world.witness.samples = {NOTEBOOK: samples}
    assert broken(scene) == {"activity"}


@pytest.mark.parametrize(("minutes", "fine"), [(9, True), (11, False)])
def test_a_stop_of_what_has_been_at_work_for_longer_than_sources_lag(minutes: int, fine: bool) -> None:
    scene = a_scene()
    scene.world.witness.busy_ms = minutes * MINUTE_MS
    assert broken(scene) == (set() if fine else {"activity"})


def test_a_renewal_that_shortens() -> None:
    scene = a_scene()
    scene.lives[NOTEBOOK].renewals = [(T0 + 2 * HOUR_MS, "api ana", END, END - 1)]
    assert broken(scene) == {"shortened"}


def test_a_message_twice() -> None:
    scene = a_scene()
    scene.posts.append(a_post(WARNED + 1, scene.posts[0].keys[0]))
    assert broken(scene) == {"doubles"}


def test_two_effects_of_one_button() -> None:
    scene = a_scene()
    click = {"user": "U0ANA", "how": "click", "what": "notebook_extend:1h 1.0", "at": T0, "notebooks": {NOTEBOOK}}
    scene.acts = [click, click | {"at": T0 + 1}]
    scene.writes = [Write(T0, "ana", "RenewLease", NOTEBOOK)]
    assert broken(scene) == set()
    scene.writes *= 2
    assert broken(scene) == {"effects"}


def test_a_stop_of_what_needs_nobody_knows_what() -> None:
    scene = a_scene()
    scene.world.witness.of_flavor = ""
    assert broken(scene) == {"stops"}


@pytest.mark.parametrize("settled", [False, True])
def test_a_click_on_what_is_settled(settled: bool) -> None:
    scene = a_scene()
    click = {"user": "U0ANA", "how": "click", "what": "notebook_stop 1.0", "at": T0, "notebooks": {NOTEBOOK}}
    scene.acts = [click | {"settled": settled}]
    scene.writes = [Write(T0 + MINUTE_MS, "ana", "StopNotebook", NOTEBOOK)]
    assert broken(scene) == ({"settled"} if settled else set())
    scene.acts.append(click | {"how": "command", "what": "stop n1", "at": T0 - MINUTE_MS, "ok": True, "said": True})
    assert broken(scene) == set()  # it was asked for as well


@pytest.mark.parametrize(("end", "fine"), [(T0 + HOUR_MS, True), (T0 + 4 * HOUR_MS, False)])
def test_an_approval_by_one_of_a_group_that_nobody_could_read(end: int, fine: bool) -> None:
    scene = a_scene()
    at = T0 + 2 * HOUR_MS
    scene.lives[NOTEBOOK].renewals = [(at, "api ana", END, END + 9 * HOUR_MS)]
    scene.acts = [
        {"user": "U0CARLA", "how": "click", "what": "approval_approve 1.0", "at": at, "notebooks": {NOTEBOOK}}
    ]
    scene.spans = [(T0, end, "groups")]
    assert broken(scene) == (set() if fine else {"rights"})


def test_what_was_asked_for_another_notebook_does_not_count() -> None:
    scene = a_scene()
    scene.acts = [{"user": "U0ANA", "how": "command", "what": f"extend {name} 1h", "at": T0, "notebooks": {name},
                   "maybe": {name}, "said": True, "ok": True} for name in (NOTEBOOK, "n2")]  # fmt: skip
    scene.writes = [Write(T0, "ana", "RenewLease", NOTEBOOK)] * 2
    assert broken(scene) == {"effects"}


def test_a_notebook_made_twice() -> None:
    scene = a_scene()
    act = {"user": "U0ANA", "how": "command", "what": "create new image=i", "at": T0, "notebooks": set(), "said": True,
           "ok": True}  # fmt: skip
    scene.acts = [act]
    scene.lives |= {name: Life(name, "ana", name="new", made_by_api=True) for name in ("n2",)}
    assert broken(scene) == set()
    scene.lives |= {name: Life(name, "ana", name="new", made_by_api=True) for name in ("n3",)}
    assert broken(scene) == {"creates"}


@pytest.mark.parametrize(
    "write", [Write(T0, "ben", "StopNotebook", NOTEBOOK), Write(T0, SERVICE, "StartNotebook", NOTEBOOK)]
)
def test_what_somebody_else_did(write: Write) -> None:
    scene = a_scene()
    scene.acts = [{"user": "U0BEN", "how": "command", "what": "stop n", "at": T0, "notebooks": {NOTEBOOK},
                   "said": True, "ok": True}]  # fmt: skip
    scene.writes = [write]
    assert broken(scene) == {"rights"}


@pytest.mark.parametrize(
    ("at", "old", "new", "fine"),
    [
        (T0 + 2 * HOUR_MS, END, END + 4 * HOUR_MS, True),
        (T0 + 2 * HOUR_MS, END, END + 4 * HOUR_MS + 2 * MINUTE_MS, False),  # more than one step
        (T0 + 2 * HOUR_MS, END + 2 * HOUR_MS, END + 6 * HOUR_MS, False),  # more than is free in a run
    ],
)
@pytest.mark.parametrize("approved", [False, True])
def test_more_than_the_gate_lets_through(at: int, old: int, new: int, fine: bool, approved: bool) -> None:
    scene = a_scene()
    scene.lives[NOTEBOOK].renewals = [(at, "api ana", old, new)]
    if approved:
        act = {"user": "U0CARLA", "how": "click", "what": "approval_approve 1.0", "at": at, "notebooks": {NOTEBOOK}}
        scene.acts = [act]
    assert broken(scene) == (set() if fine or approved else {"rights"})


def test_nobody_approves_their_own() -> None:
    scene = a_scene()
    scene.lives[NOTEBOOK].owner = "carla"
    scene.posts = [replace(scene.posts[0], to="U0CARLA")]
    scene.lives[NOTEBOOK].renewals = [(T0 + 2 * HOUR_MS, "api carla", END, END + 9 * HOUR_MS)]
    scene.acts = [
        {"user": "U0CARLA", "how": "click", "what": "approval_approve 1.0", "at": T0, "notebooks": {NOTEBOOK}}
    ]
    assert broken(scene) == {"rights"}


def test_nobody_approves_what_they_asked_for_on_another_ones_notebook() -> None:
    scene = a_scene()
    scene.lives[NOTEBOOK].renewals = [(T0 + 2 * HOUR_MS, "api carla", END, END + 9 * HOUR_MS)]
    act = {"user": "U0CARLA", "how": "click", "what": "approval_approve 1.0", "at": T0, "notebooks": {NOTEBOOK}}
    scene.acts = [act]
    assert broken(scene) == {"rights"}
    scene.acts = [act | {"user": "U0DORA"}]
    assert broken(scene) == set()


@pytest.mark.parametrize(
    ("how", "what", "fine"),
    [
        ("click", "approval_approve 1.0", True),
        ("submit", "approval_less", True),
        ("click", "approval_approve_less 1.0", False),
        ("click", "approval_deny 1.0", False),
        ("submit", "approval_deny_reason", False),
        ("click", "approval_withdraw 1.0", False),
    ],
)
def test_only_a_grant_approves(how: str, what: str, fine: bool) -> None:
    scene = a_scene()
    scene.lives[NOTEBOOK].renewals = [(T0 + 2 * HOUR_MS, "api ana", END, END + 9 * HOUR_MS)]
    scene.acts = [{"user": "U0DORA", "how": how, "what": what, "at": T0, "notebooks": {NOTEBOOK}}]
    assert broken(scene) == (set() if fine else {"rights"})


def said(scene: Any, at: int, text: str) -> None:
    """A message about the notebook says so from then on."""
    about = {"event_type": "operation", "event_payload": {"notebook_id": NOTEBOOK}}
    args = {"text": text, "metadata": about}
    scene.world.slack.log.append({"kind": "api", "method": "chat.update", "at_ms": at, "args": args, "answer": None})


@pytest.mark.parametrize(("until", "fine"), [(STOP - 1000, True), (STOP + 1000, False)])
@pytest.mark.parametrize(("at", "of_its_run"), [(WARNED, True), (T0 + MINUTE_MS, False)])
def test_a_stop_of_what_is_kept(until: int, fine: bool, at: int, of_its_run: bool) -> None:
    scene = a_scene()
    said(scene, at, f"*nb* is kept running: no idle stop until <!date^{until // 1000}^{{time}}|12:00>.")
    assert broken(scene) == ({"left_alone"} if of_its_run and not fine else set())


@pytest.mark.parametrize(("before", "fine"), [(23 * HOUR_MS, False), (25 * HOUR_MS, True)])
def test_a_stop_after_one_that_was_marked_wrong(before: int, fine: bool) -> None:
    scene, marked = a_scene(), STOP - before
    said(
        scene, marked, f"Marked as a wrong stop: it is counted (by <@U0ANA>, <!date^{marked // 1000}^{{time}}|12:00>)."
    )
    assert broken(scene) == (set() if fine else {"left_alone"})


COUNTED = (T0 + HOUR_MS, STOP + 3 * MINUTE_MS)  # until it was stopped, not only stopping


@pytest.mark.parametrize(
    ("spans", "fine"),
    [
        ([COUNTED], True),
        ([(T0 + HOUR_MS, STOP - 10 * MINUTE_MS)], True),  # the pass before was the last that saw it
        ([(T0 + HOUR_MS, T0 + 2 * HOUR_MS), (T0 + 2 * HOUR_MS, STOP)], True),  # its price has changed
        ([], False),
        ([(T0 + HOUR_MS, T0 + 90 * MINUTE_MS)], False),
        ([(T0 + HOUR_MS, NEVER)], False),
        ([(T0 + 70 * MINUTE_MS, STOP)], False),
        ([COUNTED, COUNTED], False),
    ],
)
def test_what_ran_is_counted_once(spans: list[tuple[int, int]], fine: bool) -> None:
    scene = a_scene()
    assert (list(spent.counted(scene, {NOTEBOOK: spans})) == []) is fine
    scene.spans = [(T0, END, "cloud_down")]
    assert list(spent.counted(scene, {NOTEBOOK: [COUNTED]})) == []


def bridged(scene: Any, *, at: int = END - 20 * MINUTE_MS, to: int = END + 40 * MINUTE_MS) -> Any:
    """The service account has renewed it while a request waited."""
    life = scene.lives[NOTEBOOK]
    life.runs, life.stops = [(T0 + HOUR_MS, to)], []
    life.ends = [(T0 + HOUR_MS, at, END, END - T0), (at, to, to, to - at)]
    life.renewals = [(at, f"api {SERVICE}", END, to)]
    scene.posts = [a_post(T0 + 2 * HOUR_MS, "approval_request:r1", to="C0RESEARCH")]
    return scene


def held(scene: Any) -> list[str]:
    return list(holds.bridges(scene))


def test_the_service_account_renews_only_while_a_request_waits() -> None:
    scene = bridged(a_scene())
    assert held(scene) == []
    scene.posts.append(a_post(END - 30 * MINUTE_MS, "approval_settled:r1"))
    assert "no request waits" in held(scene)[0]
    scene.posts.clear()
    assert "no request waits" in held(scene)[0]


def test_a_bridge_is_neither_too_long_nor_too_soon() -> None:
    assert "the end asked at was" in held(bridged(a_scene(), to=END + 2 * HOUR_MS + 5 * MINUTE_MS))[0]
    assert "long before" in held(bridged(a_scene(), at=END - 2 * HOUR_MS))[0]


@pytest.mark.parametrize("kind", ["idle_warning", "stopped"])
@pytest.mark.parametrize("to", ["U0BEN", "U0DORA", "C0RESEARCH"])
def test_a_message_for_somebody_else(kind: str, to: str) -> None:
    scene = a_scene()
    scene.posts.append(a_post(WARNED + 1, f"{kind}:{NOTEBOOK}:7", to=to))
    assert broken(scene) == {"addressed"}
    scene._away = [(WARNED - HOUR_MS, WARNED, "U0ANA")]
    assert broken(scene) == (set() if kind == "idle_warning" and to != "U0BEN" else {"addressed"})


def test_an_operation_without_an_end() -> None:
    scene = a_scene()
    message = SimpleNamespace(metadata={"event_type": "operation"}, posted_ms=T0, ts="1.0", text="*n1* is running.")
    scene.world.slack.workspace.channels = {"D1": SimpleNamespace(id="D1", messages=[message])}
    assert broken(scene) == set()
    for text in ("Extending *n1*: accepted, it begins in a moment.", "Starting *n1*."):
        message.text = text
        assert broken(scene) == {"unfinished"}
    for text in ("Extending *n1* waits.", "Extending *n1* needs an approval. I have asked for it."):
        message.text = text
        assert broken(scene) == set()


def test_a_command_without_an_answer() -> None:
    scene = a_scene()
    act = {"user": "U0ANA", "how": "command", "what": "list", "at": T0, "notebooks": set(), "said": False, "ok": True}
    scene.acts = [act]
    assert broken(scene) == {"unanswered"}
    scene.world.slack.log = [{"kind": "response_url", "at_ms": T0 + MINUTE_MS, "status": 200}]
    assert broken(scene) == set()


def test_a_lead_that_comes_too_early() -> None:
    scene = runs_on(a_scene())
    scene.world.witness.quiet_spells = lambda *_words: []
    scene.posts = [*warned(3600, 900), a_post(END - 70 * MINUTE_MS, f"lease_warning:{NOTEBOOK}:{END}:3600")]
    assert "early" in broken(scene)


def runs_on(scene: Any) -> Any:
    """Nobody stops it: the lease ends."""
    life = scene.lives[NOTEBOOK]
    life.runs, life.ends, life.stops = [(T0 + HOUR_MS, END)], [(T0 + HOUR_MS, END, END, END - T0)], []
    return scene


def warned(*leads_s: int) -> list[Post]:
    return [a_post(END - lead * 1000 + MINUTE_MS, f"lease_warning:{NOTEBOOK}:{END}:{lead}") for lead in leads_s]


def test_an_idle_notebook_that_nobody_stops_and_nobody_warns_of() -> None:
    assert broken(runs_on(a_scene())) == {"idle", "due"}


@pytest.mark.parametrize(("until_h", "fine"), [(4, True), (6, False)])
def test_an_owner_who_comes_back_is_warned_before_it_is_stopped(until_h: int, fine: bool) -> None:
    scene = runs_on(a_scene())
    scene._away, scene.world.end_ms = [(T0, T0 + 5 * HOUR_MS // 2, "U0ANA")], T0 + until_h * HOUR_MS
    assert ("idle" not in broken(scene)) == fine


def test_a_lead_that_never_came() -> None:
    scene = runs_on(a_scene())
    scene.world.witness.quiet_spells = lambda *_words: []
    scene.posts = warned(3600)
    assert broken(scene) == set()  # the other one may still come when the lease is over
    scene.posts = warned(900)
    assert broken(scene) == {"due"}


def test_a_warning_of_an_end_that_was_renewed() -> None:
    scene = a_scene()
    life = scene.lives[NOTEBOOK]
    life.ends = [(T0 + HOUR_MS, T0 + 2 * HOUR_MS, END, END - T0), (T0 + 2 * HOUR_MS, STOP, NEVER, NEVER)]
    scene.posts.append(a_post(T0 + 2 * HOUR_MS + 30 * MINUTE_MS, f"lease_warning:{NOTEBOOK}:{END}:3600"))
    assert broken(scene) == {"overtaken"}


def test_a_warning_after_the_end_unless_it_was_there_before() -> None:
    scene = a_scene()
    life, key = scene.lives[NOTEBOOK], f"lease_warning:{NOTEBOOK}:{END}:900"
    life.ends = [(T0 + HOUR_MS, END + HOUR_MS, END, END - T0)]
    scene.posts.append(a_post(END + 10 * MINUTE_MS, key))
    assert "overtaken" in broken(scene)
    scene.posts.append(a_post(END - MINUTE_MS, key))
    assert "overtaken" not in broken(scene)  # an answer was lost: whether it may come twice is another check
    scene.posts[-1] = replace(scene.posts[-1], channel="D2")
    assert "overtaken" in broken(scene)


def test_a_warning_in_quiet_hours_that_could_have_come_before() -> None:
    scene = runs_on(a_scene())
    scene.world.quiet = True
    scene.world.witness.quiet_spells = lambda *_words: []
    life, end = scene.lives[NOTEBOOK], T0 + 14 * HOUR_MS  # 23:00 in Berlin
    life.runs, life.ends = [(T0 + HOUR_MS, end)], [(T0 + HOUR_MS, end, end, end - T0)]
    key = f"lease_warning:{NOTEBOOK}:{end}:3600"
    scene.posts = [a_post(T0 + 11 * HOUR_MS - 9 * MINUTE_MS, key)]  # ten minutes before they began at 20:00
    assert broken(scene) == set()
    scene.posts = [a_post(end - HOUR_MS, key)]
    assert broken(scene) == {"asleep", "due"}
