"""A hand-written client for the simulated cloud's tests: raw HTTP, nothing of the product's adapter."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import SimCloud

C = 1_687_656_452_470  # the origin of the recorded lease
HOUR = 3_600_000
MINUTE = 60_000
CPU_IMAGE = "e1a07296-22a8-4f05-8bc8-e936c8e54090"
CREATE = {
    "name": "exp-17",
    "flavor": "modelarts.vm.cpu.2u",
    "image_id": CPU_IMAGE,
    "volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 50},
}


@dataclass
class Driver:
    """Calls as one user; a token is fetched at the first need."""

    cloud: SimCloud
    clock: SimClock
    http: httpx.AsyncClient
    user: str = "ana"
    tokens: dict[str, str] = field(default_factory=dict)

    def as_user(self, user: str) -> "Driver":
        return Driver(self.cloud, self.clock, self.http, user, self.tokens)

    @property
    def project(self) -> str:
        return self.cloud.identity.project_id

    def push(self, ms: int) -> None:
        self.clock.advance_ms(ms)

    def password_body(self, user: str, password: str | None = None, **scope: Any) -> dict[str, Any]:
        domain = {"name": self.cloud.identity.domain}
        asked = {"name": user, "password": f"sandbox-{user}" if password is None else password, "domain": domain}
        identity = {"methods": ["password"], "password": {"user": asked}}
        return {"auth": {"identity": identity, "scope": scope or {"project": {"name": "eu-de"}}}}

    async def log_in(self, user: str, password: str | None = None, **scope: Any) -> httpx.Response:
        return await self.http.post("/v3/auth/tokens?nocatalog=true", json=self.password_body(user, password, **scope))

    async def token(self) -> str:
        if self.user not in self.tokens:
            reply = await self.log_in(self.user)
            assert reply.status_code == 201, reply.text
            self.tokens[self.user] = reply.headers["X-Subject-Token"]
        return self.tokens[self.user]

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """`path` below `/v1/{project}`, or whole if it begins with `/v`."""
        url = path if path.startswith(("/v1/", "/v2/", "/v3")) else f"/v1/{self.project}{path}"
        headers = {"X-Auth-Token": await self.token(), **more.pop("headers", {})}
        return await self.http.request(method, url, headers=headers, **more)

    async def ok(self, method: str, path: str, **more: Any) -> Any:
        reply = await self.call(method, path, **more)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        reply = await self.call(method, path, **more)
        return reply.status_code, reply.json()["error_code"]

    async def create(self, **changes: Any) -> str:
        return str((await self.ok("POST", "/notebooks", json={**CREATE, **changes}))["id"])

    async def running(self, **changes: Any) -> str:
        """A notebook that has just come up."""
        notebook_id = await self.create(**changes)
        self.push(self.cloud.settings.create_ms)
        return notebook_id

    async def show(self, notebook_id: str) -> Any:
        return await self.ok("GET", f"/notebooks/{notebook_id}")

    async def status(self, notebook_id: str) -> str:
        return str((await self.show(notebook_id))["status"])
