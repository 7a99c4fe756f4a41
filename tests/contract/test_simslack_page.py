"""The browser page's backend: for whom it answers, what each person sees, what they can do."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.clock import SimClock
from deploy.sandbox.server import LocalServer
from deploy.sandbox.slack import SimSlack

START = 1_767_225_600_000
BEARER = {"Authorization": "Bearer xoxb-sim"}
SELECT = {"type": "external_select", "action_id": "search", "min_query_length": 0}
FIELD = {"type": "input", "block_id": "f", "label": {"type": "plain_text", "text": "L"}, "element": SELECT}
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "T"},
    "submit": {"type": "plain_text", "text": "OK"},
    "blocks": [FIELD],
}
OPTION = {"text": {"type": "plain_text", "text": "one"}, "value": "1"}


@pytest.fixture
async def heard() -> list[bytes]:
    return []


@pytest.fixture
async def slack(heard: list[bytes]) -> AsyncIterator[SimSlack]:
    async def serve(request: Request) -> Response:
        heard.append(await request.body())
        if b"block_suggestion" in heard[-1]:
            return JSONResponse({"options": [OPTION]})
        return Response(status_code=500 if b"text=fail" in heard[-1] else 200)

    sim = SimSlack(
        SimClock(START, running=False), signing_secret="s", bot_token="xoxb-sim", scopes={"chat:write"}
    ).seed_default()
    bot = Starlette(routes=[Route("/slack/events", serve, methods=["POST"])])
    async with LocalServer(bot) as server, sim.serving():
        sim.bot_url = server.url + "/slack/events"
        yield sim


@pytest.fixture
async def page(slack: SimSlack) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-Sandbox-Token": slack.page_token}
    async with httpx.AsyncClient(trust_env=False, base_url=slack.url, headers=headers) as http:
        yield http


async def state(page: httpx.AsyncClient, user: str = "U0ANA") -> dict[str, Any]:
    result: dict[str, Any] = (await page.get("/_page/state", params={"user": user})).json()
    return result


async def test_only_the_printed_address_opens_the_page(slack: SimSlack) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(slack.page_url)).status_code == 200
        assert (await http.get(slack.url + "/")).status_code == 403
        assert (await http.get(slack.url + "/_page/state?user=U0ANA&token=other")).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=["another name for this address", "another site's page", "a sandboxed frame"],
)
@pytest.mark.parametrize("path", ["/_page/state?user=U0ANA", "/_sim/log", "/", "/static/app.js", "/api/auth.test"])
async def test_other_sites_are_kept_out(page: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    assert (await page.get(path, headers=headers)).status_code == 403


async def test_each_person_sees_their_own(slack: SimSlack, page: httpx.AsyncClient) -> None:
    for args in (
        {"method": "chat.postMessage", "channel": "U0ANA", "text": "for Ana"},
        {"method": "chat.postEphemeral", "channel": "C0RESEARCH", "user": "U0BEN", "text": "for Ben"},
        {"method": "chat.postMessage", "channel": "C0RESEARCH", "text": "for all"},
    ):
        await page.post(f"/api/{args.pop('method')}", json=args, headers=BEARER)
    seen = {user: await state(page, user) for user in ("U0ANA", "U0BEN", "U0STRANGER")}
    texts = {user: sorted(m["text"] for ms in s["messages"].values() for m in ms) for user, s in seen.items()}
    assert texts == {"U0ANA": ["for Ana", "for all"], "U0BEN": ["for Ben", "for all"], "U0STRANGER": []}
    assert [c["id"] for c in seen["U0STRANGER"]["channels"] if c["kind"] == "channel"] == ["C0SHARED"]
    assert {c["name"]: c["unread"] for c in seen["U0ANA"]["channels"]} == {
        "research": 1,
        "random": 0,
        "shared-lab": 0,
        "leasebot": 1,
    }
    assert seen["U0ANA"]["now_ms"] == START


async def test_a_command_is_sent_and_its_traffic_shown(
    slack: SimSlack, page: httpx.AsyncClient, heard: list[bytes]
) -> None:
    await page.post("/_page/command", json={"user": "U0ANA", "channel": "C0RESEARCH", "text": "list mine"})
    await page.post("/_page/command", json={"user": "U0ANA", "channel": "C0RESEARCH", "text": "fail"})
    assert b"text=list+mine" in heard[0]
    good, bad = (await state(page))["traffic"]
    assert (good["label"], good["status"], good["ok"], good["note"]) == ("/notebook list mine", 200, True, None)
    assert 0 < good["ack_ms"] < 3000
    assert (bad["status"], bad["ok"], bad["note"]) == (500, False, "dispatch_failed")
    other = await page.post("/_page/command", json={"user": "U0STRANGER", "channel": "C0RESEARCH", "text": "list"})
    assert other.json() == {"error": "U0STRANGER has no channel C0RESEARCH"}


async def test_a_modal_is_searched_filled_submitted_and_closed(
    slack: SimSlack, page: httpx.AsyncClient, heard: list[bytes]
) -> None:
    for _ in range(2):
        trigger = slack.triggers.issue("U0ANA")
        await page.post("/api/views.open", json={"trigger_id": trigger, "view": MODAL}, headers=BEARER)
    [view] = (await state(page))["modals"]
    asked = {"user": "U0ANA", "view_id": view["id"], "block_id": "f", "action_id": "search", "query": ""}
    assert (await page.post("/_page/suggest", json=asked)).json() == {"options": [OPTION]}
    place = {"user": "U0ANA", "view_id": view["id"]}
    empty = await page.post("/_page/submit", json={**place, "state": {}})
    assert list(empty.json()["errors"]) == ["f"]
    filled = {"f": {"search": {"type": "external_select", "selected_option": OPTION}}}
    assert "errors" not in (await page.post("/_page/submit", json={**place, "state": filled})).json()
    assert b"view_submission" in heard[-1]
    assert (await state(page))["modals"] == []
    gone = await page.post("/_page/close", json=place)
    assert (gone.status_code, list(gone.json())) == (200, ["error"])  # a browser puts other statuses on its console


async def test_buttons_work_in_messages_and_views(slack: SimSlack, page: httpx.AsyncClient, heard: list[bytes]) -> None:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "7"}
    row = {"type": "actions", "block_id": "row", "elements": [button]}
    posted = await page.post(
        "/api/chat.postMessage", json={"channel": "U0ANA", "text": "x", "blocks": [row]}, headers=BEARER
    )
    published = await page.post(
        "/api/views.publish", json={"user_id": "U0ANA", "view": {"type": "home", "blocks": [row]}}, headers=BEARER
    )
    for container in (
        {"type": "message", "channel": posted.json()["channel"], "ts": posted.json()["ts"]},
        {"type": "view", "view_id": published.json()["view"]["id"]},
    ):
        press = {"user": "U0ANA", "container": container, "block_id": "row", "action_id": "go", "value": "7"}
        assert (await page.post("/_page/action", json=press)).json()["status"] == 200
        other = await page.post("/_page/action", json={**press, "user": "U0BEN"})
        assert "error" in other.json()
    assert len(heard) == 2


async def test_pictures_are_served_from_the_pages_own_origin(slack: SimSlack, page: httpx.AsyncClient) -> None:
    slack.scopes.add("files:write")
    announced = (
        await page.post("/api/files.getUploadURLExternal", json={"filename": "a.png", "length": 3}, headers=BEARER)
    ).json()
    await page.post(announced["upload_url"], content=b"abc")
    files = [{"id": announced["file_id"], "title": "Costs"}]
    await page.post(
        "/api/files.completeUploadExternal", json={"files": files, "channel_id": "C0RESEARCH"}, headers=BEARER
    )
    [message] = (await state(page))["messages"]["C0RESEARCH"]
    [file] = message["files"]
    assert file["url"].startswith(slack.url)
    assert (await page.get(file["url"])).content == b"abc"


async def test_the_home_tab_the_clock_and_the_cloud(
    slack: SimSlack, page: httpx.AsyncClient, heard: list[bytes]
) -> None:
    pushed, switched = [], []

    async def push(ms: int) -> None:
        pushed.append(ms)
        slack.clock.advance_ms(ms)

    async def cloud() -> list[dict[str, Any]]:
        return [{"id": "n1", "name": "train"}]

    async def switch(notebook: str, activity: str) -> None:
        switched.append((notebook, activity))

    assert (await page.get("/_page/cloud")).json() == []
    slack.on_clock_push, slack.cloud_view, slack.set_activity = push, cloud, switch
    await page.post("/_page/home", json={"user": "U0ANA"})
    assert b"app_home_opened" in heard[-1]
    assert (await page.post("/_page/clock", json={"advance_ms": 900_000})).json() == {"now_ms": START + 900_000}
    assert (await page.get("/_page/cloud")).json() == [{"id": "n1", "name": "train"}]
    await page.post("/_page/cloud", json={"notebook_id": "n1", "activity": "busy"})
    wrong = await page.post("/_page/cloud", json={"notebook_id": "n1", "activity": "asleep"})
    assert (pushed, switched, wrong.json()) == (
        [900_000],
        [("n1", "busy")],
        {"error": "bad request: activity is busy or idle"},
    )


async def test_the_page_hears_of_every_change(slack: SimSlack, page: httpx.AsyncClient) -> None:
    async with page.stream("GET", "/_page/events") as stream:
        lines = (line async for line in stream.aiter_lines() if line.startswith("data:"))
        first = await anext(lines)
        await page.post("/api/chat.postMessage", json={"channel": "C0RESEARCH", "text": "x"}, headers=BEARER)
        assert await anext(lines) != first


async def test_control_pushes_the_clock_injects_faults_and_shows_the_log(
    slack: SimSlack, page: httpx.AsyncClient
) -> None:
    assert (await page.post("/_sim/clock", json={"set_ms": START + 5000})).json() == {"now_ms": START + 5000}
    await page.post("/_sim/faults", json={"method": "auth.test", "effect": "error", "error": "fatal_error"})
    assert (await page.post("/_sim/faults", json={"effect": "unheard of"})).status_code == 400
    answer = await page.post("/api/auth.test", headers=BEARER)
    assert answer.json() == {"ok": False, "error": "fatal_error"}
    await page.request("DELETE", "/_sim/faults")
    [entry] = (await page.get("/_sim/log")).json()
    assert (entry["method"], entry["fault"], entry["at_ms"]) == ("auth.test", "error", START + 5000)
