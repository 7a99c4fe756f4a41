"""The simulated Slack as one object: settings, the ASGI app, the driver."""

import contextlib
import functools
import secrets
from collections.abc import AsyncIterator
from typing import Self

from starlette.types import ASGIApp

from deploy.sandbox.server import LocalServer
from deploy.sandbox.slack import app
from deploy.sandbox.slack.interactions import Interactions
from deploy.sandbox.slack.seed import seed_default


class SimSlack(Interactions):
    """Slack for one workspace and one app.

    `SimSlack(clock, signing_secret=…, bot_token=…, scopes={…})`, `seed_default()`, then either serve `.app` yourself
    and set `.url`, or `async with slack.serving()`. Set `.bot_url` to the bot's `/slack/events`, or let it connect
    over Socket Mode. Refuses tokens that look real (ValueError).
    """

    @functools.cached_property
    def page_token(self) -> str:
        """What every request of the browser page carries."""
        return secrets.token_urlsafe(24)

    @functools.cached_property
    def app(self) -> ASGIApp:
        """The ASGI app to serve on loopback."""
        return app.build(self, self.page_token)

    @property
    def page_url(self) -> str:
        """Where a browser sees it; carries the page's token."""
        return f"{self.url}/?token={self.page_token}"

    @property
    def api_url(self) -> str:
        """What the bot takes as `SLACK_API_URL`."""
        return f"{self.url}/api/"

    def seed_default(self) -> Self:
        """Put in the people, channels and groups of the sandbox."""
        seed_default(self.workspace)
        return self

    @contextlib.asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Serve on loopback and close at the end."""
        async with LocalServer(self.app, host, port) as server:
            self.url = server.url
            try:
                yield self
            finally:
                await self.aclose()

    async def aclose(self) -> None:
        """End streams, sockets and outgoing connections."""
        self.closed = True
        self.changed()
        await self.sockets.disconnect("link_disabled")
        await self.sender.aclose()
