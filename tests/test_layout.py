"""What the tree, its imports and its pins must look like."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bot", "handlers", "scheduler", "deploy")
PINS = ("deploy/requirements.txt", "deploy/requirements-dev.txt", "deploy/functiongraph/requirements.txt")
LONGEST_FILE, LONGEST_FUNCTION = 450, 60
LAYERS = {"bot": 0, "handlers": 1, "scheduler": 1, "deploy": 2}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


def sources() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def test_the_top_level_holds_what_was_agreed() -> None:
    held = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in held if not name.startswith(".")} == {
        "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests", *PACKAGES}  # fmt: skip


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources()
        for name in imported(path)
        if (theirs := name.partition(".")[0]) in LAYERS
        and (mine := path.relative_to(ROOT).parts[0]) != theirs
        and LAYERS[theirs] >= LAYERS[mine]
    ]
    assert wrong == []


def test_the_simulators_do_not_know_the_adapter() -> None:
    folder = ROOT / "deploy/sandbox"
    assert [path for path in folder.rglob("*.py") if any(within(name, "bot.cloud") for name in imported(path))] == []


def test_one_module_alone_imports_the_http_client() -> None:
    users = [path for path in sources() if any(within(name, "httpx") for name in imported(path))]
    outside = [path.relative_to(ROOT).as_posix() for path in users if "sandbox" not in path.parts]
    assert outside == ["bot/http.py"]


@pytest.mark.parametrize("module", ["boto3", "botocore", "huaweicloudsdkcore", "slack_bolt.adapter.aws_lambda"])
def test_what_must_not_be_imported_is_not(module: str) -> None:
    assert [path for path in sources() if any(within(name, module) for name in imported(path))] == []


def test_files_and_functions_are_short() -> None:
    long_files = [path for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE]
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        if path.parent.name != "versions"  # a migration is a record, not a program
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert (long_files, long_functions) == ([], [])


@pytest.mark.parametrize("name", PINS)
def test_every_package_is_pinned_exactly_and_with_its_hashes(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = re.findall(r"^[a-z0-9].*(?:\n    .*)*", text, re.MULTILINE)
    assert len(packages) > 40
    assert [each for each in packages if "==" not in each or "--hash=sha256:" not in each] == []
    assert "://" not in text
    assert "index" not in text.lower()


def test_what_is_run_is_part_of_what_is_tested() -> None:
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9][\w.-]*==\S+)", (ROOT / name).read_text(), re.MULTILINE))

    run, tests, functions = (pinned(name) for name in PINS[:1] + PINS[1:])
    assert run <= tests
    assert functions <= run


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[\w-]+", each)[0].lower() for each in project["dependencies"]}  # type: ignore[index]
    text = (ROOT / PINS[0]).read_text()
    assert {name for name in names if not re.search(rf"^{name}(\[.*\])?==", text, re.MULTILINE)} == set()


def test_no_lock_file_with_download_hosts_is_kept() -> None:
    assert [path for path in tracked() if path.name in ("uv.lock", "pylock.toml", "poetry.lock")] == []


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(?:TODO|FIXME|XXX)\b|NotImplementedError")
    assert [path for path in sources() if mark.search(path.read_text(encoding="utf-8"))] == []
