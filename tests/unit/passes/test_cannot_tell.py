"""Not knowing for long is told to admins: once for each run, all notebooks of a project in one alert."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from bot.operations.cannot_tell import said
from bot.rules import idle
from bot.rules.idle import SourceReading, Verdict, unknown_too_long
from bot.stores.schema import notebooks, outbox
from tests.unit.passes.stand import HOUR, NOW, Stand, a_notebook

MINUTE = timedelta(minutes=1)


def verdict(state: Any, reason: str = "metrics: forbidden") -> dict[str, object]:
    reading = SourceReading("metrics", state, NOW, reason, NOW, {})
    return idle.encode(Verdict(state, None, reason, (reading,)))


async def put(stand: Stand, *numbers: int, state: str = "unknown", reason: str = "metrics: forbidden") -> None:
    for number in numbers:
        mine = notebooks.c.name == f"experiment-{number}"
        await stand.write(update(notebooks).where(mine).values(verdict=verdict(state, reason)))


async def alerts(stand: Stand) -> list[Any]:
    mine = outbox.c.key.startswith("alert:cannot_tell:")
    return list(await stand.rows(select(outbox).where(mine).order_by(outbox.c.seq)))


async def blind(stand: Stand, count: int = 1, **options: Any) -> None:
    stand.cloud.add(*(a_notebook(n, lease=70 * HOUR) for n in range(count)))
    await stand.sweep()
    await put(stand, *range(count), **options)
    await stand.sweep(MINUTE)


async def test_after_six_hours_one_alert_with_the_reasons_grouped_and_the_next_step(stand: Stand) -> None:
    await blind(stand, 3)
    await put(stand, 2, reason="jupyter: the newest sample is 40 min old")
    for _ in range(5):
        await stand.sweep(HOUR)
    assert await alerts(stand) == []
    await stand.sweep(HOUR)
    (row,) = await alerts(stand)
    assert row.key == "alert:cannot_tell:research:2026-03-02@U0DORA"
    assert "3 running notebooks" in row.facts["text"]
    assert "metrics: forbidden (experiment-0, experiment-1)" in row.facts["text"]
    assert "(experiment-2)" in row.facts["text"]
    assert "leasebot check" in row.facts["next_step"]


async def test_a_run_is_told_of_once_however_many_days_it_lasts(stand: Stand) -> None:
    await blind(stand)
    for _ in range(40):
        await stand.sweep(HOUR)
    assert len(await alerts(stand)) == 1


async def test_another_notebook_is_told_of_on_the_next_day(stand: Stand) -> None:
    await blind(stand)
    for _ in range(3):
        await stand.sweep(HOUR)
    stand.cloud.add(a_notebook(7, since=stand.clock.now(), lease=70 * HOUR))
    await stand.sweep(HOUR)
    for _ in range(7):
        await stand.sweep(HOUR)
    assert len(await alerts(stand)) == 1  # the same day
    for _ in range(3):
        await stand.sweep(HOUR)
    first, second = await alerts(stand)
    assert "experiment-7" not in first.facts["text"]
    assert "experiment-7" in second.facts["text"]


async def test_one_answer_in_between_begins_it_anew(stand: Stand) -> None:
    await blind(stand)
    for _ in range(5):
        await stand.sweep(HOUR)
    await put(stand, 0, state="active", reason="a kernel is busy")
    await stand.sweep(10 * MINUTE)
    await put(stand, 0)
    await stand.sweep(MINUTE)
    for _ in range(5):
        await stand.sweep(HOUR)
    assert await alerts(stand) == []
    await stand.sweep(HOUR)
    assert len(await alerts(stand)) == 1


async def test_a_new_run_begins_it_anew(stand: Stand) -> None:
    """It was stopped and started between two passes."""
    await blind(stand)
    for _ in range(5):
        await stand.sweep(HOUR)
    await stand.write(update(notebooks).values(running_since=stand.clock.now()))
    for _ in range(5):
        await stand.sweep(HOUR)
    assert await alerts(stand) == []


async def test_what_is_known_or_off_raises_nothing(stand: Stand) -> None:
    await blind(stand, state="active", reason="a kernel is busy")
    for _ in range(10):
        await stand.sweep(HOUR)
    assert await alerts(stand) == []


def test_it_takes_four_idle_times_and_six_hours() -> None:
    assert unknown_too_long(HOUR) == 6 * HOUR
    assert unknown_too_long(2 * HOUR) == 8 * HOUR


def test_an_age_in_a_reason_makes_no_other_reason() -> None:
    text = said({f"metrics: the newest sample is {n} min old": [f"n{n}"] for n in range(20, 29)}, 7 * HOUR)
    assert "9 running notebooks are in use" in text
    assert text.count("newest sample") == 1
    assert "and 6 more" in text
