"""The sandbox's two simulators, for a bot that is started by environment alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.seed import seed_notebooks
from deploy.sandbox.stage import Stage, stage


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Stage]:
    """Simulated Slack and cloud on loopback, on the host's time, with the sandbox's notebooks."""
    folder = tmp_path / "stage"
    folder.mkdir()
    async with stage(folder=folder) as made:
        seed_notebooks(made.cloud.cloud)
        yield made
