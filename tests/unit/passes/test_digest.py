"""What is compared between two passes: it moves with everything a decision rests on, and with nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.model import Lease, LeaseType, Status
from bot.stores.notebooks import digest
from tests.unit.passes.stand import HOUR, NOW, a_notebook

MS = timedelta(milliseconds=1)
BEFORE = a_notebook()
LEASE = Lease(NOW - HOUR, 24 * HOUR, stamped_at=NOW - HOUR)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"}, {"name": "half a pair \ud800"}, {"status": Status.STOPPED}, {"flavor": "cpu.8u"},
        {"owner_id": None}, {"updated_at": NOW - HOUR + MS}, {"updated_at": None}, {"lease": None},
        *({"lease": replace(LEASE, **each)} for each in (
            {"created_at": NOW - HOUR + MS}, {"duration": 24 * HOUR + MS}, {"enabled": False},
            {"kind": LeaseType.IDLE}, {"stamped_at": NOW - HOUR + MS}, {"stamped_at": None})),
    ],
    ids=str,
)  # fmt: skip
def test_it_moves_with(change: dict[str, Any]) -> None:
    assert BEFORE.lease == LEASE
    assert digest(replace(BEFORE, **change)) != digest(BEFORE)


def test_it_does_not_move_with_what_only_a_look_at_one_says() -> None:
    shown = replace(BEFORE, url="https://notebook.example/lab", token="secret", server_now=NOW)
    assert digest(shown) == digest(BEFORE)
