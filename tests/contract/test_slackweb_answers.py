"""What Slack answers is believed only where it can be read: whatever it is, it has its class and fails nothing else."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from bot.errors import SlackAnswerLost, SlackBusy, SlackDown, SlackError
from bot.slack import Message, SlackPerson
from bot.slackweb import SlackWeb
from deploy.sandbox.clock import SimClock
from deploy.sandbox.server import LocalServer

CLOCK = SimClock(1_767_225_600_000, running=False)
Ask = Callable[[SlackWeb], Awaitable[Any]]


@dataclass
class Mouth:
    """A server that gives one answer to everything."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def says(self, answer: Any) -> None:
        self.body = answer if isinstance(answer, bytes) else json.dumps({"ok": True} | answer).encode()


@pytest.fixture
def mouth() -> Mouth:
    return Mouth()


@pytest.fixture
async def web(mouth: Mouth) -> AsyncIterator[SlackWeb]:
    async with (
        LocalServer(mouth) as server,
        SlackWeb("xoxb-1", CLOCK, base_url=f"{server.url}/api/", timeout_s=5) as made,
    ):
        yield made


def post(web: SlackWeb) -> Awaitable[Any]:
    return web.post("C0RESEARCH", Message("hello"), {})


def person(web: SlackWeb) -> Awaitable[Any]:
    return web.person("U0ANA")


READS: dict[str, Ask] = {
    "person": person,
    "group": lambda web: web.group("S0APPROVERS", fresh=True),
    "members": lambda web: web.members("C0RESEARCH"),
    "history": lambda web: web.find("C0RESEARCH", "operation:1", CLOCK.now()),
    "open_dm": lambda web: web.open_dm("U0ANA"),
    "open_view": lambda web: web.open_view("1.2.3", {}),
    "upload": lambda web: web.upload("C0RESEARCH", "1.1", b"png", title="", alt=""),
}
NO_ANSWERS = [
    b"",  # empty
    b"<html>hello</html>",  # a web page
    b"[1]",  # a list
    b'"ok"',  # a word
    b"3",  # a number
    b'{"ok": true, "x": "\xff"}',  # no UTF-8
    b"[" * 100_000,  # deep
    {},  # ok and nothing else
]


def short(value: Any) -> str:
    """In a test's name."""
    return str(value)[:30]


BAD_TS = (None, "", 5, "abc", "nan", "-1.5", "1" * 40, "999999999999.1")  # the last is beyond the year 9999


LACKING = [  # what was asked for
    *(("person", {"user": user}) for user in (None, "U0ANA", [1], {}, {"id": None}, {"id": 7})),
    *(("group", {"users": users}) for users in (None, "U0ANA", {}, 5)),
    *(("members", {"members": users}) for users in (None, "U0ANA", {}, 5)),
    *(("history", {"messages": found}) for found in (None, "x", {}, 5)),
    *(("open_dm", {"channel": channel}) for channel in (None, "D1", {}, {"id": None}, {"id": 4})),
]


@pytest.mark.parametrize(
    ("asked", "answer"), [*((each, no) for each in READS for no in NO_ANSWERS), *LACKING], ids=short
)
async def test_what_is_no_answer_is_as_if_slack_were_away(mouth: Mouth, web: SlackWeb, asked: str, answer: Any) -> None:
    mouth.says(answer)
    with pytest.raises(SlackDown):
        await READS[asked](web)


@pytest.mark.parametrize(
    "answer",
    [
        *NO_ANSWERS,
        *({"channel": "C0RESEARCH", "ts": ts} for ts in BAD_TS),
        {"ts": "1.1"},
    ],
    ids=short,
)
async def test_without_its_ts_nothing_was_delivered_as_far_as_we_know(mouth: Mouth, web: SlackWeb, answer: Any) -> None:
    """Promise 1: a notice counts with `ok` and a `ts`. It is looked up before it is sent again."""
    mouth.says(answer)
    with pytest.raises(SlackAnswerLost):
        await post(web)


