"""`python -m tests.mutations`: break each rule, one at a time, and see that its test notices."""

import argparse
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations.every import EVERY
from tests.mutations.mutation import Mutation
from tests.mutations.trial import Outcome, Unsound, copied, try_one, unbroken


def main() -> int:
    """Try what the arguments ask for; 1 if anything survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", metavar="NAME", help="those whose name or file holds these words")
    parser.add_argument("--list", action="store_true", help="print them, and do nothing")
    parser.add_argument("--junit-xml", type=Path, metavar="FILE")
    given = parser.parse_args()
    wanted = [each for each in EVERY if given.only in each.name or given.only in each.file]
    if given.list:
        print("\n".join(f"{each.file}: {each.name}\n    {each.test}" for each in wanted))
        return 0
    began = time.monotonic()
    try:
        outcomes = list(_tried(wanted, given.jobs))
    except Unsound as error:
        print(error)
        return 2
    survived = [each for each in outcomes if each.survived]
    if given.junit_xml:
        given.junit_xml.write_text(report(outcomes), encoding="utf-8")
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{len(outcomes) - len(survived)} caught, {len(survived)} survived")
    return 1 if survived or not outcomes else 0


def _tried(wanted: Sequence[Mutation], jobs: int) -> Iterator[Outcome]:
    """A test that fails by itself proves nothing, so all of them run unbroken first."""
    with copied() as tree, ThreadPoolExecutor(jobs) as hands:
        sound = unbroken(tree, sorted({each.test for each in wanted}), jobs)
        for each in wanted:
            if each.test not in sound:
                yield _told(Outcome(each, "its test does not pass unbroken", 0.0))
        for outcome in hands.map(lambda each: try_one(tree, each), [each for each in wanted if each.test in sound]):
            yield _told(outcome)


def _told(outcome: Outcome) -> Outcome:
    state, mutation = "SURVIVED" if outcome.survived else "caught", outcome.mutation
    print(f"{state:8} {outcome.seconds:5.1f} s  {mutation.name}", flush=True)
    if outcome.survived:
        print(f"         {mutation.test}: {outcome.survived}", flush=True)
    return outcome


def report(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a JUnit report: one that was caught is a test that passed."""
    bad = sum(bool(each.survived) for each in outcomes)
    suite = ET.Element("testsuite", name="mutations", tests=str(len(outcomes)), failures=str(bad))
    for each in outcomes:
        case = ET.SubElement(suite, "testcase", name=each.mutation.name, time=f"{each.seconds:.3f}")
        if each.survived:
            ET.SubElement(case, "failure", message=each.survived)
    return ET.tostring(suite, encoding="unicode")


if __name__ == "__main__":
    sys.exit(main())
