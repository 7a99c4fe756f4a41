"""What every operation is built from; put together once, in deploy/."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.clock import Clock
from bot.cloud.port import Clouds
from bot.config.model import Config
from bot.ids import Ids
from bot.secrets import Sealer
from bot.slack import Slack
from bot.stores.database import Database

BRIEF_FROM = 200  # notebooks at rest, four pages: from so many on most passes list only what runs


@dataclass(slots=True)
class Workspace:
    """The one Slack workspace of this deployment; `team` is "" until Slack has said it."""

    team: str = ""


@dataclass(frozen=True, slots=True)
class Deps:
    """The parts, each replaceable."""

    db: Database
    clock: Clock
    ids: Ids
    config: Config
    clouds: Clouds
    slack: Slack
    sealer: Sealer
    jitter: Callable[[], float]
    command: str  # the slash command, to be named in answers
    public_url: str  # where the link page is served; "" if it is not
    poll: timedelta  # the floor between two passes
    workspace: Workspace
    brief_from: int = BRIEF_FROM

    @property
    def team(self) -> str:
        """The one workspace's id."""
        return self.workspace.team
