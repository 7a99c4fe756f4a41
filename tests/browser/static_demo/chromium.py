"""Chromium without anything that would talk to the outside."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The Chromium on the path, headless."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=QUIET)
        yield browser
        await browser.close()


def complaints(page: Page) -> list[str]:
    """A list that fills with every console line and uncaught error of the page."""
    heard: list[str] = []
    page.on("console", lambda line: heard.append(f"{line.type}: {line.text}"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard
