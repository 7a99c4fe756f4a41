"""`[[projects]]`: where a cloud answers, who speaks for the project there, and secrets that stand elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.cloud.regions import endpoint_urls
from bot.config import values
from bot.config.addresses import base_address, is_loopback
from bot.config.general import read_roles
from bot.config.model import Project, Roles
from bot.config.policy_sections import read_policy
from bot.config.problems import Table
from bot.errors import BadInput
from bot.model import Credentials, Dialect, Endpoint, KeyCredentials, PasswordCredentials

_KEYS = (
    "name", "cloud", "region", "channel", "service_account", "endpoint", "iam_endpoint", "aom_endpoint", "project_id",
    "scope", "workspace", "notebook_hosts", "rate", "roles", "policy",
)  # fmt: skip
_PASSWORD_KEYS = ("domain", "user", "password")
_KEY_KEYS = ("access_key", "secret_key", "security_token")
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
_NOBODY = PasswordCredentials("", "", "")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Looks up `env:NAME` and `file:PATH` (relative to the policy file); never shows a value."""

    environ: Mapping[str, str]
    folder: Path

    def read(self, value: Any) -> str:
        """The secret a reference stands for. Raises BadInput for one in clear, and for one that is not there."""
        kind, _, where = value.partition(":") if isinstance(value, str) else ("", "", "")
        if kind == "env" and where:
            return self._from_environment(where)
        if kind == "file" and where:
            return self._from_file(where)
        raise BadInput("a secret must not stand in this file; write env:NAME or file:PATH")

    def _from_environment(self, name: str) -> str:
        if not (secret := self.environ.get(name, "").rstrip("\r\n")):
            raise BadInput(f"the environment variable {name} is not set")
        return secret

    def _from_file(self, name: str) -> str:
        try:
            secret = (self.folder / name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as exc:
            raise BadInput(f"the file {name} cannot be read") from exc
        if not secret:
            raise BadInput(f"the file {name} is empty")
        return secret


def read_projects(root: Table, roles: Roles, secrets: Secrets) -> dict[str, Project]:
    """All projects by name, in the order of the file; there must be at least one."""
    projects: dict[str, Project] = {}
    first_lines: dict[str, int] = {}
    tables = root.tables("projects", "[[projects]]")
    if not tables:
        root.problems.add(1, "there is no [[projects]]; name at least one project")
    for table in tables:
        project = _project(table, roles, secrets)
        line = table.line("name")
        if project.name and project.name in projects:
            earlier = first_lines[project.name]
            table.problems.add(line, f'project "{project.name}" is named twice; first in line {earlier}')
        first_lines.setdefault(project.name, line)
        projects.setdefault(project.name, project)
    return projects


def _project(table: Table, roles: Roles, secrets: Secrets) -> Project:
    table.only(_KEYS)
    name = table.need("name", values.project_name, "")
    return Project(
        name=name,
        endpoint=_endpoint(table, name),
        channel=table.need("channel", values.slack_channel, ""),
        service_account=_service_account(table, secrets),
        roles=read_roles(table, roles, "[projects.roles]"),
        settings=read_policy(table.table("policy", "[projects.policy]")),
    )


def _endpoint(table: Table, name: str) -> Endpoint:
    cloud: Dialect = "hwc" if table.need("cloud", values.choice("otc", "hwc"), "otc") == "hwc" else "otc"
    region = table.need("region", values.text, "")
    default = endpoint_urls(cloud, region)
    modelarts = table.get("endpoint", _address, default.modelarts)
    # A simulator answers for all three; credentials meant for it must not reach the real cloud.
    local = is_loopback(urlsplit(modelarts).hostname)
    hosts = _LOOPBACK_HOSTS if local else default.notebook_hosts
    return Endpoint(
        project=name,
        cloud=cloud,
        region=region,
        modelarts=modelarts,
        iam=table.get("iam_endpoint", _address, modelarts if local else default.iam),
        aom=table.get("aom_endpoint", _address, modelarts if local else default.aom),
        scope=table.get("scope", values.text, region),
        project_id=table.get("project_id", values.text, None),
        notebook_hosts=table.get("notebook_hosts", values.list_of(values.text), hosts),
        rate=table.get("rate", values.rate, 10.0),
        workspace=table.get("workspace", values.text, "0"),
    )


def _address(value: Any) -> str:
    return base_address(values.text(value))


def _service_account(table: Table, secrets: Secrets) -> Credentials:
    if "service_account" not in table.values:
        table.problems.add(table.line(), '"service_account" is missing in [[projects]]')
        return _NOBODY
    account = table.table("service_account", "service_account")
    if not account.values:
        table.problems.add(account.line(), "service_account must be a table that names a user or an access key")
        return _NOBODY
    account.only((*_PASSWORD_KEYS, *_KEY_KEYS))
    by_key, by_password = ({*keys} & {*account.values} for keys in (_KEY_KEYS, _PASSWORD_KEYS))
    if by_key and by_password:
        account.problems.add(account.line(), "service_account has both a password and an access key; keep one")
        return _NOBODY
    return _keys(account, secrets) if by_key else _password(account, secrets)


def _password(account: Table, secrets: Secrets) -> PasswordCredentials:
    return PasswordCredentials(
        domain=account.need("domain", values.text, ""),
        user=account.need("user", values.text, ""),
        password=account.need("password", secrets.read, ""),
    )


def _keys(account: Table, secrets: Secrets) -> KeyCredentials:
    return KeyCredentials(
        access_key=account.need("access_key", secrets.read, ""),
        secret_key=account.need("secret_key", secrets.read, ""),
        security_token=account.get("security_token", secrets.read, None),
    )
