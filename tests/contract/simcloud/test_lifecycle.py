"""The lease law and the state machine, on a clock that stands still between pushes."""

from typing import Any

import pytest

from tests.contract.simcloud.driver import CREATE, HOUR, MINUTE, C, Driver


def end(lease: dict[str, Any]) -> int:
    return int(lease["create_at"] + lease["duration"])


async def test_the_lease_is_stamped_again_when_it_runs(api: Driver) -> None:
    made = await api.ok("POST", "/notebooks", json={**CREATE, "lease": {"duration": 2 * HOUR}})
    assert end(made["lease"]) == C + 2 * HOUR
    api.push(27_410)
    shown = await api.show(made["id"])
    assert shown["update_at"] - shown["lease"]["update_at"] == 38
    assert end(shown["lease"]) == C + 27_372 + 2 * HOUR
    assert shown["lease"]["create_at"] == made["lease"]["create_at"]


@pytest.mark.parametrize("asked", [HOUR, 5 * HOUR, 72 * HOUR])
async def test_a_renewal_replaces_the_end_by_now_plus_what_is_asked(api: Driver, asked: int) -> None:
    notebook_id = await api.running(lease={"duration": 6 * HOUR})
    before = await api.show(notebook_id)
    api.push(13 * MINUTE + 7)
    lease = await api.ok("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": asked, "type": "timing"})
    assert end(lease) == api.clock.now_ms() + asked
    assert lease["update_at"] == api.clock.now_ms()
    assert lease["create_at"] == C
    after = await api.show(notebook_id)
    assert after["lease"] == lease
    assert (after["update_at"], after["token"]) == (before["update_at"], before["token"])


async def test_a_duration_in_the_query_hides_the_body(api: Driver) -> None:
    notebook_id = await api.running(lease={"duration": HOUR, "type": "idle"})
    path = f"/notebooks/{notebook_id}/lease"
    kept = await api.ok("PATCH", path, json={"duration": 2 * HOUR, "type": "IDLE"})
    assert kept["type"] == "IDLE"
    lease = await api.ok("PATCH", f"{path}?duration={3 * HOUR}", json={"duration": 2 * HOUR, "type": "IDLE"})
    assert (lease["type"], end(lease)) == ("TIMING", api.clock.now_ms() + 3 * HOUR)
    default = await api.ok("PATCH", path)
    assert (default["type"], end(default)) == ("TIMING", api.clock.now_ms() + HOUR)


@pytest.mark.parametrize(
    ("duration", "code"), [(HOUR - 1, "6349"), (72 * HOUR + 1, "6349"), (-1, "6349"), ("soon", "0104"), (True, "0104")]
)
async def test_durations_out_of_range_are_refused(api: Driver, duration: Any, code: str) -> None:
    notebook_id = await api.running()
    before = (await api.show(notebook_id))["lease"]
    refused = await api.refused("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": duration})
    assert refused == (400, f"ModelArts.{code}")
    assert (await api.show(notebook_id))["lease"] == before


async def test_at_its_end_the_platform_stops_it(api: Driver) -> None:
    notebook_id = await api.running()
    due = end((await api.show(notebook_id))["lease"])
    api.clock.set_ms(due - 1)
    assert await api.status(notebook_id) == "RUNNING"
    api.push(1)
    assert await api.status(notebook_id) == "STOPPING"
    api.push(151_345)
    assert await api.status(notebook_id) == "STOPPING"
    api.push(1)
    stopped = await api.show(notebook_id)
    assert (stopped["status"], stopped["update_at"]) == ("STOPPED", due + 151_346)


async def test_one_long_push_gives_each_change_its_own_instant(api: Driver) -> None:
    """Nobody looked for days: provisioning, the end of the lease and the stop are still where they belong."""
    first, second = await api.create(), await api.create(name="other", lease={"duration": 2 * HOUR})
    api.push(100 * HOUR)
    expected = []
    for notebook_id, span in ((first, HOUR), (second, 2 * HOUR)):
        due = C + 27_372 + span
        expected += [(C + 27_410, notebook_id, "running"), (due, notebook_id, "stopping")]
        expected.append((due + 151_346, notebook_id, "stopped"))
    seen = [(e["at_ms"], e["notebook_id"], e["action"]) for e in api.cloud.effects() if e["action"] != "creating"]
    assert seen == sorted(expected, key=lambda item: item[0])
    assert api.cloud.effects("stopping")[0]["details"]["reason"] == "lease_end"


