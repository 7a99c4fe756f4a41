"""The promises, over as many seeds as a few minutes take. `python -m tests.simulation` runs any number of them."""

import multiprocessing
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace

import pytest

from tests.postgres import PostgresServer
from tests.simulation.coverage import never
from tests.simulation.play import Options, Result, play
from tests.simulation.shrink import shrink

pytestmark = [pytest.mark.xdist_group("simulation"), pytest.mark.timeout(3600)]  # one worker counts what all runs met

DAYS, NOTEBOOKS = 3.0, 20
CALM = [Options(seed, DAYS, NOTEBOOKS, troubles=False, deaths=False) for seed in range(1000, 1020)]
ROUGH = [Options(seed, DAYS, NOTEBOOKS) for seed in range(2000, 2180)]
ON_POSTGRES = [Options(seed, DAYS, NOTEBOOKS, replicas=2 - seed % 2) for seed in range(4000, 4020)]
REPEATED = [Options(seed, days=0.3, notebooks=4, trace=True) for seed in range(3000, 3020)]

Runs = dict[Options, "Future[Result]"]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """As many processes as there are cores; what was not asked for any more is not begun."""
    workers = ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))
    yield workers
    workers.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def runs(pool: ProcessPoolExecutor) -> Runs:
    """Everything on SQLite, begun at once."""
    return {options: pool.submit(play, options) for options in (*ROUGH, *CALM)}


@pytest.fixture(scope="module")
def runs_on_postgres(pool: ProcessPoolExecutor, postgres_server: PostgresServer) -> Iterator[Runs]:
    """Each on a database of its own."""
    made = {options: postgres_server.new_database() for options in ON_POSTGRES}
    yield {
        options: pool.submit(play, replace(options, database=postgres_server.socket_url(url)))
        for options, url in made.items()
    }
    for url in made.values():
        postgres_server.drop(url)


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


@pytest.mark.parametrize("options", ROUGH, ids=lambda options: f"rough {options.seed}")
def test_promises_hold_through_troubles_and_deaths(options: Options, runs: Runs, seen: Counter[str]) -> None:
    result = runs[options].result()
    seen.update(result.seen)
    assert kept(result)


@pytest.mark.parametrize("options", CALM, ids=lambda options: f"calm {options.seed}")
def test_promises_hold_while_nothing_fails(options: Options, runs: Runs, seen: Counter[str]) -> None:
    result = runs[options].result()
    seen.update(result.seen)
    assert kept(result)


def test_everything_was_met(seen: Counter[str]) -> None:
    if not seen:
        pytest.fail("run the whole file: this counts what the runs above met")
    print(*(f"{count:9} {name}" for name, count in sorted(seen.items())), sep="\n")
    assert never(seen) == []


@pytest.mark.postgres
@pytest.mark.parametrize("options", ON_POSTGRES, ids=lambda options: f"postgresql {options.seed}")
def test_promises_hold_on_postgresql(options: Options, runs_on_postgres: Runs) -> None:
    assert kept(runs_on_postgres[options].result())


def test_the_same_seed_gives_the_same_trace(pool: ProcessPoolExecutor) -> None:
    """Played twice, by whichever process."""
    twice = [(pool.submit(play, options), pool.submit(play, options)) for options in REPEATED]
    for once, again in twice:
        assert once.result().lines == again.result().lines
        assert once.result().digest == again.result().digest


def test_the_order_of_sets_does_not_show_in_the_trace() -> None:
    """Python may hash text in another way in each process."""
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "1", "--seed", "3000", "--days", "0.3"]
    digests = set()
    for hashing in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        digests.add(re.search(r"trace ([0-9a-f]{64})", done.stdout)[1])  # type: ignore[index]
    assert len(digests) == 1


def test_another_seed_gives_another_trace() -> None:
    assert play(REPEATED[0]).digest != play(REPEATED[1]).digest


def test_a_bot_that_never_acts_fails(pool: ProcessPoolExecutor) -> None:
    broken: set[str] = set()
    for running in [pool.submit(play, replace(options, days=0.7, bot=False)) for options in CALM[:6]]:
        broken |= {violation.partition(":")[0] for violation in running.result().violations}
    assert {"idle", "due"} <= broken


def test_a_failing_run_is_made_smaller() -> None:
    whole = Options(8, days=1.0, notebooks=3, bot=False)
    found = shrink(play(whole), most=12)
    assert found.violations
    assert (found.options.until_ms or 24 * 3_600_000) < 24 * 3_600_000
