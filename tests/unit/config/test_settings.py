"""The environment: what is read, what is refused, and what never shows."""

from base64 import urlsafe_b64encode

import pytest
from pydantic import SecretStr, ValidationError

from bot.errors import BadInput, SettingsError
from bot.settings import SETTINGS, Settings, async_database_url, format_key, load_settings, parse_key_ring

KEY = urlsafe_b64encode(bytes(range(32))).decode()


def test_defaults_are_as_agreed() -> None:
    settings = load_settings({})
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.command == "/notebook"
    assert settings.poll_seconds == 60
    assert settings.engine_url == "sqlite+aiosqlite:///leasebot.sqlite3"
    assert settings.on_sqlite
    assert settings.encryption_keys is None


def test_every_setting_of_the_contract_is_there_and_no_other() -> None:
    assert {doc.name for doc in SETTINGS} == {
        "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SLACK_API_URL", "LEASEBOT_CONFIG",
        "LEASEBOT_DATABASE_URL", "LEASEBOT_ENCRYPTION_KEYS", "LEASEBOT_PUBLIC_URL", "LEASEBOT_COMMAND",
        "LEASEBOT_POLL_SECONDS", "LEASEBOT_LOG_FORMAT", "LEASEBOT_HEARTBEAT_URL",
    }  # fmt: skip
    assert all(doc.meaning for doc in SETTINGS)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("SLACK_API_URL", "http://127.0.0.1:8080/api", "slack_api_url", "http://127.0.0.1:8080/api/"),
        ("SLACK_API_URL", "https://slack.com/api/", "slack_api_url", "https://slack.com/api/"),
        ("LEASEBOT_POLL_SECONDS", "1", "poll_seconds", 1),
        ("LEASEBOT_POLL_SECONDS", "3600", "poll_seconds", 3600),
        ("LEASEBOT_POLL_SECONDS", " ", "poll_seconds", 60),
        ("LEASEBOT_PUBLIC_URL", "https://bot.example.org/", "public_url", "https://bot.example.org"),
        ("LEASEBOT_PUBLIC_URL", "http://localhost:3000", "public_url", "http://localhost:3000"),
        ("LEASEBOT_COMMAND", "/nb", "command", "/nb"),
        ("LEASEBOT_HEARTBEAT_URL", "https://h.example/?id=1", "heartbeat_url", SecretStr("https://h.example/?id=1")),
        ("LEASEBOT_LOG_FORMAT", "console", "log_format", "console"),
        ("LEASEBOT_LOG_FORMAT", " console\n", "log_format", "console"),
        ("SLACK_BOT_TOKEN", "xoxb-x\n", "bot_token", SecretStr("xoxb-x")),
        ("SLACK_SIGNING_SECRET", " 0123abcd\r\n", "signing_secret", SecretStr("0123abcd")),
    ],
)
def test_a_variable_is_read(name: str, value: str, field: str, read: object) -> None:
    assert getattr(load_settings({name: value}), field) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASEBOT_POLL_SECONDS", "0"),
        ("LEASEBOT_POLL_SECONDS", "3601"),
        ("LEASEBOT_POLL_SECONDS", "often"),
        ("LEASEBOT_PUBLIC_URL", "http://bot.example.org"),
        ("LEASEBOT_PUBLIC_URL", "bot.example.org"),
        ("LEASEBOT_PUBLIC_URL", "https://bot.example.org/?tenant=a"),
        ("LEASEBOT_PUBLIC_URL", "https://bot.example.org/#home"),
        ("SLACK_API_URL", "https://slack.com/api/?x"),
        ("SLACK_API_URL", "http://slack.example.org/api/"),
        ("LEASEBOT_COMMAND", "notebook"),
        ("LEASEBOT_LOG_FORMAT", "xml"),
        ("LEASEBOT_HEARTBEAT_URL", "ftp://example.org"),
        ("LEASEBOT_DATABASE_URL", "mysql://u:s3cret@h/d"),
        ("LEASEBOT_ENCRYPTION_KEYS", "k1:s3cret"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        load_settings({name: value})
    assert "s3cret" not in str(caught.value)


def test_a_misspelt_variable_stops_the_start_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"LEASEBOT_POL_SECONDS": "5", "LEASEBOT_XYZZY": "1", "LEASEBOT_COMMAND": "x"})
    lines = str(caught.value).splitlines()
    assert lines[0] == "unknown setting LEASEBOT_POL_SECONDS; did you mean LEASEBOT_POLL_SECONDS?"
    assert lines[1] == "unknown setting LEASEBOT_XYZZY"
    assert lines[2].startswith("LEASEBOT_COMMAND: ")


