"""Section `[metrics]`: defaults of the contract, and clear refusals."""

from typing import Any

import pytest

from bot.errors import SettingsError
from bot.idle.series import MetricsPolicy, metrics_policy


def test_the_defaults() -> None:
    policy = metrics_policy({})
    assert policy == MetricsPolicy()
    assert {each.kind: (each.limit, each.unit) for each in policy.series} == {
        "cpu": (5.0, "%"), "gpu": (1.0, "%"), "npu": (1.0, "%"), "network": (1.6, "kbit/s"),
    }
    assert policy.namespaces == ("PAAS.CONTAINER", "CUSTOMMETRICS")
    assert policy.dimensions("5f0c") == {"service_id": "5f0c"}


def test_one_value_changes_one_thing() -> None:
    changed = metrics_policy({"gpu": {"limit": 3}})
    assert {each.kind: each.limit for each in changed.series} == {"cpu": 5, "gpu": 3, "npu": 1, "network": 1.6}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"namespace": ["X"]}, r'unknown key "namespace" in \[metrics\]; did you mean "namespaces"\?'),
        ({"cpu": {"limits": 5}}, r'unknown key "limits" in \[metrics.cpu\]; did you mean "limit"\?'),
        ({"cpu": {"name": ""}}, "without CPU nothing is ever idle"),
        ({"cpu": {"limit": "5"}}, "must be a number"),
        ({"cpu": {"limit": True}}, "must be a number"),
        ({"cpu": {"limit": -1}}, "must not be negative"),
        ({"network": {"scale": 0}}, "scale must be above 0"),
        ({"cpu": 5}, "must be a table"),
        ({"cpu": {"name": 5}}, "name must be a text"),
        ({"namespaces": []}, "must be a list of names"),
        ({"namespaces": "PAAS.CONTAINER"}, "must be a list of names"),
        ({"selector": {"service_id": "fixed"}}, "every notebook would be the same"),
        ({"selector": {"service_id": 5}}, "must be a table of texts"),
        ({"statistic": "sum"}, "statistic must be one of maximum, average"),
        ({"period": 61}, "period must be one of 60, 300, 900, 3600"),
    ],
)
def test_what_is_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        metrics_policy(section)
