from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import SimCloud
from deploy.sandbox.server import LocalServer
from tests.contract.simcloud.driver import C, Driver


@pytest.fixture
def clock() -> SimClock:
    return SimClock(C, running=False)


@pytest.fixture
def cloud(clock: SimClock) -> SimCloud:
    made = SimCloud(clock)
    made.seed_default()
    return made


@pytest.fixture
async def api(cloud: SimCloud, clock: SimClock) -> AsyncIterator[Driver]:
    """Over a real loopback connection, as everybody reaches it."""
    async with LocalServer(cloud.app) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        yield Driver(cloud, clock, http)
