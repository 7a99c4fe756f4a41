"""Only the named assertion of the named test counts as having noticed."""

import pytest

from tests.mutations.verdict import not_caught, passed

NODE = "tests/unit/test_a.py::TestB::test_c[sqlite]"
SOURCE = "def test_c():\n>       assert stops == []\nE       assert [1] == []\n\ntests/unit/test_a.py:3: AssertionError"


def report(inside: str, name: str = "test_c[sqlite]") -> str:
    case = f'<testcase classname="tests.unit.test_a.TestB" name="{name}">{inside}</testcase>'
    return f"<testsuites><testsuite>{case}</testsuite></testsuites>"


def failure(message: str) -> str:
    return f'<failure message="{message}">{SOURCE.replace(">", "&gt;")}</failure>'


@pytest.mark.parametrize("message", ["assert [1] == []", "AssertionError: why\nassert [1] == []"])
def test_the_named_assertion_is_caught(message: str) -> None:
    assert not_caught(report(failure(message)), NODE, "assert stops == []") == ""
    assert not_caught(report(failure(message)), NODE.partition("[")[0], "assert stops == []") == ""


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        pytest.param("", "the test passes", id="it passes"),
        pytest.param(failure("Failed: Timeout (&gt;60.0s) from pytest-timeout."), "another failure", id="a time-out"),
        pytest.param(failure("TypeError: no"), "another failure", id="another exception"),
        pytest.param('<error message="ImportError: no">assert stops == []</error>', "an error", id="a fixture"),
    ],
)
def test_anything_else_is_not(inside: str, why: str) -> None:
    assert not_caught(report(inside), NODE, "assert stops == []").startswith(why)


def test_another_assertion_or_another_test_is_not() -> None:
    assert not_caught(report(failure("assert [1] == []")), NODE, "assert starts == []").startswith("another failure")
    assert not_caught(report(failure("assert 1"), "test_d[sqlite]"), NODE, "assert stops == []") == "the test passes"


def test_what_ran_and_had_nothing_wrong_has_passed() -> None:
    assert passed(report(""), NODE)
    assert passed(report("<system-out>said</system-out>"), NODE)
    assert not passed(report("<skipped/>"), NODE)
    assert not passed(report(failure("assert 1")), NODE)
    assert not passed(report("", "test_d"), NODE)
