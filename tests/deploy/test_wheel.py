"""The wheel holds everything: installed in a fresh environment it plays the story from another folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.deploy.processes import ROOT, clean

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


def run(*command: str | Path, folder: Path = ROOT) -> str:
    environment = clean({}, folder)
    del environment["PYTHONPATH"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT)
    (made,) = out.glob("leasebot-*.whl")
    return made


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the commands of a new environment: the pinned packages and the wheel, nothing of the checkout."""
    venv = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", venv)
    pip = (venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--requirement", ROOT / "deploy/requirements.txt")
    run(*pip, "--no-deps", "--no-index", wheel)
    return venv / "bin"


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    listed = set(run("git", "ls-files", "bot", "handlers", "scheduler", "deploy").splitlines())
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in held} == {"bot", "handlers", "scheduler", "deploy"}
    assert {name for name in listed if os.path.exists(ROOT / name)} - held == set()
    assert any(name.endswith("static/index.html") for name in held)


def test_the_story_plays_from_another_folder(fresh: Path, tmp_path: Path) -> None:
    told = run(fresh / "leasebot", "sandbox", "--script", folder=tmp_path)
    assert "Every step held." in told
    assert not list(tmp_path.iterdir())


def test_its_packages_agree_with_each_other(fresh: Path) -> None:
    run(fresh / "python", "-m", "pip", "check")
