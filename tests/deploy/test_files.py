"""The files for containers, clusters and functions: they parse, and name only what there is."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import SETTINGS
from tests.deploy.processes import ROOT

CLUSTER = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
SCRIPTS = [ROOT / ".ci/run", ROOT / "deploy/pin.sh", ROOT / "deploy/functiongraph/package.sh"]
NAMING = [*CLUSTER, *SCRIPTS, ROOT / "deploy/compose.yaml", ROOT / "deploy/Dockerfile"]


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


@pytest.mark.parametrize("path", NAMING, ids=lambda path: path.name)
def test_only_settings_that_exist_are_named(path: Path) -> None:
    known = {setting.name for setting in SETTINGS}
    assert set(re.findall(r"\b(?:LEASEBOT|SLACK)_[A-Z_]+\b", path.read_text())) - known == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_whole(path: Path) -> None:
    shell = "bash" if "bash" in path.read_text().splitlines()[0] else "sh"
    assert subprocess.run([shell, "-n", path], capture_output=True, check=False).returncode == 0


def test_the_compose_file_waits_for_the_schema() -> None:
    (compose,) = documents(ROOT / "deploy/compose.yaml")
    services = compose["services"]
    assert services["schema"]["command"] == ["db", "upgrade"]
    assert services["leasebot"]["depends_on"]["schema"]["condition"] == "service_completed_successfully"
    assert services["leasebot"]["environment"]["LEASEBOT_DATABASE_URL"].startswith("postgresql://")
    dockerfile = (
        ROOT / "deploy" / services["leasebot"]["build"]["context"] / services["leasebot"]["build"]["dockerfile"]
    )
    assert dockerfile.resolve().is_file()


@pytest.mark.parametrize("path", CLUSTER, ids=lambda path: path.name)
def test_probes_and_commands_of_the_cluster_exist(path: Path) -> None:
    text = path.read_text()
    assert documents(path)
    assert set(re.findall(r"path: (/\w+),", text)) <= {"/healthz", "/readyz"}
    assert set(re.findall(r"args: \[(.*?)\]", text)) <= {'"tick"', '"db", "upgrade"'}


def test_the_image_holds_pinned_packages_and_no_root() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text()
    assert "--require-hashes" in lines
    assert re.search(r"^USER leasebot$", lines, re.MULTILINE)
    copied = re.findall(r"^COPY (\w+) ", lines, re.MULTILINE)
    assert sorted(copied) == ["bot", "deploy", "handlers", "scheduler"]
    assert {f"!{name}" for name in copied} <= set((ROOT / ".dockerignore").read_text().split())
