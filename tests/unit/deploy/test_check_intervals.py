"""`leasebot check` says how seldom and how often passes may come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.config.load import load_text
from bot.config.model import Config
from bot.config.policy import effective
from bot.model import Listing
from deploy.check import interval_findings
from deploy.check_intervals import longest, missed, shortest
from tests.unit.passes.stand import POLICY, a_notebook

MINUTE = timedelta(minutes=1)
GPU = '[[policy.rules]]\nwhen = { category = "GPU" }\n'


def config(changes: dict[str, str] | None = None, rules: str = "") -> Config:
    text = POLICY.replace("[prices]", f"{rules}[prices]")
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    return load_text(text, "leasebot.toml", {"BOT_PASSWORD": "sesame"})


@pytest.mark.parametrize(
    ("changes", "rules", "least"),
    [
        pytest.param({}, "", 10 * MINUTE, id="a sixth of idle_after"),
        pytest.param({"60m\"\nidle_grace": "2h\"\nidle_grace"}, "", 15 * MINUTE, id="the shortest warning"),
        pytest.param({}, f'{GPU}idle_after = "30m"\n', 5 * MINUTE, id="the shortest idle_after of any rule"),
        pytest.param({}, f'{GPU}warnings = ["4m"]\n', 4 * MINUTE, id="the shortest warning of any rule"),
        pytest.param({'"enforce"': '"off"'}, "", 15 * MINUTE, id="no idle stops"),
    ],
)  # fmt: skip
def test_the_longest_interval_keeps_every_promise(changes: dict[str, str], rules: str, least: timedelta) -> None:
    assert longest(config(changes, rules), "research")[0] == least


def test_an_interval_as_long_as_a_lead_may_miss_the_warning() -> None:
    assert missed(config(), "research", 14 * MINUTE) is None
    assert missed(config(), "research", 15 * MINUTE) == 15 * MINUTE


def test_the_shortest_interval_leaves_room_for_its_calls() -> None:
    many = Listing(tuple(a_notebook(n) for n in range(600)), True, datetime(2026, 3, 2, tzinfo=UTC))
    policy = effective(config(), "research")
    assert shortest(many, policy, 10, timedelta(0)) == timedelta(seconds=2)  # 13 pages, 3 calls a second for evidence
    assert shortest(many, policy, 1, timedelta(0)) == timedelta(seconds=130)
    assert shortest(many, policy, 10, timedelta(seconds=9)) == timedelta(seconds=9)
    assert shortest(replace(many, notebooks=()), policy, 10, timedelta(0)) == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("poll_s", "levels"),
    [(4, ["wrong", "ok"]), (5, ["ok", "ok"]), (600, ["ok", "ok"]), (601, ["ok", "note"]), (900, ["ok", "wrong"])],
)
def test_check_warns_of_an_interval_that_is_too_short_or_too_long(poll_s: int, levels: list[str]) -> None:
    found = interval_findings("cloud research", config(), "research", poll_s, timedelta(seconds=5))
    assert [each.level for each in found] == levels
    assert "shortest honest interval between passes: 5 s" in found[0].what
    assert levels[1] == "wrong" or "longest honest interval between passes: 600 s (at `idle_after` 1 h" in found[1].what
    assert all(each.todo for each in found if each.level != "ok")
