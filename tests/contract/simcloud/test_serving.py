"""The simulator on a port of its own, and the small server under it."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud.serve import run
from deploy.sandbox.server import RESET_EXTENSION, LocalServer
from tests.contract.simcloud.driver import C


async def test_the_ready_line_is_all_one_needs_to_call() -> None:
    server = await run(clock=SimClock(C, running=False))
    try:
        ready = server.ready_line()
        assert set(ready) == {
            *("ready", "url", "endpoint", "project_id", "domain", "user", "password", "access_key", "secret_key")
        }
        assert (ready["user"], ready["domain"]) == ("notebook-bot", "OTC-EU-DE-SANDBOX")
        user = {"name": ready["user"], "password": ready["password"], "domain": {"name": ready["domain"]}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": ready["project_id"]}}}}
        async with httpx.AsyncClient(base_url=ready["endpoint"], trust_env=False) as http:
            token = (await http.post("/v3/auth/tokens", json=body)).headers["X-Subject-Token"]
            path = f"/v1/{ready['project_id']}/notebooks/all"
            assert (await http.get(path, headers={"X-Auth-Token": token})).json()["total"] == 0
    finally:
        await server.stop()


async def test_the_people_of_the_sandbox() -> None:
    server = await run()
    await server.stop()
    identity = server.cloud.identity
    assert list(identity.users) == ["ana", "ben", "carla", "dora", "notebook-bot"]
    assert len(identity.project_id) == len(identity.domain_id) == 32
    bot = identity.users["notebook-bot"].rights
    assert not {f"modelarts:notebook:{verb}" for verb in ("create", "start", "delete", "update")} & bot
    assert len({user.access_key for user in identity.users.values()}) == 5


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/reset":
        scope["extensions"][RESET_EXTENSION]()
        return
    await PlainTextResponse(scope["path"])(scope, receive, send)


class TestLocalServer:
    async def test_serves_and_stops_and_frees_its_port(self) -> None:
        async with LocalServer(echo) as server, httpx.AsyncClient(trust_env=False) as http:
            reply = await http.get(f"{server.url}/x")
            assert (reply.text, reply.headers.get("date")) == ("/x", None)
            port = server.port
        async with LocalServer(echo, port=port) as again:
            assert again.port == port
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(trust_env=False) as http:
                await http.get(f"{server.url}/x")

    async def test_a_taken_port_is_an_error_at_once(self) -> None:
        async with LocalServer(echo) as server:
            with pytest.raises(OSError, match="in use"):
                await LocalServer(echo, port=server.port).start()

    async def test_may_be_stopped_twice_and_before_it_started(self) -> None:
        server = LocalServer(echo)
        await server.stop()
        await server.start()
        await asyncio.gather(server.stop(), server.stop())
        async with httpx.AsyncClient(trust_env=False) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(server.url)

    async def test_can_reset_a_connection(self) -> None:
        async with LocalServer(echo) as server, httpx.AsyncClient(trust_env=False) as http:
            with pytest.raises(httpx.ReadError):
                await http.get(f"{server.url}/reset")
            assert (await http.get(f"{server.url}/after")).status_code == 200
