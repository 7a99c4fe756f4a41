"""The linking page, to the letter of the HTTP contract; and nothing of what is typed there comes back."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from bot.config import load_text
from bot.stores.database import Database
from bot.stores.migrate import upgrade
from bot.stores.schema import identities
from handlers.link_page import link_routes
from tests.unit.operations.fakes import Account
from tests.unit.operations.stage import ANA, BEN, POLICY, Stage, put_together

FORM = "application/x-www-form-urlencoded"
PASSWORD = {"kind": "password", "project": "research", "domain": "DOMAIN", "user": "ana", "password": "right"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    await upgrade(db)
    made = put_together(db, load_text(POLICY, "leasebot.toml", {"ROBOT": "right"}))
    made.clouds.accounts["ana"] = Account("ana")
    yield made
    await db.dispose()


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    site = httpx.ASGITransport(Starlette(routes=link_routes(stage.parts)))
    async with httpx.AsyncClient(transport=site, base_url="https://bot.example.com") as client:
        yield client


async def _page(stage: Stage, user: str = ANA) -> str:
    """Where the person's private page is."""
    before = len(stage.slack.responded)
    await stage.ask(user, "link", project="research")
    message = stage.slack.responded[before][1]
    url = next(e["url"] for block in message.blocks for e in block.get("elements", []) if "url" in e)
    return str(url.removeprefix("https://bot.example.com"))


async def _csrf(browser: httpx.AsyncClient, page: str) -> dict[str, str]:
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get(page)).text)
    assert found
    return {"csrf": found[1]}


async def test_get_shows_the_form_however_often(stage: Stage, browser: httpx.AsyncClient):
    page = await _page(stage)
    for _ in range(3):
        assert (await browser.get(page)).status_code == 200
    assert (await browser.head(page)).status_code == 200


async def test_right_credentials_link_and_spend_the_page(stage: Stage, browser: httpx.AsyncClient):
    page = await _page(stage)
    form = PASSWORD | await _csrf(browser, page)
    done = await browser.post(page, data=form)
    assert done.status_code == 200
    assert "Linked" in done.text
    assert [row.slack for row in await stage.rows(identities)] == [ANA]
    assert (await browser.get(page)).status_code == 410
    assert (await browser.post(page, data=form)).status_code == 410


@pytest.mark.parametrize("kind", ["aksk", "temporary"])
async def test_keys_link_as_well(stage: Stage, browser: httpx.AsyncClient, kind: str):
    stage.clouds.accounts["AK1"] = Account("AK1", password="SK1")
    page = await _page(stage)
    form = {"kind": kind, "project": "research", "access_key": "AK1", "secret_key": "SK1", "security_token": "T1"}
    assert (await browser.post(page, data=form | await _csrf(browser, page))).status_code == 200
    (row,) = await stage.rows(identities)
    assert row.kind == kind
    assert ("security_token" in row.secrets) is (kind == "temporary")


async def test_the_third_failure_is_answered_like_the_others_and_spends_the_page(
    stage: Stage, browser: httpx.AsyncClient
):
    page = await _page(stage)
    form = PASSWORD | {"password": "wrong"} | await _csrf(browser, page)
    assert [(await browser.post(page, data=form)).status_code for _ in range(4)] == [422, 422, 422, 410]
    assert (await browser.get(page)).status_code == 410


async def test_a_second_person_is_answered_that_an_admin_must_confirm(stage: Stage, browser: httpx.AsyncClient):
    await stage.link(ANA, "ana")
    page = await _page(stage, BEN)
    assert (await browser.post(page, data=PASSWORD | await _csrf(browser, page))).status_code == 202


async def test_an_unknown_page_is_gone(stage: Stage, browser: httpx.AsyncClient):
    assert (await browser.get("/link/unknown")).status_code == 410
    assert (await browser.post("/link/unknown", data=PASSWORD)).status_code == 410
    assert (await browser.put("/link/unknown")).status_code == 405


@pytest.mark.parametrize("csrf", [None, "", "forged", "gefälscht"])
async def test_a_form_from_elsewhere_is_not_accepted(stage: Stage, browser: httpx.AsyncClient, csrf: str | None):
    page = await _page(stage)
    form = PASSWORD if csrf is None else PASSWORD | {"csrf": csrf}
    assert (await browser.post(page, data=form)).status_code == 422
    assert await stage.rows(identities) == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"kind": "password"}', "application/json"),
        (b"\xff\xfe", FORM),
        (b"a=" + b"x" * 70_000, FORM),
        (b"", FORM),
    ],
)
async def test_what_is_no_form_is_not_accepted(stage: Stage, browser: httpx.AsyncClient, body: bytes, kind: str):
    page = await _page(stage)
    assert (await browser.post(page, content=body, headers={"content-type": kind})).status_code == 422


