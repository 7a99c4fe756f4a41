"""The one path of every call: what is repeated, how long it waits, what is said when it gives up."""

import asyncio
import json
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot import http
from bot.cloud.client import HttpClouds
from bot.cloud.sending import Call, Patience
from bot.errors import (
    AnswerLost,
    CloudDenied,
    CloudDown,
    CloudError,
    CloudGarbled,
    CloudMisconfigured,
    CloudNotFound,
    CloudSoldOut,
    CloudThrottled,
)
from bot.model import KeyCredentials, LeaseType, NewNotebook, NotebookId, PasswordCredentials

NB = NotebookId("nb-1")
SHOW = r"/notebooks/nb-1"
PASSWORD = PasswordCredentials("ACME", "ana", "secret")
WISH = NewNotebook("exp", "img", "flavor", timedelta(hours=2))
Make = dict[str, Callable[..., Any]]

READ_TROUBLES = [
    pytest.param(httpx.Response(500), id="500"),
    pytest.param(httpx.Response(502), id="502"),
    pytest.param(httpx.Response(503), id="503"),
    pytest.param(httpx.Response(504), id="504"),
    pytest.param(httpx.Response(408), id="408"),
    pytest.param(httpx.Response(429), id="429"),
    pytest.param(httpx.ConnectError("refused"), id="connect"),
    pytest.param(httpx.ReadTimeout("slow"), id="slow"),
    pytest.param(httpx.ReadError("reset"), id="reset"),
    pytest.param(httpx.RemoteProtocolError("gone"), id="closed"),
]


@pytest.mark.parametrize("trouble", READ_TROUBLES)
async def test_reads_are_repeated(bench: Any, make: Make, trouble: Any) -> None:
    bench.script.on("GET", SHOW, trouble, make["json"](make["notebook"]()))
    assert (await bench.cloud().show(NB)).name == "exp-17"
    assert len(bench.script.calls("GET", SHOW)) == 2
    assert bench.clouds.health()["research"]["repeats"] == 1


async def test_four_times_at_most(bench: Any) -> None:
    bench.script.on("GET", SHOW, httpx.Response(500))
    with pytest.raises(CloudDown):
        await bench.cloud().show(NB)
    assert len(bench.script.calls("GET", SHOW)) == 4


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ModelArts.0104"), (403, "ModelArts.0108"), (400, "ModelArts.6309"), (404, "APIGW.0101")]
)
async def test_what_will_not_change_is_not_repeated(bench: Any, make: Make, status: int, code: str) -> None:
    bench.script.on("GET", SHOW, make["refusal"](status, code))
    with pytest.raises((CloudDenied, CloudNotFound, CloudMisconfigured, Exception)):
        await bench.cloud().show(NB)
    assert len(bench.script.calls("GET", SHOW)) == 1
    assert bench.slept == []


async def test_the_pause_grows_with_full_jitter(bench: Any) -> None:
    bench.script.on("GET", SHOW, httpx.Response(503))
    with pytest.raises(CloudDown):
        await bench.cloud().show(NB)
    assert bench.slept == [1.0, 2.0, 4.0]  # half of 2, 4, 8: the jitter of the bench is one half


async def test_a_retry_after_date_is_counted_from_the_servers_clock(bench: Any, make: Make) -> None:
    """The host is an hour behind: counted from its own clock, the wait would be an hour and three seconds."""
    told = {"Date": "Mon, 23 Nov 2026 09:00:00 GMT", "Retry_After": "Mon, 23 Nov 2026 09:00:03 GMT"}
    bench.script.on("GET", SHOW, make["refusal"](503, "x", **told), make["json"](make["notebook"]()))
    await bench.cloud().show(NB)
    assert [round(seconds) for seconds in bench.slept] == [3]


@pytest.mark.parametrize("said", ["7", "Mon, 23 Nov 2026 08:00:07 GMT"])
async def test_retry_after_is_kept_to_in_both_forms(bench: Any, make: Make, said: str) -> None:
    refused = httpx.Response(503, headers={"Retry-After": said, "Date": "Mon, 23 Nov 2026 08:00:00 GMT"})
    bench.script.on("GET", SHOW, refused, make["json"](make["notebook"]()))
    await bench.cloud().show(NB)
    assert bench.slept == [7.25]


@pytest.mark.parametrize("said", ["soon", "-3", "Mon, 99 Nov 2026", "9" * 30])
async def test_an_unreadable_retry_after_is_ignored(bench: Any, make: Make, said: str) -> None:
    bench.script.on("GET", SHOW, httpx.Response(503, headers={"Retry-After": said}), make["json"](make["notebook"]()))
    await bench.cloud().show(NB)
    assert bench.slept == [1.0]


