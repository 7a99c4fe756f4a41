"""Failed calls are told once in the log, with what an operator needs to ask the vendor, and without any secret."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.errors import CloudDown, CloudError, CloudLoginFailed, CloudNotFound
from bot.model import KeyCredentials, NotebookId, PasswordCredentials

Make = dict[str, Callable[..., Any]]
NB = NotebookId("nb-1")
SHOW = r"/notebooks/nb-1"


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "bot.cloud.journal"]


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot.cloud.journal")


async def test_a_failed_call_is_one_line_with_the_request_id(bench: Any, make: Make, caplog: Any) -> None:
    reply = make["refusal"](500, "ModelArts.6102", X_Request_Id="req-42")
    bench.script.on("GET", SHOW, reply)
    with pytest.raises(CloudDown):
        await bench.cloud().show(NB)
    assert len(bench.script.calls("GET", SHOW)) == 4
    ((level, line),) = told(caplog)
    assert level == logging.WARNING
    assert line.startswith("GET modelarts.example.com/v1/")
    assert line.endswith(
        "/notebooks/nb-1 failed: CloudDown status=500 code=ModelArts.6102 request_id=req-42 attempts=4"
    )


async def test_everyday_refusals_are_no_warnings(bench: Any, make: Make, caplog: Any) -> None:
    bench.script.on("GET", SHOW, make["refusal"](400, "ModelArts.6309"))
    with pytest.raises(CloudNotFound):
        await bench.cloud().show(NB)
    assert [level for level, _ in told(caplog)] == [logging.INFO]


async def test_what_succeeds_in_the_end_is_not_told(bench: Any, make: Make, caplog: Any) -> None:
    bench.script.on("GET", SHOW, httpx.Response(502), make["json"](make["notebook"]()))
    await bench.cloud().show(NB)
    assert told(caplog) == []


async def test_a_refused_login_is_told_once_however_many_calls_wait_for_it(bench: Any, make: Make, caplog: Any) -> None:
    bench.script.on("POST", r"/v3/auth/tokens", httpx.Response(401, json={"error": {"code": 401, "message": "no"}}))
    cloud = bench.cloud()
    for _ in range(3):
        with pytest.raises(CloudLoginFailed):
            await cloud.show(NB)
    ((_, line),) = told(caplog)
    assert line.startswith("POST iam.example.com/v3/auth/tokens failed: CloudLoginFailed status=401")


@pytest.mark.parametrize(
    "credentials",
    [
        PasswordCredentials("ACME", "ana", "hunter2-secret"),
        KeyCredentials("AKHUNTER2", "hunter2-secret", "hunter2-sts"),
    ],
    ids=["password", "keys"],
)
async def test_no_secret_and_no_text_of_the_cloud_is_told(
    bench: Any, make: Make, caplog: Any, credentials: Any
) -> None:
    bench.script.on("POST", r"/v3/auth/tokens", make["token"]("hunter2-token"))
    bench.script.on("GET", r"/v3/projects", make["json"]({"projects": [{"id": "p", "name": "eu-de"}]}))
    bench.script.on("GET", r"/v3\.0/OS-CREDENTIAL/credentials.*", httpx.Response(404))
    text = {"error_code": "X\nforged hunter2", "error_msg": "hunter2-token is not valid"}
    bench.script.on("GET", SHOW, httpx.Response(500, json=text, headers={"X-Request-Id": "r1"}))
    cloud = bench.cloud(credentials)
    for call in (cloud.show(NB), cloud.whoami()):
        try:
            await call
        except CloudError:
            continue
    lines = [line for _, line in told(caplog)]
    assert lines
    for line in lines:
        assert "hunter2-" not in line
        assert "HUNTER2" not in line
        assert "\n" not in line


async def test_a_breaker_tells_when_it_opens_and_when_it_closes(bench: Any, make: Make, caplog: Any) -> None:
    bench.script.on("GET", SHOW, httpx.ConnectError("down"))
    cloud = bench.cloud()
    for _ in range(2):
        with pytest.raises(CloudDown):
            await cloud.show(NB)
    bench.script.on("GET", SHOW, make["json"](make["notebook"]()))
    bench.pass_time(61)
    await cloud.show(NB)
    moves = [line for _, line in told(caplog) if "breaker" in line]
    assert moves == ["the breaker of research:notebooks is open", "the breaker of research:notebooks is closed"]
