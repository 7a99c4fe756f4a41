"""The README's picture of the sandbox: `python -m deploy.sandbox.picture FILE`. Needs Playwright and a Chromium."""

import asyncio
import shutil
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.sandbox.clock import SimClock
from deploy.sandbox.play import Play
from deploy.sandbox.run import up

MOMENT = datetime(2026, 3, 3, 12, 58, tzinfo=UTC)
SIZE = {"width": 1440, "height": 900}
CREATE_MS = 60_000  # long enough to be caught half-way
FLAVOR = "modelarts.vm.gpu.v100"
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


async def take(file: Path) -> None:
    """Bring up a sandbox, play until there is something to see, and take its picture."""
    async with AsyncExitStack() as stack:
        clock = SimClock(int(MOMENT.timestamp() * 1000), running=False)
        on, play = await up(stack, clock=clock, by_itself=False)
        play.cloud.settings.change({"create_ms": CREATE_MS})
        await act(play)
        await photograph(on.slack.page_url, file)


async def act(play: Play) -> None:
    """A request granted, a warning with its buttons, a notebook that is coming up."""
    play.cloud.make_busy(next(n.id for n in play.cloud.notebooks() if n.name == "churn-explore"))
    await play.advance(timedelta(minutes=2))
    await _types(play, "U0ANA", "extend churn-explore 10h the last epochs need the night")
    await play.slack.click("U0CARLA", "approval_approve")
    await play.work()
    await play.advance(timedelta(minutes=34))
    await _types(play, "U0ANA", f"create churn-model image=pytorch1.8 flavor={FLAVOR} for=4h")
    await play.advance(timedelta(milliseconds=CREATE_MS // 2), timedelta(seconds=5))


async def _types(play: Play, user: str, text: str) -> None:
    await play.slack.command(user, text, channel="C0RESEARCH")
    await play.work()


async def photograph(url: str, file: Path) -> None:
    """What Ana sees in her direct messages."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = await browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # its own TypedDict
        await page.goto(url)
        await page.wait_for_selector("body[data-ready='1']")
        await page.click("[data-kind=im]")
        await page.wait_for_selector("[data-event-type=operation]")
        await page.wait_for_selector(".person .badge")  # what waits for the others is fetched last
        await page.mouse.move(0, 0)
        await page.screenshot(path=file)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1])))
