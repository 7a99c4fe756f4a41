"""Everything the environment can change (contract 5), read once and frozen."""

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config.addresses import base_address, https_unless_loopback
from bot.errors import BadInput, SettingsError

_Given = TypeVar("_Given")

_PREFIX = "LEASEBOT_"
_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")
# What Kubernetes puts into every container for a service whose name begins with "leasebot".
_KUBERNETES = re.compile(r"LEASEBOT_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP)\w*)?)")


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """One key of the ring; the first of the ring encrypts, all decrypt."""

    id: str
    secret: bytes = field(repr=False)


def parse_key_ring(text: str) -> tuple[EncryptionKey, ...]:
    """`id:base64url of 32 bytes, …` in its order. Raises BadInput, which never shows a key."""
    keys = tuple(_key(part.strip(), n) for n, part in enumerate(text.split(","), 1) if part.strip())
    if not keys:
        raise BadInput("holds no key")
    if len({key.id for key in keys}) < len(keys):
        raise BadInput("names one key id twice")
    return keys


def _key(part: str, number: int) -> EncryptionKey:
    key_id, _, encoded = part.partition(":")
    try:
        secret = urlsafe_b64decode(encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4))
    except ValueError:
        secret = b""
    # Decoding is lenient about foreign characters; writing it again is not.
    sound = urlsafe_b64encode(secret).rstrip(b"=").decode() == encoded.rstrip("=")
    if not _KEY_ID.fullmatch(key_id) or len(secret) != 32 or not sound:
        raise BadInput(f"key number {number} must be written id:KEY, KEY being 32 bytes in base64url")
    return EncryptionKey(key_id, secret)


def format_key(key: EncryptionKey) -> str:
    """A key as it stands in the ring."""
    return f"{key.id}:{urlsafe_b64encode(key.secret).rstrip(b'=').decode()}"


def async_database_url(text: str) -> str:
    """`sqlite:///…` or `postgresql://…` as SQLAlchemy's asyncio wants it. Raises BadInput for any other."""
    scheme, separator, rest = text.strip().partition("://")
    if "+" in scheme:
        raise BadInput(f"names a driver; write {scheme.partition('+')[0]}://…")
    if scheme == "sqlite" and separator and rest.startswith("/") and len(rest) > 1:
        return f"sqlite+aiosqlite://{rest}"
    if scheme == "postgresql" and separator and urlsplit(text.strip()).path.strip("/"):
        _port(text)
        return f"postgresql+asyncpg://{_with_asyncpgs_ssl(rest)}"
    raise BadInput("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")


def _port(text: str) -> None:
    try:
        _ = urlsplit(text.strip()).port
    except ValueError as error:
        raise BadInput("names a port that is no number from 0 to 65535") from error


def _with_asyncpgs_ssl(rest: str) -> str:
    """asyncpg calls libpq's `sslmode` `ssl`."""
    address, _, query = rest.partition("?")
    pairs = [("ssl" if name == "sslmode" else name, value) for name, value in parse_qsl(query)]
    return f"{address}?{urlencode(pairs)}" if pairs else address


def slash_command(text: str) -> str:
    """The command as Slack takes it. Raises BadInput for any other."""
    if not _COMMAND.fullmatch(text):
        raise BadInput("must be a slash and at most 31 lower-case letters, digits, dashes or underscores")
    return text


def _read(reader: Callable[[str], str]) -> AfterValidator:
    """A reader of ours as a validator: pydantic collects ValueError alone."""

    def validate(value: str) -> str:
        try:
            return reader(value)
        except BadInput as exc:
            raise ValueError(str(exc)) from exc

    return AfterValidator(validate)


def _checked(reader: Callable[[str], object]) -> AfterValidator:
    """The same for a secret, which stays as it is."""

    def validate(value: SecretStr) -> SecretStr:
        try:
            reader(value.get_secret_value())
        except BadInput as exc:
            raise ValueError(str(exc)) from exc
        return value

    return AfterValidator(validate)


