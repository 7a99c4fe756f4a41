"""Each notebook's Jupyter server behind its link: what it tells, what counts as activity, how it fails."""

from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from deploy.sandbox.server import LocalServer
from tests.contract.simcloud.driver import MINUTE, Driver


class Lab:
    """Reaches one notebook's server the way its owner's tools would: by url and token of the show answer."""

    def __init__(self, api: Driver, shown: dict[str, Any]) -> None:
        self.api = api
        self.id = shown["id"]
        self.base = shown["url"].removesuffix("/lab")
        self.token = shown["token"]

    @classmethod
    async def of(cls, api: Driver, notebook_id: str | None = None) -> "Lab":
        return cls(api, await api.show(notebook_id or await api.running()))

    async def get(self, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"} if "headers" not in more else more.pop("headers")
        return await self.api.http.get(f"{self.base}/{path}", headers=headers, **more)

    async def last_activity(self) -> str:
        return str((await self.get("api/status")).json()["last_activity"])


async def test_a_fresh_server(api: Driver) -> None:
    lab = await Lab.of(api)
    started = "2023-06-25T01:27:59.880000Z"
    assert (await lab.get("api/status")).json() == {
        "started": started,
        "last_activity": started,
        "kernels": 0,
        "connections": 0,
    }
    assert (await lab.get("api/kernels?no_track_activity=1")).json() == []
    assert (await lab.get("api/terminals?no_track_activity=1")).json() == []
    assert (await lab.get("lab")).headers["content-type"].startswith("text/html")
    assert (await lab.get("api/contents")).status_code == 404


async def test_the_token_is_asked_for_except_by_the_version(api: Driver) -> None:
    lab = await Lab.of(api)
    for headers in ({}, {"Authorization": "token wrong"}):
        denied = await lab.get("api/status", headers=headers)
        assert (denied.status_code, denied.json()) == (403, {"message": "Forbidden", "reason": None})
        assert (await lab.get("api", headers=headers)).json() == {"version": "2.15.0"}
    for headers, query in (({"Authorization": f"bearer {lab.token}"}, {}), ({}, {"token": lab.token})):
        assert (await lab.get("api/status", headers=headers, params=query)).status_code == 200
    api.cloud.settings.jupyter_denied = "login"
    assert (await lab.get("api/status", headers={})).status_code == 302


async def test_probes_that_say_so_are_no_activity_and_others_are(api: Driver) -> None:
    lab = await Lab.of(api)
    state, first = api.cloud.jupyter(lab.id), await lab.last_activity()
    api.push(MINUTE)
    for path in ("api", "api/status"):
        await lab.get(path)
    for path in ("kernels", "sessions", "terminals"):
        await lab.get(f"api/{path}", params={"no_track_activity": "1"})
    assert await lab.last_activity() == first
    assert state.tracked_calls == 0
    await lab.get("api/kernels")
    assert await lab.last_activity() == "2023-06-25T01:28:59.880000Z"
    assert (state.tracked_calls, state.untracked_calls) == (1, 8)
    assert [call["details"]["tracked"] for call in api.cloud.calls("jupyter:kernels")] == [False, True]


async def test_kernels_and_terminals_as_they_are_told(api: Driver) -> None:
    lab = await Lab.of(api)
    state, now = api.cloud.jupyter(lab.id), api.clock.now_ms()
    state.set_kernel("busy", now, until=now + 10 * MINUTE, path="train.ipynb")
    state.set_terminal(now + MINUTE)
    api.push(5 * MINUTE)
    (kernel,) = (await lab.get("api/kernels?no_track_activity=1")).json()
    assert (kernel["execution_state"], kernel["last_activity"]) == ("busy", "2023-06-25T01:27:59.880000Z")
    (session,) = (await lab.get("api/sessions?no_track_activity=1")).json()
    assert (session["path"], session["kernel"]) == ("train.ipynb", kernel)
    assert (await lab.get("api/terminals?no_track_activity=1")).json() == [
        {"name": "1", "last_activity": "2023-06-25T01:28:59.880000Z"}
    ]
    api.push(10 * MINUTE)
    (kernel,) = (await lab.get("api/kernels?no_track_activity=1")).json()
    assert (kernel["execution_state"], kernel["last_activity"]) == ("idle", "2023-06-25T01:37:59.880000Z")
    assert await lab.last_activity() == "2023-06-25T01:37:59.880000Z"
    api.cloud.settings.terminals = False
    assert (await lab.get("api/terminals?no_track_activity=1")).status_code == 404


async def test_an_open_tab_refreshes_the_server_but_no_kernel(api: Driver) -> None:
    lab = await Lab.of(api)
    state = api.cloud.jupyter(lab.id)
    state.set_kernel("idle", api.clock.now_ms())
    state.tab_open = True
    api.push(30 * MINUTE)
    status = (await lab.get("api/status")).json()
    assert (status["last_activity"], status["connections"]) == ("2023-06-25T01:57:59.880000Z", 2)
    (kernel,) = (await lab.get("api/kernels?no_track_activity=1")).json()
    assert kernel["last_activity"] == "2023-06-25T01:27:59.880000Z"


@pytest.mark.parametrize(
    ("down", "status", "kind"), [("404", 404, "json"), ("503", 503, "html"), ("html", 200, "html")]
)
async def test_a_stopped_one_still_has_a_link_and_nothing_behind_it(
    api: Driver, down: Any, status: int, kind: str
) -> None:
    api.cloud.settings.jupyter_down = down
    lab = await Lab.of(api)
    await api.ok("POST", f"/notebooks/{lab.id}/stop")
    assert (await api.show(lab.id))["url"].startswith(lab.base)
    reply = await lab.get("api/status")
    assert reply.status_code == status
    assert kind in reply.headers["content-type"]


@pytest.mark.parametrize(
    ("trouble", "status"), [("503", 503), ("500", 500), ("login", 302), ("garbage", 200), ("html", 200)]
)
async def test_a_running_one_may_be_in_trouble(api: Driver, trouble: Any, status: int) -> None:
    lab = await Lab.of(api)
    api.cloud.jupyter(lab.id).trouble = trouble
    assert (await lab.get("api/status")).status_code == status


async def test_a_restart_forgets_kernels_and_the_old_token(api: Driver) -> None:
    lab = await Lab.of(api)
    api.cloud.jupyter(lab.id).set_kernel("idle", api.clock.now_ms())
    await api.ok("POST", f"/notebooks/{lab.id}/stop")
    api.push(200_000)
    await api.ok("POST", f"/notebooks/{lab.id}/start")
    api.push(30_000)
    assert (await lab.get("api/status")).status_code == 403
    again = await Lab.of(api, lab.id)
    assert (await again.get("api/status")).json()["kernels"] == 0


async def test_a_real_server_may_stand_behind_a_notebook(api: Driver) -> None:
    """Only the path and the query go through; its token replaces the caller's."""

    async def real(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        told = {"path": request.url.path, "query": request.url.query, "auth": request.headers.get("authorization")}
        await JSONResponse(told)(scope, receive, send)

    lab = await Lab.of(api)
    async with LocalServer(real) as behind:
        api.cloud.back_with(lab.id, behind.url, "real-token")
        assert (await lab.get("api/kernels", params={"no_track_activity": "1", "token": lab.token})).json() == {
            "path": "/api/kernels",
            "query": "no_track_activity=1",
            "auth": "token real-token",
        }
        assert (await lab.get("api/status", headers={})).status_code == 403
    assert (await lab.get("api/status")).status_code == 503
