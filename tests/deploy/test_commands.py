"""The operator's commands, each as a process of its own."""

import asyncio
import json
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from bot.stores.migrate import LATEST
from deploy.manifest import APP_SCOPES, BOT_SCOPES, EVENTS
from deploy.sandbox.links import PEOPLE
from deploy.sandbox.play import play
from deploy.sandbox.stage import Stage
from handlers import listeners
from tests.deploy.processes import Ended, leasebot

SECRETS = {"SLACK_BOT_TOKEN": "xoxb-x", "SLACK_SIGNING_SECRET": "s", "SANDBOX_BOT_PASSWORD": "p"}


def changed(on: Stage, before: str, after: str) -> dict[str, str]:
    """The environment, with one thing in the policy file written differently."""
    environment = on.environment()
    policy = Path(environment["LEASEBOT_CONFIG"])
    text = policy.read_text()
    assert before in text
    policy.write_text(text.replace(before, after, 1))
    return environment


def line_of(path: Path, beginning: str) -> int:
    return next(n for n, text in enumerate(path.read_text().splitlines(), 1) if text.startswith(beginning))


# --- first steps ---------------------------------------------------------------------------------


async def test_init_writes_a_policy_and_a_key_and_overwrites_nothing(tmp_path: Path) -> None:
    first = await leasebot("init", folder=tmp_path)
    assert first.code == 0, first.err
    policy, settings = tmp_path / "leasebot.toml", tmp_path / "leasebot.env"
    assert "idle_after" in policy.read_text()
    assert re.search(r"^LEASEBOT_ENCRYPTION_KEYS=k\w+:[\w-]{43}$", settings.read_text(), re.MULTILINE)
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    policy.write_text("mine")
    before = settings.read_text()
    again = await leasebot("init", folder=tmp_path)
    assert "left as it is" in again.out
    assert (policy.read_text(), settings.read_text()) == ("mine", before)


async def test_the_key_is_for_this_user_alone_and_the_policy_for_a_container_too(tmp_path: Path) -> None:
    """A container runs as another user, and the policy holds no secrets."""
    (tmp_path / "any").touch()
    assert (await leasebot("init", folder=tmp_path)).code == 0
    key, policy, usual = (stat.S_IMODE((tmp_path / name).stat().st_mode)
                          for name in ("leasebot.env", "leasebot.toml", "any"))  # fmt: skip
    assert (key, policy) == (0o600, usual)


async def test_init_writes_settings_that_need_no_shell(tmp_path: Path) -> None:
    """systemd and `docker run --env-file` take all that follows the equals sign."""
    assert (await leasebot("init", folder=tmp_path)).code == 0
    lines = (tmp_path / "leasebot.env").read_text().splitlines()
    settings = [line.removeprefix("# ") for line in lines if re.match(r"(# )?[A-Z_]+=", line)]
    assert len(settings) >= 8
    assert [line for line in settings if not re.fullmatch(r"[A-Z_]+=[^ ]*", line)] == []


async def test_init_writes_settings_that_a_shell_can_load_whatever_the_files_are_called(tmp_path: Path) -> None:
    made = await leasebot("init", "--policy", "my policy.toml", folder=tmp_path)
    assert made.code == 0, made.err
    load = 'set -a; . ./leasebot.env; printf %s "$LEASEBOT_CONFIG"'
    shell = await asyncio.create_subprocess_exec("sh", "-c", load, cwd=tmp_path, stdout=asyncio.subprocess.PIPE)
    assert (await shell.communicate())[0] == b"my policy.toml"


async def test_keys_new_prints_one_key_that_settings_take(tmp_path: Path) -> None:
    first, second = (await leasebot("keys", "new", folder=tmp_path), await leasebot("keys", "new", folder=tmp_path))
    assert re.fullmatch(r"k\w+:[\w-]{43}\n", first.out)
    assert first.out != second.out
    named = await leasebot("keys", "new", "--id", "winter", folder=tmp_path)
    assert named.out.startswith("winter:")


async def test_a_server_without_settings_names_all_that_it_lacks(on: Stage) -> None:
    policy = on.environment()["LEASEBOT_CONFIG"]
    ended = await leasebot("serve", folder=on.folder, LEASEBOT_CONFIG=policy, SANDBOX_BOT_PASSWORD="p")
    assert (ended.code, ended.out) == (2, "")
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "LEASEBOT_ENCRYPTION_KEYS"):
        assert name in ended.err


