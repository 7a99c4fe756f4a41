from collections.abc import AsyncIterator
from typing import Literal

import pytest

from bot import http
from bot.cloud.client import HttpClouds
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import CloudSettings, SimCloud
from deploy.sandbox.server import LocalServer
from tests.contract.adapter.world import START_MS, World


@pytest.fixture(params=["otc", "hwc"])
def dialect(request: pytest.FixtureRequest) -> Literal["otc", "hwc"]:
    chosen: Literal["otc", "hwc"] = request.param
    return chosen


@pytest.fixture
async def world(dialect: Literal["otc", "hwc"]) -> AsyncIterator[World]:
    clock = SimClock(START_MS, running=False)
    region = {"otc": "eu-de", "hwc": "cn-north-4"}[dialect]
    sim = SimCloud(clock, CloudSettings(dialect=dialect, region=region))
    sim.seed_default()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    client = http.Client(trust_env=False)
    async with LocalServer(sim.app) as server, client:
        yield World(sim, clock, HttpClouds(clock, client, jitter=lambda: 0.5, sleep=sleep), server.url, slept)
