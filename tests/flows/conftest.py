"""Flows: signed Slack requests and passes in, simulated cloud and Slack out."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.clock import SimClock
from deploy.sandbox.stage import Stage, stage
from tests.flows.scene import START_MS, Scene, bot_on, policy_text


@pytest.fixture
def policy() -> dict[str, str]:
    """Keys of [policy] that differ from the sandbox's; a test parametrizes it."""
    return {}


@pytest.fixture
async def on(policy: dict[str, str], tmp_path: Path) -> AsyncIterator[Stage]:
    """Simulated Slack and cloud, at ten o'clock on a Monday in Berlin."""
    folder = tmp_path / "stage"
    folder.mkdir()
    async with stage(clock=SimClock(START_MS, running=False), folder=folder, policy=policy_text(policy)) as made:
        yield made


@pytest.fixture
async def scene(on: Stage, database_url: str, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Scene]:
    """A bot on that stage. At the end Slack has found nothing wrong with what it was sent, and nothing surprised us."""
    async with bot_on(on, database_url) as made:
        yield made
        findings = [f for f in on.slack.findings if f["code"] not in made.expected]
        assert findings == []
        surprises = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
        assert [s for s in surprises if not any(word in s for word in made.expected)] == []
