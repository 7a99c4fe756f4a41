"""`leasebot link` at a real terminal: the credentials are proven, kept, and never shown."""

import asyncio
import os
import pty
import sys

from deploy.sandbox.stage import Stage
from tests.deploy.processes import clean, leasebot


async def typed(on: Stage, answers: list[str], *arguments: str) -> tuple[int, str]:
    """Run the command at a terminal of its own; returns its exit code and all that the screen showed."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "link", *arguments, cwd=on.folder, env=clean(on.environment(), on.folder),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    waiting = list(answers)
    loop = asyncio.get_running_loop()
    while True:
        try:
            some = await loop.run_in_executor(None, os.read, ours, 4096)
        except OSError:  # the other end is closed
            break
        if not some:
            break
        shown += some
        if waiting and shown.endswith(b": "):  # the space comes once nothing is echoed any more
            os.write(ours, waiting.pop(0).encode() + b"\n")
    os.close(ours)
    return await process.wait(), shown.decode()


async def test_a_person_is_linked_without_their_secret_on_the_screen(on: Stage) -> None:
    arguments = ("--person", "U0ANA", "--project", "research")
    code, screen = await typed(on, ["OTC-EU-DE-SANDBOX", "ana", "sandbox-ana"], *arguments)
    assert code == 0, screen
    assert "U0ANA is linked to ana in research" in screen
    assert "sandbox-ana" not in screen
    listed = await leasebot("link", "--list", folder=on.folder, **on.environment())
    assert listed.out.startswith("U0ANA in research: ana of OTC-EU-DE-SANDBOX (password, active)")
    assert "sandbox-ana" not in listed.out


async def test_what_the_cloud_refuses_is_not_kept(on: Stage) -> None:
    code, screen = await typed(on, ["OTC-EU-DE-SANDBOX", "ana", "guess"], "--person", "U0ANA", "--project", "research")
    assert code == 1, screen
    listed = await leasebot("link", "--list", folder=on.folder, **on.environment())
    assert listed.out == "nobody is linked yet\n"