@pytest.mark.parametrize("command", ["serve", "socket", "tick"])
async def test_a_misspelt_policy_key_stops_the_start_with_its_file_and_line(on: Stage, command: str) -> None:
    environment = changed(on, "idle_after =", "idle_aftr =")
    policy = Path(environment["LEASEBOT_CONFIG"])
    line = line_of(policy, "idle_aftr")
    ended = await leasebot(command, folder=on.folder, **environment)
    assert ended.code == 2
    assert ended.err == f'{policy}:{line}: unknown key "idle_aftr" in [policy]; did you mean "idle_after"?\n'


async def test_a_misspelt_setting_stops_the_start(tmp_path: Path) -> None:
    ended = await leasebot("serve", folder=tmp_path, LEASEBOT_DATABSE_URL="sqlite:///x")
    assert ended.code == 2
    assert "did you mean LEASEBOT_DATABASE_URL?" in ended.err


# --- manifest ------------------------------------------------------------------------------------


async def test_the_manifest_holds_every_scope_event_and_address(tmp_path: Path) -> None:
    ended = await leasebot("manifest", "--url", "https://bot.example.com/", folder=tmp_path)
    made = json.loads(ended.out)
    address = "https://bot.example.com/slack/events"
    assert made["oauth_config"]["scopes"]["bot"] == list(BOT_SCOPES)
    assert made["settings"]["event_subscriptions"] == {"bot_events": list(EVENTS), "request_url": address}
    assert made["settings"]["interactivity"]["message_menu_options_url"] == address
    (command,) = made["features"]["slash_commands"]
    assert (command["command"], command["url"], command["should_escape"]) == ("/notebook", address, True)


async def test_the_manifest_for_socket_mode_names_no_address(tmp_path: Path) -> None:
    ended = await leasebot("manifest", "--socket", folder=tmp_path, LEASEBOT_COMMAND="/nb")
    made = json.loads(ended.out)
    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in ended.out
    assert made["features"]["slash_commands"][0]["command"] == "/nb"
    assert APP_SCOPES


async def test_the_manifest_keeps_slacks_limits(tmp_path: Path) -> None:
    made = json.loads((await leasebot("manifest", "--url", "https://bot.example.com", folder=tmp_path)).out)
    shown, (command,) = made["display_information"], made["features"]["slash_commands"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert len(command["description"]) <= 2000
    assert set(EVENTS) == set(listeners.EVENTS)


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ((), {}),
        (("--url", "http://bot.example.com"), {}),
        (("--url", "https://bot.example.com/?a=b"), {}),
        (("--socket", "--command", "note book"), {}),
        (("--socket",), {"LEASEBOT_COMMAND": "Notebook"}),
    ],
)
async def test_a_manifest_that_slack_could_not_use_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str]
) -> None:
    ended = await leasebot("manifest", *arguments, folder=tmp_path, **settings)
    assert (ended.code, ended.out) == (2, "")


# --- check ---------------------------------------------------------------------------------------


def wrong(ended: Ended) -> list[str]:
    return [line for line in ended.out.splitlines() if line.startswith("wrong")]


async def test_check_finds_nothing_wrong_with_the_sandbox(on: Stage) -> None:
    await leasebot("tick", folder=on.folder, **on.environment())
    ended = await leasebot("check", folder=on.folder, **on.environment())
    assert wrong(ended) == []
    assert ended.code == 0
    for said in ("11 scopes", "channel C0RESEARCH", "user group S0APPROVERS",
                 "3 people are named in the policy", "logged in as notebook-bot",
                 "idle source jupyter: 3 of 3 notebooks that were asked answered",
                 "idle source metrics: 3 of 3 notebooks that were asked answered",
                 "shortest honest interval", f"schema {LATEST}", "the clocks agree"):  # fmt: skip
        assert said in ended.out, said


async def test_check_changes_nothing(on: Stage) -> None:
    ended = await leasebot("check", folder=on.folder, **on.environment())
    assert ended.code == 0, ended.out
    assert not list(on.folder.glob("*.sqlite3*"))
    assert on.slack.calls("chat.postMessage") == []
    assert {entry.get("method") for entry in on.cloud.cloud.log if "/_sim" not in str(entry.get("path"))} <= {
        "GET", "POST", None}  # fmt: skip


async def test_check_names_each_missing_scope_and_what_it_is_for(on: Stage) -> None:
    on.slack.scopes -= {"files:write"}
    ended = await leasebot("check", folder=on.folder, **on.environment())
    assert ended.code == 1
    (line,) = [line for line in wrong(ended) if "scope" in line]
    assert "files:write is missing" in line
    assert "install it again" in line


