"""`POST /slack/events` to the letter: what is refused, what is answered, and that refusing loses and leaks nothing."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from handlers.ingress import MOST_BYTES
from tests.contract.ingress_stage import FORM, HOOK, OLD_SECRET, SECRET, Stage, stage


@pytest.fixture(params=[True, False], ids=["bolt", "direct"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, bolt=request.param) as made:
        yield made


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"secret": "another secret"}, 401, id="forged"),
        pytest.param({"age": 301}, 401, id="old"),
        pytest.param({"age": -301}, 401, id="from the future"),
        pytest.param({"headers": {"X-Slack-Signature": ""}}, 401, id="no signature"),
        pytest.param({"headers": {"X-Slack-Request-Timestamp": ""}}, 401, id="no timestamp"),
        pytest.param({"headers": {"X-Slack-Request-Timestamp": "soon"}}, 401, id="timestamp is no number"),
        pytest.param({"headers": {"X-Slack-Signature": "v0=é".encode("latin-1")}}, 401, id="signature is no ASCII"),
        pytest.param({"kind": "text/plain"}, 400, id="another content type"),
        pytest.param({"kind": ""}, 400, id="no content type"),
        pytest.param({"kind": "application/json"}, 400, id="a form that calls itself JSON"),
        pytest.param({"age": 300}, 200, id="as old as allowed"),
        pytest.param({"secret": OLD_SECRET}, 200, id="the secret before the last change"),
        pytest.param({"kind": FORM + "; charset=utf-8"}, 200, id="content type with a charset"),
    ],
)
async def test_a_command_is_let_in_or_refused(here: Stage, changes: dict, status: int) -> None:
    answer = await here.post(here.command_body("list"), **changes)
    assert answer.status_code == status
    assert (answer.headers.get("X-Slack-No-Retry") == "1") is (status != 200)
    assert len(await here.rows()) == (status == 200)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("text=hello", id="neither command nor payload"),
        pytest.param("payload=%7Bnot+json", id="payload is no JSON"),
        pytest.param("payload=%5B1%5D", id="payload is no object"),
        pytest.param("payload=" + "%5B" * 100_000, id="payload is nested without end"),
        pytest.param("command=%2Fnotebook&text=%ff", id="not UTF-8"),
        pytest.param("&".join(f"a{n}=1" for n in range(300)), id="fields without end"),
        pytest.param("", id="nothing"),
    ],
)
async def test_what_cannot_be_read_is_refused_for_good(here: Stage, body: str) -> None:
    answer = await here.post(body)
    assert (answer.status_code, answer.headers["X-Slack-No-Retry"]) == (400, "1")


NO_EVENT = ['{"type": "event_callback"}', *(f'{{"type": "event_callback", "event": {x}}}' for x in ("null", "[]", "1"))]


@pytest.mark.parametrize("body", ["{", "[]", "{}", '"x"', "\xff", *NO_EVENT])
async def test_an_event_that_cannot_be_read_is_refused_for_good(here: Stage, body: str) -> None:
    answer = await here.post(body.encode("latin-1"), "application/json")
    assert (answer.status_code, answer.headers["X-Slack-No-Retry"]) == (400, "1")


async def test_too_large_is_refused_whether_or_not_it_says_so(here: Stage) -> None:
    large = "command=%2Fnotebook&text=" + "a" * MOST_BYTES
    assert (await here.post(large)).status_code == 413

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"a" * 32_768

    answer = await here.http.post("/slack/events", content=parts(), headers={"content-type": FORM})
    assert (answer.status_code, answer.headers["X-Slack-No-Retry"]) == (413, "1")


async def test_a_mebibyte_is_not_too_large(here: Stage) -> None:
    body = "command=%2Fnotebook&text="
    assert (await here.post(body + "a" * (MOST_BYTES - len(body)))).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(here: Stage, method: str) -> None:
    answer = await here.http.request(method, "/slack/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_ssl_check_is_answered_only_when_it_is_signed(here: Stage) -> None:
    body = urlencode({"ssl_check": "1", "token": "verification-token"})
    assert (await here.post(body, secret="wrong")).status_code == 401
    answer = await here.post(body)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_the_challenge_is_given_back_only_when_it_is_signed(here: Stage) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    assert (await here.post(body, "application/json", secret="wrong")).status_code == 401
    assert (await here.post(body, "application/json")).json() == {"challenge": "abc"}


async def test_headers_that_steer_the_dispatcher_are_not_passed_on(here: Stage) -> None:
    answer = await here.post(
        here.command_body("list"), headers={"x-slack-bolt-lazy-only": "1", "x-slack-bolt-lazy-function-name": "listen"}
    )
    assert answer.status_code == 200
    assert len(await here.rows()) == 1


@pytest.mark.parametrize("text", ["start payload-test", "list payload=1", "keep a until 23:00 the payload"])
async def test_the_word_payload_is_only_a_word(here: Stage, text: str) -> None:
    assert (await here.command(text)).status_code == 200
    assert (await here.only()).data["text"] == text


async def test_a_replay_inside_the_window_does_nothing_more(here: Stage) -> None:
    body = here.command_body("start train-1")
    first, again = await here.post(body), await here.post(body)
    assert (first.status_code, again.status_code, again.content) == (200, 200, b"")
    await here.only()


@pytest.mark.parametrize("event", ["app_home_opened", "app_uninstalled", "tokens_revoked", "team_join"])
async def test_every_event_is_acknowledged(here: Stage, event: str) -> None:
    answer = await here.event({"type": event, "user": "U0ANA", "tab": "messages"})
    assert (answer.status_code, answer.content) == (200, b"")


async def test_unknown_kinds_are_acknowledged(here: Stage) -> None:
    for payload in (
        {"type": "view_closed", "view": {"callback_id": "x"}},
        {"type": "shortcut", "callback_id": "x"},
        {"type": "something_new"},
    ):
        assert (await here.interact(payload)).status_code == 200
    assert (await here.post('{"type": "app_rate_limited"}', "application/json")).status_code == 200


async def test_nothing_secret_is_logged_or_stored(here: Stage, caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("bot", "handlers", "leasebot", "slack_bolt", "slack_sdk", "starlette", "uvicorn"):
        caplog.set_level(logging.DEBUG, logger=logger)
    await here.command("list secret-words")
    await here.post(here.command_body("list other-words"), secret="wrong")
    await here.click("notebook_start", "{", channel={"id": "D0"})
    row = await here.only()
    stored = json.dumps(row.data) + row.cause
    for secret in (HOOK, "secretsecret", "verification-token", ".trigger"):
        assert secret not in stored
        assert secret not in caplog.text
    for secret in ("secret-words", "other-words", SECRET):
        assert secret not in caplog.text
