"""Who calls: a token got by password, or keys that sign each request. Source: API digest, section 2."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.cloud import catalog, signing, wire
from bot.cloud.dialect import TRAITS
from bot.cloud.fields import items, mapping, text
from bot.cloud.line import Line
from bot.cloud.sending import Answer, Auth, Call, Sender
from bot.errors import (
    CloudDenied,
    CloudError,
    CloudGarbled,
    CloudInvalid,
    CloudLoginFailed,
    CloudMisconfigured,
    CloudNotFound,
)
from bot.model import CloudIdentity, CloudUserId, Endpoint, KeyCredentials, PasswordCredentials

_ID = re.compile(r"[0-9a-f]{32}")
_SHARE_OF_LIFE = 0.8
_LONGEST_LIFE = timedelta(days=7)
_UNSTATED_LIFE = timedelta(minutes=30)
_KEYS = "/v3.0/OS-CREDENTIAL/credentials"
_NOT_SHOWN = (CloudDenied, CloudNotFound, CloudMisconfigured)
_REFUSED_FOR = timedelta(minutes=5)  # IAM locks a user after five refusals within a quarter of an hour


class Session(Auth, Protocol):
    """One set of credentials at one project."""

    async def project_id(self) -> str:
        """The id in the paths: the configured one, else what the credentials say."""
        ...

    async def identity(self, *, fresh: bool) -> CloudIdentity:
        """Who the cloud says it is; `fresh`: asked now, even if it was known or refused a moment ago."""
        ...


class TokenSession:
    """An IAM user and password; one login at a time, its token kept for 80 % of its life."""

    signs = False

    def __init__(
        self, endpoint: Endpoint, credentials: PasswordCredentials, sender: Sender, line: Line, clock: Clock
    ) -> None:
        self._endpoint, self._credentials = endpoint, credentials
        self._sender, self._line, self._clock = sender, line, clock
        self._token = ""
        self._identity: CloudIdentity | None = None
        self._good_until: datetime | None = None
        self._refusal: tuple[datetime, CloudLoginFailed] | None = None
        self._flight: asyncio.Task[None] | None = None

    async def headers(self, call: Call) -> Mapping[str, str]:
        if self._good_until is None or self._clock.now() >= self._good_until:
            await self._logged_in()
        return {"X-Auth-Token": self._token}

    async def renew(self, used: Mapping[str, str]) -> bool:
        if used.get("X-Auth-Token") == self._token:
            self._good_until = None
        return True

    async def project_id(self) -> str:
        return self._endpoint.project_id or (await self._known()).project_id

    async def identity(self, *, fresh: bool) -> CloudIdentity:
        if fresh:
            self._refusal = self._good_until = None
        return await self._known()

    async def _known(self) -> CloudIdentity:
        if self._identity is None or self._good_until is None or self._clock.now() >= self._good_until:
            await self._logged_in()
        if self._identity is None:
            raise CloudLoginFailed("The cloud gave no login")
        return self._identity

    async def _logged_in(self) -> None:
        """Join the login under way, else begin one; whoever gives up does not end it for the others."""
        self._raise_recent_refusal()
        loop = asyncio.get_running_loop()
        if self._flight is None or self._flight.done() or self._flight.get_loop() is not loop:
            self._flight = loop.create_task(self._log_in(), name="cloud login")
            self._flight.add_done_callback(_retrieve)
        await asyncio.shield(self._flight)

    async def _log_in(self) -> None:
        call = Call("POST", self._endpoint.iam, "/v3/auth/tokens", (("nocatalog", "true"),), self._body())
        try:
            answer = await self._sender.send(self._line, call)
        except CloudError as exc:
            raise self._refused(exc) from exc
        self._keep(answer)

    def _refused(self, exc: CloudError) -> CloudError:
        project = self._endpoint.project_id or self._endpoint.scope
        if isinstance(exc, CloudInvalid | CloudNotFound):
            return CloudMisconfigured(
                f"The cloud does not know the project {project!r} or the account",
                status=exc.status,
                code=exc.code,
                request_id=exc.request_id,
            )
        if isinstance(exc, CloudLoginFailed):
            said = f" ({exc.said})" if exc.said else ""
            exc = _same(exc, f"The cloud did not accept user, password, account or project {project!r}{said}")
            self._refusal = (self._clock.now(), exc)
        return exc

    def _raise_recent_refusal(self) -> None:
        if self._refusal and abs(self._clock.now() - self._refusal[0]) < _REFUSED_FOR:
            raise _same(self._refusal[1], str(self._refusal[1]))

    def _keep(self, answer: Answer) -> None:
        token, told = answer.headers.get("x-subject-token", ""), answer.read(catalog.token)
        if not token:
            raise CloudGarbled(
                "The cloud's login holds no token",
                field="X-Subject-Token",
                status=answer.status,
                request_id=answer.request_id,
            )
        if not (told.identity.project_id or self._endpoint.project_id):
            raise CloudMisconfigured(f"The login holds no project; is {self._endpoint.scope!r} its name?")
        now = self._clock.now()
        life = told.expires_at - (told.issued_at or now) if told.expires_at else _UNSTATED_LIFE
        self._token, self._identity, self._refusal = token, told.identity, None
        self._good_until = now + min(max(life, timedelta(0)), _LONGEST_LIFE) * _SHARE_OF_LIFE

    def _body(self) -> bytes:
        given, project = self._credentials, self._endpoint.project_id or self._endpoint.scope
        user: dict[str, Any] = {**_by_name_or_id(given.user), "password": given.password}
        if "name" in user:
            user["domain"] = _by_name_or_id(given.domain)
        identity = {"methods": ["password"], "password": {"user": user}}
        return wire.encode({"auth": {"identity": identity, "scope": {"project": _by_name_or_id(project)}}})


class KeySession:
    """AK/SK, permanent or temporary: each request is signed, nothing is ever logged in."""

    signs = True

    def __init__(
        self, endpoint: Endpoint, credentials: KeyCredentials, sender: Sender, line: Line, notebooks: Line, clock: Clock
    ) -> None:
        self._endpoint, self._credentials = endpoint, credentials
        self._sender, self._line, self._notebooks, self._clock = sender, line, notebooks, clock
        self._project: dict[str, Any] = {}
        self._identity: CloudIdentity | None = None

    async def headers(self, call: Call) -> Mapping[str, str]:
        given, now = self._credentials, self._clock.now()
        if given.expires_at is not None and now >= given.expires_at:
            raise CloudLoginFailed("The temporary keys have expired")
        headers = {"Host": _host(call.base), "X-Sdk-Date": signing.sdk_date(now), "Content-Type": "application/json"}
        if project := self._endpoint.project_id or text(self._project.get("id")):
            headers["X-Project-Id"] = project
        if given.security_token:
            headers["X-Security-Token"] = given.security_token
        headers["Authorization"] = signing.authorization(
            call.method,
            call.path,
            call.query,
            headers,
            call.body,
            access_key=given.access_key,
            secret_key=given.secret_key,
        )
        return headers

    async def renew(self, used: Mapping[str, str]) -> bool:
        return False

    async def project_id(self) -> str:
        return self._endpoint.project_id or text((await self._found_project()).get("id"))

    async def identity(self, *, fresh: bool) -> CloudIdentity:
        if fresh or self._identity is None:
            user_id = await self._user_id()
            user = mapping((await self._optional(f"/v3/users/{signing.encode(user_id)}")).get("user"))
            domains = items((await self._optional("/v3/auth/domains")).get("domains"))
            domain = mapping(domains[0]) if domains else {}
            project_id = await self.project_id()
            self._identity = CloudIdentity(
                CloudUserId(user_id),
                text(user.get("name")),
                text(user.get("domain_id")) or text(domain.get("id")),
                text(domain.get("name")),
                project_id,
                text(self._project.get("name")) or self._endpoint.scope,
            )
        return self._identity

    async def _found_project(self) -> dict[str, Any]:
        if not self._project:
            scope = self._endpoint.scope
            answer = await self._answer("/v3/projects", (("name", scope),))
            self._project = answer.read(lambda raw: catalog.project(raw, scope))
        if not self._project:
            raise CloudMisconfigured(f"These keys see no project named {self._endpoint.scope!r}")
        return self._project

    async def _user_id(self) -> str:
        """IAM knows whose a permanent key is. A temporary one it does not: there other calls tell who asks."""
        if not self._credentials.security_token:
            answer = await self._ask(f"{_KEYS}/{signing.encode(self._credentials.access_key)}")
            found = text(mapping(mapping(answer).get("credential")).get("user_id"))
            if not found:
                raise wire.garbled("user_id", "The cloud does not say whose keys these are")
            return found
        found = await self._user_of_quota() or await self._user_of_permanent_keys()
        if not found:
            raise CloudInvalid(
                "The cloud does not say whose these temporary keys are",
                next_step="Link with user and password, or with a permanent access key.",
            )
        return found

    async def _user_of_quota(self) -> str:
        """Whose the quota of notebooks is; "" where there is no such call."""
        if not TRAITS[self._endpoint.cloud].quota:
            return ""
        path = f"/v1/{await self.project_id()}/authoring/features/NOTEBOOK"
        call = Call("GET", self._endpoint.modelarts, path)
        with contextlib.suppress(*_NOT_SHOWN):
            return text(mapping((await self._sender.send(self._notebooks, call, self)).body).get("user_id"))
        return ""

    async def _user_of_permanent_keys(self) -> str:
        """Whose permanent keys are listed when nobody is named: the caller's own. "" if there are none.

        Source: IAM API reference of both clouds, "Listing Permanent Access Keys"; one's own need no right.
        """
        listed = (mapping(key) for key in items((await self._optional(_KEYS)).get("credentials")))
        owners = {text(key.get("user_id")) for key in listed}
        return owners.pop() if len(owners) == 1 else ""

    async def _optional(self, path: str) -> dict[str, Any]:
        """What may be missing: without the right to read names, the ids alone must do."""
        try:
            return mapping(await self._ask(path))
        except _NOT_SHOWN:
            return {}

    async def _ask(self, path: str) -> Any:
        return (await self._answer(path)).body

    async def _answer(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> Answer:
        return await self._sender.send(self._line, Call("GET", self._endpoint.iam, path, query), self)


def _by_name_or_id(value: str) -> dict[str, str]:
    return {"id": value} if _ID.fullmatch(value) else {"name": value}


def _host(base: str) -> str:
    """The `Host` header the wire will carry: without a default port."""
    parts = urlsplit(base)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def _same(error: CloudLoginFailed, what: str) -> CloudLoginFailed:
    return CloudLoginFailed(what, status=error.status, code=error.code, request_id=error.request_id)


def _retrieve(flight: asyncio.Task[None]) -> None:
    if not flight.cancelled():
        flight.exception()  # every waiter may be gone; then nobody else would read it