@pytest.mark.parametrize(
    "odd",
    [{"access_key": "AK\nX"}, {"access_key": "ÄK1"}, {"access_key": "AK 1"}, {"secret_key": "SK1\u200b"},
     {"kind": "temporary", "security_token": "T\r\nX-Other: 1"}, {"kind": "temporary", "security_token": "\x00"}],
    ids=["a line break", "a letter of no key", "a blank", "an invisible one", "another header", "a control"],
)  # fmt: skip
async def test_a_key_of_other_characters_is_not_accepted_and_the_cloud_is_not_asked(
    stage: Stage, browser: httpx.AsyncClient, odd: dict[str, str]
):
    """Sent as they are they would break the request, and that would be counted as the cloud's failure."""
    page = await _page(stage)
    form = {"kind": "aksk", "project": "research", "access_key": "AK1", "secret_key": "SK1", "security_token": "T1"}
    answers = [await browser.post(page, data=form | odd | await _csrf(browser, page)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert all("holds such characters" in answer.text for answer in answers)
    assert (await browser.get(page)).status_code == 410


async def test_every_answer_keeps_the_address_and_the_page_to_itself(stage: Stage, browser: httpx.AsyncClient):
    page = await _page(stage)
    form = PASSWORD | await _csrf(browser, page)
    answers = [
        await browser.get(page), await browser.post(page, data=form | {"password": "wrong"}),
        await browser.post(page, data=form), await browser.get(page),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 422, 200, 410]
    for answer in answers:
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert rules["form-action"] == "'self'"
        assert "unsafe" not in answer.headers["content-security-policy"]


class _Loads(HTMLParser):
    """Whatever in a page would fetch or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name for name, _value in attrs}
        if tag in ("script", "link", "img", "iframe", "object") or named & {"src", "href", "style"}:
            self.found.append(tag)
        self.found += [name for name in named if name.startswith("on")]


async def test_the_page_fetches_and_runs_nothing(stage: Stage, browser: httpx.AsyncClient):
    loads = _Loads()
    loads.feed((await browser.get(await _page(stage))).text)
    assert loads.found == []


async def test_it_names_who_will_be_able_to_act_above_the_form(stage: Stage, browser: httpx.AsyncClient):
    stage.slack.add(ANA, '<script>"Ana"</script>')
    text = (await browser.get(await _page(stage))).text
    assert "&lt;script&gt;&quot;Ana&quot;&lt;/script&gt;" in text.partition("<form")[0]
    assert "<script>" not in text


async def test_what_was_typed_is_escaped_and_secrets_never_come_back(stage: Stage, browser: httpx.AsyncClient):
    page = await _page(stage)
    typed = {"user": '"><b>ana', "domain": "D<&>", "password": "my-secret", "secret_key": "my-key"}
    answer = await browser.post(page, data=PASSWORD | typed | await _csrf(browser, page))
    assert answer.status_code == 422
    assert "&quot;&gt;&lt;b&gt;ana" in answer.text
    assert "<b>" not in answer.text
    assert "my-secret" not in answer.text
    assert "my-key" not in answer.text


async def test_every_field_of_the_contract_is_on_the_page(stage: Stage, browser: httpx.AsyncClient):
    text = (await browser.get(await _page(stage))).text
    fields = ("kind", "project", "domain", "user", "password", "access_key", "secret_key", "security_token", "csrf")
    for field in fields:
        assert f'name="{field}"' in text
    assert re.findall(r'name="kind" value="(\w+)"', text) == ["password", "aksk", "temporary"]


async def test_a_store_that_fails_is_answered_try_again_and_spends_nothing(stage: Stage, browser: httpx.AsyncClient):
    page = await _page(stage)
    async with stage.db.begin() as db:
        await db.exec_driver_sql("ALTER TABLE tickets RENAME TO tickets_away")
    assert (await browser.get(page)).status_code == 503
    async with stage.db.begin() as db:
        await db.exec_driver_sql("ALTER TABLE tickets_away RENAME TO tickets")
    assert (await browser.get(page)).status_code == 200
