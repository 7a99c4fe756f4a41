"""`python -m tests.simulation --seeds 20 --days 3 --notebooks 20`: run them, print what was met, fail on what broke."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from tests.simulation.coverage import never
from tests.simulation.play import Options, Result, play

ENOUGH = 180  # seeds with troubles, by which everything must have been met


def main() -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds, counted from --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--notebooks", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--poll", type=int, help="seconds between passes (from the seed if not given)")
    parser.add_argument("--calm", action="store_true", help="without troubles and deaths")
    parser.add_argument("--trace", action="store_true", help="print the trace of a failing seed")
    given = parser.parse_args()
    first = Options(given.seed, given.days, given.notebooks, troubles=not given.calm, deaths=not given.calm,
                    trace=given.trace, poll_s=given.poll)  # fmt: skip
    wanted = [replace(first, seed=given.seed + number) for number in range(given.seeds)]
    began, seen, failed = time.monotonic(), Counter[str](), 0
    for result in _results(wanted, given.jobs):
        seen += result.seen
        failed += bool(result.violations)
        tell(result)
    print("\n".join(f"{count:9} {name}" for name, count in sorted(seen.items())))
    unmet = never(seen) if given.seeds >= ENOUGH and not given.calm else []
    for name in unmet:
        print(f"never met: {name}")
    print(f"{len(wanted)} seeds, {failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed or unmet else 0


def _results(wanted: list[Options], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        return map(play, wanted)
    return ProcessPoolExecutor(jobs).map(play, wanted)


def tell(result: Result) -> None:
    """One line for a good run; everything for a bad one."""
    state = f"{len(result.violations)} BROKEN" if result.violations else "ok"
    print(f"seed {result.options.seed}: {state}, {result.steps} steps, {result.cpu_s:.1f} s, "
          f"trace {result.digest}", flush=True)  # fmt: skip
    for violation in result.violations:
        print(f"  {violation}"[:3000], flush=True)
    if result.violations and result.lines:
        print("\n".join(result.lines))


if __name__ == "__main__":
    sys.exit(main())
