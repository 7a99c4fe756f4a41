"""The promises, over seeds. `python -m tests.simulation` runs any number of them."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.simulation.coverage import never
from tests.simulation.play import Options, Result, play
from tests.simulation.shrink import shrink

pytestmark = [pytest.mark.xdist_group("simulation"), pytest.mark.timeout(600)]  # one worker counts what all runs met

CALM = [Options(seed, days=0.7, notebooks=6, troubles=False, deaths=False) for seed in range(1000, 1004)]
ROUGH = [Options(seed, days=1.5, notebooks=8) for seed in range(2000, 2010)]
REPEATED = [Options(seed, days=0.23, notebooks=2, trace=True) for seed in range(3000, 3020)]


_SEEN: Counter[str] = Counter()  # no module's fixture: that is made anew when a worker does others in between


@pytest.fixture
def seen() -> Counter[str]:
    """What the whole set met."""
    return _SEEN


def kept(result: Result) -> bool:
    """Whether every promise was; else the seed and the smallest trace found are printed."""
    if not result.violations:
        return True
    small = shrink(result)
    print(f"FAILED: {result.options}", *result.violations, f"smallest: {small.options}", *small.violations, sep="\n")
    print(*small.lines[-400:], sep="\n")
    return False


@pytest.mark.parametrize("options", CALM, ids=lambda options: f"calm {options.seed}")
def test_promises_hold_while_nothing_fails(options: Options, seen: Counter[str]) -> None:
    result = play(options)
    seen.update(result.seen)
    assert kept(result)


@pytest.mark.parametrize("options", ROUGH, ids=lambda options: f"rough {options.seed}")
def test_promises_hold_through_troubles_and_deaths(options: Options, seen: Counter[str]) -> None:
    result = play(options)
    seen.update(result.seen)
    assert kept(result)


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(4000, 4002))
def test_promises_hold_on_postgresql(seed: int, postgres_url: str, seen: Counter[str]) -> None:
    result = play(Options(seed, days=0.6, notebooks=5, replicas=2, database=postgres_url))
    seen.update(result.seen)
    assert kept(result)


def test_everything_was_met(seen: Counter[str]) -> None:
    if not seen:
        pytest.fail("run the whole file: this counts what the runs above met")
    assert never(seen) == []


def test_the_same_seed_gives_the_same_trace() -> None:
    for options in REPEATED:
        once, again = play(options), play(options)
        assert once.lines == again.lines
        assert once.digest == again.digest


def test_another_seed_gives_another_trace() -> None:
    assert play(REPEATED[0]).digest != play(REPEATED[1]).digest


def test_a_bot_that_never_acts_fails() -> None:
    broken: set[str] = set()
    for options in CALM:
        result = play(replace(options, bot=False))
        broken |= {violation.partition(":")[0] for violation in result.violations}
    assert {"idle", "due"} <= broken


def test_a_failing_run_is_made_smaller() -> None:
    whole = Options(7, days=1.0, notebooks=3, bot=False)
    found = shrink(play(whole), most=12)
    assert found.violations
    assert (found.options.until_ms or 24 * 3_600_000) < 24 * 3_600_000
