"""`--real-jupyter`: a real server behind each running notebook, with its own token, for as long as it runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from deploy.sandbox.cloud import serve
from deploy.sandbox.real_jupyter import real_jupyters

PATIENCE = 40.0


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.05)


async def test_each_running_notebook_has_a_server_of_its_own(tmp_path: Path) -> None:
    server = await serve.run()
    cloud: Any = server.cloud
    first, second = (cloud.console.create("ana", name, settled_ago_ms=60_000) for name in ("one", "two"))
    cloud.console.create("ana", "three", status="STOPPED")
    async with real_jupyters(cloud, tmp_path), httpx.AsyncClient(trust_env=False) as http:
        await until(lambda: first.jupyter.backed_url and second.jupyter.backed_url)
        assert first.jupyter.backed_token != second.jupyter.backed_token
        assert cloud.notebooks()[2].jupyter.backed_url is None
        shown = f"{server.url}/jupyter/{first.id}/api/kernels"
        assert (await http.get(shown)).status_code == 403
        mine = {"Authorization": f"token {first.token}"}
        assert (await http.post(shown, headers=mine, json={"name": "python3"})).status_code == 201
        (kernel,) = (await http.get(shown, headers=mine)).json()
        assert kernel["name"] == "python3"
        direct = f"{first.jupyter.backed_url}/api/status"
        assert (await http.get(direct, headers=mine)).status_code == 403  # the notebook's token is not the server's
        cloud.settings.change({"stop_ms": 1})
        cloud.console.stop(first.id)
        await until(lambda: first.jupyter.backed_url is None)
        still = str(second.jupyter.backed_url)
    async with httpx.AsyncClient(trust_env=False) as http:
        for gone in (direct, still):
            try:
                await http.get(gone)
            except httpx.ConnectError:
                continue
            raise AssertionError(f"{gone} still answers")
    await server.stop()
