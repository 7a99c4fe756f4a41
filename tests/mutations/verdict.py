"""What a JUnit report says of one test: passed, failed by the named assertion, or gone wrong in another way. Pure."""

import xml.etree.ElementTree as ET

ASSERTIONS = ("assert ", "AssertionError", "Failed: DID NOT RAISE")


def address(node: str) -> tuple[str, str]:
    """(classname, name) of a node as the report has them."""
    place, _, name = node.rpartition("::")
    return place.replace(".py", "").replace("/", ".").replace("::", "."), name


def cases(report: str, node: str) -> list[ET.Element]:
    """The report's entries about that test; without brackets in `node`, about all its parameters. Raises ParseError."""
    place, name = address(node)
    found = [case for case in ET.fromstring(report).iter("testcase") if case.get("classname") == place]
    return [case for case in found if name in (case.get("name"), str(case.get("name")).partition("[")[0])]


def passed(report: str, node: str) -> bool:
    """It ran, and nothing was wrong with it: no failure, no error, no skip."""
    found = cases(report, node)
    return bool(found) and not any(case.findall(wrong) for case in found for wrong in ("failure", "error", "skipped"))


def not_caught(report: str, node: str, expected: str) -> str:
    """Why the test's own assertion has not noticed; empty if it has.

    A time-out, an error of a fixture or an exception of another kind proves nothing.
    """
    found = cases(report, node)
    failures = [failure for case in found for failure in case.findall("failure")]
    if not failures:
        wrong = [str(error.get("message")) for case in found for error in case.findall("error")]
        return f"an error instead of a failure: {_short(wrong[0])}" if wrong else "the test passes"
    said = [_said(failure) for failure in failures]
    if any(expected in each for each in said if each.startswith(ASSERTIONS)):
        return ""
    return f"another failure: {_short(said[0])}"


def _said(failure: ET.Element) -> str:
    """What the failure was, and the line of the test it was raised at."""
    lines = [line[1:].strip() for line in (failure.text or "").splitlines() if line.startswith(">")]
    return "\n".join([str(failure.get("message")), *lines[-1:]])


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