async def test_a_wait_beyond_the_budget_is_told_rather_than_waited(bench: Any) -> None:
    bench.script.on("GET", SHOW, httpx.Response(429, headers={"Retry-After": "120"}))
    with pytest.raises(CloudThrottled) as caught:
        await bench.cloud().show(NB)
    assert caught.value.retry_after == timedelta(seconds=120)
    assert bench.slept == []


async def test_429_slows_the_whole_project_down(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, httpx.Response(429), make["json"](make["notebook"]()))
    await bench.cloud(rate=10.0).show(NB)
    health = bench.clouds.health()["research"]
    assert health["throttled"] == 1
    assert 5 <= health["rate"] < 6


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("slow"), httpx.ReadError("reset"), httpx.Response(504),
                                     httpx.Response(500), httpx.Response(408)])  # fmt: skip
async def test_a_create_whose_fate_is_unknown_is_never_repeated(bench: Any, trouble: Any) -> None:
    bench.script.on("POST", r"/notebooks", trouble)
    with pytest.raises(AnswerLost):
        await bench.cloud().create(WISH)
    assert len(bench.script.calls("POST", "/notebooks")) == 1


@pytest.mark.parametrize("trouble", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.Response(429)])
async def test_a_create_that_surely_did_not_happen_is(bench: Any, make: Make, trouble: Any) -> None:
    bench.script.on("POST", r"/notebooks", trouble, make["json"](make["notebook"](status="CREATING")))
    assert (await bench.cloud().create(WISH)).id == "nb-1"
    assert len(bench.script.calls("POST", "/notebooks")) == 2


async def test_sold_out_is_final_even_under_500(bench: Any, make: Make) -> None:
    bench.script.on("POST", r"/notebooks", make["refusal"](500, "ModelArts.6200"))
    with pytest.raises(CloudSoldOut):
        await bench.cloud().create(WISH)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        pytest.param(httpx.Response(200, content=b"<!DOCTYPE html><html></html>"), "web page", id="HTML"),
        pytest.param(httpx.Response(200, content=b'{"id": "nb-1", "status": "RUN'), "readable JSON", id="cut off"),
        pytest.param(httpx.Response(200, content=b""), "is empty", id="empty 200"),
        pytest.param(httpx.Response(204), "is empty", id="204"),
        pytest.param(httpx.Response(200, content=b"[]"), "not a notebook", id="a list"),
        pytest.param(httpx.Response(200, json={"status": "RUNNING"}), "`id`", id="no id"),
    ],
)
async def test_answers_that_cannot_be_read_say_so(bench: Any, reply: httpx.Response, says: str) -> None:
    bench.script.on("GET", SHOW, reply)
    with pytest.raises(CloudGarbled, match=says):
        await bench.cloud().show(NB)


async def test_a_page_of_a_proxy_in_between_is_read_over(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, httpx.Response(200, content=b"<html>wait"), make["json"](make["notebook"]()))
    assert (await bench.cloud().show(NB)).id == "nb-1"


@pytest.mark.parametrize("content", [b"<html>", b"", b"{}", b"[]", b'{"id": "nb-1", "sta'])
async def test_a_garbled_answer_keeps_its_request_id_and_is_told_once(bench: Any, caplog: Any, content: bytes) -> None:
    bench.script.on("GET", r"/.*nb-1.*", httpx.Response(200, content=content, headers={"X-Request-Id": "r-7"}))
    bench.script.on("GET", r"/notebooks/flavors", httpx.Response(200, content=content, headers={"X-Request-Id": "r-7"}))
    for call in (lambda: bench.cloud().show(NB), lambda: bench.cloud().lease(NB), lambda: bench.cloud().flavors()):
        caplog.clear()
        with pytest.raises(CloudGarbled) as caught:
            await call()
        assert (caught.value.request_id, caught.value.status) == ("r-7", 200)
        assert [record.getMessage().count("request_id=r-7") for record in caplog.records] == [1]


@pytest.mark.parametrize("reply", [httpx.Response(200, content=b"<html>"), httpx.Response(200), httpx.Response(204)])
async def test_a_create_that_does_not_say_what_it_made_is_lost(bench: Any, reply: httpx.Response) -> None:
    bench.script.on("POST", r"/notebooks", reply)
    with pytest.raises(AnswerLost):
        await bench.cloud().create(WISH)


async def test_an_error_body_in_a_200_is_an_error(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["refusal"](200, "ModelArts.6309"))
    with pytest.raises(CloudNotFound):
        await bench.cloud().show(NB)


