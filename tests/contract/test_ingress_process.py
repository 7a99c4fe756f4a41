"""In a process of its own: what may not be imported, and what the environment may not change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("slack_bolt", "sqlalchemy", "httpx", "aiohttp", "slack_sdk", "starlette", "jinja2", "aiosqlite")
LIGHT = ("handlers.ingress", "handlers.parse", "handlers.intake", "handlers.direct", "handlers.ports")

LISTEN = """
import asyncio, json, sys
from pathlib import Path
from tests.contract.ingress_stage import stage
from bot.render import ids
from bot.render.ids import Button
from urllib.parse import urlencode

async def main():
    async with stage(Path(sys.argv[1])) as here:
        said = [await here.command("help"), await here.command("list"),
                await here.post(urlencode({"ssl_check": "1", "token": "told-by-slack"})),
                await here.post(urlencode({"ssl_check": "1", "token": "told-by-slack"}), secret="wrong"),
                await here.click(ids.WHY, Button(cause="c", notebook="n").dump()),
                await here.event({"type": "app_home_opened", "user": "U0ANA", "tab": "home"})]
        print(json.dumps([[each.status_code, each.text] for each in said]
                         + [sorted(row.data["verb"] for row in await here.rows())]))

asyncio.run(main())
"""


def run(code: str, *arguments: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", LIGHT)
def test_the_ingress_of_a_function_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code).strip() == "[]"


def test_variables_that_bolt_reads_by_itself_change_nothing(tmp_path: Path) -> None:
    told = []
    for name, environment in (
        ("plain", {}),
        (
            "set",
            {
                "SLACK_CLIENT_ID": "1.2",
                "SLACK_CLIENT_SECRET": "client-secret",
                "SLACK_VERIFICATION_TOKEN": "told-by-slack",
                "SLACK_BOT_TOKEN": "xoxb-another",
                "SLACK_SIGNING_SECRET": "another",
                "HOME": str(tmp_path),
            },
        ),
    ):
        (tmp_path / name).mkdir()
        told.append(run(LISTEN, str(tmp_path / name), **environment))
    assert told[0] == told[1]
    assert told[0].strip().endswith('["home", "list", "why"]]')
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain", "set"]  # no installation store in HOME
