"""Runs leasebot from a checkout on a machine that has only Python and pip; sets up what it needs by itself.

python3 deploy/local.py sandbox [options]   the sandbox: simulated Slack and cloud, the bot, a page in the browser
python3 deploy/local.py test [options]      every test; options go to pytest

Packages go into `.venv` beside this folder (`--venv DIR`: there instead), pinned and checked against their hashes.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = {"sandbox": "requirements.txt", "test": "requirements-dev.txt"}
NEEDED = (3, 11)


def main(arguments: list[str]) -> int:
    """Set up, then run; the exit code is that of what was run."""
    if sys.version_info < NEEDED:
        print(f"leasebot needs Python {NEEDED[0]}.{NEEDED[1]} or newer; this is {sys.version.split()[0]}")
        return 2
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="folder of the packages")
    parser.add_argument("what", choices=PINS)
    known, rest = parser.parse_known_args(arguments)
    try:
        python = environment(known.venv.absolute(), ROOT / "deploy" / PINS[known.what])
        return subprocess.run([python, *_command(known.what, rest)], cwd=ROOT, check=False).returncode
    except subprocess.CalledProcessError as error:
        print(f"this did not work: {' '.join(map(str, error.cmd))}")
        return 1
    except KeyboardInterrupt:
        return 130


def environment(folder: Path, pins: Path) -> Path:
    """The interpreter of a virtual environment with these pins; nothing is done where they are in place already."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    stamp = folder / f"{pins.stem}.sha256"
    wanted = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"setting up {folder} (once; a minute or two)", flush=True)
    pip = _made(folder, python)
    subprocess.run([*pip, "install", "-qq", "--require-hashes", "--requirement", pins], check=True)
    stamp.write_text(wanted)
    return python


def _made(folder: Path, python: Path) -> list[str]:
    """Make the environment; returns how its packages are installed. Some systems ship venv without its pip."""
    plain = [sys.executable, "-m", "venv", str(folder)]
    if subprocess.run(plain, capture_output=True, check=False).returncode == 0:
        return [str(python), "-m", "pip"]
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([*plain, "--without-pip"], check=True)
    return [sys.executable, "-m", "pip", "--python", str(python)]


def _command(what: str, rest: list[str]) -> list[str]:
    if what == "sandbox":
        return ["-m", "deploy.cli", "sandbox", *rest]
    if "-m" not in rest and shutil.which("chromium") is None:
        print("no chromium here, so the tests of the page are left out (apt-get install chromium)", flush=True)
        rest = ["-m", "not browser", *rest]
    return ["-m", "pytest", *(rest or ["-n", "auto", "--dist", "loadgroup"])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