@pytest.mark.parametrize(("before", "after", "said"), [
    pytest.param('channel = "C0RESEARCH"', 'channel = "C0RANDOM"', "invite the bot", id="bot not in the channel"),
    pytest.param("env:SANDBOX_BOT_PASSWORD", "env:WRONG", "cannot log in", id="wrong password"),
    pytest.param("S0APPROVERS", "S0NOBODY", "user group S0NOBODY", id="unknown group"),
    pytest.param('free_total = "4h"', 'approvers = ["S0NOBODY"]', "user group S0NOBODY", id="unknown group of a rule"),
    pytest.param("U0DORA", "U0DROA", "U0DROA, named in the policy: user_not_found", id="unknown admin"),
    pytest.param("U0BEN", "U0BNE", "U0BNE, named in the policy: user_not_found", id="unknown person"),
])  # fmt: skip
async def test_check_says_what_is_wrong(on: Stage, before: str, after: str, said: str) -> None:
    ended = await leasebot("check", folder=on.folder, **changed(on, before, after), WRONG="no")
    assert ended.code == 1
    assert any(said in line for line in wrong(ended)), ended.out


async def test_check_notes_who_is_named_and_can_decide_nothing(on: Stage) -> None:
    on.slack.workspace.users["U0CARLA"].deleted = True
    ended = await leasebot("check", folder=on.folder, **changed(on, '["U0DORA"]', '["U0DORA", "U0GUEST"]'))
    assert ended.code == 0, ended.out
    assert "note  Slack: carla (U0CARLA), named in the policy, is deactivated" in ended.out
    assert "guest (U0GUEST), named in the policy, is a guest" in ended.out


async def test_check_ends_like_the_start_where_settings_or_policy_stop_it(on: Stage) -> None:
    environment = changed(on, "lease =", "leas =")
    ended = await leasebot("check", folder=on.folder, **environment)
    policy = Path(environment["LEASEBOT_CONFIG"])
    said = f'{policy}:{line_of(policy, "leas =")}: unknown key "leas" in [policy]; did you mean "lease"?'
    assert (ended.code, ended.err) == (2, f"{said}\n")
    assert any(said in line for line in wrong(ended)), ended.out
    ended = await leasebot("check", folder=on.folder, **on.environment(LEASEBOT_POLL_SECONDS="0"))
    assert ended.code == 2
    assert ended.err.startswith("LEASEBOT_POLL_SECONDS: ")


@pytest.mark.parametrize(("before", "after", "said"), [
    pytest.param("/jupyter/{id}/lab", "/elsewhere/{id}/lab", "the notebook has no such page", id="another address"),
    pytest.param("127.0.0.1", "notebooks.example.com", "the notebook's address is not https", id="another host"),
])  # fmt: skip
async def test_check_asks_notebooks_themselves(on: Stage, before: str, after: str, said: str) -> None:
    """That the cloud shows an address is not enough: the bot has to get there."""
    settings = on.cloud.cloud.settings
    settings.notebook_url = settings.notebook_url.replace("{base}", on.cloud.cloud.base_url).replace(before, after)
    ended = await leasebot("check", folder=on.folder, **on.environment())
    (line,) = wrong(ended)
    assert f"idle source jupyter: 0 of 3 notebooks that were asked answered ({said}" in line
    assert ended.code == 1


async def test_check_tries_the_right_to_read_measurements(on: Stage) -> None:
    on.cloud.cloud.identity.users["notebook-bot"].rights -= {"aom:metric:get"}
    ended = await leasebot("check", folder=on.folder, **on.environment())
    assert any("0 of 3 notebooks that were asked answered (the service account may not read" in each
               for each in wrong(ended)), ended.out  # fmt: skip


async def test_check_does_not_blame_the_token_where_slack_does_not_answer(on: Stage) -> None:
    on.slack.fault("auth.test", "status", status=503, count=None)
    ended = await leasebot("check", folder=on.folder, **on.environment())
    (said,) = [line for line in wrong(ended) if "Slack" in line]
    assert "does not answer as it should" in said
    assert "token" not in said


async def test_check_sees_a_token_that_is_not_accepted_and_an_empty_postgres(
    on: Stage, empty_postgres_url: str
) -> None:
    environment = on.environment(SLACK_BOT_TOKEN="xoxb-other", LEASEBOT_DATABASE_URL=empty_postgres_url)
    ended = await leasebot("check", folder=on.folder, **environment)
    assert ended.code == 1
    assert any("token is not accepted" in line for line in wrong(ended))
    assert any("run leasebot db upgrade" in line for line in wrong(ended))


# --- the database --------------------------------------------------------------------------------


async def test_a_database_of_a_later_program_is_refused_in_words(on: Stage) -> None:
    path = on.folder / "later.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        db.execute("INSERT INTO alembic_version VALUES ('9001')")
        db.commit()
    path.chmod(0o600)
    environment = on.environment(LEASEBOT_DATABASE_URL=f"sqlite:///{path}")
    for command in (("tick",), ("db", "upgrade")):
        ended = await leasebot(*command, folder=on.folder, **environment)
        assert ended.code == 2
        assert "later than" in ended.err
        assert "Traceback" not in ended.err
    told = wrong(await leasebot("check", folder=on.folder, **environment))
    assert any("later than" in line for line in told)


