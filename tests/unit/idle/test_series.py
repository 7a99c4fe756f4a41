"""What is asked of the metrics service: the policy file's section, and nothing else, says it."""

from dataclasses import replace
from decimal import Decimal

from bot.config.model import Metrics
from bot.idle.series import MetricsPolicy
from deploy.sources import metrics_policy


def test_the_defaults_of_the_file_are_those_of_the_source() -> None:
    policy = metrics_policy(Metrics())
    assert policy == MetricsPolicy()
    assert {each.kind: (each.limit, each.unit) for each in policy.series} == {
        "cpu": (5.0, "%"), "gpu": (1.0, "%"), "npu": (1.0, "%"), "network": (1.6, "kbit/s"),
    }  # fmt: skip
    assert policy.dimensions("5f0c") == {"service_id": "5f0c"}


def test_every_value_of_the_file_arrives() -> None:
    section = Metrics(("OWN",), {"job": "nb-{notebook}"}, "a", "b", "c", "d", *map(Decimal, (1, 2, 3, 4, 5)))
    policy = metrics_policy(section)
    assert (policy.namespaces, policy.dimensions("x")) == (("OWN",), {"job": "nb-x"})
    assert [(each.kind, each.name, each.limit) for each in policy.series] == [
        ("cpu", "a", 1.0), ("gpu", "b", 2.0), ("npu", "c", 3.0), ("network", "d", 4.0),
    ]  # fmt: skip
    assert policy.series[-1].scale == 5.0


def test_one_value_changes_one_thing() -> None:
    changed = metrics_policy(replace(Metrics(), gpu_limit=Decimal(3)))
    assert {each.kind: each.limit for each in changed.series} == {"cpu": 5, "gpu": 3, "npu": 1, "network": 1.6}
