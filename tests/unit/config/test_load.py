"""What the policy file may say, and how it is told what is wrong with it."""

import hashlib
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import POLICY_KEYS, Config, commented_template, effective, load, load_text
from bot.errors import SettingsError
from bot.model import KeyCredentials, PasswordCredentials

from .sample import ENVIRON, FULL, PROJECT, config


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_text(text, "leasebot.toml", ENVIRON)
    return str(caught.value).splitlines()


def test_a_full_file_is_read() -> None:
    read = config()
    research, team = read.projects["research"], read.projects["team"]
    assert research.service_account == PasswordCredentials("OTC-EU-DE-0001", "notebook-bot", "sesame")
    assert team.service_account == KeyCredentials("AKTEAM", "skteam")
    assert (research.endpoint.modelarts, research.endpoint.iam) == (
        "https://modelarts.eu-de.otc.t-systems.com",
        "https://iam.eu-de.otc.t-systems.com",
    )
    assert (research.endpoint.scope, research.endpoint.rate) == ("eu-de", 10.0)
    assert (research.roles.admins, research.roles.leads) == (("U0ADMIN",), ("U0OTHERLEAD",))
    assert team.roles.leads == ("U0LEAD",)
    assert read.person_of("ana") == "U0ANA"
    assert read.person_of("bob") is None
    assert str(read.timezone) == "Europe/Berlin"
    assert read.prices.per_hour("modelarts.vm.cpu.2u") == Decimal("0.17")
    assert read.prices.per_hour("modelarts.vm.gpu.v100") == 3
    assert read.prices.per_hour("modelarts.vm.gpu.a100") is None
    assert read.prices.disk_gb_month == Decimal("0.05")
    assert (read.budgets.per_person_month, read.budgets.per_project_month) == (Decimal(400), None)
    assert (read.metrics.npu, read.metrics.cpu_limit, read.metrics.gpu_limit) == (
        "ma_container_npu_util",
        Decimal(10),
        Decimal(1),
    )


def test_the_unknown_keys_message_is_exactly_as_agreed() -> None:
    text = PROJECT + '\n[policy]\nlease = "2h"\nidle_aftr = "60m"\n'
    assert problems(text) == ['leasebot.toml:11: unknown key "idle_aftr" in [policy]; did you mean "idle_after"?']


