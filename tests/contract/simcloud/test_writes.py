"""What the service refuses to take, with its code; and where versions of it differ."""

from typing import Any

import pytest

from tests.contract.simcloud.driver import CREATE, HOUR, Driver

ARM_IMAGE = "59a6e9f5-93c0-44dd-85b0-82f390c5d53a"
VOLUME = {"category": "EFS", "ownership": "MANAGED", "capacity": 50}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"name": None}, "6334", id="no name"),
        pytest.param({"name": 12}, "0104", id="name of the wrong type"),
        pytest.param({"name": "a b"}, "6332", id="name with a space"),
        pytest.param({"name": "<!channel>"}, "6332", id="name with markup"),
        pytest.param({"name": "x" * 129}, "6335", id="name too long"),
        pytest.param({"description": "<b>"}, "6332", id="description with markup"),
        pytest.param({"flavor": "modelarts.vm.cpu.3u"}, "6323", id="unknown flavor"),
        pytest.param({"flavor": None}, "6334", id="no flavor"),
        pytest.param({"flavor": "modelarts.bm.gpu.8v100"}, "6329", id="sold out"),
        pytest.param({"image_id": "00000000-0000-4000-8000-000000000000"}, "6797", id="unknown image"),
        pytest.param({"image_id": ARM_IMAGE}, "6330", id="image for another architecture"),
        pytest.param({"volume": None}, "6334", id="no volume"),
        pytest.param({"volume": {**VOLUME, "category": "TAPE"}}, "6335", id="unknown volume"),
        pytest.param({"volume": {**VOLUME, "category": "EVS", "capacity": 4}}, "6331", id="disk too small"),
        pytest.param({"volume": {**VOLUME, "category": "EVS", "capacity": 4097}}, "6331", id="disk too large"),
        pytest.param({"volume": {**VOLUME, "capacity": "50"}}, "0104", id="capacity as text"),
        pytest.param({"lease": {"duration": HOUR - 1}}, "6349", id="lease too short"),
        pytest.param({"lease": {"duration": 72 * HOUR + 1}}, "6349", id="lease too long"),
        pytest.param({"lease": {"type": "NEVER"}}, "6335", id="unknown lease type"),
        pytest.param({"feature": "LAB"}, "6335", id="unknown feature"),
        pytest.param({"workspace_id": "1"}, "0102", id="unknown workspace"),
    ],
)
async def test_a_create_is_refused(api: Driver, changes: dict[str, Any], code: str) -> None:
    assert await api.refused("POST", "/notebooks", json={**CREATE, **changes}) == (400, f"ModelArts.{code}")
    assert api.cloud.notebooks() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
async def test_a_body_that_is_no_object(api: Driver, body: bytes) -> None:
    assert await api.refused("POST", "/notebooks", content=body) == (400, "ModelArts.6336")


async def test_what_is_asked_in_lower_case_is_answered_in_upper_case(api: Driver) -> None:
    volume = {"category": "evs", "ownership": "managed"}
    notebook_id = await api.running(volume=volume, lease={"type": "idle"}, feature="notebook")
    shown = await api.show(notebook_id)
    assert (shown["volume"]["category"], shown["volume"]["ownership"]) == ("EVS", "MANAGED")
    assert (shown["lease"]["type"], shown["feature"], shown["volume"]["capacity"]) == ("IDLE", "NOTEBOOK", 5)


async def test_a_duration_at_the_top_beats_the_lease(api: Driver) -> None:
    made = await api.ok("POST", "/notebooks", json={**CREATE, "duration": 3 * HOUR, "lease": {"type": "IDLE"}})
    assert (made["lease"]["type"], made["lease"]["duration"]) == ("TIMING", 3 * HOUR)


async def test_names_need_not_be_unique_but_the_quota_counts_them(api: Driver) -> None:
    api.cloud.settings.quota_per_user = 2
    assert await api.create() != await api.create()
    assert await api.refused("POST", "/notebooks", json=CREATE) == (400, "ModelArts.6302")
    assert (await api.as_user("ben").call("POST", "/notebooks", json=CREATE)).status_code == 200