@pytest.mark.parametrize(
    "odd",
    [
        {"profile": "x"}, {"profile": [1]}, {"profile": None}, {"profile": {"display_name": {"a": 1}}},
        {"tz": 5}, {"tz": {}}, {"tz": "A" * 65}, {"tz": None}, {"tz": ""}, {"team_id": 5},
    ],
)  # fmt: skip
async def test_a_person_is_who_they_are_whatever_else_is_odd(mouth: Mouth, web: SlackWeb, odd: dict[str, Any]) -> None:
    mouth.says({"user": {"id": "U0ANA", "name": "ana"} | odd})
    said = await web.person("U0ANA")
    assert said == SlackPerson("U0ANA", "", "ana", None, deleted=False, guest=False, stranger=False, bot=False)


@pytest.mark.parametrize(
    ("name", "kept"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a\ufffdb"), ("x" * 10_000, "x" * 200)]
)
async def test_a_name_is_one_that_can_be_stored(mouth: Mouth, web: SlackWeb, name: str, kept: str) -> None:
    mouth.says({"user": {"id": "U0ANA", "profile": {"display_name": name}}})
    assert (await web.person("U0ANA")).name == kept


@pytest.mark.parametrize(
    "other",
    ["x", None, {"ts": "1.1", "metadata": "x"}, {"ts": "1.1", "metadata": {"event_payload": "x"}},
     {"metadata": {"event_payload": {"key": "operation:1"}}},
     *({"ts": ts, "metadata": {"event_payload": {"key": "operation:1"}}} for ts in BAD_TS)],
)  # fmt: skip
async def test_an_odd_message_of_others_hides_none_of_ours(mouth: Mouth, web: SlackWeb, other: Any) -> None:
    ours = {"ts": "2.2", "metadata": {"event_payload": {"key": "operation:1"}}}
    mouth.says({"messages": [other, ours]})
    assert await web.find("C0RESEARCH", "operation:1", CLOCK.now()) == "2.2"


@pytest.mark.parametrize("more", ["x", {"messages": 5}, None, {"messages": ["no such block"]}])
async def test_a_refusal_keeps_its_code_whatever_stands_beside_it(mouth: Mouth, web: SlackWeb, more: Any) -> None:
    mouth.says({"ok": False, "error": "invalid_blocks", "response_metadata": more})
    with pytest.raises(SlackError) as error:
        await post(web)
    assert error.value.code == "invalid_blocks"


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"])
async def test_a_clock_of_another_age_is_off_and_can_be_reckoned_with(mouth: Mouth, web: SlackWeb, date: str) -> None:
    mouth.says({"channel": {"id": "D1"}})
    mouth.headers["date"] = date
    await web.open_dm("U0ANA")
    skew = web.skew()
    assert skew is not None
    assert abs(skew) > timedelta(days=3650)
    assert CLOCK.now() + skew  # within what a datetime can be
    mouth.says({"messages": []})
    assert await web.find("C0RESEARCH", "operation:1", CLOCK.now()) is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("17", 17), (" 17 ", 17), ("0", 1), ("-5", 30), ("1.5", 30), ("soon", 30), ("", 30), ("\u00b2", 30),
     ("Wed, 21 Oct 2026 07:28:00 GMT", 30), ("3601", 3600), ("9" * 30, 3600), ("9" * 5000, 3600)],
)  # fmt: skip
async def test_a_rest_is_taken_as_long_as_slack_says_and_never_for_days(
    mouth: Mouth, web: SlackWeb, said: str, seconds: int
) -> None:
    mouth.status = 429
    mouth.headers["retry-after"] = said
    for ask in (post, person):
        with pytest.raises(SlackBusy) as error:
            await ask(web)
        assert error.value.retry_after == timedelta(seconds=seconds)
