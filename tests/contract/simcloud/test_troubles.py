"""Faults on order, the gateway's manners, and the control endpoints."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from deploy.sandbox.cloud.errors import GATEWAY, MODELARTS
from deploy.sandbox.cloud.faults import Rule
from tests.contract.simcloud.driver import CREATE, HOUR, C, Driver

DIGEST_STATUS = {
    400: (
        "0101 0104 0107 6332 6334 6335 6336 6400 6600 0102 0113 0118 6302 0116 0204 0210 6301 6303 6304 6305 6306 6307 "
        "6308 6309 6404 6323 6330 6792 6870 6326 6327 6328 6329 6360 6528 6716 6331 6333 6355 6346 6348 6349 6347 6357 "
        "6361 6371 6702 6772 6782 6737 6771 6797 6768 6789 6927 6967"
    ),
    401: "0112 0201 0202 0203 0205 0206 0207 0208 0209 0212 6608 6620 6201 6203",
    403: "0108",
    408: "6100",
    429: "6101 2799",
    500: "0010 6102 6691 6692 6699 0109 6200",
}


@pytest.mark.parametrize(("status", "code"), [(s, c) for s, codes in DIGEST_STATUS.items() for c in codes.split()])
def test_every_code_of_the_vendors_table_has_its_status(status: int, code: str) -> None:
    assert MODELARTS[code][0] == status


@pytest.mark.parametrize("code", ["ModelArts.6357", "ModelArts.6200", "ModelArts.0108", "APIGW.0308", "APIG.0301"])
async def test_an_ordered_error_is_answered_once_with_its_status(api: Driver, code: str) -> None:
    notebook_id = await api.running()
    api.cloud.faults.add("error", method="POST", path="/stop$", code=code)
    number = code.rpartition(".")[2]
    expected = (GATEWAY if code.startswith("APIG") else MODELARTS)[number][0]
    assert await api.refused("POST", f"/notebooks/{notebook_id}/stop") == (expected, code)
    assert await api.status(notebook_id) == "RUNNING"
    assert (await api.call("POST", f"/notebooks/{notebook_id}/stop")).status_code == 200


async def test_an_error_under_another_status(api: Driver) -> None:
    api.cloud.faults.add("error", path="/notebooks$", code="ModelArts.0210", status=403)
    assert await api.refused("GET", "/notebooks") == (403, "ModelArts.0210")


class TestEffects:
    async def test_reset_before_anything_is_done(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("reset", method="POST", path="/notebooks$")
        with pytest.raises(httpx.TransportError):
            await api.call("POST", "/notebooks", json=CREATE)
        assert api.cloud.notebooks() == []

    async def test_lost_after_the_effect(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("lost", method="POST", path="/notebooks$")
        with pytest.raises(httpx.TransportError):
            await api.call("POST", "/notebooks", json=CREATE)
        assert [notebook.name for notebook in api.cloud.notebooks()] == ["exp-17"]
        assert api.cloud.calls("CreateNotebook")[-1]["status"] is None

    async def test_slow(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("slow", ms=300)
        with pytest.raises(httpx.ReadTimeout):
            await api.call("GET", "/notebooks", timeout=0.05)

    async def test_html_instead_of_json(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("html", status=502)
        reply = await api.call("GET", "/notebooks")
        assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (502, "text/html")

    async def test_truncated_json(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("truncated")
        reply = await api.call("GET", "/images")
        assert reply.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            reply.json()

    @pytest.mark.parametrize(("effect", "status"), [("empty", 200), ("no_content", 204)])
    async def test_done_but_nothing_said(self, api: Driver, effect: str, status: int) -> None:
        notebook_id = await api.running()
        api.cloud.faults.add(effect, path="/lease$")
        reply = await api.call("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": 9 * HOUR})
        assert (reply.status_code, reply.content) == (status, b"")
        assert (await api.show(notebook_id))["lease"]["update_at"] == api.clock.now_ms()
        assert api.cloud.notebook(notebook_id).lease.span == 9 * HOUR

    async def test_an_error_in_a_200(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("error_200", code="ModelArts.6309")
        assert await api.refused("GET", "/notebooks") == (200, "ModelArts.6309")

    async def test_a_token_dies_early(self, api: Driver) -> None:
        await api.ok("GET", "/notebooks")
        api.cloud.faults.add("token_dies")
        assert await api.refused("GET", "/notebooks") == (401, "ModelArts.0202")
        assert await api.refused("GET", "/notebooks") == (401, "ModelArts.0202")
        del api.tokens["ana"]
        await api.ok("GET", "/notebooks")

    @pytest.mark.parametrize(("asked", "header"), [(None, None), ("7", "7"), ("date", "date")])
    async def test_throttled(self, api: Driver, asked: str | None, header: str | None) -> None:
        await api.token()
        api.cloud.faults.add("throttle", retry_after=asked)
        reply = await api.call("GET", "/notebooks")
        assert (reply.status_code, reply.json()["error_code"]) == (429, "APIGW.0308")
        if header == "date":
            assert parsedate_to_datetime(reply.headers["Retry-After"]) > api.clock.now()
        else:
            assert reply.headers.get("Retry-After") == header

    async def test_every_nth_call_may_be_throttled(self, api: Driver) -> None:
        await api.token()
        api.cloud.settings.throttle_every = 3
        codes = [(await api.call("GET", "/notebooks")).status_code for _ in range(6)]
        assert codes == [200, 200, 429, 200, 200, 429]

    async def test_a_body_and_headers_of_ones_own(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("status", status=503, body="upstream is away", headers={"Retry-After": "2"})
        reply = await api.call("GET", "/notebooks")
        assert (reply.status_code, reply.text, reply.headers["Retry-After"]) == (503, "upstream is away", "2")

    def test_nth_every_and_count(self) -> None:
        rule = Rule.parse({"effect": "reset", "method": "GET", "path": "/x", "nth": 2, "every": 2, "count": 2})
        hits = [rule.strikes("GET", "/x", None) for _ in range(8)]
        assert hits == [False, True, False, True, False, False, False, False]
        assert not rule.strikes("POST", "/x", None)

    def test_the_third_and_all_after_it(self) -> None:
        rule = Rule.parse({"effect": "reset", "nth": 3, "count": 0})
        assert [rule.strikes("GET", "/x", None) for _ in range(5)] == [False, False, True, True, True]

    async def test_only_for_one_user(self, api: Driver) -> None:
        await api.token()
        api.cloud.faults.add("error", code="ModelArts.6102", user="ben", count=0)
        await api.ok("GET", "/notebooks")
        assert await api.as_user("ben").refused("GET", "/notebooks") == (500, "ModelArts.6102")


class TestGateway:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/{p}notebooks/1/lease"),
            ("GET", "/v1/{p}/notebooks/1/start"),
            ("GET", "/v9/{p}/notebooks"),
            ("POST", "/v1/{p}/notebooks/open"),
            ("PATCH", "/v1/{p}/notebooks"),
            ("POST", "//v1/{p}/notebooks/1/stop"),
        ],
    )
    async def test_an_api_that_does_not_exist(self, api: Driver, method: str, path: str) -> None:
        url = str(api.http.base_url).rstrip("/") + path.format(p=api.project)
        reply = await api.http.request(method, url, headers={"X-Auth-Token": await api.token()})
        assert (reply.status_code, reply.json()["error_code"]) == (404, "APIGW.0101")

    async def test_date_and_request_id_on_every_answer(self, api: Driver) -> None:
        ids = set()
        for reply in (
            await api.call("GET", "/notebooks"),
            await api.call("GET", "/nowhere"),
            await api.log_in("ana", "x"),
        ):
            assert reply.headers.get_list("date") == ["Sun, 25 Jun 2023 01:27:32 GMT"]
            ids.add(reply.headers["X-Request-Id"])
        assert len(ids) == 3

    @pytest.mark.parametrize(
        "headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:80"}, {"Origin": "https://evil.example"},
                    {"Origin": "http://localhost:8888"}, {"Origin": "null"}]
    )  # fmt: skip
    async def test_other_hosts_and_origins_are_turned_away(self, api: Driver, headers: dict[str, str]) -> None:
        for path in ("/_sim/log", "/v3/projects"):
            assert (await api.http.get(path, headers=headers)).status_code == 403

    async def test_literal_paths_win_over_ids(self, api: Driver) -> None:
        api.cloud.settings.dialect = "hwc"
        assert "total" in await api.ok("GET", "/notebooks/flavors")
        assert "tags" in await api.ok("GET", "/notebooks/tags")


class TestControl:
    async def sim(self, api: Driver, path: str, body: Any) -> Any:
        reply = await api.http.post(f"/_sim/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def test_the_clock_is_pushed_and_set(self, api: Driver) -> None:
        assert await self.sim(api, "clock", {"advance_ms": 1500}) == {"now_ms": C + 1500}
        assert await self.sim(api, "clock", {"set_ms": C + 9}) == {"now_ms": C + 9}
        assert (await api.http.get("/_sim/clock")).json() == {"now_ms": C + 9}
        assert (await api.http.post("/_sim/clock", json={})).status_code == 400

    async def test_what_falls_due_on_the_way_has_happened_when_the_push_answers(self, api: Driver) -> None:
        notebook_id = await api.running()
        await self.sim(api, "clock", {"advance_ms": 2 * HOUR})
        entries = (await api.http.get("/_sim/log", params={"kind": "effect"})).json()["entries"]
        actions = [entry["action"] for entry in entries if entry["notebook_id"] == notebook_id]
        assert actions == ["creating", "running", "stopping", "stopped"]

    async def test_faults_over_http(self, api: Driver) -> None:
        await api.token()
        rules = [{"effect": "error", "code": "ModelArts.6102", "path": "/notebooks$", "count": 0}]
        await self.sim(api, "faults", {"rules": rules})
        assert await api.refused("GET", "/notebooks") == (500, "ModelArts.6102")
        await self.sim(api, "faults", {"clear": True})
        await api.ok("GET", "/notebooks")
        await self.sim(api, "faults", [{"effect": "no_content"}])
        assert (await api.call("GET", "/notebooks")).status_code == 204
        for bad in ({"effect": "explode"}, {"effect": "reset", "colour": 1}):
            assert (await api.http.post("/_sim/faults", json=bad)).status_code == 400

    async def test_the_console_acts_behind_everybodys_back(self, api: Driver) -> None:
        made = await self.sim(api, "console", {"action": "create", "owner": "ben", "name": "<!channel> 笔记"})
        notebook_id = made["notebook_id"]
        one = {"notebook_id": notebook_id}
        assert (await api.show(notebook_id))["name"] == "<!channel> 笔记"
        await self.sim(api, "console", {"action": "renew", **one, "duration_ms": 60_000})
        assert api.cloud.notebook(notebook_id).lease.end == api.clock.now_ms() + 60_000
        await self.sim(api, "console", {"action": "stop", **one})
        assert await api.status(notebook_id) == "STOPPING"
        await self.sim(api, "console", {"action": "set_status", **one, "status": "HIBERNATING"})
        assert await api.status(notebook_id) == "HIBERNATING"
        await self.sim(api, "console", {"action": "vanish", **one})
        assert await api.refused("GET", f"/notebooks/{notebook_id}") == (400, "ModelArts.6309")
        assert (await api.http.post("/_sim/console", json={"action": "_find"})).status_code == 400

    async def test_settings_users_and_the_account(self, api: Driver) -> None:
        await self.sim(api, "settings", {"create_ms": 5, "not_found": "404"})
        assert (await api.http.post("/_sim/settings", json={"colour": 1})).status_code == 400
        assert await api.status(await api.running()) == "RUNNING"
        right = "modelarts:notebook:start"
        user = await self.sim(api, "users", {"name": "ana", "revoke": [right]})
        assert right not in user["rights"]
        await self.sim(api, "account", {"sold_out": {"modelarts.vm.cpu.2u": True}, "arrears": True})
        assert api.cloud.arrears
        assert api.cloud.catalog.flavor("modelarts.vm.cpu.2u")["sold_out"]

    async def test_state_and_activity_for_the_page(self, api: Driver) -> None:
        notebook_id = await api.running()
        body = {"cpu": 33, "kernel": "busy", "terminal": api.clock.now_ms()}
        await self.sim(api, f"notebooks/{notebook_id}/activity", body)
        state = (await api.http.get("/_sim/state")).json()
        (shown,) = state["notebooks"]
        assert (shown["name"], shown["owner"], shown["status"]) == ("exp-17", "ana", "RUNNING")
        assert (shown["remaining_ms"], shown["lease_left_s"], shown["busy"]) == (HOUR - 38, 3599, True)
        assert (shown["activity"]["cpu"], shown["kernels"], shown["terminals"]) == (33, ["busy"], 1)

    async def test_a_switch_makes_one_busy_or_idle(self, api: Driver) -> None:
        notebook_id = await api.running(flavor="modelarts.vm.gpu.v100")
        path = f"notebooks/{notebook_id}/activity"
        assert (await self.sim(api, path, {"activity": "busy"}))["busy"] is True
        busy = api.cloud.notebook(notebook_id)
        assert (busy.activity.at(api.clock.now_ms())["gpu"], busy.jupyter.kernels[0].state) == (71, "busy")
        api.push(HOUR // 2)
        told = await self.sim(api, path, {"activity": "idle"})
        assert (told["busy"], told["kernels"]) == (False, ["idle"])
        assert busy.jupyter.kernels[0].last_activity_ms == api.clock.now_ms()
        assert (await api.http.post(f"/_sim/{path}", json={"activity": "sleepy"})).status_code == 400

    async def test_the_log_tells_calls_and_effects_and_no_secret(self, api: Driver) -> None:
        notebook_id = await api.running()
        token = api.cloud.notebook(notebook_id).token
        await api.http.get(f"/jupyter/{notebook_id}/api/status", params={"token": token})
        await api.ok("PATCH", f"/notebooks/{notebook_id}/lease", json={"duration": 2 * HOUR})
        text = (await api.http.get("/_sim/log")).text
        assert token not in text
        assert "sandbox-ana" not in text
        assert (await api.token())[:40] not in text
        call = api.cloud.calls("RenewLease")[-1]
        assert (call["user"], call["notebook_id"], call["status"], call["at_ms"]) == (
            "ana",
            notebook_id,
            200,
            api.clock.now_ms(),
        )
        assert call["details"]["duration"] == 2 * HOUR
        since = api.cloud.log[-1]["seq"]
        assert (await api.http.get("/_sim/log", params={"since": since})).json()["entries"] == []
