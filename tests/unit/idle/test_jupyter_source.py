"""Source `jupyter` over HTTP: working, empty, forbidden, unreachable, slow, stale, malformed, and hostile."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from bot.idle.fetch import MAX_BYTES, Fetcher, notebook_client
from bot.idle.jupyter import Jupyter
from bot.idle.ports import Evidence, Subject
from bot.rules.idle import SourceReading

from .jupyter_answers import MINUTE, NOW, FixedClock, a_subject, kernel, session, status, terminal

HOUR = 60 * MINUTE
PUBLIC = "93.184.216.34"
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


async def public(host: str, port: int) -> Sequence[str]:
    return [PUBLIC]


def answering(**parts: Any) -> tuple[Answer, list[httpx.Request]]:
    """A server that answers each path with JSON, or with the response given for it; and what it was asked."""
    asked: list[httpx.Request] = []
    given = {"api": {"version": "2.16.0"}, "status": status(), "kernels": [], "sessions": [], "terminals": []} | parts

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        told = given[request.url.path.rpartition("/")[2]]
        if callable(told):
            told = await told(request)
        if isinstance(told, httpx.Response):
            return told
        return httpx.Response(200, json=told, headers={"Date": format_datetime(NOW, usegmt=True)})

    return answer, asked


async def read(answer: Answer, subject: Subject | None = None, **fetcher: Any) -> SourceReading:
    return (await read_all(answer, [subject or a_subject()], **fetcher))[0].reading


async def read_all(answer: Answer, subjects: Sequence[Subject], **fetcher: Any) -> list[Evidence]:
    given = {"resolve": public, "timeout": timedelta(seconds=2)} | fetcher
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), trust_env=False) as client:
        told = await Jupyter(Fetcher(client, **given), FixedClock()).read(subjects)
    return [told[subject.notebook.id] for subject in subjects]


async def test_working() -> None:
    resting = kernel(2 * HOUR)
    answer, asked = answering(kernels=[resting], sessions=[session(resting)], terminals=[terminal(3 * HOUR)])
    told = await read(answer)
    assert (told.source, told.state, told.since, told.newest) == ("jupyter", "idle", NOW - 2 * HOUR, NOW)
    assert told.details == {
        "kernels": "1",
        "terminals": "1",
        "sessions": "1",
        "connections": "1",
        "busy": "0",
        "dead": "0",
        "version": "2.16.0",
        "blind": "terminals",
    }
    assert asked[0].url.path == "/5f0c/api/status"


async def test_our_calls_are_marked_and_carry_the_token_in_the_header_only() -> None:
    answer, asked = answering()
    await read(answer)
    assert {each.url.raw_path.decode() for each in asked} == {
        "/5f0c/api/status",
        "/5f0c/api",
        "/5f0c/api/kernels?no_track_activity=1",
        "/5f0c/api/sessions?no_track_activity=1",
        "/5f0c/api/terminals?no_track_activity=1",
    }
    for request in asked:
        assert request.headers["Authorization"] == "token t0k3n"
        assert "t0k3n" not in str(request.url)
        assert (request.method, request.headers["Accept-Encoding"]) == ("GET", "identity")


async def test_the_connection_goes_to_the_checked_address_under_the_hosts_name() -> None:
    answer, asked = answering()
    await read(answer)
    assert {(each.url.host, each.headers["Host"]) for each in asked} == {(PUBLIC, "authoring.example.com")}
    assert {each.extensions["sni_hostname"] for each in asked} == {"authoring.example.com"}


async def test_empty() -> None:
    answer, _ = answering(status=status(3 * HOUR))
    told = await read(answer)
    assert (told.state, told.since, told.reason) == ("idle", NOW - 3 * HOUR, "no kernel or terminal is open")


@pytest.mark.parametrize("code", [401, 403])
async def test_forbidden(code: int) -> None:
    answer, asked = answering(status=httpx.Response(code, json={"message": "Forbidden"}))
    told = await read(answer)
    assert (told.state, told.reason) == ("unknown", "the notebook did not accept the token")
    assert (told.details["http"], len(asked)) == (str(code), 1)


async def test_a_redirect_to_a_login_page_is_not_followed() -> None:
    answer, asked = answering(status=httpx.Response(302, headers={"Location": "https://evil.example.org/login"}))
    told = await read(answer)
    assert (told.state, told.reason) == ("unknown", "the notebook sends us to a login page")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        pytest.param(httpx.Response(404, text="gone"), "the notebook has no such page", id="404"),
        pytest.param(httpx.Response(503, text="busy"), "the notebook answered 503", id="503"),
        pytest.param(httpx.Response(500, json={}), "the notebook answered 500", id="500"),
        pytest.param(httpx.Response(204), "the notebook answered 204", id="204"),
        pytest.param(httpx.Response(200, html="<p>login</p>"), "answered with something that is not JSON", id="html"),
        pytest.param(
            httpx.Response(200, content=b"{", headers={"Content-Type": "application/json"}),
            "answer is not JSON",
            id="truncated",
        ),
        pytest.param(
            httpx.Response(200, content=b"", headers={"Content-Type": "application/json"}),
            "answer is not JSON",
            id="empty",
        ),
        pytest.param(
            httpx.Response(200, content=b"[" * 200_000, headers={"Content-Type": "application/json"}),
            "answer is not JSON",
            id="nested beyond reading",
        ),
        pytest.param(
            httpx.Response(200, content=b"\xff\xfe", headers={"Content-Type": "application/json"}),
            "answer is not JSON",
            id="no text",
        ),
        pytest.param(
            httpx.Response(200, content=rb'{"started": "\uD800"}', headers={"Content-Type": "application/json"}),
            "answer is not JSON",
            id="half a character, escaped",
        ),
        pytest.param(
            httpx.Response(200, content=b'{"started": "\xed\xa0\x80"}', headers={"Content-Type": "application/json"}),
            "answer is not JSON",
            id="half a character, as it stands",
        ),
        pytest.param(
            httpx.Response(200, content=b"[" + b" " * MAX_BYTES + b"]", headers={"Content-Type": "application/json"}),
            "too large",
            id="over 1 MiB",
        ),
        pytest.param(httpx.Response(200, json="fine"), "the notebook's answer cannot be read", id="another form"),
    ],
)
@pytest.mark.parametrize("part", ["status", "kernels", "sessions"])
async def test_malformed_and_failing_answers_are_unknown(part: str, response: httpx.Response, reason: str) -> None:
    again = httpx.Response(response.status_code, content=response.content, headers=response.headers)
    answer, _ = answering(**{"kernels": [kernel(5 * HOUR)], part: again})
    told = await read(answer)
    assert told.state == "unknown"
    assert reason in told.reason


async def test_terminals_may_be_disabled_but_not_failing() -> None:
    answer, _ = answering(status=status(3 * HOUR), terminals=httpx.Response(404, text="disabled"))
    assert (await read(answer)).state == "idle"
    answer, _ = answering(status=status(3 * HOUR), terminals=httpx.Response(500, text="disk full"))
    assert (await read(answer)).state == "unknown"


async def test_a_version_that_is_not_told_counts_as_old() -> None:
    answer, _ = answering(status=status(3 * HOUR), api=httpx.Response(404, text=""))
    told = await read(answer)
    assert (told.state, told.details["version"], told.details["blind"]) == ("idle", "unknown", "old_server")


async def test_unreachable() -> None:
    async def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    told = await read(refuse)
    assert (told.state, told.reason) == ("unknown", "the notebook cannot be reached")


async def test_a_host_that_does_not_resolve() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    told = await read(answering()[0], resolve=nowhere)
    assert (told.state, told.reason) == ("unknown", "the notebook's host cannot be resolved")


async def never(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@pytest.mark.parametrize("part", ["status", "kernels", "terminals"])
async def test_slow(part: str) -> None:
    answer, _ = answering(**{part: never})
    told = await read(answer, timeout=timedelta(seconds=0.05))
    assert (told.state, told.reason) == ("unknown", "no answer within 0.05 s")


async def test_a_slow_resolver_is_slow_too() -> None:
    async def stuck(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    told = await read(answering()[0], resolve=stuck, timeout=timedelta(seconds=0.05))
    assert (told.state, told.reason) == ("unknown", "the notebook's host was not resolved in time")


async def test_drip_by_drip_is_slow() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.005)

    slow = httpx.Response(200, stream=Drip(), headers={"Content-Type": "application/json"})
    told = await read(answering(status=slow)[0], timeout=timedelta(seconds=0.1))
    assert (told.state, told.reason) == ("unknown", "no answer within 0.1 s")


async def test_stale() -> None:
    kept = httpx.Response(200, json=status(3 * HOUR), headers={"Date": format_datetime(NOW - 2 * HOUR, usegmt=True)})
    told = await read(answering(status=kept, kernels=[kernel(5 * HOUR)])[0])
    assert (told.state, told.reason) == ("unknown", "an answer of the notebook's is dated 120 min before another one")


async def test_compressed_answers_are_not_unpacked() -> None:
    packed = httpx.Response(
        200,
        content=json.dumps(status()).encode(),
        headers={"Content-Type": "application/json"},
    )
    packed.headers["Content-Encoding"] = "gzip"
    assert "compressed" in (await read(answering(status=packed)[0])).reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": None}, "the notebook's address is not known yet"),
        ({"token": None}, "the notebook's address is not known yet"),
        ({"url": "http://authoring.example.com/5f0c/lab"}, "the notebook's address is not https"),
        (
            {"url": "https://elsewhere.example.com/5f0c/lab"},
            "the notebook's host is not among the project's notebook_hosts",
        ),
    ],
)
async def test_what_may_not_be_fetched_is_not_asked(changes: dict[str, Any], reason: str) -> None:
    answer, asked = answering()
    told = await read(answer, a_subject(**changes))
    assert (told.state, told.reason, asked) == ("unknown", reason, [])


async def test_a_name_that_leads_inside_is_not_asked() -> None:
    async def inside(host: str, port: int) -> Sequence[str]:
        return ["169.254.169.254"]

    answer, asked = answering()
    told = await read(answer, resolve=inside)
    assert (told.state, asked) == ("unknown", [])
    assert "private or local" in told.reason


async def test_one_bad_notebook_does_not_fail_the_others_and_a_failure_keeps_the_memory() -> None:
    answer, _ = answering(kernels=[kernel(2 * HOUR)])
    good = a_subject()
    bad = a_subject(id="other", url="https://elsewhere.example.com/lab", memory={"kept": 1})
    told = await read_all(answer, [bad, good])
    assert [each.reading.state for each in told] == ["unknown", "idle"]
    assert told[0].memory == {"kept": 1}


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("where", ["started", "last_activity", "kernel", "terminal"])
async def test_times_of_another_age_are_one_notebooks_trouble(at: str, where: str) -> None:
    """Its owner can have their own server answer anything: that says nothing of the others."""
    told = status() | ({where: at} if where in ("started", "last_activity") else {})
    kernels = [kernel(2 * HOUR) | ({"last_activity": at} if where == "kernel" else {})]
    terminals = [terminal(2 * HOUR) | {"last_activity": at}] if where == "terminal" else []
    early = {"Date": format_datetime(NOW + timedelta(minutes=4), usegmt=True)}  # our clock counts as behind

    async def answer(request: httpx.Request) -> httpx.Response:
        odd = {"api": {"version": "2.16.0"}, "status": told, "kernels": kernels, "sessions": [], "terminals": terminals}
        plain = odd | {"status": status(), "kernels": [kernel(2 * HOUR)], "terminals": []}
        which, headers = (odd, early) if "/odd/" in request.url.path else (plain, {})
        return httpx.Response(200, json=which[request.url.path.rpartition("/")[2]], headers=headers)

    bad = a_subject(id="other", url="https://authoring.example.com/odd/lab")
    assert [each.reading.state for each in await read_all(answer, [bad, a_subject()])] == ["unknown", "idle"]


@pytest.mark.parametrize("odd", [{"url": "https://xn--/lab"}, {"token": "t\u00f6ken"}, {"token": "a\nb"}])
async def test_an_address_or_token_that_cannot_be_sent_is_one_notebooks_trouble(odd: dict[str, Any]) -> None:
    answer, _ = answering(kernels=[kernel(2 * HOUR)])
    told = await read_all(answer, [a_subject(id="other", **odd), a_subject()])
    assert told[1].reading.state == "idle"


async def test_at_most_so_many_notebooks_are_asked_at_once() -> None:
    under_way = most = 0

    async def count(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return httpx.Response(404)

    async with httpx.AsyncClient(transport=httpx.MockTransport(count), trust_env=False) as client:
        source = Jupyter(Fetcher(client, resolve=public), FixedClock(), at_once=3)
        await source.read([a_subject(id=f"n{number}") for number in range(20)])
    assert 1 <= most <= 3


async def test_nothing_told_holds_the_token_the_address_or_names_of_files() -> None:
    answer, _ = answering(kernels=[kernel(HOUR)], sessions=[session(kernel(HOUR))])
    for evidence in await read_all(answer, [a_subject(), a_subject(id="b", token=None)]):
        assert not [secret for secret in ("t0k3n", "authoring", "secret plan") if secret in repr(evidence)]


async def test_the_products_client_follows_no_redirect_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    async with notebook_client() as client:
        assert not client.follow_redirects
        assert not client.trust_env


@pytest.mark.parametrize("part", ["kernels", "sessions", "terminals"])
@pytest.mark.parametrize("dated", [True, False])
async def test_one_old_answer_among_new_ones_proves_nothing(part: str, dated: bool) -> None:
    """A proxy kept it for hours; whether the others bear a date or not."""
    old = httpx.Response(200, json=[], headers={"Date": format_datetime(NOW - 2 * HOUR, usegmt=True)})
    first = {"Date": format_datetime(NOW, usegmt=True)} if dated else {}
    answer, _ = answering(**{"status": httpx.Response(200, json=status(3 * HOUR), headers=first), part: old})
    assert (await read(answer)).state == "unknown"


async def test_more_kernels_than_are_listed_contradict_themselves() -> None:
    answer, _ = answering(status=status(3 * HOUR) | {"kernels": 2}, kernels=[kernel(3 * HOUR)])
    told = await read(answer)
    assert (told.state, told.reason) == ("unknown", "the notebook says it has 2 kernels and lists 1")
    answer, _ = answering(status=status(3 * HOUR) | {"kernels": 2}, kernels=[kernel(3 * HOUR, "busy")])
    assert (await read(answer)).state == "active"
