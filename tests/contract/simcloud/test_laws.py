"""Laws over any history: the lease's arithmetic, legal transitions, and that looking changes nothing."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import CloudSettings, SimCloud
from tests.contract.simcloud.driver import HOUR, MINUTE, C

LEGAL = {
    ("", "running"),
    ("running", "stopping"),
    ("stopping", "stopped"),
    ("stopped", "starting"),
    ("starting", "running"),
    ("stopped", "deleting"),
    ("running", "deleting"),
    ("deleting", "deleted"),
}
ACTIONS = st.sampled_from(["renew", "renew_idle", "stop", "start", "busy", "idle", "delete", "nothing"])
STEPS = st.lists(st.tuples(ACTIONS, st.integers(0, 5 * HOUR), st.integers(HOUR, 72 * HOUR)), max_size=12)


def new_cloud() -> SimCloud:
    cloud = SimCloud(SimClock(C, running=False), CloudSettings(expiry_lag_ms=1234, idle_lag_ms=77))
    cloud.seed_default()
    cloud.console.create("ana", "x", lease_ms=2 * HOUR)
    return cloud


def act(cloud: SimCloud, action: str, span: int) -> None:
    """Carries out what the state allows; the rest is left out."""
    for notebook in cloud.notebooks():
        one, status = notebook.id, notebook.status
        if action == "busy" and notebook.live:
            cloud.make_busy(one)
        elif action == "idle" and notebook.live:
            cloud.make_idle(one)
        elif status == "RUNNING" and action in {"renew", "renew_idle"}:
            cloud.console.renew(one, span, "TIMING" if action == "renew" else "IDLE")
        elif status == "RUNNING" and action == "stop":
            cloud.console.stop(one)
        elif status == "STOPPED" and action == "start":
            cloud.console.start(one, span)
        elif status in {"RUNNING", "STOPPED"} and action == "delete":
            cloud.console.delete(one)


def play(steps: list[tuple[str, int, int]], pushes: int) -> SimCloud:
    """Each push is cut into `pushes` pieces with a look after each."""
    cloud = new_cloud()
    for action, push, span in steps:
        act(cloud, action, span)
        for piece in range(pushes):
            cloud.clock.advance_ms(push // pushes + (push % pushes if piece == 0 else 0))
            cloud.settle()
    return cloud


def effects(cloud: SimCloud) -> list[tuple[Any, ...]]:
    return [(e["at_ms"], e["action"], e["details"].get("reason")) for e in cloud.effects()]


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_looking_more_often_changes_nothing(steps: list[tuple[str, int, int]]) -> None:
    assert effects(play(steps, 1)) == effects(play(steps, 7))


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_every_change_is_legal_and_in_order(steps: list[tuple[str, int, int]]) -> None:
    log = [e for e in play(steps, 1).effects() if e["action"] != "lease_renewed"]
    changes = {(e["details"]["before"].lower(), e["action"]) for e in log}
    assert changes <= LEGAL
    assert [e["at_ms"] for e in log] == sorted(e["at_ms"] for e in log)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_the_law_of_the_lease_and_the_stop_at_its_end(steps: list[tuple[str, int, int]]) -> None:
    cloud = new_cloud()
    for action, push, span in steps:
        act(cloud, action, span)
        cloud.clock.advance_ms(push)
        for notebook in cloud.notebooks():
            lease = notebook.lease
            assert lease.create_at == C
            assert lease.payload()["duration"] == (lease.update_at - C) + lease.span
            if notebook.status == "RUNNING" and lease.type == "TIMING":
                assert cloud.clock.now_ms() < lease.end + 1234


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=8), st.integers(60, 300))
def test_an_idle_stop_comes_after_exactly_the_span_of_quiet(script: list[tuple[int, bool]], minutes: int) -> None:
    """Against a reference that looks at every minute."""
    cloud = new_cloud()
    (notebook,) = cloud.notebooks()
    steps = sorted(dict(script).items())
    for at, busy in steps:
        cloud.set_activity(notebook.id, cpu=50 if busy else 1, from_ms=C + at * MINUTE)
    quiet = 0
    for minute in range(2000):
        loud = [busy for at, busy in steps if at <= minute][-1:] == [True]
        quiet = 0 if loud else quiet + 1
        if quiet == minutes:
            break
    expected = C + (minute + 1) * MINUTE if quiet == minutes else None
    assert notebook.activity.idle_end(C, minutes * MINUTE, "CPU") == expected