@pytest.mark.parametrize(
    ("added", "line", "says"),
    [
        ('[policy]\nidle_mode = "enforced"', 10, 'not "enforced"; did you mean "enforce"?'),
        ("[policy]\nlease = 2", 10, "must be a duration in quotes"),
        ('[policy]\nlease = "4"', 10, "did you mean 4h?"),
        ('[policy]\nlease = "80h"', 10, "from 1m to 72h"),
        ('[policy]\nhold_max = "30m"', 10, "from 1h to"),
        ('[policy]\nwarnings = "60m"', 10, "must be a list"),
        ('[policy]\nidle_blind = "yes"', 10, "true or false without quotes"),
        ("[policy]\nquorum = 2", 10, "only 1 is possible"),
        ('[policy]\nquiet_hours = "20:00"', 10, "like 20:00-08:00"),
        ('[policy]\nidle_sources = ["jupiter"]', 10, 'did you mean "jupyter"?'),
        ("[policy]\nidle_sources = []", 10, "at least one"),
        ('[policy]\napprovers = ["bob"]', 10, "is not a Slack user (U…) or user group (S…) id"),
        ("[policy]\nmax_stops_per_pass = 0", 10, "from 1 to"),
        ('[policy]\ndigest_at = "9am"', 10, "like 18:00"),
        ('[[policy.rules]]\nwhen = { flavour = "x" }', 10, 'unknown key "flavour" in when; did you mean "flavor"?'),
        ('[[policy.rules]]\nlease = "2h"', 9, "needs a `when`"),
        ('[[policy.rules]]\nwhen = { category = "TPU" }', 10, "CPU, GPU or ASCEND"),
        ('[[policy.rules]]\nwhen = { project = "reserch" }', 10, 'did you mean "research"?'),
        ("[[policy.rules]]\nwhen = { owner = [] }", 10, "must name at least one"),
        ("[[policy.rules]]\nwhen = { category = [], tag = 'a' }", 10, "must name at least one"),
        ("[[policy.rules]]\nwhen = { price_per_hour = 2 }", 10, '">2.5"'),
        ('[[policy.rules]]\nwhen = { tag = "a" }\ndigest_at = "08:00"', 11, "holds for a whole project"),
        ('[policy]\nrules = "none"', 10, "[[policy.rules]]"),
        ("policy = 3", 9, "[projects.policy] must be a table"),
        ('[projects.policy]\nidel_after = "1h"', 10, 'in [projects.policy]; did you mean "idle_after"?'),
        ("[rolls]", 9, 'unknown key "rolls" in the file; did you mean "roles"?'),
        ('[roles]\nadmin = ["U0A"]', 10, 'did you mean "admins"?'),
        ('[[people]]\nslack = "U0A"', 9, '"cloud_user" is missing in [[people]]'),
        ('[[people]]\nslack = "U0A"\ncloud_user = "a"\n[[people]]\nslack = "U0B"\ncloud_user = "a"', 14, "named twice"),
        ('[prices]\n"modelarts.vm.cpu.2u" = "0.17"', 10, "a number without quotes"),
        ("[prices]\ndisk_gb_mont = 0.05", 10, 'unknown key "disk_gb_mont" in [prices]; did you mean "disk_gb_month"?'),
        ('[prices]\ncurency = "USD"', 10, 'unknown key "curency" in [prices]; did you mean "currency"?'),
        ("[prices]\nx = -1", 10, "not negative"),
        ("[prices]\nx = nan", 10, "not negative"),
        ('[prices]\ncurrency = "€"', 10, "ISO currency code"),
        ("[budgets]\nper_person_moth = 1", 10, 'did you mean "per_person_month"?'),
        ('[metrics]\nselectors = { service_id = "x" }', 10, "{notebook}"),
        ('[metrics]\ncpu = ""', 10, "without CPU nothing is ever idle"),
        ('endpoint = "http://10.0.0.1"', 9, "plain http is allowed on this machine"),
        ('iam_endpoint = "https://iam.example.com/?x=1"', 9, "nothing can be put behind"),
        ('iam_endpoint = "iam.example.org"', 9, "https://"),
        ('rate = "fast"', 9, "number without quotes"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(added: str, line: int, says: str) -> None:
    found = problems(PROJECT.strip() + "\n\n\n" + added + "\n")
    assert len(found) == 1, found
    assert found[0].startswith(f"leasebot.toml:{line}: ")
    assert says in found[0]


def test_a_bad_timezone_gets_the_nearest_name() -> None:
    assert problems('timezone = "europe/berlni"\n' + PROJECT)[0].endswith('; did you mean "Europe/Berlin"?')


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ('{ domain = "D", user = "u", password = "hunter2" }', "a secret must not stand in this file"),
        ('{ domain = "D", user = "u", password = 20200131 }', "a secret must not stand in this file"),
        ('{ domain = "D", user = "u", password = 2020-01-31 }', "a secret must not stand in this file"),
        ('{ domain = "D", user = "u", password = "env:NOT_THERE" }', "NOT_THERE is not set"),
        ('{ domain = "D", user = "u", password = "file:a\\u0000b" }', "cannot be read"),
        ('{ domain = "D", user = "u", password = "file:not-there" }', "not-there cannot be read"),
        ('{ access_key = "env:TEAM_AK", secret_key = "hunter2" }', "a secret must not stand in this file"),
        ('{ access_key = "env:TEAM_AK" }', '"secret_key" is missing in service_account'),
        ('{ user = "u", password = "env:TEAM_SK" }', '"domain" is missing in service_account'),
        ('{ user = "u", secret_key = "env:TEAM_SK" }', "both a password and an access key"),
        ("3", "must be a table"),
    ],
)
def test_a_service_account_that_cannot_be_used_stops_the_start(account: str, says: str) -> None:
    lines = PROJECT.strip().splitlines()
    found = problems("\n".join([*lines[:-1], f"service_account = {account}"]))
    assert found[0].startswith("leasebot.toml:6: ")
    assert says in found[0]
    assert not any(secret in "\n".join(found) for secret in ("hunter2", "20200131", "2020-01-31"))


def test_several_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = PROJECT + '[policy]\nlese = "2h"\nidle_after = 5\n[pricse]\n'
    assert [problem.split(":")[1] for problem in problems(text)] == ["9", "10", "11"]


def test_two_projects_of_one_name_and_no_project_at_all() -> None:
    [twice] = problems(PROJECT + PROJECT)
    assert twice == 'leasebot.toml:10: project "research" is named twice; first in line 3'
    [none] = problems("")
    assert none.startswith("leasebot.toml:1: there is no [[projects]]")


def test_toml_that_is_broken_says_where() -> None:
    [broken] = problems(PROJECT + "[policy\n")
    assert broken.startswith("leasebot.toml:8: not valid TOML: ")
    [doubled] = problems(PROJECT + '[policy]\nlease = "2h"\nlease = "3h"\n')
    assert doubled.startswith("leasebot.toml:10: ")


def test_a_simulated_cloud_gets_all_three_endpoints_and_its_own_notebook_hosts() -> None:
    text = 'endpoint = "http://127.0.0.1:9000/"\nscope = "eu-de_x"\nworkspace = "w0rk"'
    endpoint = config(PROJECT + text).projects["research"].endpoint
    assert {endpoint.modelarts, endpoint.iam, endpoint.aom} == {"http://127.0.0.1:9000"}
    assert "127.0.0.1" in endpoint.notebook_hosts
    assert (endpoint.scope, endpoint.workspace) == ("eu-de_x", "w0rk")


def test_files_are_named_hashed_and_their_secrets_read_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "leasebot.toml"
    path.write_text(PROJECT.replace("env:RESEARCH_BOT_PASSWORD", "file:secret.txt"), encoding="utf-8")
    (tmp_path / "secret.txt").write_text("open sesame\n", encoding="utf-8")
    read = load(path, {})
    account = read.projects["research"].service_account
    assert isinstance(account, PasswordCredentials)
    assert account.password == "open sesame"
    assert read.file_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "sesame" not in repr(read)


def test_the_end_of_a_line_is_no_part_of_a_secret_in_the_environment() -> None:
    read = load_text(PROJECT, "leasebot.toml", {"RESEARCH_BOT_PASSWORD": "open sesame \r\n"})
    account = read.projects["research"].service_account
    assert isinstance(account, PasswordCredentials)
    assert account.password == "open sesame "


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="leasebot init"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "bad.toml").write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(SettingsError, match=r"bad\.toml:2: not UTF-8"):
        load(tmp_path / "bad.toml", {})