@pytest.mark.postgres
async def test_postgres_waits_for_db_upgrade(on: Stage, empty_postgres_url: str) -> None:
    environment = on.environment(LEASEBOT_DATABASE_URL=empty_postgres_url)
    early = await leasebot("tick", folder=on.folder, **environment)
    assert early.code == 2
    assert "run leasebot db upgrade" in early.err
    upgraded = await leasebot("db", "upgrade", folder=on.folder, **environment)
    assert upgraded.code == 0, upgraded.err
    assert (await leasebot("tick", folder=on.folder, **environment)).code == 0


# --- people, records -----------------------------------------------------------------------------


async def test_who_is_linked_keys_rotated_and_records_proved(on: Stage) -> None:
    """Ana and the others are linked and their notebooks seen; then everything is looked at from the command line."""
    async with play(on) as made:
        await made.sweep()
        name = next(row["name"] for row in made.cloud.view())
    environment = on.environment()
    linked = await leasebot("link", "--list", folder=on.folder, **environment)
    assert linked.code == 0, linked.err
    assert len(linked.out.splitlines()) == len(PEOPLE)
    assert "sandbox-ana" not in linked.out
    fresh = (await leasebot("keys", "new", "--id", "next", folder=on.folder)).out.strip()
    old = environment["LEASEBOT_ENCRYPTION_KEYS"]
    environment["LEASEBOT_ENCRYPTION_KEYS"] = f"{fresh}, {old}"
    rotated = await leasebot("keys", "rotate", folder=on.folder, **environment)
    assert rotated.code == 0, rotated.err
    assert f"{len(PEOPLE)} links sealed with key next" in rotated.out
    with closing(sqlite3.connect(on.folder / "leasebot.sqlite3")) as db:
        stored = [json.loads(text) for (text,) in db.execute("SELECT secrets FROM identities")]
    assert {value.partition(".")[0] for secrets in stored for value in secrets.values()} == {"next"}
    assert "audit goes on" in rotated.out
    for ring, code in ((f"{fresh}, {old}", 0), (fresh, 0), (old, 1)):
        keys = environment | {"LEASEBOT_ENCRYPTION_KEYS": ring}
        verified = await leasebot("audit", "verify", folder=on.folder, **keys)
        assert verified.code == code, verified.out + verified.err
        assert "Traceback" not in verified.err
    environment["LEASEBOT_ENCRYPTION_KEYS"] = fresh
    for command in ("why", "plan"):
        told = await leasebot(command, name, folder=on.folder, **environment)
        assert told.code == 0, told.err
        assert name in told.out
    at = await leasebot("plan", name, "--at", "tomorrow 18:00", folder=on.folder, **environment)
    assert "17:00:00Z" in at.out or "16:00:00Z" in at.out
    assert "its lease ends and the platform stops it (the lease)" in at.out
    assert "This assumes that nobody renews, starts or stops it" in at.out
    far = await leasebot("plan", name, "--at", "2099-01-01 18:00", folder=on.folder, **environment)
    assert (far.code, "72 h" in far.err) == (1, True)
    with closing(sqlite3.connect(on.folder / "leasebot.sqlite3")) as db, db:
        db.execute("UPDATE notebooks SET deleted_at = seen_at WHERE name = ?", (name,))
    assert "in research: deleted" in (await leasebot("why", name, folder=on.folder, **environment)).out
    for command in ("why", "plan"):
        gone = name if command == "plan" else "no-such-notebook"
        assert (await leasebot(command, gone, folder=on.folder, **environment)).code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("link", "--person", "ana", "--project", "research"), '"ana" is not a Slack user id (U…).'),
        (("link", "--person", "U0ANA", "--project", "research", "--kind", "x"), "be password, aksk, temporary."),
        (("plan", "x", "--at", "soon"), '"soon" is not a time of day; write it like 18:00.'),
        (("keys", "new", "--id", "a b"), "written id:KEY, KEY being 32 bytes in base64url."),
    ],
)
async def test_a_slip_on_the_command_line_is_told_in_sentences(
    on: Stage, arguments: tuple[str, ...], said: str
) -> None:
    ended = await leasebot(*arguments, folder=on.folder, **on.environment())
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith(f"{said} `--help` shows how it is written.\n")


async def test_link_wants_to_know_whom_and_where(on: Stage) -> None:
    ended = await leasebot("link", folder=on.folder, **on.environment())
    assert ended.code == 1
    assert "--person" in ended.err