class Settings(BaseSettings):
    """What the environment says. A secret shows itself only through `get_secret_value()`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True, case_sensitive=True,
        env_ignore_empty=True,
    )  # fmt: skip

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """What is given counts alone (`load_settings` reads the environment itself); `Settings()` reads it here."""
        return (init_settings,) if init_settings() else (env_settings,)

    bot_token: SecretStr | None = Field(
        None, alias="SLACK_BOT_TOKEN", description="Bot token (`xoxb-…`) of the Slack app."
    )
    signing_secret: SecretStr | None = Field(
        None,
        alias="SLACK_SIGNING_SECRET",
        description="Signing secret of the Slack app; proves that requests are Slack's.",
    )
    app_token: SecretStr | None = Field(
        None, alias="SLACK_APP_TOKEN", description="App-level token (`xapp-…`); for `leasebot socket` only."
    )
    slack_api_url: Annotated[str, _read(lambda text: base_address(text) + "/")] = Field(
        "https://slack.com/api/", alias="SLACK_API_URL", description="Where Slack's Web API answers."
    )
    config: str = Field("leasebot.toml", alias="LEASEBOT_CONFIG", description="Path of the policy file.")
    database_url: Annotated[SecretStr, _checked(async_database_url)] = Field(
        SecretStr("sqlite:///leasebot.sqlite3"),
        alias="LEASEBOT_DATABASE_URL",
        description="`sqlite:///FILE` or `postgresql://…`, no driver named; the SQLite file gets mode 0600.",
    )
    encryption_keys: Annotated[SecretStr, _checked(parse_key_ring)] | None = Field(
        None,
        alias="LEASEBOT_ENCRYPTION_KEYS",
        description="`id:base64url of 32 bytes, …`; the first encrypts; `leasebot keys new` prints one. "
        "Without it only the sandbox starts.",
    )
    public_url: Annotated[str, _read(base_address)] | None = Field(
        None,
        alias="LEASEBOT_PUBLIC_URL",
        description="Where people's browsers reach this deployment (linking page); https unless loopback.",
    )
    command: Annotated[str, _read(slash_command)] = Field(
        "/notebook", alias="LEASEBOT_COMMAND", description="The slash command."
    )
    poll_seconds: int = Field(
        60,
        alias="LEASEBOT_POLL_SECONDS",
        ge=1,
        le=3600,
        description="Least time between passes of `serve` and `socket`, 1 to 3600; `tick` is always a pass.",
    )
    log_format: Literal["json", "console"] = Field(
        "json", alias="LEASEBOT_LOG_FORMAT", description="`json` or `console`."
    )
    heartbeat_url: Annotated[SecretStr, _checked(https_unless_loopback)] | None = Field(
        None, alias="LEASEBOT_HEARTBEAT_URL", description="Called after each pass, for any watchdog."
    )

    @property
    def engine_url(self) -> str:
        """`database_url` with its asyncio driver, for SQLAlchemy. Holds the password."""
        return async_database_url(self.database_url.get_secret_value())

    @property
    def on_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self.engine_url.startswith("sqlite")

    @property
    def key_ring(self) -> tuple[EncryptionKey, ...]:
        """The ring, first the key that encrypts. Raises SettingsError when the variable is unset."""
        return parse_key_ring(required(self.encryption_keys, "LEASEBOT_ENCRYPTION_KEYS").get_secret_value())

    def check_serving(self, *, socket: bool = False) -> None:
        """Raise one SettingsError that names everything a server (or `tick`) still lacks."""
        needed: dict[str, object] = {
            "SLACK_BOT_TOKEN": self.bot_token,
            "LEASEBOT_ENCRYPTION_KEYS": self.encryption_keys,
            **({"SLACK_APP_TOKEN": self.app_token} if socket else {"SLACK_SIGNING_SECRET": self.signing_secret}),
        }
        if missing := [name for name, value in needed.items() if value is None]:
            raise SettingsError("\n".join(_not_set(name) for name in missing))


def required(value: _Given | None, name: str) -> _Given:
    """The value of an optional setting that is needed now. Raises SettingsError when it is unset."""
    if value is None:
        raise SettingsError(_not_set(name))
    return value


def _not_set(name: str) -> str:
    hint = "; `leasebot keys new` prints one" if name == "LEASEBOT_ENCRYPTION_KEYS" else ""
    return f"{name} is not set{hint}"


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One row of the README's table of settings."""

    name: str
    default: str
    meaning: str


def _doc(name: str, default: Any, meaning: str) -> SettingDoc:
    shown = default.get_secret_value() if isinstance(default, SecretStr) else default
    return SettingDoc(name, "" if shown is None else str(shown), meaning)


SETTINGS: tuple[SettingDoc, ...] = tuple(
    _doc(str(info.alias), info.default, info.description or "") for info in Settings.model_fields.values()
)
_NAMES = tuple(doc.name for doc in SETTINGS)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; an empty variable counts as unset, spaces and line ends around one for nothing.

    Raises SettingsError with one line per problem; a variable `LEASEBOT_…` that nobody reads is one.
    """
    given = os.environ if environ is None else environ
    known: dict[str, Any] = {name: value for name in _NAMES if (value := given.get(name, "").strip())}
    problems = [_misspelt(name) for name in sorted(given) if _unknown(name)]
    try:
        settings = Settings(**known)
    except ValidationError as exc:
        problems += [f"{error['loc'][0]}: {_told(error['msg'])}" for error in exc.errors()]
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _unknown(name: str) -> bool:
    return name.upper().startswith(_PREFIX) and name not in _NAMES and not _KUBERNETES.fullmatch(name)


def _misspelt(name: str) -> str:
    ours = {known.removeprefix(_PREFIX): known for known in _NAMES if known.startswith(_PREFIX)}
    near = get_close_matches(name.upper().removeprefix(_PREFIX), ours, n=1, cutoff=0.6)
    return f"unknown setting {name}" + (f"; did you mean {ours[near[0]]}?" if near else "")


def _told(message: str) -> str:
    return message.removeprefix("Value error, ")
