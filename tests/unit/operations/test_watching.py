"""How often something under way is looked at: soon at first, never much later than it has taken already."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.operations.power import WATCH, WATCH_SLOW, next_look
from bot.work import Claim

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed_s", "wait_s"), [(0, 5), (4, 5), (20, 5), (40, 10), (60, 15), (80, 20), (600, 20), (86_400, 20)]
)
def test_the_pause_grows_with_what_has_passed(passed_s: int, wait_s: int) -> None:
    claim = Claim("w", "stop", "c", "s", "watch", {}, "U1", T0, 1, 0)
    now = T0 + timedelta(seconds=passed_s)
    assert next_look(claim, now) - now == timedelta(seconds=wait_s)


def test_the_cloud_is_never_asked_about_one_notebook_faster_than_it_wants() -> None:
    assert timedelta(seconds=5) <= WATCH < WATCH_SLOW
