"""The simulated cloud on a port of its own."""

from dataclasses import dataclass
from typing import Any

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud.seeding import SERVICE_ACCOUNT
from deploy.sandbox.cloud.settings import CloudSettings
from deploy.sandbox.cloud.world import SimCloud
from deploy.sandbox.server import LocalServer


@dataclass
class CloudServer:
    """A running simulator: `cloud` is its state, `url` its only endpoint (IAM, ModelArts, AOM, Jupyter, control)."""

    cloud: SimCloud
    server: LocalServer

    @property
    def url(self) -> str:
        return self.server.url

    async def stop(self) -> None:
        await self.server.stop()

    def ready_line(self, user: str = SERVICE_ACCOUNT) -> dict[str, Any]:
        """What `leasebot simulate modelarts` prints when it accepts; `user` names whose credentials."""
        identity = self.cloud.identity
        account = identity.users[user]
        return {
            "ready": True,
            "url": self.url,
            "endpoint": self.url,
            "project_id": identity.project_id,
            "domain": identity.domain,
            "user": account.name,
            "password": account.password,
            "access_key": account.access_key,
            "secret_key": account.secret_key,
        }


async def run(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    cloud: SimCloud | None = None,
    clock: SimClock | None = None,
    settings: CloudSettings | None = None,
    seed: bool = True,
) -> CloudServer:
    """Starts in the running loop and accepts when it returns; `port` 0 takes any.

    Without `cloud` a new one is made on `clock` (default: the host's time, running) and seeded.
    """
    if cloud is None:
        cloud = SimCloud(clock or SimClock(), settings)
        if seed:
            cloud.seed_default()
    server = await LocalServer(cloud.app, host, port).start()
    cloud.base_url = server.url
    return CloudServer(cloud, server)