def test_only_a_file_that_is_not_there_is_asked_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory$"):
        load(tmp_path, {})


def test_the_template_loads_and_changes_no_default() -> None:
    read = load_text(commented_template(), "leasebot.toml", ENVIRON)
    assert set(effective(read, "research").sources.values()) == {"default"}


def test_every_commented_key_of_the_template_holds_its_default() -> None:
    names = {key.name for key in POLICY_KEYS}
    lines = commented_template().splitlines()
    told = [line[2:] if line[2:].partition(" ")[0] in names and line.startswith("# ") else line for line in lines]
    told = [line for line in told if not (line.startswith(("idle_after", "free_total")) and "#" not in line)]
    spoken: Config = load_text("\n".join(told), "leasebot.toml", ENVIRON)
    policy, default = effective(spoken, "research"), effective(config(PROJECT), "research")
    assert all(policy.sources[name].startswith("[policy] line ") for name in names)
    assert all(getattr(policy, name) == getattr(default, name) for name in names)


def test_the_same_text_with_windows_line_ends_reads_the_same() -> None:
    assert effective(config(FULL.replace("\n", "\r\n")), "team").sources == effective(config(), "team").sources


SCRAPS = ["3", '"x"', "true", "[]", "{}", "[1]", "-1.5", "nan", '{ a = "b" }', '"env:"', "2026-11-25", '["x", 2]', "''"]


@given(st.data())
def test_whatever_stands_in_the_file_it_loads_or_every_problem_names_a_line(data: st.DataObject) -> None:
    """Values swapped, keys bent, lines lost: never a traceback."""
    lines = FULL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key, equals, _value = lines[at].partition(" = ")
        change = data.draw(st.sampled_from(["value", "key", "lost", "twice"]))
        if change == "value" and equals:
            lines[at] = f"{key} = {data.draw(st.sampled_from(SCRAPS))}"
        elif change == "key":
            lines[at] = lines[at].replace("e", "a", 1)
        elif change == "lost":
            lines[at] = ""
        else:
            lines.insert(at, lines[at])
    told = told_about("\n".join(lines))
    assert all(re.fullmatch(r"leasebot\.toml:[1-9]\d*: .+", line) for line in told), told
    assert all(int(line.split(":")[1]) <= len(lines) + 1 for line in told)
    assert "sesame" not in "\n".join(told)


def told_about(text: str) -> list[str]:
    try:
        load_text(text, "leasebot.toml", ENVIRON)
    except SettingsError as error:
        return str(error).splitlines()
    return []
