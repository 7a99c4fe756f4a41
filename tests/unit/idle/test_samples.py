"""What is stored per notebook and source survives a restart, and nothing else is taken for it."""

import json
from typing import Any

import pytest

from bot.idle.samples import Sample, decode, encode
from bot.rules.idle import SourceReading

from .jupyter_answers import MINUTE, NOW

IDLE = SourceReading("jupyter", "idle", NOW - 70 * MINUTE, "all still", NOW, {"kernels": "1", "blind": "ssh"})
UNKNOWN = SourceReading("metrics", "unknown", None, "no CPU measurements", None, {})


@pytest.mark.parametrize(
    "sample",
    [Sample(NOW, IDLE, {"run": 1, "present": ["kernel k1"]}), Sample(NOW, UNKNOWN)],
)
def test_a_sample_is_found_again_as_it_was(sample: Sample) -> None:
    assert decode(json.loads(json.dumps(encode(sample)))) == sample


@pytest.mark.parametrize(
    "damage",
    [{"v": 2}, {"reading": None}, {"reading": {}}, {"read_at": "soon"}, {"memory": None}, {"memory": 5}],
)
def test_what_cannot_be_read_is_nothing(damage: dict[str, Any]) -> None:
    assert decode(encode(Sample(NOW, IDLE)) | damage) is None


@pytest.mark.parametrize("stored", [None, [], "", 5, {}, {"v": 1}])
def test_nothing_stored_is_nothing(stored: Any) -> None:
    assert decode(stored) is None


def test_a_state_that_is_not_known_is_nothing() -> None:
    stored = encode(Sample(NOW, IDLE))
    stored["reading"]["state"] = "asleep"
    assert decode(stored) is None
