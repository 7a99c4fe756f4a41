"""What tells the holders of claims apart fits into the store."""

import pytest

from bot.claims import host_name, owner_name
from bot.stores.schema import beats, outbox, work

LARGEST_PID = 4_194_304


@pytest.mark.parametrize("column", [work.c.owner, outbox.c.owner, beats.c.replica])
def test_the_longest_host_name_fits_with_process_and_nonce(column: object) -> None:
    width = column.type.length  # type: ignore[attr-defined]
    assert len(f"{host_name('h' * 64)}:{LARGEST_PID}:abcdef") <= width
    assert len(owner_name("abcdef")) <= width


def test_a_short_name_stays_as_it_is() -> None:
    assert host_name("worker-7") == "worker-7"


def test_long_names_that_differ_only_at_their_end_stay_different() -> None:
    one, two = (
        host_name("a-rather-long-deployment-name-in-a-cluster-" + end) for end in ("7d9f8-x2k4p", "7d9f8-q8w2z")
    )
    assert one != two
    assert len(one) == len(two) == 40