async def test_a_sold_out_flavor_cannot_be_started_again(api: Driver) -> None:
    notebook_id = api.cloud.console.create("ana", "x", status="STOPPED").id
    api.cloud.set_sold_out("modelarts.vm.cpu.2u")
    assert await api.refused("POST", f"/notebooks/{notebook_id}/start") == (400, "ModelArts.6360")


async def test_a_tag_with_a_known_key_gets_the_new_value(api: Driver) -> None:
    api.cloud.settings.dialect = "hwc"
    notebook_id = await api.running()
    path = f"/notebooks/{notebook_id}/tags"
    for value in ("ada", "bob"):
        body = {"tags": [{"key": "owner", "value": value}, {"key": "team", "value": "r"}]}
        assert (await api.call("POST", f"{path}/create", json=body)).status_code == 204
    assert (await api.show(notebook_id))["tags"] == [{"key": "owner", "value": "bob"}, {"key": "team", "value": "r"}]
    await api.call("DELETE", f"{path}/delete", json={"tags": [{"key": "owner"}]})
    assert (await api.show(notebook_id))["tags"] == [{"key": "team", "value": "r"}]
    bad = {"tags": [{"key": "_sys_x", "value": "1"}]}
    assert await api.refused("POST", f"{path}/create", json=bad) == (400, "ModelArts.6332")


class TestUpdate:
    async def test_is_partial_and_some_of_it_wants_a_stopped_instance(self, api: Driver) -> None:
        notebook_id = await api.running(description="before")
        one = f"/notebooks/{notebook_id}"
        changed = await api.ok("PUT", one, json={"name": "after"})
        assert (changed["name"], changed["description"]) == ("after", "before")
        assert changed["update_at"] == api.clock.now_ms()
        for body in ({"flavor": "modelarts.vm.cpu.8u"}, {"storage_new_size": 60}):
            assert await api.refused("PUT", one, json=body) == (400, "ModelArts.6347")
        await api.ok("POST", f"{one}/stop")
        assert await api.refused("PUT", one, json={"name": "x"}) == (400, "ModelArts.6347")
        api.push(200_000)
        assert (await api.ok("PUT", one, json={"flavor": "modelarts.vm.cpu.8u"}))["flavor"] == "modelarts.vm.cpu.8u"

    async def test_flavors_switch_within_an_architecture_and_disks_only_grow(self, api: Driver) -> None:
        notebook_id = await api.running(volume={"category": "EVS", "ownership": "MANAGED", "capacity": 50})
        one = f"/notebooks/{notebook_id}"
        await api.ok("POST", f"{one}/stop")
        api.push(200_000)
        assert await api.refused("PUT", one, json={"flavor": "modelarts.bm.npu.arm.1d910"}) == (400, "ModelArts.6792")
        assert await api.refused("PUT", one, json={"storage_new_size": 50}) == (400, "ModelArts.6331")
        assert (await api.ok("PUT", one, json={"storage_new_size": 60}))["volume"]["capacity"] == 60


