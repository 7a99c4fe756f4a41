"""The two-minute visit, clicked through in a real browser on the whole sandbox.

Create, watch it start, push the clock, be warned, extend, ask for too much, approve as somebody else, go idle, be
warned and stopped, undo, see the chart; and link a cloud account.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from bot.clock import from_ms
from deploy.sandbox.clock import SimClock
from deploy.sandbox.play import Play
from deploy.sandbox.run import up
from tests.browser.static_demo.chromium import chromium, complaints

pytestmark = pytest.mark.browser

MONDAY = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
HOUR, QUARTER = 3_600_000, 900_000
NAME = "churn-model"


@dataclass
class Visit:
    """A visitor in front of the page; `cloud` is asked for what really happened."""

    page: Page
    play: Play
    foreign: list[str] = field(default_factory=list)

    async def types(self, text: str) -> None:
        await self.page.fill("#composer", text)
        await self.page.press("#composer", "Enter")

    async def acts_as(self, user: str) -> None:
        await self.page.click(f"[data-user={user}]")
        await expect(self.page.locator(f"[data-user={user}][aria-pressed=true]")).to_be_visible()

    async def opens(self, channel: str) -> None:
        await self.page.locator(channel).first.click()

    async def pushes(self, ms: int) -> None:
        """The clock shows the new time once everything on the way has happened."""
        before = self.play.stage.clock.now_ms()
        async with self.page.expect_response("**/_page/clock*") as answered:
            await self.page.click(f"[data-advance-ms='{ms}']")
        await (await answered.value).finished()
        assert self.play.stage.clock.now_ms() >= before + ms

    def message(self, kind: str) -> Locator:
        """The newest message of this kind about the notebook."""
        return self.page.locator(f"[data-event-type={kind}]").filter(has_text=NAME).last

    @property
    def notebook(self) -> Any:
        return next(n for n in self.play.cloud.notebooks() if n.name == NAME)

    @property
    def end(self) -> datetime:
        return from_ms(self.notebook.lease.end)

    def effects(self, action: str) -> list[Any]:
        return [e for e in self.play.cloud.effects(action) if e["notebook_id"] == self.notebook.id]


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    async with AsyncExitStack() as stack:
        on, play = await up(stack, clock=SimClock(int(MONDAY.timestamp() * 1000)))
        play.cloud.settings.change({"create_ms": 6_000, "start_ms": 4_000})
        browser = await stack.enter_async_context(chromium())
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(15_000)
        expect.set_options(timeout=15_000)
        heard, made = complaints(page), Visit(page, play)
        page.on("request", lambda r: None if r.url.startswith(on.slack.url) else made.foreign.append(r.url))
        await page.goto(on.slack.page_url)
        await expect(page.locator("body[data-ready='1']")).to_be_attached()
        yield made
        await page.close()
        assert heard == []
        assert made.foreign == []
        assert [f for f in on.slack.findings if f["severity"] == "error"] == []


async def test_the_two_minute_visit(visit: Visit) -> None:
    await create(visit)
    await be_warned_and_extend(visit)
    await ask_for_too_much(visit)
    await be_stopped_and_undo(visit)
    await see_the_cost(visit)
    await link(visit)


async def create(visit: Visit) -> None:
    page = visit.page
    await visit.types("/notebook create")
    form = page.get_by_role("dialog", name="New notebook")
    await form.locator("input[data-action-id=name]").fill(NAME)
    await form.locator("[data-action-id=image]").click()
    await page.keyboard.type("pytorch1.8")
    await page.get_by_role("option", name="pytorch1.8").first.click()
    await form.locator("[data-action-id=flavor]").click()
    await page.get_by_role("option", name="modelarts.vm.gpu.tnt004").click()
    await expect(form).to_contain_text("1.35 EUR per hour")
    await form.locator("input[data-action-id=for]").fill("3h")
    await expect(form).to_contain_text("3 h: 4.05 EUR, disk not included. It ends today at 13:15")
    await form.locator("[data-modal=submit]").click()
    operation = visit.message("operation")
    await expect(operation).to_contain_text("of 4:")
    await expect(operation).to_contain_text("is running")
    assert [e["action"] for e in visit.effects("creating") + visit.effects("running")] == ["creating", "running"]
    assert visit.notebook.flavor == "modelarts.vm.gpu.tnt004"
    await page.click(f"[data-busy='{visit.notebook.id}']")
    await expect(page.locator(f"[data-busy='{visit.notebook.id}'][aria-checked=true]")).to_be_attached()


async def be_warned_and_extend(visit: Visit) -> None:
    await visit.pushes(HOUR)
    await visit.pushes(HOUR)
    before = visit.end
    warning = visit.message("lease_warning")
    await warning.get_by_role("button", name="Extend 1 h").click()
    await expect(visit.message("operation")).to_contain_text("before, it was today at")
    assert timedelta(hours=1) <= visit.end - before < timedelta(hours=1, seconds=2)


async def ask_for_too_much(visit: Visit) -> None:
    before = visit.end
    await visit.types(f"/notebook extend {NAME} 10h the last epochs need the night")
    await expect(visit.message("operation")).to_contain_text("needs an approval")
    await visit.opens("[data-channel=C0RESEARCH]")
    request = visit.message("approval_request")
    await request.get_by_role("button", name="Approve", exact=False).first.click()
    await expect(visit.page.locator("[data-ephemeral]").last).to_contain_text("own request")
    assert visit.end == before
    await visit.acts_as("U0CARLA")
    await visit.opens("[data-channel=C0RESEARCH]")
    await request.get_by_role("button", name="Approve", exact=False).first.click()
    await expect(request).to_contain_text("Approved by @Carla")
    await expect(request).to_contain_text("Renewed")
    assert timedelta(hours=10) <= visit.end - before < timedelta(hours=10, seconds=2)
    renewals = [e["details"]["by"] for e in visit.effects("lease_renewed")]
    assert renewals == ["api", "api"]
    await visit.acts_as("U0ANA")
    await visit.opens("[data-kind=im]")
    await expect(visit.message("approval_settled")).to_contain_text("was approved by @Carla: 10 h")


async def be_stopped_and_undo(visit: Visit) -> None:
    page = visit.page
    await page.click(f"[data-busy='{visit.notebook.id}']")
    await expect(page.locator(f"[data-busy='{visit.notebook.id}'][aria-checked=false]")).to_be_attached()
    for _ in range(4):
        await visit.pushes(QUARTER)
        if await visit.message("idle_warning").count():
            break
    warning = visit.message("idle_warning")
    await expect(warning).to_contain_text("It will be stopped today at")
    assert visit.notebook.status == "RUNNING"
    told = float(str(await warning.get_attribute("data-ts")))
    await visit.pushes(QUARTER)
    await visit.pushes(QUARTER)
    stopped = visit.message("stopped")
    await expect(stopped).to_contain_text("because it was idle")
    assert visit.notebook.status == "STOPPED"
    assert visit.effects("stopping")[-1]["at_ms"] / 1000 >= told + 15 * 60
    await stopped.get_by_role("button", name="Start again for 2 h").click()
    await expect(stopped).to_contain_text("Started again")
    await expect(visit.message("operation")).to_contain_text("is running")
    assert visit.notebook.status == "RUNNING"


async def see_the_cost(visit: Visit) -> None:
    await visit.types("/notebook cost")
    chart = visit.page.locator("#messages img").last
    await expect(chart).to_be_visible()
    assert NAME in str(await chart.get_attribute("alt"))
    assert await chart.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") > 300
    await visit.opens("[data-view=home]")
    await expect(visit.page.locator("#home")).to_contain_text(NAME)


async def link(visit: Visit) -> None:
    """Ben has a cloud account and has not linked it; the page is the bot's own, outside Slack."""
    page = visit.page
    await visit.acts_as("U0BEN")
    await visit.opens("[data-kind=im]")
    await visit.types("/notebook link")
    address = str(await page.locator("[data-ephemeral] a[href*='/link/']").get_attribute("href"))
    assert address.startswith(visit.play.url)
    async with page.context.expect_page() as opened:
        await page.locator("[data-ephemeral] a[href*='/link/']").click()
    form = await opened.value
    heard = complaints(form)
    await expect(form.locator("body")).to_contain_text("U0BEN")
    for name, value in visit.play.slack.cloud_accounts["U0BEN"].items():
        await form.fill(f"input[name={name}]", value)
    await form.get_by_role("button").click()
    await expect(form.locator("body")).to_contain_text("linked")
    await form.close()
    assert [line for line in heard if not line.startswith("verbose")] == []  # Chromium muses on forms with two secrets
    await visit.types("/notebook list")
    await expect(page.locator("[data-ephemeral]").last).to_contain_text("bert-finetune")
    await expect(page.locator("#messages")).not_to_contain_text("Nothing was done")  # to the click on the link
