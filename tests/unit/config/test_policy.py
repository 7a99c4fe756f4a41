"""Per key: the first matching rule, the project's table, the general one, the default; and each says so."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import ADMIN_CHOICE, POLICY_KEYS, effective
from bot.config.policy import category_of
from bot.model import CloudUserId, Flavor, Notebook, NotebookId, Status

from .sample import FULL, PROJECT, config

CONFIG = config()
M = timedelta(minutes=1)
CHEAP = Notebook(NotebookId("n1"), "cheap", Status.RUNNING, flavor="modelarts.vm.cpu.2u")
DEAR = replace(CHEAP, flavor="modelarts.vm.gpu.v100")


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(FULL.splitlines(), 1) if line.startswith(text))


def test_the_first_matching_rule_wins_per_key_and_later_ones_are_not_consulted_for_it() -> None:
    policy = effective(CONFIG, "research", DEAR)
    first, second = line_of("[[policy.rules]]"), line_of("[[policy.rules]]") + 4
    assert (policy.idle_after, policy.sources["idle_after"]) == (30 * M, f"[[policy.rules]] #1 (line {first})")
    assert (policy.idle_grace, policy.sources["idle_grace"]) == (5 * M, f"[[policy.rules]] #2 (line {second})")
    assert policy.free_total == 240 * M


def test_without_a_rule_the_projects_table_then_the_general_one_then_the_default() -> None:
    policy = effective(CONFIG, "research", CHEAP)
    assert policy.sources["idle_grace"] == f"[projects.policy] line {line_of('idle_grace')}"
    assert policy.sources["idle_after"] == f"[policy] line {line_of('idle_after')}"
    assert policy.sources["max_total"] == "default"
    assert (policy.idle_grace, policy.idle_after, policy.max_total) == (20 * M, 120 * M, 72 * 60 * M)
    assert policy.warnings == (60 * M, 15 * M)
    assert str(policy.quiet_hours) == "20:00-08:00"
    assert effective(CONFIG, "team", CHEAP).idle_grace == 15 * M


def test_the_cloud_tells_the_category_before_the_id_does() -> None:
    assert category_of("modelarts.vm.gpu.v100", None) == "GPU"
    assert category_of("modelarts.bm.npu.arm", None) == "ASCEND"
    assert category_of("x.gpu", Flavor("x.gpu", category="CPU")) == "CPU"
    assert category_of("custom", None) is None


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ('category = ["CPU", "GPU"]', True),
        ('category = "npu"', False),
        ('flavor = "modelarts.vm.cpu.*"', True),
        ('flavor = "*.gpu.*"', False),
        ('owner = "ana"', True),
        ('owner = "u-1"', True),
        ('owner = "U0ANA"', True),
        ('owner = "bob"', False),
        ('tag = "team"', True),
        ('tag = "team=red"', True),
        ('tag = "team=blue"', False),
        ('workspace = "0"', True),
        ('workspace = "7"', False),
        ('project = "research"', True),
        ('price_per_hour = ">0.1"', True),
        ('price_per_hour = ">0.17"', False),
        ('price_per_hour = ">= 0.17"', True),
        ('price_per_hour = "<1"', True),
        ('price_per_hour = "0.17"', True),
        ('owner = "ana", price_per_hour = "<=0.1"', False),
    ],
)
def test_what_a_rule_is_held_against(when: str, matches: bool) -> None:
    text = PROJECT + f'[[policy.rules]]\nwhen = {{ {when} }}\nlease = "9h"\n[prices]\n"modelarts.vm.cpu.2u" = 0.17\n'
    notebook = replace(CHEAP, owner_name="ana", owner_id=CloudUserId("u-1"), tags=(("team", "red"),))
    policy = effective(config(text), "research", notebook, owner_slack="U0ANA")
    assert (policy.lease == 540 * M) is matches


@pytest.mark.parametrize(("given", "rule", "matches"), [("", "0", True), ("7", "7", True), ("7", "0", False)])
def test_what_is_to_be_created_will_be_in_the_projects_workspace(given: str, rule: str, matches: bool) -> None:
    own = f'workspace = "{given}"\n' if given else ""
    made = config(PROJECT + own + f'[[policy.rules]]\nwhen = {{ workspace = "{rule}" }}\nfree_total = "1h"\n')
    for policy in (effective(made, "research"), effective(made, "research", flavor=Flavor("x.gpu", category="GPU"))):
        assert (policy.free_total == 60 * M) is matches


def test_an_unknown_price_satisfies_no_comparison() -> None:
    text = PROJECT + '[[policy.rules]]\nwhen = { price_per_hour = "<1000" }\nlease = "9h"\n'
    assert effective(config(text), "research", CHEAP).lease == 120 * M


def test_the_mode_in_the_file_wins_over_the_admins_choice_and_that_over_shadow() -> None:
    silent, fixed = config(PROJECT), config(PROJECT + '[policy]\nidle_mode = "off"\n')
    assert effective(silent, "research").idle_mode == "shadow"
    chosen = effective(silent, "research", stored_mode="enforce")
    assert (chosen.idle_mode, chosen.sources["idle_mode"], chosen.mode_is_fixed) == ("enforce", ADMIN_CHOICE, False)
    forced = effective(fixed, "research", stored_mode="enforce")
    assert (forced.idle_mode, forced.mode_is_fixed) == ("off", True)


def test_a_project_alone_or_a_flavor_alone_can_be_asked_for() -> None:
    assert effective(CONFIG, "research").idle_after == 120 * M
    assert effective(CONFIG, "team", flavor=Flavor("new.gpu", category="GPU")).idle_after == 30 * M


@given(st.sampled_from(["research", "team"]), st.sampled_from([CHEAP, DEAR, None]))
def test_every_value_has_a_source(project: str, notebook: Notebook | None) -> None:
    policy = effective(CONFIG, project, notebook)
    assert set(policy.sources) == {key.name for key in POLICY_KEYS}
    assert all(policy.sources.values())
    assert policy.limits.max_extension == policy.max_extension