async def test_the_platform_may_lag_behind_the_end(api: Driver) -> None:
    api.cloud.settings.expiry_lag_ms = 90_000
    notebook_id = await api.running()
    api.clock.set_ms(end((await api.show(notebook_id))["lease"]) + 89_999)
    assert await api.status(notebook_id) == "RUNNING"
    api.push(1)
    assert await api.status(notebook_id) == "STOPPING"


async def test_a_renewal_in_time_moves_the_stop(api: Driver) -> None:
    notebook_id = await api.running()
    api.push(50 * MINUTE)
    await api.ok("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": HOUR})
    api.push(59 * MINUTE)
    assert await api.status(notebook_id) == "RUNNING"
    api.push(MINUTE)
    assert await api.status(notebook_id) == "STOPPING"


async def test_a_start_brings_a_new_token_and_keeps_origin_and_link(api: Driver) -> None:
    notebook_id = await api.running()
    before = await api.show(notebook_id)
    await api.ok("POST", f"/notebooks/{notebook_id}/stop")
    api.push(200_000)
    started = await api.ok("POST", f"/notebooks/{notebook_id}/start", params={"duration": 2 * HOUR, "type": "idle"})
    assert (started["status"], started["url"]) == ("STARTING", before["url"])
    assert started["token"] != before["token"]
    assert started["lease"] | {"type": "IDLE", "create_at": C} == started["lease"]
    assert end(started["lease"]) == api.clock.now_ms() + 2 * HOUR
    api.push(api.cloud.settings.start_ms)
    running = await api.show(notebook_id)
    assert end(running["lease"]) == api.clock.now_ms() - 38 + 2 * HOUR


async def test_a_start_without_parameters_is_an_hour_by_the_clock(api: Driver) -> None:
    notebook_id = api.cloud.console.create("ana", "x", status="STOPPED", lease_type="IDLE").id
    lease = (await api.ok("POST", f"/notebooks/{notebook_id}/start", json={}))["lease"]
    assert (lease["type"], lease["enable"], end(lease)) == ("TIMING", True, api.clock.now_ms() + HOUR)


async def test_minus_one_runs_without_an_end(api: Driver) -> None:
    notebook_id = await api.running(duration=-1)
    assert (await api.show(notebook_id))["lease"]["enable"] is False
    api.push(1000 * HOUR)
    del api.tokens["ana"]
    assert await api.status(notebook_id) == "RUNNING"


