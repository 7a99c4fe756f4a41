"""Every promise is held to under each driver, on each store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.manifest import BOT_SCOPES
from deploy.sandbox.clock import SimClock
from deploy.sandbox.slack.sim import SimSlack
from deploy.sandbox.stage import BOT_TOKEN, SIGNING_SECRET
from tests.contract.drivers.crew import Crew, crew_on
from tests.contract.drivers.driving import NAMES


@pytest.fixture(params=NAMES)
def driver(request: pytest.FixtureRequest) -> str:
    """Its name."""
    return str(request.param)


@pytest.fixture
async def crew(database_url: str, driver: str, tmp_path: Path) -> AsyncIterator[Crew]:
    """Processes under this driver, on this store."""
    async with crew_on(database_url, driver, tmp_path) as made:
        yield made


@pytest.fixture
async def slack() -> AsyncIterator[SimSlack]:
    """The simulated Slack, on the host's time."""
    made = SimSlack(SimClock(), signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN, scopes=set(BOT_SCOPES))
    async with made.seed_default().serving():
        yield made
