"""The sandbox's two simulators and a policy file that points at them; what a bot needs to meet them by environment."""

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.config.load import load
from bot.config.model import Config
from bot.settings import Settings, load_settings
from deploy.manifest import BOT_SCOPES
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import serve
from deploy.sandbox.cloud.serve import CloudServer
from deploy.sandbox.slack.sim import SimSlack

SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - of the simulated Slack
BOT_TOKEN = "xoxb-sandbox"  # noqa: S105
APP_TOKEN = "xapp-sandbox"  # noqa: S105
TEMPLATE = Path(__file__).parent / "policy.toml.template"


@dataclass(slots=True)
class Stage:
    """Simulated Slack and cloud on loopback ports, on one clock."""

    clock: SimClock
    cloud: CloudServer
    slack: SimSlack
    folder: Path
    policy: str

    def environment(self, **changes: str) -> dict[str, str]:
        """What a plain `leasebot serve` takes to meet this stage."""
        policy = self.folder / "leasebot.toml"
        policy.write_text(self.policy.replace("{cloud}", self.cloud.url), encoding="utf-8")
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": self.slack.api_url,
            "LEASEBOT_CONFIG": str(policy),
            "LEASEBOT_DATABASE_URL": f"sqlite:///{self.folder / 'leasebot.sqlite3'}",
            "LEASEBOT_ENCRYPTION_KEYS": "sandbox:" + base64.urlsafe_b64encode(b"s" * 32).decode(),
            "LEASEBOT_LOG_FORMAT": "console",
            "SANDBOX_BOT_PASSWORD": "sandbox-notebook-bot",
            **changes,
        }

    def settled(self, **changes: str) -> tuple[Settings, Config]:
        """The same, read as a bot reads it."""
        environ = self.environment(**changes)
        settings = load_settings({name: value for name, value in environ.items() if not name.startswith("SANDBOX")})
        return settings, load(settings.config, environ)


@asynccontextmanager
async def stage(
    *, clock: SimClock | None = None, folder: Path | None = None, policy: str | None = None, port: int = 0,
    cloud_settings: Any = None,
) -> AsyncIterator[Stage]:  # fmt: skip
    """Bring both up; `port` is the page's. Everything is gone at the end, unless `folder` was given."""
    clock = clock or SimClock()
    async with AsyncExitStack() as stack:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="leasebot-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
        cloud = await serve.run(clock=clock, settings=cloud_settings)
        stack.push_async_callback(cloud.stop)
        slack = SimSlack(clock, signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN, app_token=APP_TOKEN,
                         scopes=set(BOT_SCOPES)).seed_default()  # fmt: skip
        await stack.enter_async_context(slack.serving(port=port))
        text = policy if policy is not None else await asyncio.to_thread(TEMPLATE.read_text, "utf-8")
        yield Stage(clock, cloud, slack, folder, text)
