"""A mutation is tried in a copy of the tree, in processes of its own; the checkout itself is never touched."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutations import verdict
from tests.mutations.mutation import Misplaced, Mutation

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("bot", "handlers", "scheduler", "deploy", "tests", "pyproject.toml")
TEST_SECONDS = 60  # for one test; a mutation that hangs is not caught
TRIAL_SECONDS = 90
ALL_SECONDS = 900  # for all tests, unbroken


class Unsound(Exception):
    """The tests cannot be run at all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutation. `survived`: why it was not caught; empty if it was."""

    mutation: Mutation
    survived: str
    seconds: float


@contextmanager
def copied() -> Iterator[Path]:
    """The sources in a temporary folder, without anything that was made from them."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        for source in (ROOT / name for name in SOURCES):
            if source.is_dir():
                shutil.copytree(source, tree / source.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                shutil.copy2(source, tree)
        yield tree


def unbroken(tree: Path, tests: Sequence[str], jobs: int) -> set[str]:
    """Those of the tests that pass as long as nothing is broken; trials use what this compiles. Raises Unsound."""
    shares = [list(tests[start::jobs]) for start in range(jobs)]
    with ThreadPoolExecutor(jobs) as hands:
        share_of = enumerate(share for share in shares if share)
        return {test for passed in hands.map(lambda each: _passed(tree, *each), share_of) for test in passed}


def _passed(tree: Path, number: int, tests: Sequence[str]) -> list[str]:
    report, said = _pytest(tree, tests, ALL_SECONDS, f"all-{number}")
    found = [test for test in tests if report and verdict.passed(report, test)]
    if not found:
        raise Unsound(said[-2000:])
    return found


def try_one(tree: Path, mutation: Mutation) -> Outcome:
    """Break one rule in a linked copy of `tree`, import what was broken, and run the test that has to notice."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutation-", dir=tree.parent) as folder:
        broken = Path(folder) / "tree"
        shutil.copytree(tree, broken, ignore=shutil.ignore_patterns(".*"), copy_function=os.link)
        survived = _survived(broken, mutation)
    return Outcome(mutation, survived, time.monotonic() - began)


def _survived(broken: Path, mutation: Mutation) -> str:
    try:
        _break(broken, mutation)
    except Misplaced as error:
        return f"not applied: {error}"
    if wrong := _not_importable(broken, mutation):
        return f"not importable: {wrong}"
    options = "-x", f"--timeout={TEST_SECONDS}"
    report, _said = _pytest(broken, [mutation.test], TRIAL_SECONDS, "trial", *options, compiles=False)
    return verdict.not_caught(report, mutation.test, mutation.expected) if report else "pytest did not come to its end"


def _break(broken: Path, mutation: Mutation) -> None:
    file, text = broken / mutation.file, mutation.applied(broken)
    file.unlink()  # it is the unbroken tree's file, too
    file.write_text(text, encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):  # it may bear the same second and size
        compiled.unlink()


def _not_importable(broken: Path, mutation: Mutation) -> str:
    ask = "import importlib, sys; print(importlib.import_module(sys.argv[1]).__file__)"
    done = _process(broken, ["-c", ask, mutation.module], TRIAL_SECONDS, compiles=False)
    if done is None or done.returncode:
        return done.stderr.strip().splitlines()[-1] if done else "it takes too long"
    imported = Path(done.stdout.strip())
    return "" if imported == broken / mutation.file else f"another copy was imported: {imported}"


def _pytest(
    tree: Path, tests: Sequence[str], seconds: float, name: str, *options: str, compiles: bool = True
) -> tuple[str, str]:
    """The JUnit report, empty if there is none, and what was said."""
    report = tree.parent / f"{name}.xml"
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not postgres", f"--junit-xml={report}",
               f"--basetemp={tree.parent / name}", *options, *tests]  # fmt: skip
    done = _process(tree, command, seconds, compiles=compiles)
    if done is None:
        return "", f"it took more than {seconds:.0f} s"
    return report.read_text(encoding="utf-8") if report.exists() else "", done.stdout + done.stderr


def _process(
    tree: Path, command: Sequence[str], seconds: float, *, compiles: bool
) -> subprocess.CompletedProcess[str] | None:
    """Python in that tree; None if it had to be ended."""
    left_out = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS")
    env = {key: value for key, value in os.environ.items() if key not in left_out}
    env |= {} if compiles else {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run([sys.executable, *command], cwd=tree, env=env, capture_output=True, text=True,
                              timeout=seconds, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
