"""`leasebot sandbox --script`: the whole story is told and every step of it holds; it says so when one does not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.sandbox.story import FLAVOR, Story, script

TOLD = (
    "Ana types /notebook create churn-model",
    "leasebot → Ana: Creating churn-model.",
    "leasebot → Ana, the same message: churn-model is running.",
    "leasebot → Ben alone: Everyone's notebooks in research: 1 notebook",
    "churn-model stops in 59 min",
    "churn-model now runs until 13:00; before, it was 12:00.",
    "leasebot → #research: Ana asks: let churn-model run 10 h longer.",
    "You cannot decide on this: nobody decides on their own request.",
    "Your request for churn-model was approved by Carla: 10 h.",
    "churn-model has been idle since",
    "because it was idle for",
    "leasebot → Ana alone: What was decided about churn-model",
    "Your cost, the last 7 days:",
    "leasebot → Ana: a chart",
    "research: the day in figures",
    "Every step held.",
)


def test_the_command_plays_the_story_from_any_folder(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "sandbox", "--script"],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    at = 0
    for words in TOLD:
        at = ended.stdout.find(words, at)
        assert at >= 0, f"{words!r} is missing or out of order in:\n{ended.stdout}"
    assert ended.stderr == ""
    assert list(tmp_path.iterdir()) == []


def sold_out(story: Story) -> None:
    story.play.cloud.set_sold_out(FLAVOR)


def no_renewals(story: Story) -> None:
    story.play.cloud.faults.add("error", code="ModelArts.6357", method="PATCH", path="/lease$", count=0)


def start_fails(story: Story) -> None:
    story.play.cloud.fail_provisioning()


def deaf_slack(story: Story) -> None:
    story.play.slack.fault("chat.postMessage", "error", count=None)


@pytest.mark.parametrize(
    ("broken", "step"),
    [
        (sold_out, "the cloud has a notebook churn-model"),
        (start_fails, "the cloud says it runs"),
        (no_renewals, "the lease ends one hour later than before"),
        (deaf_slack, "Ana's message was updated in place and says so"),
    ],
)
async def test_a_step_that_does_not_hold_ends_the_story(broken: Callable[[Story], None], step: str) -> None:
    told: list[str] = []
    assert not await script(told.append, before=broken)
    assert "✗" in told[-1]
    assert step in told[-1]
