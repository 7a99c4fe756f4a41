"""A wrong value at a simulator's control routes is told in words, and nothing is changed by it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import serve
from deploy.sandbox.run import Sandbox
from deploy.sandbox.slack.sim import SimSlack
from tests.contract.simcloud.driver import C

BAD_CLOCKS = [
    b"", b"{}", b"[]", b"5", b"null", b"{not json", b"\xff\xfe", b'{"\\ud800": 1}', b"[" * 100_000,
    b'{"advance_ms": "60000"}', b'{"advance_ms": null}', b'{"advance_ms": true}', b'{"advance_ms": 1.5}',
    b'{"advance_ms": NaN}', b'{"advance_ms": Infinity}', b'{"advance_ms": 1e30}', b'{"advance_ms": -1e30}',
    b'{"set_ms": -1}', b'{"set_ms": 253402300800000}', b'{"set_ms": [1]}', b'{"advance": 5}',
    b'{"advance_ms": 1, "set_ms": 5}', b'{"advance_ms": 1, "colour": 2}',
]  # fmt: skip
BAD_FAULTS: list[Any] = [
    5, "x", [5], [None], {"rules": 5}, {"rules": None}, {"rules": [{"effect": "reset"}, {"effect": "nix"}]},
    {"effect": ["reset"]}, {"effect": "status", "status": "abc"}, {"effect": "status", "status": 99},
    {"effect": "status", "status": 503.5}, {"effect": "status", "headers": 5},
    {"effect": "status", "headers": {"a": 5}},
    {"effect": "status", "headers": {"a": "x\r\nb: c"}}, {"effect": "status", "headers": {"Content-Length": "3"}},
    {"effect": "error"}, {"effect": "error", "code": "nix"}, {"effect": "error", "code": 5}, {"effect": "error_200"},
    {"effect": "slow", "ms": "x"}, {"effect": "slow", "ms": -1}, {"effect": "reset", "path": "("},
    {"effect": "reset", "path": 5}, {"effect": "reset", "nth": 0}, {"effect": "reset", "nth": "x"},
    {"effect": "reset", "every": 0}, {"effect": "reset", "count": -1}, {"effect": "reset", "count": "x"},
    {"effect": "reset", "method": "get"}, {"effect": "throttle", "retry_after": {}}, {"clear": "no"},
    {"clear": True, "effect": "nix"}, {"rules": [], "colour": 1},
]  # fmt: skip
BAD_SLACK_FAULTS: list[Any] = [
    [], {"effect": "nix"}, {"effect": 5}, {"nth": "x"}, {"nth": 0}, {"status": 999}, {"seconds": "x"}, {"seconds": -1},
    {"count": -1}, {"method": 5}, {"colour": 1}, {"error": 5}, {"retry_after": -1},
]  # fmt: skip
NOTEBOOK = "/_sim/notebooks/{notebook}/activity"
BAD_REST: list[tuple[str, Any]] = [
    ("/_sim/settings", {"dialect": "nix"}), ("/_sim/settings", {"create_ms": 5, "stop_ms": "x"}),
    ("/_sim/settings", {"quota_per_user": None}), ("/_sim/settings", {"max_limit": -1}), ("/_sim/settings", [1]),
    ("/_sim/users", {}), ("/_sim/users", {"name": "ana", "rights": "all"}),
    ("/_sim/users", {"name": "ana", "enabled": "no"}),
    ("/_sim/account", {"arrears": "yes"}), ("/_sim/account", {"arrears": True, "sold_out": {"nix": True}}),
    ("/_sim/console", {}), ("/_sim/console", {"action": ["stop"]}), ("/_sim/console", {"action": "stop"}),
    ("/_sim/console", {"action": "create", "owner": "ana", "name": 5}),
    ("/_sim/console", {"action": "create", "owner": "ana", "name": "x", "lease_ms": "1h"}),
    ("/_sim/console", {"action": "create", "owner": "ana", "name": "x", "image_id": "nix"}),
    (NOTEBOOK, {"cpu": "high"}), (NOTEBOOK, {"gap": [1]}), (NOTEBOOK, {"kernel": {}}), (NOTEBOOK, {"terminal": 10**20}),
    (NOTEBOOK, {"trouble": "nix"}), (NOTEBOOK, {"colour": 1}),
]  # fmt: skip


@pytest.fixture
async def cloud() -> AsyncIterator[tuple[serve.CloudServer, httpx.AsyncClient]]:
    server = await serve.run(clock=SimClock(C, running=False))
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        yield server, http
    await server.stop()


@pytest.fixture
async def slack() -> AsyncIterator[tuple[SimSlack, httpx.AsyncClient]]:
    sim = SimSlack(SimClock(C, running=False), signing_secret="s", bot_token="xoxb-sim", scopes=set())
    async with sim.seed_default().serving(), httpx.AsyncClient(base_url=sim.url, trust_env=False) as http:
        yield sim, http


def told(reply: httpx.Response, about: Any) -> None:
    assert reply.status_code == 400, about
    words = reply.json()["error"]
    assert len(words.split()) > 2, words
    assert "argument" not in words, words
    assert "object is not" not in words, words


async def test_the_clocks_of_both_refuse_what_is_no_instant(
    cloud: tuple[serve.CloudServer, httpx.AsyncClient], slack: tuple[SimSlack, httpx.AsyncClient]
) -> None:
    for _, http in (cloud, slack):
        for body in BAD_CLOCKS:
            told(await http.post("/_sim/clock", content=body), body[:60])
        assert (await http.post("/_sim/clock", json={"advance_ms": 0})).json() == {"now_ms": C}
        assert (await http.post("/_sim/clock", json={"advance_ms": 1000.0})).json() == {"now_ms": C + 1000}
        assert (await http.post("/_sim/clock", json={"set_ms": 0})).json() == {"now_ms": 0}
        assert (await http.post("/_sim/clock", json={"set_ms": C})).json() == {"now_ms": C}


async def test_a_wrong_fault_is_no_fault_and_clears_none(cloud: tuple[serve.CloudServer, httpx.AsyncClient]) -> None:
    server, http = cloud
    server.cloud.faults.add("reset", path="/never$")
    for body in BAD_FAULTS:
        told(await http.post("/_sim/faults", json=body), body)
    assert [rule.path for rule in server.cloud.faults.rules] == ["/never$"]


@pytest.mark.parametrize("status", [200, 204, 304, 399, 418, 599])
async def test_every_status_that_can_be_ordered_is_answered(
    cloud: tuple[serve.CloudServer, httpx.AsyncClient], status: int
) -> None:
    http = cloud[1]
    rule = {"effect": "status", "status": status, "headers": {"Retry-After": "2"}}
    assert (await http.post("/_sim/faults", json=rule)).status_code == 200
    reply = await http.get("/v3/projects")
    assert (reply.status_code, reply.headers["Retry-After"]) == (status, "2")
    assert (await http.get("/v3/projects")).status_code == 401  # by the same connection


async def test_the_other_controls_refuse_and_change_nothing(cloud: tuple[serve.CloudServer, httpx.AsyncClient]) -> None:
    server, http = cloud
    made = await http.post("/_sim/console", json={"action": "create", "owner": "ana", "name": "exp"})
    notebook = made.json()["notebook_id"]
    before = (await http.get("/_sim/state")).json(), json.dumps(vars(server.cloud.settings))
    for path, body in BAD_REST:
        told(await http.post(path.format(notebook=notebook), json=body), (path, body))
    assert ((await http.get("/_sim/state")).json(), json.dumps(vars(server.cloud.settings))) == before
    for query in ("since=x", "since=", "kind=nix"):
        told(await http.get(f"/_sim/log?{query}"), query)


async def test_faults_of_the_simulated_slack(slack: tuple[SimSlack, httpx.AsyncClient]) -> None:
    http = slack[1]
    for body in BAD_SLACK_FAULTS:
        told(await http.post("/_sim/faults", json=body), body)
    assert (await http.post("/api/api.test")).json()["ok"] is True


@pytest.mark.parametrize("ms", [-1, 32 * 24 * 3_600_000])
async def test_the_sandbox_goes_neither_back_nor_far_ahead(slack: tuple[SimSlack, httpx.AsyncClient], ms: int) -> None:
    """All its parts work through each step, so a push without end would never be answered."""
    sim, http = slack
    nobody: Any = None
    sim.on_clock_push = Sandbox(nobody).push
    told(await http.post("/_sim/clock", json={"advance_ms": ms}), ms)
    assert sim.clock.now_ms() == C