async def test_progress_moves_through_the_four_steps(api: Driver) -> None:
    notebook_id = await api.create()

    async def steps() -> str:
        shown = await api.show(notebook_id)
        return "".join(step["status"][0] for step in reversed(shown.get("action_progress", [])))

    seen = [await steps()]
    for _ in range(4):
        api.push(27_410 // 4 + 1)
        seen.append(await steps())
    assert seen == ["PWWW", "CPWW", "CCPW", "CCCP", ""]


async def test_failures_of_provisioning_say_why(api: Driver) -> None:
    api.cloud.fail_provisioning("No node has a free GPU.")
    api.cloud.fail_provisioning("Image pull failed.", during="STARTING")
    notebook_id = await api.running()
    failed = await api.show(notebook_id)
    assert (failed["status"], failed["fail_reason"]) == ("CREATE_FAILED", "No node has a free GPU.")
    assert "url" not in failed
    other = api.cloud.console.create("ana", "x", status="STOPPED").id
    await api.ok("POST", f"/notebooks/{other}/start")
    api.push(30_000)
    assert (await api.show(other))["status"] == "START_FAILED"
    assert (await api.ok("POST", f"/notebooks/{other}/start"))["status"] == "STARTING"
    api.push(30_000)
    assert await api.status(other) == "RUNNING"


@pytest.mark.parametrize(
    ("status", "verb", "specific"),
    [
        ("RUNNING", "start", "6305"),
        ("STARTING", "start", "6306"),
        ("STOPPED", "stop", "6307"),
        ("STOPPING", "stop", "6308"),
        ("SNAPSHOTTING", "stop", "6327"),
        ("CREATING", "stop", "6327"),
        ("CREATE_FAILED", "start", "6357"),
        ("ERROR", "stop", "6327"),
    ],
)
async def test_a_verb_in_the_wrong_state(api: Driver, status: str, verb: str, specific: str) -> None:
    notebook_id = api.cloud.console.create("ana", "x", status=status).id
    assert await api.refused("POST", f"/notebooks/{notebook_id}/{verb}") == (400, "ModelArts.6357")
    api.cloud.settings.conflict = "specific"
    assert await api.refused("POST", f"/notebooks/{notebook_id}/{verb}") == (400, f"ModelArts.{specific}")
    assert await api.status(notebook_id) == status


async def test_only_a_running_lease_is_renewed(api: Driver) -> None:
    notebook_id = api.cloud.console.create("ana", "x", status="STOPPED").id
    path = f"/notebooks/{notebook_id}/lease"
    assert await api.refused("PATCH", path, json={}) == (400, "ModelArts.6327")
    assert (await api.call("GET", path)).status_code == 200
    api.cloud.settings.show_lease_stopped = False
    assert await api.refused("GET", path) == (400, "ModelArts.6327")


async def test_arrears_freeze_everything_until_they_are_paid(api: Driver) -> None:
    notebook_id = await api.running()
    api.cloud.set_arrears(True)
    assert await api.status(notebook_id) == "FROZEN"
    assert await api.refused("POST", f"/notebooks/{notebook_id}/start") == (400, "ModelArts.6326")
    assert await api.refused("POST", "/notebooks", json=CREATE) == (400, "ModelArts.6326")
    api.push(10 * HOUR)
    assert await api.status(notebook_id) == "FROZEN"
    api.cloud.set_arrears(False)
    assert await api.status(notebook_id) == "STOPPED"


async def test_a_deleted_one_is_gone_after_a_while(api: Driver) -> None:
    notebook_id = await api.running()
    assert (await api.ok("DELETE", f"/notebooks/{notebook_id}"))["status"] == "DELETING"
    assert await api.refused("DELETE", f"/notebooks/{notebook_id}") == (400, "ModelArts.6357")
    assert await api.status(notebook_id) == "DELETING"
    api.push(10_000)
    assert await api.refused("GET", f"/notebooks/{notebook_id}") == (400, "ModelArts.6309")
    assert (await api.ok("GET", "/notebooks"))["data"] == []


async def test_a_deletion_may_fail(api: Driver) -> None:
    api.cloud.settings.delete_fails = True
    notebook_id = await api.running()
    await api.ok("DELETE", f"/notebooks/{notebook_id}")
    api.push(10_000)
    failed = await api.show(notebook_id)
    assert failed["status"] == "DELETE_FAILED"
    assert failed["fail_reason"]


class TestIdleLease:
    """Type IDLE: the platform stops what has been under its thresholds for the span asked for."""

    async def test_quiet_from_the_start(self, api: Driver) -> None:
        notebook_id = await api.running(lease={"duration": HOUR, "type": "IDLE"})
        stamped = (await api.show(notebook_id))["lease"]["update_at"]
        api.clock.set_ms(stamped + HOUR - 1)
        assert await api.status(notebook_id) == "RUNNING"
        api.push(1)
        assert await api.status(notebook_id) == "STOPPING"
        assert api.cloud.effects("stopping")[-1]["details"]["reason"] == "idle"

    async def test_work_puts_it_off_and_the_span_counts_from_its_end(self, api: Driver) -> None:
        notebook_id = await api.running(lease={"duration": HOUR, "type": "IDLE"})
        api.push(30 * MINUTE)
        api.cloud.set_activity(notebook_id, cpu=40)
        api.push(5 * HOUR)
        assert await api.status(notebook_id) == "RUNNING"
        api.cloud.set_activity(notebook_id, cpu=5.0)  # at the threshold is under it
        quiet_at = api.clock.now_ms()
        api.clock.set_ms(quiet_at + HOUR - 1)
        assert await api.status(notebook_id) == "RUNNING"
        api.push(1)
        assert await api.status(notebook_id) == "STOPPING"

    @pytest.mark.parametrize(
        ("flavor", "load", "stops"),
        [
            ("modelarts.vm.cpu.2u", {"network": 1.7}, False),
            ("modelarts.vm.cpu.2u", {"gpu": 90}, True),  # not measured on a CPU flavor
            ("modelarts.vm.gpu.v100", {"gpu": 1.1}, False),
            ("modelarts.vm.gpu.v100", {"gpu": 1.0, "npu": 50}, True),
            ("modelarts.bm.npu.arm.1d910", {"npu": 2}, False),
        ],
    )
    async def test_what_is_measured_depends_on_the_flavor(
        self, api: Driver, flavor: str, load: dict[str, float], stops: bool
    ) -> None:
        notebook = api.cloud.console.create("ana", "x", flavor=flavor, lease_type="IDLE")
        api.cloud.set_activity(notebook.id, **load)
        api.push(2 * HOUR)
        assert (await api.status(notebook.id) in {"STOPPING", "STOPPED"}) is stops