def test_what_kubernetes_adds_for_a_service_of_our_name_does_not_stop_the_start() -> None:
    names = ["LEASEBOT_SERVICE_HOST", "LEASEBOT_SERVICE_PORT", "LEASEBOT_SERVICE_PORT_HTTP", "LEASEBOT_PORT",
             "LEASEBOT_PORT_80_TCP", "LEASEBOT_PORT_80_TCP_ADDR", "LEASEBOT_POSTGRES_SERVICE_HOST"]  # fmt: skip
    assert load_settings(dict.fromkeys(names, "x")) == load_settings({})


def test_variables_that_bolt_reads_by_itself_change_nothing() -> None:
    others = {"SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "2", "SLACK_VERIFICATION_TOKEN": "3"}
    assert load_settings(others) == load_settings({})


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("sqlite:///a.sqlite3", "sqlite+aiosqlite:///a.sqlite3"),
        ("sqlite:////var/lib/a.sqlite3", "sqlite+aiosqlite:////var/lib/a.sqlite3"),
        ("postgresql://u:p@h:5432/d", "postgresql+asyncpg://u:p@h:5432/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
    ],
)
def test_database_urls_get_their_driver(url: str, read: str) -> None:
    assert async_database_url(url) == read


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "a.sqlite3", "postgres://h/d", "postgresql://h", "postgresql+asyncpg://h/d",
     "sqlite+aiosqlite:///a", "oracle://h/d", ""],
)  # fmt: skip
def test_other_database_urls_are_refused(url: str) -> None:
    with pytest.raises(BadInput):
        async_database_url(url)


def test_the_ring_keeps_its_order_and_hides_its_keys() -> None:
    other = urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    ring = load_settings({"LEASEBOT_ENCRYPTION_KEYS": f"new:{KEY}, old:{other}"}).key_ring
    assert [key.id for key in ring] == ["new", "old"]
    assert ring[0].secret == bytes(range(32))
    assert KEY.rstrip("=") not in repr(ring)
    assert parse_key_ring(format_key(ring[0])) == ring[:1]


@pytest.mark.parametrize("ring", [",", "k1", f":{KEY}", "k1:", f"k1:{KEY}xx", f"k1:{KEY[:-3]}!=", f"a:{KEY},a:{KEY}"])
def test_a_ring_that_is_not_sound_is_refused(ring: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_key_ring(ring)
    assert KEY[:10] not in str(caught.value)


def test_a_server_says_at_once_what_it_lacks() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"SLACK_BOT_TOKEN": "xoxb-1"}).check_serving()
    assert "SLACK_SIGNING_SECRET is not set" in str(caught.value)
    assert "leasebot keys new" in str(caught.value)
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN"):
        load_settings({}).check_serving(socket=True)
    full = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "LEASEBOT_ENCRYPTION_KEYS": f"k:{KEY}"}
    load_settings(full).check_serving()


def test_secrets_do_not_show_and_nothing_changes_later() -> None:
    settings = load_settings({"SLACK_BOT_TOKEN": "xoxb-sesame", "LEASEBOT_HEARTBEAT_URL": "https://h.example/sesame"})
    assert "sesame" not in repr(settings)
    with pytest.raises(ValidationError):
        settings.poll_seconds = 5  # type: ignore[misc]


def test_tests_and_the_sandbox_may_build_them_by_field_name() -> None:
    assert Settings(poll_seconds=5).poll_seconds == 5
