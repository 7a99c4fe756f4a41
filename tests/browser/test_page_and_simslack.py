"""The sandbox page against the simulated Slack itself, with a bot of a few lines behind it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.clock import SimClock
from deploy.sandbox.server import LocalServer
from deploy.sandbox.slack import SimSlack
from tests.browser.static_demo import messages, views
from tests.browser.static_demo.chromium import chromium, complaints
from tests.browser.static_demo.kit import Json, option

pytestmark = pytest.mark.browser

SCOPES = {"commands", "chat:write", "im:write", "im:history", "channels:history", "channels:read", "users:read"}


@dataclass
class Stage:
    """The page of a simulated Slack, and the bot's ends of it."""

    slack: SimSlack
    page: Page
    heard: list[Json] = field(default_factory=list)

    async def call(self, method: str, **body: Any) -> Json:
        """The bot calls the Web API."""
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                self.slack.api_url + method, json=body, headers={"Authorization": f"Bearer {self.slack.bot_token}"}
            )
        found: Json = answer.json()
        assert found["ok"], found
        return found

    async def answer(self, request: Request) -> Response:
        """The bot answers a request."""
        body = await request.body()
        if request.headers["content-type"] == "application/json":
            await self.call("views.publish", user_id="U0ANA", view=_shown(views.home()))
            return Response()
        form = {key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        payload: Json = json.loads(form["payload"]) if "payload" in form else form
        self.heard.append(payload)
        if payload.get("text") == "create":
            await self.call("views.open", trigger_id=payload["trigger_id"], view=_shown(views.create()))
            return Response()
        if "command" in payload:
            return JSONResponse({"response_type": "ephemeral", "text": f"you typed `{payload['text']}`"})
        return _interaction(payload)


def _interaction(payload: Json) -> Response:
    if payload["type"] == "block_suggestion":
        return JSONResponse({"options": [option(name, name) for name in views.IMAGES if payload["value"] in name]})
    if payload["type"] == "view_submission" and " " in payload["view"]["state"]["values"]["name"]["name"]["value"]:
        return JSONResponse({"response_action": "errors", "errors": {"name": "no spaces"}})
    return Response()


def _shown(view: Json) -> Json:
    return {key: value for key, value in view.items() if key not in ("id", "hash")}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    slack = SimSlack(SimClock(None), signing_secret="0" * 32, bot_token="xoxb-sandbox", scopes=SCOPES).seed_default()
    async with slack.serving(), chromium() as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(10_000)
        made, heard = Stage(slack, page), complaints(page)
        async with LocalServer(Starlette(routes=[Route("/slack/events", made.answer, methods=["POST"])])) as bot:
            slack.bot_url = f"{bot.url}/slack/events"
            await page.goto(slack.page_url)
            await expect(page.locator("body[data-ready='1']")).to_be_attached()
            yield made
            await page.close()
    assert heard == []


async def test_a_command_is_answered_to_its_author_alone(stage: Stage) -> None:
    page = stage.page
    await page.click("[data-channel=C0RESEARCH]")
    await page.fill("#composer", "/notebook list")
    await page.press("#composer", "Enter")
    await expect(page.locator("[data-ephemeral]")).to_contain_text("you typed list")
    assert stage.heard[0]["channel_id"] == "C0RESEARCH"
    await expect(page.locator(".request").first).to_contain_text("/notebook list")
    await page.click("[data-user=U0BEN]")
    await expect(page.locator("[data-user=U0BEN][aria-pressed=true]")).to_be_visible()
    await expect(page.locator("#messages")).to_contain_text("Nothing has been posted here yet")


async def test_a_modal_from_open_to_submission(stage: Stage) -> None:
    page = stage.page
    await page.fill("#composer", "/notebook create")
    await page.press("#composer", "Enter")
    modal = page.get_by_role("dialog", name="New notebook")
    await modal.get_by_label("Name").fill("two words")
    await modal.locator("[data-modal=submit]").click()
    await expect(modal.get_by_role("alert")).to_have_text("Please complete this required field.")
    await modal.locator("[data-action-id=image]").click()
    await page.keyboard.type("mind")
    await page.get_by_role("option", name="mindspore").click()
    await modal.locator("[data-modal=submit]").click()
    await expect(modal.get_by_role("alert")).to_have_text("no spaces")
    await modal.get_by_label("Name").fill("ocr-2")
    await modal.locator("[data-modal=submit]").click()
    await expect(modal).to_have_count(0)
    values = stage.heard[-1]["view"]["state"]["values"]
    assert values["name"]["name"]["value"] == "ocr-2"
    assert values["image"]["image"]["selected_option"]["value"] == "mindspore_2.2-cann_7.0-py_3.9"
    assert values["until"]["until"]["selected_date_time"] == messages.START_S + 14_400


async def test_a_notice_arrives_by_itself_and_its_button_reaches_the_bot(stage: Stage) -> None:
    page = stage.page
    direct = (await stage.call("conversations.open", users="U0ANA"))["channel"]["id"]
    warning = next(one for one in messages.ana() if (one["metadata"] or {}).get("event_type") == "lease_warning")
    await stage.call(
        "chat.postMessage",
        channel=direct,
        text=warning["text"],
        blocks=warning["blocks"],
        metadata=warning["metadata"],
    )
    shown = page.locator("[data-event-type=lease_warning]")
    await shown.locator("[data-action-id='notebook_extend:4h']").click()
    await expect(page.locator(".request").first).to_contain_text("notebook_extend:4h")
    pressed = stage.heard[-1]
    assert (pressed["user"]["id"], pressed["actions"][0]["action_id"]) == ("U0ANA", "notebook_extend:4h")
    assert pressed["container"]["message_ts"] == await shown.get_attribute("data-ts")


async def test_the_home_tab_is_published_when_it_is_opened(stage: Stage) -> None:
    await stage.page.click("[data-view=home]")
    await expect(stage.page.locator("#home")).to_contain_text("Needs attention")
    await stage.page.locator("#home [data-action-id=settings_open]").click()
    await expect(stage.page.locator(".request").first).to_contain_text("settings_open")
    assert stage.heard[-1]["container"]["type"] == "view"
