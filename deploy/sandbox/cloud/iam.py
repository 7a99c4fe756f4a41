"""The identity service: tokens, projects, temporary keys."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.clock import from_ms
from deploy.sandbox.cloud.errors import CloudRefusal, iam_refusal
from deploy.sandbox.cloud.exchange import Exchange, answer, exchange_of
from deploy.sandbox.cloud.identity import Caller, Token
from deploy.sandbox.cloud.model import User

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

MIN_TEMPORARY_S, MAX_TEMPORARY_S = 900, 86_400


def routes(cloud: "SimCloud") -> list[Route]:
    desk = _Desk(cloud)
    table: list[tuple[str, str, Callable[[Exchange, Request], Response], str]] = [
        ("POST", "/v3/auth/tokens", desk.make_token, "CreateToken"),
        ("GET", "/v3/auth/tokens", desk.check_token, "CheckToken"),
        ("GET", "/v3/projects", desk.projects, "ListProjects"),
        ("GET", "/v3/auth/projects", desk.projects, "ListProjects"),
        ("GET", "/v3/auth/domains", desk.domains, "ListDomains"),
        ("GET", "/v3/users/{user_id}", desk.user, "ShowUser"),
        ("POST", "/v3.0/OS-CREDENTIAL/securitytokens", desk.temporary_key, "CreateTemporaryKey"),
        ("GET", "/v3.0/OS-CREDENTIAL/credentials", desk.keys, "ListPermanentKeys"),
        ("GET", "/v3.0/OS-CREDENTIAL/credentials/{access_key}", desk.key, "ShowPermanentKey"),
    ]
    return [Route(path, _endpoint(handler, action), methods=[verb]) for verb, path, handler, action in table]


def _endpoint(
    handler: Callable[[Exchange, Request], Response], action: str
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        exchange = exchange_of(request)
        exchange.action = action
        return handler(exchange, request)

    return endpoint


def _micro(ms: int) -> str:
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def _body(exchange: Exchange) -> dict[str, Any]:
    try:
        return exchange.json()
    except CloudRefusal as exc:
        raise iam_refusal(400, "The request body is invalid") from exc


def _key_of(user: User) -> dict[str, Any]:
    key = {"access": user.access_key, "user_id": user.id, "status": "active", "description": ""}
    return key | {"create_time": _micro(0)}


class _Desk:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud
        self._identity = cloud.identity

    # tokens

    def make_token(self, exchange: Exchange, request: Request) -> Response:
        """Password in, token out: in the header `X-Subject-Token`, several kB long."""
        auth = _body(exchange).get("auth")
        try:
            asked = auth["identity"]["password"]["user"]  # type: ignore[index]
            password = asked["password"]
            domain, name = self._asked_user(asked)
            methods, scope = auth["identity"]["methods"], auth.get("scope", {})  # type: ignore[index, union-attr]
        except (KeyError, TypeError, AttributeError) as exc:
            raise iam_refusal(400, "The request body is invalid") from exc
        if not isinstance(scope, dict) or not isinstance(name, str):
            raise iam_refusal(400, "The request body is invalid")
        if methods != ["password"]:
            raise iam_refusal(400, "The method is not supported here")
        exchange.user = str(name)
        user = self._identity.check_password(domain, name, password)
        token = self._identity.issue(user, self._project(scope))
        exchange.details["scope"] = "project" if token.project_id else "domain"
        headers = {"X-Subject-Token": token.text}
        return answer({"token": self._described(token, exchange)}, 201, headers)

    def _asked_user(self, asked: dict[str, Any]) -> tuple[str, str]:
        """Domain and user, named, whether they were asked for by name or by id."""
        if "id" in asked:
            found = self._identity.user_by_id(str(asked["id"]))
            return self._identity.domain, found.name if found else ""
        domain = asked["domain"]
        named = self._identity.domain if domain.get("id") == self._identity.domain_id else domain["name"]
        return named, asked["name"]

    def _project(self, scope: dict[str, Any]) -> str | None:
        """The project asked for by name or id; None for domain scope or none at all."""
        project = scope.get("project")
        if project is None:
            return None
        if not isinstance(project, dict):
            raise iam_refusal(400, "The request body is invalid")
        found = self._identity.projects.get(str(project.get("name")))
        wanted = project.get("id", found)
        if wanted is None or wanted not in self._identity.projects.values():
            raise iam_refusal(401, "The project does not exist or the user has no access to it.")
        return str(wanted)

    def _described(self, token: Token, exchange: Exchange) -> dict[str, Any]:
        domain = {"id": self._identity.domain_id, "name": self._identity.domain}
        described: dict[str, Any] = {
            "methods": ["password"],
            "issued_at": _micro(token.issued_ms),
            "expires_at": _micro(token.expires_ms),
            "user": {"id": token.user.id, "name": token.user.name, "domain": domain, "password_expires_at": ""},
            "roles": [{"id": "0", "name": "te_admin"}],
            "catalog": [] if exchange.query.get("nocatalog") else self._catalog(),
        }
        if token.project_id is None:
            return described | {"domain": domain}
        name = next(n for n, i in self._identity.projects.items() if i == token.project_id)
        return described | {"project": {"id": token.project_id, "name": name, "domain": domain}}

    def _catalog(self) -> list[dict[str, Any]]:
        base, region = self._cloud.base_url, self._cloud.settings.region
        services = ("iam", "modelarts", "aom", "ces", "obs", "swr", "vpc", "evs")
        return [
            {
                "name": name,
                "type": name,
                "id": f"{name}-service",
                "endpoints": [{"id": f"{name}-{region}", "interface": "public", "region": region, "url": base}],
            }
            for name in services
        ]

    def check_token(self, exchange: Exchange, request: Request) -> Response:
        self._caller(exchange)
        token = self._identity.live_token(exchange.headers.get("x-subject-token", ""))
        if token is None:
            raise iam_refusal(404, "The token could not be found.")
        return answer({"token": self._described(token, exchange)}, 200, {"X-Subject-Token": token.text})

    # projects and people

    def projects(self, exchange: Exchange, request: Request) -> Response:
        self._caller(exchange)
        wanted = exchange.query.get("name")
        found = [
            {
                "id": project_id,
                "name": name,
                "domain_id": self._identity.domain_id,
                "parent_id": self._identity.domain_id,
                "enabled": True,
                "is_domain": False,
                "description": "",
                "links": {"self": f"{self._cloud.base_url}/v3/projects/{project_id}"},
            }
            for name, project_id in self._identity.projects.items()
            if wanted in (None, name)
        ]
        links = {"self": f"{self._cloud.base_url}/v3/projects", "next": None, "previous": None}
        return answer({"projects": found, "links": links})

    def domains(self, exchange: Exchange, request: Request) -> Response:
        self._caller(exchange)
        domain = {"id": self._identity.domain_id, "name": self._identity.domain, "enabled": True, "description": ""}
        return answer({"domains": [domain], "links": {"self": f"{self._cloud.base_url}/v3/auth/domains"}})

    def user(self, exchange: Exchange, request: Request) -> Response:
        """Oneself, or anybody with the right to list users."""
        caller = self._caller(exchange)
        found = self._identity.user_by_id(request.path_params["user_id"])
        if found is None or (found is not caller.user and not caller.user.may("iam:users:listUsers")):
            raise iam_refusal(403, "You are not authorized to perform the requested action.")
        shown = {"id": found.id, "name": found.name, "domain_id": self._identity.domain_id, "enabled": found.enabled}
        return answer({"user": shown})

    # keys

    def temporary_key(self, exchange: Exchange, request: Request) -> Response:
        caller = self._caller(exchange)
        try:
            token = _body(exchange)["auth"]["identity"].get("token", {})
            seconds = int(token.get("duration_seconds", MIN_TEMPORARY_S))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise iam_refusal(400, "The request body is invalid") from exc
        if not MIN_TEMPORARY_S <= seconds <= MAX_TEMPORARY_S:
            raise iam_refusal(400, "duration_seconds must be between 900 and 86400")
        key = self._identity.add_temporary(caller.user, seconds * 1000)
        credential = {
            "access": key.access_key,
            "secret": key.secret_key,
            "securitytoken": key.security_token,
            "expires_at": _micro(key.expires_ms),
        }
        return answer({"credential": credential}, 201)

    def key(self, exchange: Exchange, request: Request) -> Response:
        """Whose key it is; only one's own can be asked for."""
        caller = self._caller(exchange)
        access_key = request.path_params["access_key"]
        if caller.user.access_key != access_key:
            raise iam_refusal(404, "The credential could not be found.")
        return answer({"credential": _key_of(caller.user) | {"last_use_time": _micro(exchange.now)}})

    def keys(self, exchange: Exchange, request: Request) -> Response:
        """One's own permanent keys; another's, named by `user_id`, with the right to list users."""
        caller = self._caller(exchange)
        user = self._identity.user_by_id(exchange.query.get("user_id", caller.user.id))
        if user is None or (user is not caller.user and not caller.user.may("iam:users:listUsers")):
            raise iam_refusal(403, "You are not authorized to perform the requested action.")
        return answer({"credentials": [_key_of(user)] if user.access_key else []})

    def _caller(self, exchange: Exchange) -> Caller:
        """Token or signature; IAM says no in its own words."""
        try:
            caller = self._identity.caller(exchange.wire)
        except CloudRefusal as exc:
            if str(exc.body.get("error_code", "")).startswith("APIGW"):
                raise
            raise iam_refusal(401, "The request you have made requires authentication.") from exc
        exchange.user = caller.user.name
        return caller