@pytest.mark.parametrize("reply", [httpx.Response(404, content=b"<html>nginx</html>"), httpx.Response(302)])
async def test_a_proxys_page_is_a_wrong_address_and_never_a_missing_notebook(bench: Any, reply: Any) -> None:
    bench.script.on("GET", SHOW, reply)
    with pytest.raises(CloudMisconfigured):
        await bench.cloud().show(NB)


async def test_redirects_are_not_followed(bench: Any) -> None:
    bench.script.on("GET", SHOW, httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}))
    with pytest.raises(CloudMisconfigured):
        await bench.cloud().show(NB)
    assert {request.url.host for request in bench.script.requests} == {"iam.example.com", "modelarts.example.com"}


async def test_the_breaker_opens_rests_and_is_seen(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, httpx.ConnectError("refused"))
    cloud = bench.cloud()
    for _ in range(2):
        with pytest.raises(CloudDown):
            await cloud.show(NB)
    assert bench.clouds.health()["research"]["breaker"] == "open"
    sent = len(bench.script.calls("GET", SHOW))
    with pytest.raises(CloudDown) as caught:
        await cloud.show(NB)
    assert len(bench.script.calls("GET", SHOW)) == sent
    assert caught.value.retry_after is not None


@pytest.mark.parametrize("answer", [429, 403, 503])
async def test_whatever_the_trial_is_answered_another_call_is_let_through(bench: Any, make: Make, answer: int) -> None:
    """A 429 says neither that the cloud is there nor that it is not; the trial is over all the same."""
    there = make["json"](make["notebook"]())
    bench.script.on("GET", SHOW, *[httpx.ConnectError("refused")] * 5, httpx.Response(answer), there)
    cloud = bench.cloud()

    async def shown() -> str:
        try:
            return str((await cloud.show(NB)).name)
        except CloudError as error:
            return type(error).__name__

    assert [await shown() for _ in range(2)] == ["CloudDown"] * 2
    for _ in range(2):  # the trial, and whatever comes after it
        bench.pass_time(61)
        last = await shown()
    assert last == "exp-17"
    assert bench.clouds.health()["research"]["breaker"] == "closed"


@pytest.mark.parametrize(
    ("status", "calls", "state"),
    [(503, 2, "open"), (502, 2, "open"), (500, 4, "closed"), (500, 5, "open"), (429, 9, "closed"), (403, 9, "closed")],
)
async def test_which_answers_open_it(bench: Any, status: int, calls: int, state: str) -> None:
    """A 500 may be one bad notebook, so that it counts once a call; too fast and forbidden are signs of life."""
    bench.script.on("GET", SHOW, httpx.Response(status))
    for _ in range(calls):
        with pytest.raises(CloudError):
            await bench.cloud().show(NB)
    assert bench.clouds.health()["research"]["breaker"] == state


async def test_one_notebook_that_always_fails_does_not_cut_off_the_others(bench: Any, make: Make) -> None:
    bench.script.on("GET", r"/notebooks/bad", httpx.Response(500))
    bench.script.on("GET", SHOW, make["json"](make["notebook"]()))
    cloud = bench.cloud()
    for _ in range(4):
        with pytest.raises(CloudDown):
            await cloud.show(NotebookId("bad"))
    assert (await cloud.show(NB)).id == "nb-1"


async def test_an_address_that_does_not_exist_is_said(bench: Any) -> None:
    trouble = httpx.ConnectError("[Errno -2] Name or service not known")
    trouble.__cause__ = socket.gaierror(-2, "Name or service not known")
    bench.script.on("GET", SHOW, trouble)
    with pytest.raises(CloudDown, match=r"modelarts\.example\.com does not exist: a wrong region"):
        await bench.cloud().show(NB)


async def test_a_certificate_that_is_not_trusted_is_not_tried_again(bench: Any) -> None:
    bench.script.on("GET", SHOW, httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))
    with pytest.raises(CloudMisconfigured, match="certificate of modelarts"):
        await bench.cloud().show(NB)
    assert len(bench.script.calls("GET", SHOW)) == 1


