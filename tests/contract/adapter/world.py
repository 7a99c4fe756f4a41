"""A simulated cloud over loopback HTTP with the adapter in front of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.cloud.client import HttpClouds
from bot.cloud.notebooks import HttpCloud
from bot.model import (
    Credentials,
    Endpoint,
    KeyCredentials,
    NewNotebook,
    Notebook,
    PasswordCredentials,
)
from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import SimCloud

START_MS = 1_795_420_800_000
HOUR = timedelta(hours=1)
SHOW = r"/notebooks/[0-9a-f-]+$"


@dataclass
class World:
    """A simulated cloud, a clock that stands still, and the adapter in front of it."""

    sim: SimCloud
    clock: SimClock
    clouds: HttpClouds
    url: str
    slept: list[float]

    def endpoint(self, **changes: Any) -> Endpoint:
        region = self.sim.settings.region
        given: dict[str, Any] = {
            "project": "research", "cloud": self.sim.settings.dialect, "region": region, "modelarts": self.url,
            "iam": self.url, "aom": self.url, "scope": region, "rate": 10_000.0,
        }  # fmt: skip
        return Endpoint(**(given | changes))

    def password(self, name: str) -> PasswordCredentials:
        return PasswordCredentials(self.sim.identity.domain, name, self.sim.identity.users[name].password)

    def keys(self, name: str) -> KeyCredentials:
        user = self.sim.identity.users[name]
        return KeyCredentials(user.access_key, user.secret_key)

    def as_(self, name: str, credentials: Credentials | None = None, **changes: Any) -> HttpCloud:
        return self.clouds.connect(self.endpoint(**changes), credentials or self.password(name))

    async def create(self, cloud: HttpCloud, name: str = "exp", **changes: Any) -> Notebook:
        """Created and waited for."""
        made = await cloud.create(await self.wish(cloud, name, **changes))
        self.clock.advance_ms(60_000)
        return await cloud.show(made.id)

    @staticmethod
    async def wish(cloud: HttpCloud, name: str = "exp", **changes: Any) -> NewNotebook:
        image = next(image for image in await cloud.images() if "CPU" in image.categories and image.arch == "x86_64")
        given: dict[str, Any] = {
            "name": name, "image_id": image.id, "flavor": "modelarts.vm.cpu.2u", "lease": 2 * HOUR,
        }  # fmt: skip
        return NewNotebook(**(given | changes))
