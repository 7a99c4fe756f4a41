"""The sandbox page in a real browser: what it draws, what it sends, and that it never says a word on the console."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from deploy.sandbox.server import LocalServer
from tests.browser.static_demo import messages, views
from tests.browser.static_demo.app import TOKEN, Demo, build
from tests.browser.static_demo.chromium import chromium, complaints
from tests.browser.static_demo.kit import Json, message

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Sandbox:
    """An open page, the state behind it, and what went wrong on the way."""

    page: Page
    demo: Demo
    console: list[str]
    foreign: list[str] = field(default_factory=list)

    async def act_as(self, user: str) -> None:
        await self.page.click(f"[data-user={user}]")
        await expect(self.page.locator(f"[data-user={user}][aria-pressed=true]")).to_be_visible()

    async def type_command(self, text: str) -> None:
        await self.page.fill("#composer", text)
        await self.page.press("#composer", "Enter")

    async def sent(self, route: str, count: int = 1) -> Json:
        """The newest body the page sent there, once `count` of them have come."""
        for _ in range(200):
            found = [body for name, body in self.demo.received if name == route]
            if len(found) >= count:
                return found[-1]
            await self.page.evaluate("new Promise(requestAnimationFrame)")
        raise AssertionError(f"{route}: {self.demo.received}")

    def block(self, block_id: str) -> Locator:
        return self.page.locator(f"[data-block-type][data-block-id='{block_id}']")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox(browser: Browser) -> AsyncIterator[Sandbox]:
    demo = Demo()
    async with LocalServer(build(demo)) as server:
        page = await browser.new_page(viewport={"width": 1440, "height": 900}, timezone_id="Asia/Tokyo")
        page.set_default_timeout(10_000)
        made = Sandbox(page, demo, complaints(page))
        page.on("request", lambda r: None if r.url.startswith(server.url) else made.foreign.append(r.url))
        await page.goto(f"{server.url}/?token={TOKEN}")
        await expect(page.locator("body[data-ready='1']")).to_be_attached()
        yield made
        await page.close()
    assert made.console == []
    assert made.foreign == []


async def test_every_block_is_drawn(sandbox: Sandbox) -> None:
    await sandbox.act_as("U0BEN")
    await expect(sandbox.block("g0")).to_have_text("Everything Block Kit has ")
    inline = sandbox.block("g1")
    for tag, text in [("strong", "bold"), ("em", "it"), ("s", "strike"), ("code", "code <b>"), ("a", "a link")]:
        await expect(inline.locator(tag).first).to_have_text(text)
    await expect(inline).to_contain_text("<tag> & a*b*c 2*3*4")
    await expect(inline).to_contain_text(
        ":nonsense: a link mail @Ben @U0UNKNOWN #research @here https://example.com/bare."
    )
    await expect(sandbox.block("g2").locator("blockquote")).to_have_text("quoted line\nsecond", use_inner_text=True)
    await expect(sandbox.block("g2").locator("pre")).to_have_text("x = 1 < 2\n*not bold*", use_inner_text=True)
    await expect(sandbox.block("g2").locator("s em strong")).to_have_text("all three")
    rich = sandbox.block("g4")
    await expect(rich.locator("ul > li")).to_have_text(["first", "second"])
    await expect(rich.locator("ol > li")).to_have_text(["nested one", "nested two"])
    await expect(rich.locator("pre")).to_contain_text("<b>plain</b>")
    await expect(rich.locator("a")).to_have_count(1)
    await expect(sandbox.block("g5").locator("img")).to_have_attribute("alt", "A small chart")
    await expect(sandbox.block("g6").locator("img")).to_have_count(0)
    await expect(sandbox.block("g6").get_by_role("img", name="A picture from elsewhere")).to_be_visible()
    await expect(sandbox.block("g9")).to_contain_text("hologram")


async def test_pictures_of_this_server_load(sandbox: Sandbox) -> None:
    chart = sandbox.page.locator(".file img")
    await expect(chart).to_have_js_property("naturalWidth", 560)


async def test_every_element_is_drawn_and_has_its_action_id(sandbox: Sandbox) -> None:
    await sandbox.act_as("U0BEN")
    for action in (
        "e_plain",
        "e_primary",
        "e_danger",
        "e_link",
        "e_overflow",
        "e_static",
        "e_users",
        "e_date",
        "e_time",
        "e_datetime",
        "e_checks",
        "e_radio",
        "e_multi",
    ):
        await expect(sandbox.page.locator(f"[data-action-id='{action}']")).to_be_visible()
    await expect(sandbox.page.get_by_role("button", name="Stop bert-finetune")).to_have_text("Danger")


async def test_markup_in_a_message_is_text(sandbox: Sandbox) -> None:
    await sandbox.act_as("U0BEN")
    said = sandbox.page.locator("[data-author=U0BEN]")
    await expect(said).to_contain_text('<script>window.broken = 1</script> <img src=x onerror="window.broken = 1">')
    await expect(said).to_contain_text("<javascript:alert(1)|x>")
    assert await sandbox.page.evaluate("window.broken === undefined && !document.querySelector('#messages script')")
    assert await sandbox.page.evaluate(
        "![...document.querySelectorAll('a')].some(a => a.href.startsWith('javascript'))"
    )


async def test_dates_are_in_the_zone_of_the_person_not_of_the_browser(sandbox: Sandbox) -> None:
    warning = sandbox.page.locator("[data-event-type=lease_warning]")
    await expect(warning).to_contain_text("at 11:30.")
    await sandbox.act_as("U0BEN")
    await expect(sandbox.block("g3")).to_contain_text("Tuesday, 25 November 2025 05:00:00 and the fallback")


async def test_a_confirmed_button_asks_first(sandbox: Sandbox) -> None:
    stop = sandbox.page.locator("[data-event-type=lease_warning] [data-action-id=notebook_stop]")
    await stop.click()
    dialog = sandbox.page.get_by_role("alertdialog", name="Stop bert-finetune?")
    await dialog.get_by_role("button", name="Keep running").click()
    await expect(dialog).to_have_count(0)
    assert sandbox.demo.received == []
    await stop.click()
    await dialog.get_by_role("button", name="Stop it").click()
    sent = await sandbox.sent("action")
    assert sent["user"] == "U0ANA"
    assert sent["container"] == {"type": "message", "channel": "D0ANA", "ts": f"{messages.START_S - 1_800}.000000"}
    assert (sent["block_id"], sent["action_id"], sent["value"]) == ("lw3", "notebook_stop", "{}")
    answer = sandbox.page.locator("[data-ephemeral]").last
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer).to_contain_text("notebook_stop was pressed")


async def test_menus_send_what_was_chosen(sandbox: Sandbox) -> None:
    await sandbox.act_as("U0BEN")
    page = sandbox.page
    await page.click("[data-action-id=e_static]")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    assert (await sandbox.sent("action"))["selected_option"]["value"] == "2h"
    await page.click("[data-action-id=e_overflow]")
    await page.get_by_role("option", name="Four hours").click()
    assert (await sandbox.sent("action", 2))["selected_option"]["value"] == "4h"
    await page.locator("[data-action-id=e_checks] [data-value='2h']").check()
    sent = await sandbox.sent("action", 3)
    assert [one["value"] for one in sent["selected_options"]] == ["1h", "2h"]
    assert sent["state"]["e2"]["e_static"]["selected_option"]["value"] == "2h"
    await page.fill("[data-action-id=e_datetime]", "2025-11-25T18:30")
    assert (await sandbox.sent("action", 4))["selected_date_time"] == messages.START_S + 48_600  # 18:30 in New York


async def test_a_modal_keeps_its_input_over_an_error_and_then_submits(sandbox: Sandbox) -> None:
    page = sandbox.page
    await sandbox.type_command("/notebook create")
    modal = page.get_by_role("dialog", name="New notebook")
    await expect(modal.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("two words")
    await modal.locator("[data-action-id=image]").click()
    await expect(page.locator(".popup-hint")).to_have_text("Type at least 2 letters to search")
    await page.keyboard.type("mind")
    await page.get_by_role("option", name="mindspore").click()
    assert (await sandbox.sent("suggest"))["query"] == "mind"
    await modal.get_by_role("button", name="Create").click()
    await expect(modal.get_by_role("alert")).to_have_text("A name has no spaces; try bert-finetune-2")
    await expect(modal.get_by_label("Name")).to_have_value("two words")
    await expect(modal.locator("[data-action-id=image]")).to_have_text("mindspore_2.2-cann_7.0-py_3.9")
    await modal.get_by_label("Name").fill("ocr-2")
    await modal.get_by_role("button", name="Create").click()
    await expect(modal).to_have_count(0)
    state = (await sandbox.sent("submit", 2))["state"]
    assert state["name"]["name"] == {"type": "plain_text_input", "value": "ocr-2"}
    assert state["image"]["image"]["selected_option"]["value"] == "mindspore_2.2-cann_7.0-py_3.9"
    assert state["until"]["until"] == {"type": "datetimepicker", "selected_date_time": messages.START_S + 14_400}
    assert state["why"]["why"] == {"type": "plain_text_input", "value": None}


async def test_a_loading_view_is_replaced_and_typed_text_survives_an_update(sandbox: Sandbox) -> None:
    await sandbox.type_command("/notebook load")
    modal = sandbox.page.get_by_role("dialog", name="New notebook")
    await expect(modal).to_contain_text("Reading images")
    await expect(modal.locator("[data-modal=submit]")).to_have_count(0)
    sandbox.demo.modals = [views.create()]
    sandbox.demo.changed()
    await modal.get_by_label("Name").fill("kept")
    sandbox.demo.modals = [{**views.create(), "hash": "2", "blocks": views.create()["blocks"][:3]}]
    sandbox.demo.changed()
    await expect(modal.locator("[data-block-type]")).to_have_count(3)
    await expect(modal.get_by_label("Name")).to_have_value("kept")
    await expect(modal.get_by_label("Name")).to_be_focused()


async def test_modals_stack_and_close_one_by_one(sandbox: Sandbox) -> None:
    page = sandbox.page
    await page.get_by_role("tab", name="Home").click()
    assert await sandbox.sent("home") == {"user": "U0ANA"}
    await page.locator("[data-action-id=settings_open]").click()
    for level in (1, 2):
        await page.locator(f"[data-depth='{level}'] [data-action-id=push_view]").click()
    await expect(page.locator("[data-view-id][data-depth]")).to_have_count(3)
    await page.get_by_role("button", name="Back").click()
    assert (await sandbox.sent("close"))["view_id"] == "V0PUSH3"
    await expect(page.get_by_role("dialog", name="Level 2")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Level 1")).to_be_visible()


async def test_the_composer_offers_commands_and_explains_itself(sandbox: Sandbox) -> None:
    page = sandbox.page
    await page.locator("#composer").press_sequentially("/")
    offers = page.locator("#command-list [role=option]")
    await expect(offers).to_contain_text(["list", "create", "extend bert-finetune 2h", "cost", "help"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_have_value("/notebook extend bert-finetune 2h")
    await page.keyboard.press("Enter")
    assert await sandbox.sent("command") == {"user": "U0ANA", "channel": "D0ANA", "text": "extend bert-finetune 2h"}
    await expect(page.locator("#composer")).to_have_value("")
    await sandbox.type_command("hello there")
    await expect(page.locator(".local-hint")).to_contain_text("It listens to /notebook")
    await expect(page.locator("#composer")).to_have_value("hello there")
    assert len(sandbox.demo.received) == 1


async def test_a_draft_and_the_focus_survive_what_arrives_meanwhile(sandbox: Sandbox) -> None:
    page = sandbox.page
    await page.locator("#composer").press_sequentially("/notebook sh")
    sandbox.demo.direct["U0ANA"].append(message(messages.START_S + 1, messages.BOT, "something new"))
    sandbox.demo.changed()
    await expect(page.locator("#messages")).to_contain_text("something new")
    await expect(page.locator("#composer")).to_have_value("/notebook sh")
    await expect(page.locator("#composer")).to_be_focused()


async def test_a_thread_stands_under_its_message(sandbox: Sandbox) -> None:
    parent = sandbox.page.locator(f"[data-ts='{messages.START_S - 5_400}.000000']")
    await expect(parent.locator(".thread [data-ts]")).to_have_count(2)
    await expect(parent).to_contain_text("(edited)")


async def test_the_clock_and_the_cloud_can_be_moved(sandbox: Sandbox) -> None:
    page = sandbox.page
    await expect(page.locator("#clock")).to_contain_text("11:00")
    await page.click("[data-advance-ms='3600000']")
    assert await sandbox.sent("clock") == {"advance_ms": 3_600_000}
    await expect(page.locator("#clock")).to_contain_text("12:00")
    await expect(page.locator("[data-notebook=nb-1]")).to_contain_text("lease over")
    busy = page.get_by_role("switch", name="tokenizer-lab is busy")
    await expect(busy).to_have_attribute("aria-checked", "false")
    await busy.click()
    assert await sandbox.sent("cloud") == {"notebook_id": "nb-3", "activity": "busy"}
    await expect(page.get_by_role("switch", name="tokenizer-lab is busy")).to_have_attribute("aria-checked", "true")


async def test_late_requests_are_red_and_failures_are_told(sandbox: Sandbox) -> None:
    page = sandbox.page
    late = page.locator(".request.late")
    await expect(late).to_have_count(1)
    await expect(late).to_contain_text("3120 ms")
    await expect(page.locator("#findings")).to_contain_text("the limit is 3,000")
    await sandbox.type_command("/notebook slow")
    await expect(page.locator("[data-toast=operation_timeout]")).to_contain_text("did not answer within 3 seconds")


async def test_unread_messages_are_counted_until_they_are_seen(sandbox: Sandbox) -> None:
    page = sandbox.page
    channel = page.locator("[data-channel=C0RESEARCH]")
    await expect(channel).to_have_attribute("aria-label", "research, 1 unread")
    await channel.click()
    await expect(page.locator("[data-event-type=approval_request]")).to_be_visible()
    await expect(channel).to_have_attribute("aria-label", "research")
    await page.click("[data-channel=C0RANDOM]")
    await expect(page.locator("#messages")).to_contain_text("Nothing has been posted here yet")
    sandbox.demo.research.append(message(messages.START_S + 5, messages.BOT, "fresh"))
    sandbox.demo.changed()
    await expect(channel).to_have_attribute("aria-label", "research, 1 unread")


async def test_it_fits_at_1100_pixels(sandbox: Sandbox) -> None:
    await sandbox.page.set_viewport_size({"width": 1100, "height": 760})
    wide: Any = await sandbox.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1100
    await expect(sandbox.page.locator("#composer")).to_be_in_viewport()
    await expect(sandbox.page.locator("#clock")).to_be_in_viewport()