class TestToggles:
    @pytest.mark.parametrize(
        ("style", "expected"),
        [
            ("400-6309", (400, "ModelArts.6309")),
            ("400-6404", (400, "ModelArts.6404")),
            ("404", (404, "ModelArts.6309")),
        ],
    )
    async def test_not_found(self, api: Driver, style: Any, expected: tuple[int, str]) -> None:
        api.cloud.settings.not_found = style
        for method, path in (("GET", ""), ("POST", "/stop"), ("PATCH", "/lease"), ("DELETE", "")):
            assert await api.refused(method, f"/notebooks/00000000-0000-4000-8000-000000000000{path}") == expected

    @pytest.mark.parametrize("status", ["CREATING", "RUNNING"])
    async def test_the_status_a_create_claims(self, api: Driver, status: Any) -> None:
        api.cloud.settings.create_status = status
        made = await api.ok("POST", "/notebooks", json=CREATE)
        assert made["status"] == status
        assert await api.status(made["id"]) == "CREATING"

    @pytest.mark.parametrize(
        ("style", "code", "empty"), [("200", 200, False), ("200-empty", 200, True), ("204", 204, True)]
    )
    async def test_delete(self, api: Driver, style: Any, code: int, empty: bool) -> None:
        api.cloud.settings.delete_style = style
        reply = await api.call("DELETE", f"/notebooks/{await api.running()}")
        assert (reply.status_code, reply.content == b"") == (code, empty)

    async def test_delete_may_want_a_stop_first(self, api: Driver) -> None:
        api.cloud.settings.delete_running = False
        notebook_id = await api.running()
        assert await api.refused("DELETE", f"/notebooks/{notebook_id}") == (400, "ModelArts.6304")
        await api.ok("POST", f"/notebooks/{notebook_id}/stop")
        api.push(200_000)
        assert (await api.call("DELETE", f"/notebooks/{notebook_id}")).status_code == 200

    async def test_renew_may_answer_nothing(self, api: Driver) -> None:
        api.cloud.settings.renew_style = "204"
        notebook_id = await api.running()
        reply = await api.call("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": 5 * HOUR})
        assert (reply.status_code, reply.content) == (204, b"")
        lease = (await api.show(notebook_id))["lease"]
        assert lease["create_at"] + lease["duration"] == api.clock.now_ms() + 5 * HOUR

    async def test_current_time(self, api: Driver) -> None:
        notebook_id = await api.create()
        assert (await api.show(notebook_id))["current_time"] == api.clock.now_ms()
        api.cloud.settings.current_time = False
        assert "current_time" not in await api.show(notebook_id)

    async def test_the_first_page_is_called_nought_or_one(self, api: Driver) -> None:
        assert (await api.ok("GET", "/notebooks"))["current"] == 0
        assert (await api.ok("GET", "/notebooks/flavors"))["current"] == 1
        api.cloud.settings.current_base = 1
        assert (await api.ok("GET", "/notebooks"))["current"] == 1
        assert (await api.ok("GET", "/images"))["current"] == 1

    @pytest.mark.parametrize(
        ("key", "keys"), [("data", {"data"}), ("flavors", {"flavors"}), ("both", {"data", "flavors"})]
    )
    async def test_the_key_of_flavors(self, api: Driver, key: Any, keys: set[str]) -> None:
        api.cloud.settings.list_key = key
        page = await api.ok("GET", "/notebooks/flavors")
        assert set(page) - {"current", "pages", "size", "total"} == keys
        assert all(len(page[name]) == 7 for name in keys)

    async def test_what_the_smaller_cloud_does_not_have(self, api: Driver) -> None:
        for path in ("/notebooks/tags", "/authoring/features/NOTEBOOK"):
            api.cloud.settings.dialect = "otc"
            reply = await api.call("GET", path)
            assert reply.status_code != 200
            api.cloud.settings.dialect = "hwc"
            assert (await api.call("GET", path)).status_code == 200

    async def test_step_text(self, api: Driver) -> None:
        api.cloud.settings.progress_text = "step_description"
        made = await api.ok("POST", "/notebooks", json=CREATE)
        assert set(made["action_progress"][0]) == {"step", "status", "step_description"}

    async def test_others_notebooks_may_be_out_of_reach(self, api: Driver) -> None:
        notebook_id = await api.running()
        assert (await api.as_user("ben").call("GET", f"/notebooks/{notebook_id}")).status_code == 200
        api.cloud.settings.foreign_access = False
        assert await api.as_user("ben").refused("GET", f"/notebooks/{notebook_id}") == (403, "ModelArts.0108")
        assert (await api.as_user("notebook-bot").call("GET", f"/notebooks/{notebook_id}")).status_code == 200

    async def test_a_deleted_one_may_linger_in_lists(self, api: Driver) -> None:
        api.cloud.settings.deleted_linger_ms = 60_000
        notebook_id = await api.running()
        await api.ok("DELETE", f"/notebooks/{notebook_id}")
        api.push(10_000)
        assert [item["status"] for item in (await api.ok("GET", "/notebooks"))["data"]] == ["DELETED"]
        assert await api.refused("GET", f"/notebooks/{notebook_id}") == (400, "ModelArts.6309")
        api.push(60_000)
        assert (await api.ok("GET", "/notebooks"))["data"] == []
