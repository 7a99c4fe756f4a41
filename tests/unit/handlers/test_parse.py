"""What people type, however their chat program spells it, is understood or answered with what was meant."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BadInput
from bot.render.help import BY_NAME
from handlers import words
from handlers.parse import COMMANDS, Form, Help, Request, Until, Wish, needs_zone, parse, settle

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_help_and_grammar_know_the_same_commands() -> None:
    assert set(COMMANDS) == set(BY_NAME)


@pytest.mark.parametrize("example", [example for command in BY_NAME.values() for example in command.examples])
def test_every_example_of_help_is_understood(example: str) -> None:
    assert isinstance(parse(example.replace("@ana", "<@U0ANA>")), Wish)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("start train-1", {"name": "train-1"}),
        ("START train-1", {"name": "train-1"}),
        ("start\u00a0train-1\u2003for\u00a04h", {"name": "train-1", "for_s": 14400}),
        ("start train-1 4h", {"name": "train-1", "for_s": 14400}),
        ("start train-1 for=90m", {"name": "train-1", "for_s": 5400}),
        ("start my notebook for 1d", {"name": "my notebook", "for_s": 86400}),
        ("start \u201cmy notebook\u201d for 1h30m", {"name": "my notebook", "for_s": 5400}),
        ("start \u2018my notebook\u2019", {"name": "my notebook"}),
        ("start train\u20131", {"name": "train-1"}),
        ("start a\x00b", {"name": "ab"}),
        ("start train\u200b-1", {"name": "train-1"}),
        ("start a&amp;b", {"name": "a&b"}),
        ("start for for 4h", {"name": "for", "for_s": 14400}),
        ('start "for 4h"', {"name": "for 4h"}),
        ("start payload", {"name": "payload"}),
        ("start <http://lab.io|lab.io>", {"name": "lab.io"}),
        ("start 笔记本", {"name": "笔记本"}),
    ],
)
def test_start(text: str, args: dict) -> None:
    assert parse(text) == Request("start", args)


@pytest.mark.parametrize(
    ("text", "name", "length", "reason"),
    [
        ("train-1 2h", "train-1", 7200, ""),
        ("train-1 for 2h", "train-1", 7200, ""),
        ("train-1 by 2h it needs 3h more", "train-1", 7200, "it needs 3h more"),
        ('"train 1" 2h "quoted" reason', "train 1", 7200, '"quoted" reason'),
        ("train x 2h", "train x", 7200, ""),
        ("train-1 2h 3h were too few", "train-1", 7200, "3h were too few"),
        ('train-1 2h "30m" was said', "train-1", 7200, '"30m" was said'),
        ("train-1 until 18:00", "train-1", Until("18:00"), ""),
        (
            "train-1 until tomorrow 18:00 it\u2019s \u201clong\u201d",
            "train-1",
            Until("tomorrow 18:00"),
            "it\u2019s \u201clong\u201d",
        ),
        ("train-1 until 2026-11-25 18:00 last run", "train-1", Until("2026-11-25 18:00"), "last run"),
        ("train-1 until Fri 12:00", "train-1", Until("Fri 12:00"), ""),
        ("train-1 2h &lt;!channel&gt; &amp;amp; payload", "train-1", 7200, "<!channel> &amp; payload"),
        ("until until 18:00 until then", "until", Until("18:00"), "until then"),
        ("train-1 2h see <https://x.y/a?b=1&amp;c=2>, then", "train-1", 7200, "see https://x.y/a?b=1&c=2, then"),
        ("train-1 2h ask <mailto:ana@x.y|ana@x.y> in <#C0OPS|ops>", "train-1", 7200, "ask ana@x.y in #ops"),
        ("train-1 2h &lt;http://x.y&gt; <@U0BEN> <#C0OPS|>", "train-1", 7200, "<http://x.y> <@U0BEN> <#C0OPS|>"),
        ("train-1 2h   two  spaces", "train-1", 7200, "two  spaces"),
    ],
)
def test_extend(text: str, name: str, length: object, reason: str) -> None:
    key = "until_ms" if isinstance(length, Until) else "by_s"
    assert parse(f"extend {text}") == Request("extend", {"name": name, key: length, "reason": reason})


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", Help(None)),
        ("  ", Help(None)),
        ("help", Help(None)),
        ("help Extend", Help("extend")),
        ("create", Form("notebook_create", {})),
        ("delete my notebook", Form("notebook_delete", {"name": "my notebook"})),
        ("list @U012ABCDEF gpu", Request("list", {"scope": "@U012ABCDEF", "words": "gpu", "page": 1})),
        ("list <@W012AB|Ana B> gpu", Request("list", {"scope": "@W012AB", "words": "gpu", "page": 1})),
        ("list gpu all", Request("list", {"scope": "mine", "words": "gpu all", "page": 1})),
        ('list "all"', Request("list", {"scope": "mine", "words": "all", "page": 1})),
        ("cost 7d <@U0BEN>", Request("cost", {"scope": "@U0BEN", "period": "7d"})),
        ("cost", Request("cost", {"scope": "me", "period": "30d"})),
        ("plan look at me at 23:00", Request("plan", {"name": "look at me", "at_ms": Until("23:00")})),
        (
            "create n image=\u201ca b\u201d flavor=f idle=no description='x y'",
            Request("create", {"name": "n", "image": "a b", "flavor": "f", "idle": False, "description": "x y"}),
        ),
        (
            "create n image=i flavor=f for 4h idle disk=50GB",
            Request("create", {"name": "n", "image": "i", "flavor": "f", "for_s": 14400, "idle": True, "disk": 50}),
        ),
        ("create idle image=i flavor=f", Request("create", {"name": "idle", "image": "i", "flavor": "f"})),
        ("admin pause research", Request("admin", {"what": "pause", "project": "research"})),
        (
            "admin map <@U0BEN> ben research",
            Request("admin", {"what": "map", "user": "U0BEN", "cloud_user": "ben", "project": "research"}),
        ),
        (
            "admin map <@U0BEN> <mailto:ben@x.y|ben@x.y>",
            Request("admin", {"what": "map", "user": "U0BEN", "cloud_user": "ben@x.y"}),
        ),
        (
            "create n image=<http://python.org|python.org> flavor=f project=<http://lab.dev|lab.dev>",
            Request("create", {"name": "n", "image": "python.org", "flavor": "f", "project": "lab.dev"}),
        ),
        ("policy", Request("policy", {})),
    ],
)
def test_the_grammar(text: str, wish: object) -> None:
    assert parse(text) == wish


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strat train-1", 'Did you mean "start train-1"?'),
        ("lst", 'Did you mean "list"?'),
        ("xyzzy", 'I do not know "xyzzy".'),
        ("help strat", 'Did you mean "help start"?'),
        ("extend train-1", "For how long?"),
        ("extend", "Which notebook? For example: extend train-1 2h"),
        ("keep", "Which notebook? For example: keep train-1 until 23:00 waiting for data"),
        ("show", "Which notebook? For example: show train-1"),
        ("extend train-1 4", "did you mean 4h?"),
        ("extend train-1 1.5h", "did you mean 1h30m?"),
        ("extend train-1 1h 30m", "did you mean 1h30m?"),
        ("keep train-1 for 1D 2h waiting", "did you mean 1D2h?"),
        ("extend train-1 100h", "out of range"),
        ("extend train-1 0h", "out of range"),
        ("extend train-1 until", "Until when?"),
        ("extend train-1 until fri", 'At what time on "fri"?'),
        ("keep train-1 until 23:00", "Why?"),
        ("start train-1 for", "For how long?"),
        ("start for 4h", "Which notebook?"),
        ("plan n at 23:00 sharp", "sharp"),
        ("list @ana", "cannot tell who"),
        ("cost tem", 'Did you mean "team"?'),
        ("cost year", "I do not know"),
        ("flavors tpu", "no category"),
        ("whoami please", "takes nothing after it"),
        ("create train/1 image=i flavor=f", "cannot be a name"),
        ("create " + "a" * 65 + " image=i flavor=f", "cannot be a name"),
        ("create image=i flavor=f", "What is it to be called?"),
        ("create n", "image and flavor missing"),
        ("create n image=i", "flavor missing"),
        ("create n image= flavor=f", "image missing"),
        ("create n imgae=i flavor=f", 'Did you mean "image="?'),
        ("create n image=i flavor=f disk=4", "not a disk size"),
        ("create n image=i flavor=f disk=4097", "not a disk size"),
        ("create n image=i flavor=f disk=\u0665\u0666", "not a disk size"),
        ("create n image=i flavor=f for=4", "did you mean 4h?"),
        ("create two words image=i flavor=f", "one word"),
        ("admin", "admin needs one of"),
        ("admin enfroce", 'Did you mean "admin enforce"?'),
        ("admin map ana ana-cloud", "cannot tell who"),
        ("admin map <@U0BEN>", "which cloud user"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(text: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse(text)
    assert said in str(error.value)


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused_in_words(text: str) -> None:
    try:
        answer: object = settle(parse(text), NOW, ZoneInfo("Europe/Berlin"))
    except BadInput as error:
        answer = str(error)
    assert isinstance(answer, Wish) or (isinstance(answer, str) and answer)


@given(st.text(max_size=80).map(words.unescape))
def test_any_reason_arrives_as_it_was_typed(reason: str) -> None:
    slack = reason.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    unseen = "\x00\u200b\u200c\u200d\u2060\ufeff"
    request = parse(f"extend train-1 2h {slack}")
    assert isinstance(request, Request)
    assert request.args["reason"] == "".join(c for c in reason if c not in unseen).strip()


def test_instants_wait_for_the_zone() -> None:
    wish = parse("extend train-1 until 18:00")
    assert needs_zone(wish)
    assert not needs_zone(parse("extend train-1 2h"))
    settled = settle(wish, NOW, ZoneInfo("Asia/Tokyo"))
    assert settled == Request("extend", {"name": "train-1", "until_ms": 1795424400000, "reason": ""})


def test_the_same_command_is_the_same_text() -> None:
    assert words.same("start \u00a0 \u201ca b\u201d ") == words.same('start "a b"')
    assert words.same("start a") != words.same("start A")