async def test_health_is_json(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"]()))
    await bench.cloud(rate=float("inf")).show(NB)
    told = json.loads(json.dumps(bench.clouds.health(), allow_nan=False))
    assert told["research"] == {
        "breaker": "closed", "failures": 0, "rests_for_s": 0.0, "rate": None, "nominal_rate": None, "waiting": 0,
        "calls": 1, "repeats": 0, "throttled": 0, "skew_s": None, "login_breaker": "closed",
    }  # fmt: skip


async def test_who_is_logged_in_goes_on_while_logins_fail(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"]()))
    cloud = bench.cloud()
    await cloud.show(NB)
    bench.script.on("POST", r"/v3/auth/tokens", httpx.ConnectError("refused"))
    for name in ("ben", "carla", "dora"):
        with pytest.raises(CloudDown):
            await bench.cloud(PasswordCredentials("ACME", name, "pw")).show(NB)
    health = bench.clouds.health()["research"]
    assert (health["breaker"], health["login_breaker"]) == ("closed", "open")
    assert (await cloud.show(NB)).id == "nb-1"


async def test_another_service_has_a_rate_and_a_breaker_of_its_own_and_the_same_login(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"]()))
    bench.script.on("POST", r"/samples", httpx.ConnectError("refused"))
    session, sender, line = bench.clouds.beside(bench.endpoint(), PASSWORD, "metrics")
    for _ in range(2):
        with pytest.raises(CloudDown):
            await sender.send(line, Call("POST", "https://aom.example.com", "/samples"), session)
    assert (await bench.cloud().show(NB)).id == "nb-1"
    assert bench.script.logins() == 1
    health = bench.clouds.health()
    assert (health["research"]["breaker"], health["research:metrics"]["breaker"]) == ("closed", "open")


async def test_projects_do_not_share_a_breaker(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, *[httpx.ConnectError("refused")] * 8, make["json"](make["notebook"]()))
    for _ in range(2):
        with pytest.raises(CloudDown):
            await bench.cloud().show(NB)
    assert (await bench.cloud(project="other").show(NB)).id == "nb-1"


async def test_cookies_of_one_person_are_not_sent_for_another(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"](), Set_Cookie="session=ana; Path=/"))
    cloud = bench.cloud()
    await cloud.show(NB)
    await cloud.show(NB)
    assert all("cookie" not in request.headers for request in bench.script.requests)


async def test_ids_are_escaped_in_paths(bench: Any, make: Make) -> None:
    bench.script.on("GET", r"/notebooks/\.\.%2F\.\.%2Fx", make["json"](make["notebook"]()))
    await bench.cloud().show(NotebookId("../../x"))
    assert bench.script.requests[-1].url.raw_path.endswith(b"/notebooks/..%2F..%2Fx")


async def test_the_servers_time_is_taken_from_its_answers(bench: Any, make: Make) -> None:
    cloud = bench.cloud()
    assert cloud.server_now() == bench.clock.now()
    bench.script.on("GET", SHOW, make["json"](make["notebook"](), Date="Mon, 23 Nov 2026 09:00:00 GMT"))
    await cloud.show(NB)
    assert cloud.server_now() - bench.clock.now() == timedelta(hours=1)
    assert bench.clouds.health()["research"]["skew_s"] == 3600
    exact = int((bench.clock.now() + timedelta(minutes=7, milliseconds=3)).timestamp() * 1000)
    bench.script.on("GET", SHOW, make["json"](make["notebook"](current_time=exact)))
    await cloud.show(NB)
    assert cloud.server_now() - bench.clock.now() == timedelta(minutes=7, milliseconds=3)
    bench.clock.advance(minutes=1)
    assert cloud.server_now() - bench.clock.now() == timedelta(minutes=7, milliseconds=3)


async def test_a_host_in_step_keeps_its_milliseconds(bench: Any, make: Make) -> None:
    bench.clock.advance(milliseconds=730)
    bench.script.on("GET", SHOW, make["json"](make["notebook"](), Date="Mon, 23 Nov 2026 08:00:00 GMT"))
    cloud = bench.cloud()
    await cloud.show(NB)
    assert cloud.server_now() == bench.clock.now()


async def test_a_call_ends_within_its_budget(bench: Any) -> None:
    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with http.Client(transport=httpx.MockTransport(hang)) as client:
        clouds = HttpClouds(bench.clock, client, patience=Patience(budget=0.05))
        cloud = clouds.connect(bench.endpoint(project_id="p"), KeyCredentials("AK", "SK"))
        async with asyncio.timeout(5):
            with pytest.raises(CloudDown):
                await cloud.show(NB)
            with pytest.raises(AnswerLost):
                await cloud.create(WISH)


@pytest.mark.parametrize("url", ["http://modelarts.example.com", "ftp://x", "modelarts.example.com", "http://10.0.0.1"])
async def test_addresses_are_https_or_on_this_machine(bench: Any, url: str) -> None:
    with pytest.raises(CloudMisconfigured):
        bench.cloud(modelarts=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"])
async def test_plain_http_is_for_loopback(bench: Any, url: str) -> None:
    assert bench.cloud(modelarts=url, iam=url).server_now() == bench.clock.now()


async def test_an_unknown_lease_type_is_never_sent(bench: Any) -> None:
    cloud = bench.cloud()
    for change in (cloud.renew, cloud.start):
        with pytest.raises(Exception, match="not known"):
            await change(NB, timedelta(hours=1), LeaseType.UNKNOWN)
    assert bench.script.requests == []
