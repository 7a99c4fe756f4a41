"""Each server starts by environment alone, does its work against both simulators, and stops."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from starlette.responses import PlainTextResponse

from deploy.sandbox.server import LocalServer
from deploy.sandbox.stage import Stage
from tests.deploy.processes import leasebot, server


async def _unlinked_answer(on: Stage) -> str:
    """Ana has not linked here: what she is told when she asks for something that needs it."""
    before = len(on.slack.ephemerals("U0ANA"))
    answer = await on.slack.command("U0ANA", "whoami", channel="C0RESEARCH")
    assert answer.ok
    await on.slack.until(lambda: len(on.slack.ephemerals("U0ANA")) > before)
    return str(on.slack.ephemerals("U0ANA")[-1].text)


async def test_serve_answers_slack_and_passes_over_the_cloud(on: Stage) -> None:
    async with server("serve", "--port", "0", folder=on.folder, **on.environment()) as running:
        on.slack.bot_url = f"{running.url}/slack/events"
        help_page = await on.slack.command("U0ANA", "help", channel="C0RESEARCH")
        assert "extend" in str(help_page.body)
        assert await _unlinked_answer(on)
        async with httpx.AsyncClient(base_url=running.url, timeout=10) as http:
            assert (await http.get("/readyz")).json() == {"ready": True}
            health = (await http.get("/healthz")).json()
            metrics = (await http.get("/metrics")).text
            assert (await http.post("/slack/events", content=b"text=unsigned")).status_code == 401
            assert (await http.get("/link/nothing")).status_code == 410
        assert "research" in health["projects"]
        assert "leasebot_store_up 1" in metrics
        await on.slack.until(lambda: _listed(on))
    assert running.end is not None
    assert running.end.code == 0, running.end.err
    assert "Traceback" not in running.end.err


def _listed(on: Stage) -> bool:
    """The scheduler has listed the project."""
    return any("/notebooks" in str(entry.get("path", "")) for entry in on.cloud.cloud.log)


async def test_the_ready_line_names_an_address_that_can_be_opened(on: Stage) -> None:
    async with server("serve", "--host", "::1", "--port", "0", folder=on.folder, **on.environment()) as running:
        assert running.url.startswith("http://[::1]:")
        async with httpx.AsyncClient(base_url=running.url, timeout=10) as http:
            assert (await http.get("/readyz")).status_code == 200


async def test_the_sqlite_file_is_for_its_owner_alone(on: Stage) -> None:
    ended = await leasebot("tick", folder=on.folder, **on.environment())
    assert ended.code == 0, ended.err
    files = sorted(on.folder.glob("leasebot.sqlite3*"))
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


async def test_socket_answers_over_socket_mode_and_serves_its_health(on: Stage) -> None:
    async with server("socket", "--port", "0", folder=on.folder, **on.environment()) as running:
        help_page = await on.slack.command("U0ANA", "help", channel="C0RESEARCH")
        assert "extend" in str(help_page.body)
        assert await _unlinked_answer(on)
        async with httpx.AsyncClient(base_url=running.url, timeout=10) as http:
            assert (await http.get("/readyz")).status_code == 200
            assert (await http.post("/slack/events")).status_code == 404
    assert running.end is not None
    assert running.end.code == 0, running.end.err


async def test_tick_makes_one_pass_and_prints_its_counts(on: Stage) -> None:
    ended = await leasebot("tick", folder=on.folder, **on.environment())
    assert ended.code == 0, ended.err
    (line,) = ended.out.splitlines()
    counts = json.loads(line)
    assert (counts["projects"], counts["passes"], counts["missed"]) == (1, 1, [])


async def test_a_tick_without_its_cloud_fails_and_names_the_project(on: Stage) -> None:
    environment = on.environment()
    await on.cloud.stop()
    ended = await leasebot("tick", folder=on.folder, **environment)
    assert ended.code == 1
    assert json.loads(ended.out)["missed"] == ["research"]


async def test_a_tick_calls_the_watchdog_if_its_own_pass_has_succeeded(on: Stage) -> None:
    calls: list[str] = []

    async def watchdog(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        await PlainTextResponse("thanks")(scope, receive, send)

    async with LocalServer(watchdog) as dog:
        environment = on.environment(LEASEBOT_HEARTBEAT_URL=f"{dog.url}/beat")
        for code, heard in ((0, 1), (0, 2), (1, 2)):
            if code:
                await on.cloud.stop()
            assert (await leasebot("tick", folder=on.folder, **environment)).code == code
            assert calls == ["/beat"] * heard


async def test_two_ticks_at_once_are_safe(on: Stage) -> None:
    environment = on.environment()
    await leasebot("tick", folder=on.folder, **environment)
    first, second = await asyncio.gather(*(leasebot("tick", folder=on.folder, **environment) for _ in range(2)))
    assert (first.code, second.code) == (0, 0), first.err + second.err


async def test_the_simulated_cloud_stands_alone(tmp_path: Path) -> None:
    async with server("simulate", "modelarts", "--port", "0", folder=tmp_path) as running:
        told = running.told
        assert told["ready"] is True
        assert set(told) >= {"url", "endpoint", "project_id", "domain", "user", "password", "access_key", "secret_key"}
        async with httpx.AsyncClient(base_url=told["endpoint"], timeout=10) as http:
            password = {"user": {"name": told["user"], "password": told["password"],
                                 "domain": {"name": told["domain"]}}}  # fmt: skip
            login = await http.post("/v3/auth/tokens", json={"auth": {
                "identity": {"methods": ["password"], "password": password},
                "scope": {"project": {"id": told["project_id"]}}}})  # fmt: skip
            assert login.status_code == 201
            token = {"X-Auth-Token": login.headers["X-Subject-Token"]}
            images = await http.get(f"/v1/{quote(told['project_id'])}/images", headers=token)
            assert len(images.json()["data"]) == 38
            before = (await http.get("/_sim/clock")).json()["now_ms"]
            after = (await http.post("/_sim/clock", json={"advance_ms": 3_600_000})).json()["now_ms"]
            assert after - before >= 3_600_000
            assert (await http.get("/_sim/log")).status_code == 200
    assert running.end is not None
    assert running.end.code == 0, running.end.err


async def test_a_real_token_is_refused_by_simulations(tmp_path: Path) -> None:
    for arguments in (("simulate", "modelarts"), ("sandbox",)):
        ended = await leasebot(*arguments, folder=tmp_path, SLACK_BOT_TOKEN="xoxb-123-abc")
        assert ended.code == 2
        assert "unset it" in ended.err


async def test_simulations_listen_on_this_machine_alone(tmp_path: Path) -> None:
    ended = await leasebot("simulate", "modelarts", "--host", "0.0.0.0", folder=tmp_path)
    assert ended.code == 2
    assert "127.0.0.1" in ended.err
