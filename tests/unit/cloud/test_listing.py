"""A walk over pages that shift underneath misses nothing that was there all the time."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cloud import wire
from bot.cloud.listing import PAGE, walk
from bot.errors import CloudDenied, CloudDown, CloudGarbled, CloudMisconfigured, CloudNotFound


def record(name: str) -> dict[str, Any]:
    return {"id": name, "name": name, "status": "RUNNING"}


class Shelf:
    """A list behind an API, newest first; `meddle` runs before each page is cut."""

    def __init__(self, size: int, *, limit: int = PAGE, total: Callable[[int], Any] = lambda n: n) -> None:
        self.ids = [f"n{number}" for number in range(size)]
        self.limit = limit
        self.total = total
        self.asked: list[int] = []
        self.failing: dict[int, list[Exception]] = {}
        self.meddle: Callable[[int], None] = lambda turn: None

    async def fetch(self, offset: int) -> wire.Page:
        self.meddle(len(self.asked))
        self.asked.append(offset)
        if self.failing.get(offset):
            raise self.failing[offset].pop(0)
        cut = self.ids[offset : offset + self.limit]
        return wire.page({"data": [record(name) for name in cut], "total": self.total(len(self.ids)), "current": 7})


async def names(shelf: Shelf) -> tuple[set[str], bool]:
    notebooks, complete = await walk(shelf.fetch)
    assert len({notebook.id for notebook in notebooks}) == len(notebooks)
    return {str(notebook.id) for notebook in notebooks}, complete


@pytest.mark.parametrize("size", [0, 1, 49, 50, 51, 98, 99, 100, 101, 500])
@pytest.mark.parametrize("total", [lambda n: n, lambda n: n + 1, lambda n: 0, lambda n: None, lambda n: n // 2])
async def test_the_end_is_known_by_page_and_never_by_total(size: int, total: Callable[[int], Any]) -> None:
    shelf = Shelf(size, total=total)
    assert await names(shelf) == (set(shelf.ids), True)
    assert len(shelf.asked) <= size / (PAGE - 1) + 4


async def test_a_server_with_shorter_pages_is_read_to_the_end() -> None:
    shelf = Shelf(95, limit=10)
    assert await names(shelf) == (set(shelf.ids), True)


async def test_one_page_is_one_call() -> None:
    shelf = Shelf(20)
    await names(shelf)
    assert shelf.asked == [0]


async def test_a_deletion_ahead_does_not_hide_the_next_record() -> None:
    shelf = Shelf(150)

    def meddle(turn: int) -> None:
        if turn == 1:
            del shelf.ids[0:3]

    shelf.meddle = meddle
    found, complete = await names(shelf)
    assert complete
    assert set(shelf.ids) <= found


async def test_what_is_made_during_the_walk_is_found_by_the_last_look() -> None:
    shelf = Shelf(150)

    def meddle(turn: int) -> None:
        if turn == 2:
            shelf.ids[0:0] = ["new"]

    shelf.meddle = meddle
    found, complete = await names(shelf)
    assert complete
    assert "new" in found


@settings(max_examples=150)
@given(
    size=st.integers(0, 260),
    events=st.dictionaries(
        st.integers(0, 8),
        st.lists(st.tuples(st.sampled_from(["insert", "delete"]), st.integers(0, 260)), max_size=60),
        max_size=5,
    ),
)
async def test_nothing_that_stays_is_missed(size: int, events: dict[int, list[tuple[str, int]]]) -> None:
    shelf = Shelf(size)
    always = set(shelf.ids)

    def meddle(turn: int) -> None:
        for kind, at in events.get(turn, []):
            if kind == "insert":
                shelf.ids.insert(0, f"new{turn}.{at}")
                always.discard(f"new{turn}.{at}")
            elif shelf.ids:
                always.discard(shelf.ids.pop(at % len(shelf.ids)))

    shelf.meddle = meddle
    shelf.ids = list(dict.fromkeys(shelf.ids))
    found, complete = await names_tolerant(shelf)
    assert not complete or always <= found


async def names_tolerant(shelf: Shelf) -> tuple[set[str], bool]:
    notebooks, complete = await walk(shelf.fetch)
    return {str(notebook.id) for notebook in notebooks}, complete


async def test_a_failed_page_makes_it_incomplete_and_the_others_are_read() -> None:
    shelf = Shelf(200)
    shelf.failing = {49: [CloudDown("lost")]}
    found, complete = await names(shelf)
    assert not complete
    assert set(shelf.ids[:50]) | set(shelf.ids[99:]) <= found


async def test_two_failed_pages_in_a_row_end_it() -> None:
    shelf = Shelf(500)
    shelf.failing = {49: [CloudDown("lost")], 98: [CloudDown("lost")]}
    found, complete = await names(shelf)
    assert not complete
    assert found == set(shelf.ids[:50])
    assert shelf.asked == [0, 49, 98]


async def test_a_garbled_page_is_a_failed_one() -> None:
    shelf = Shelf(200)
    shelf.failing = {49: [CloudGarbled("html", field="body")]}
    assert (await names(shelf))[1] is False


async def test_if_not_even_one_page_was_read_the_error_is_told() -> None:
    shelf = Shelf(10)
    shelf.failing = {0: [CloudDown("down")]}
    with pytest.raises(CloudDown):
        await walk(shelf.fetch)


async def test_a_refusal_is_told_even_in_the_middle() -> None:
    shelf = Shelf(100)
    shelf.failing = {49: [CloudDenied("no longer")]}
    with pytest.raises(CloudDenied):
        await walk(shelf.fetch)


async def test_a_list_that_is_not_found_is_a_wrong_address() -> None:
    shelf = Shelf(10)
    shelf.failing = {0: [CloudNotFound("404", status=404)]}
    with pytest.raises(CloudMisconfigured):
        await walk(shelf.fetch)


async def test_a_record_without_an_id_proves_no_absence_but_hides_nobody() -> None:
    async def fetch(offset: int) -> wire.Page:
        return wire.page({"data": [record("a"), {"name": "who"}, record("b")], "total": 3})

    notebooks, complete = await walk(fetch)
    assert [notebook.id for notebook in notebooks] == ["a", "b"]
    assert not complete


async def test_a_server_that_ignores_the_offset_does_not_loop_for_ever() -> None:
    calls = 0

    async def fetch(offset: int) -> wire.Page:
        nonlocal calls
        calls += 1
        return wire.page({"data": [record(f"n{n}") for n in range(PAGE)], "total": 10_000})

    _, complete = await walk(fetch)
    assert not complete
    assert calls < 10
