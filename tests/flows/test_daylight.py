"""The nights on which clocks change, zones on another date, quiet hours across them, and a host whose clock is off."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import to_ms
from bot.stores.schema import notices, projects
from deploy.sandbox.clock import SimClock
from deploy.sandbox.stage import Stage, stage
from tests.flows.scene import ANA, BEN, HOUR, MINUTE, START_MS, Scene, minutes, policy_text

SPRING = "2026-03-28T22:00"  # 23:00 in Berlin; at two the clocks go to three
AUTUMN = "2026-10-24T21:00"  # 23:00 in Berlin; at three the clocks go back to two
PEOPLE = {"free_total": '"72h"', "max_extension": '"72h"'}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def start() -> str:
    """When it begins, in UTC; a test parametrizes it."""
    return f"{datetime.fromtimestamp(START_MS / 1000, UTC):%Y-%m-%dT%H:%M}"


@pytest.fixture
async def on(policy: dict[str, str], start: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """The stage at another instant."""
    folder = tmp_path / "stage"
    folder.mkdir()
    clock = SimClock(to_ms(utc(start)), running=False)
    async with stage(clock=clock, folder=folder, policy=policy_text(policy)) as made:
        yield made


@pytest.mark.parametrize("policy", [PEOPLE])
@pytest.mark.parametrize(
    ("start", "user", "typed", "end"),
    [
        pytest.param(SPRING, ANA, "02:30", "2026-03-29T01:00", id="an hour that does not exist: after the gap"),
        pytest.param(SPRING, ANA, "2026-03-29 02:30", "2026-03-29T01:00", id="the same, with its date"),
        pytest.param(SPRING, ANA, "03:30", "2026-03-29T01:30", id="after the gap, summer time"),
        pytest.param(AUTUMN, ANA, "02:30", "2026-10-25T01:30", id="an hour that exists twice: the later one"),
        pytest.param(AUTUMN, ANA, "2026-10-25 02:30", "2026-10-25T01:30", id="the same, with its date, twice"),
        pytest.param(AUTUMN, ANA, "tomorrow 03:30", "2026-10-25T02:30", id="after both, winter time"),
        pytest.param("2026-03-29T02:00", BEN, "today 23:30", "2026-03-29T03:30", id="New York is on the day before"),
        pytest.param("2026-03-29T02:00", BEN, "00:30", "2026-03-29T04:30", id="and its midnight is still ahead"),
        pytest.param("2026-10-25T02:00", BEN, "today 23:59", "2026-10-25T03:59", id="the day before, in autumn"),
    ],
)
async def test_until_is_read_on_the_persons_clock_of_that_night(scene: Scene, user: str, typed: str, end: str) -> None:
    made = await scene.notebook("ana" if user == ANA else "ben", "night", lease_ms=59 * MINUTE)
    await scene.ask(user, f"extend night until {typed}")
    meant = max(utc(end), scene.now + timedelta(hours=1))  # the shortest lease there is
    assert abs(scene.end(made) - meant) < timedelta(seconds=2), scene.operation(user)


@pytest.mark.parametrize("policy", [PEOPLE | {"quiet_hours": '"20:00-08:00"'}])
@pytest.mark.parametrize(
    ("start", "end", "due"),
    [
        pytest.param("2026-03-28T18:00", "2026-03-29T07:05", "2026-03-29T06:05", id="spring: 08:05 is after them"),
        pytest.param("2026-03-28T18:00", "2026-03-29T06:55", "2026-03-28T18:50", id="spring: 07:55 is in them"),
        pytest.param("2026-10-24T17:00", "2026-10-25T07:55", "2026-10-24T17:50", id="autumn: 07:55 is in them"),
        pytest.param("2026-10-24T17:00", "2026-10-25T08:05", "2026-10-25T07:05", id="autumn: 08:05 is after them"),
    ],
)
async def test_quiet_hours_keep_to_the_persons_clock_across_the_change(scene: Scene, end: str, due: str) -> None:
    """The warning an hour ahead: either when it is due, or ten minutes before the quiet hours began."""
    length = (utc(end) - scene.now) // timedelta(milliseconds=1)
    await scene.notebook("ana", "night", lease_ms=length, age_ms=0, settled_ago_ms=0)
    await scene.jump(utc(due) - scene.now - minutes(1))
    await scene.sweep()
    assert scene.in_dm(ANA, "lease_warning") == []
    await scene.jump(utc(due) - scene.now)
    await scene.sweep()
    assert len(scene.in_dm(ANA, "lease_warning")) == 1


class Off(SimClock):
    """The cloud's clock where the host's is off by less than two minutes."""

    def __init__(self, host: SimClock, by: timedelta) -> None:
        super().__init__(0, running=False)
        self._host, self._by = host, by // timedelta(milliseconds=1)

    def now_ms(self) -> int:
        return self._host.now_ms() + self._by


@pytest.mark.parametrize("ahead_s", [100, -100])
async def test_a_lease_is_reckoned_by_the_clouds_clock(scene: Scene, ahead_s: int) -> None:
    """Warned, ended and extended by the server's time; under two minutes trip no brake."""
    ahead = timedelta(seconds=ahead_s)
    scene.cloud.clock = Off(scene.on.clock, ahead)
    made = await scene.notebook("ana", "skewed", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
    end = scene.end(made)
    await scene.jump(end - minutes(60) - ahead - timedelta(seconds=5) - scene.now)
    await scene.sweep()
    assert scene.in_dm(ANA, "lease_warning") == []
    await scene.jump(timedelta(seconds=10))
    await scene.sweep()
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
    await scene.ask(ANA, "extend skewed 1h")
    assert abs(scene.end(made) - end - timedelta(hours=1)) < timedelta(seconds=5)
    await scene.jump(scene.end(made) - ahead + timedelta(seconds=20) - scene.now)
    await scene.sweep()
    await scene.sweep()
    (told,) = scene.in_dm(ANA, "stopped")
    assert "lease ended" in told.text
    (row,) = await scene.rows(projects)
    assert row.paused is None


@pytest.mark.parametrize("off_h", [2, -2])
async def test_a_host_whose_clock_is_hours_off_warns_of_leases_all_the_same(scene: Scene, off_h: int) -> None:
    """That stops are paused then is no reason to be silent: each warning is told, with the time that is left."""
    off = timedelta(hours=-off_h)
    scene.cloud.clock, scene.slack.clock = Off(scene.on.clock, off), Off(scene.on.clock, off)
    made = await scene.notebook("ben", "adrift", lease_ms=2 * HOUR, age_ms=0, settled_ago_ms=0)
    await scene.jump(minutes(61))
    await scene.sweep()
    (first,) = scene.in_dm(BEN, "lease_warning")
    assert first.text.startswith("*adrift* stops in 59 min")
    await scene.jump(minutes(45))
    await scene.sweep()
    assert len(scene.in_dm(BEN, "lease_warning")) == 2
    assert [row.state for row in await scene.rows(notices) if row.notebook_id == made.id] == ["delivered"] * 2
    (row,) = await scene.rows(projects)
    assert "clock differs" in row.paused
