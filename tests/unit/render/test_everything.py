"""What holds for everything that is drawn: Slack takes it, nobody is pinged by a name, and `text` says it all."""

import re
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View as SdkView

from bot.render import ids
from bot.render.answer_facts import AnswerFacts
from bot.render.context import Context
from bot.render.registry import ANSWERS, MESSAGES, render
from bot.render.views import VIEWS
from bot.rules.keys import EVENT_TYPES
from bot.slack import Message
from deploy.sandbox.slack.blocks import check_message, check_view
from tests.unit.render.limits import elements, faults
from tests.unit.render.samples import NOW, samples

CTX = Context("/notebook")
PLAIN = samples()
NASTY = (
    "<!channel>",
    "<!here|x> & <@U0LEAD>",
    "\"quoted\" 'name'",
    "a`b`\nc",
    "x" * 3000,
    "&" * 3000,
    "<" * 3000,
    "训练" * 1000,
    "\u202eevil\u2066",
    "*bold* _it_ ~gone~",
    " ",
    "",
    "[[at:1]]",
    "<https://x.example|click>",
    "@channel",
    "[[at:99999999999999]]",
    "U0STRANGER",
    "<!subteam^S0ALL>",
)


def draw(name: str, everything: dict[str, Any]) -> Message:
    kind, facts = everything[name]
    message = render(kind, facts, NOW, CTX)
    assert message is not None, name
    return message


def strings(value: Any) -> list[str]:
    """Every string that Slack reads as mrkdwn."""
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for each in value.values() for text in strings(each)]
    return [text for each in value for text in strings(each)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize("name", PLAIN)
def test_slack_takes_it(name: str) -> None:
    assert faults(draw(name, PLAIN)) == []


@pytest.mark.parametrize("name", PLAIN)
def test_slacks_own_models_take_it(name: str) -> None:
    message = draw(name, PLAIN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if PLAIN[name][0] in ("view", "home"):
            SdkView(**message.blocks[0]).validate_json()
        for block in message.blocks if PLAIN[name][0] not in ("view", "home") else ():
            parsed = SdkBlock.parse(block)
            assert parsed is not None
            parsed.to_dict()


@pytest.mark.parametrize("name", PLAIN)
def test_the_simulated_slack_takes_it(name: str) -> None:
    """Another reading of the same limits, written for the sandbox."""
    message = draw(name, PLAIN)
    is_view = PLAIN[name][0] in ("view", "home")
    assert (check_view(message.blocks[0]) if is_view else check_message(list(message.blocks), message.text)) == []


def test_everything_that_can_be_drawn_has_a_sample() -> None:
    kinds = {kind for kind, _ in PLAIN.values()}
    assert set(MESSAGES) == set(EVENT_TYPES)
    assert kinds == {*EVENT_TYPES, "answer", "view", "home"}
    assert {facts["what"] for kind, facts in PLAIN.values() if kind == "answer"} == set(ANSWERS)
    assert {facts["view"] for kind, facts in PLAIN.values() if kind == "view"} == set(VIEWS) - {"home"}
    assert set(ids.VIEWS) <= set(VIEWS)


@pytest.mark.parametrize(
    ("kind", "facts"), [("poem", {}), ("answer", AnswerFacts(what="poem")), ("view", {"view": "poem"})]
)
def test_what_is_not_known_is_not_drawn(kind: str, facts: Any) -> None:
    assert render(kind, facts, NOW, CTX) is None


@pytest.mark.parametrize("raw", NASTY, ids=lambda raw: repr(raw[:20]))
def test_any_name_stays_within_limits_and_pings_nobody(raw: str) -> None:
    check_foreign_text(raw)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=200) | st.text("<>&!@#|`*_~\n\u202e[]:at0", max_size=400))
def test_any_text_at_all_stays_within_limits_and_pings_nobody(raw: str) -> None:
    check_foreign_text(raw)


TOKEN = re.compile(r"<!date\^\d+\^[^<>|^]*\|[^<>|]*>|<@[A-Z0-9]+>")


def mentions(message: Message) -> set[str]:
    return {found for said in (message.text, *strings(message.blocks)) for found in re.findall(r"<@\w+>", said)}


def check_foreign_text(raw: str) -> None:
    everything = samples(raw, raw)
    for name, (kind, facts) in everything.items():
        if kind == "digest" or facts.get("what") == "cost":
            continue  # they draw pictures, which takes time; they have their own test
        message = draw(name, everything)
        assert faults(message) == [], name
        assert mentions(message) <= mentions(draw(name, PLAIN)), name
        for said in (message.text, *strings(message.blocks)):
            assert "<" not in TOKEN.sub("", said), (name, said)
            assert not re.search("[\u202a-\u202e\u2066-\u2069]", said), name


@pytest.mark.parametrize("raw", ["<!channel>", "x" * 3000, "<" * 3000])
@pytest.mark.parametrize("name", ["digest/daily", "digest/weekly shadow", "cost", "cost/elsewhere"])
def test_pictures_take_any_name_too(name: str, raw: str) -> None:
    message = draw(name, samples(raw, raw))
    assert faults(message) == []
    assert "<!channel" not in message.text + "".join(strings(message.blocks))
    assert len(message.image_alt) <= 2000


@pytest.mark.parametrize("name", [name for name, (kind, _) in PLAIN.items() if kind not in ("view", "home")])
def test_text_says_everything_the_blocks_say(name: str) -> None:
    message = draw(name, PLAIN)
    if len(message.text) >= 3800:  # cut: the beginning is what counts
        return
    for block in message.blocks:
        for said in strings([block]):
            for line in re.sub(r"^\*(.+?)\*\n", "", said).splitlines():
                assert line in message.text, (name, line)


@pytest.mark.parametrize("name", PLAIN)
def test_words_are_calm(name: str) -> None:
    """No exclamation marks, no shouting, and no instant in a place where Slack would not draw it."""
    message = draw(name, PLAIN)
    for said in (message.text, *strings(message.blocks)):
        assert not re.search(r"(?<!<)!", said), said
        assert "None" not in said
        assert "[[at:" not in said
    for plain in _plain_texts(message.blocks):
        assert "<" not in plain
        assert "*" not in plain


def _plain_texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "plain_text" else []
        return own + [text for each in value.values() for text in _plain_texts(each)]
    return [text for each in value for text in _plain_texts(each)] if isinstance(value, list | tuple) else []


def _buttons(message: Message) -> list[dict[str, Any]]:
    drawn = message.blocks
    if drawn and drawn[0]["type"] in ("modal", "home"):
        drawn = drawn[0]["blocks"]
    return [each for block in drawn for each in elements(block) if each["type"] == "button"]


@pytest.mark.parametrize("name", PLAIN)
def test_buttons_carry_ids_only(name: str) -> None:
    """A value names causes and ids; names, reasons and links stay out of it."""
    for each in _buttons(draw(name, samples("SecretName", "SecretReason"))):
        assert "Secret" not in each.get("value", "")


@pytest.mark.parametrize("name", PLAIN)
def test_two_notebooks_never_share_a_cause(name: str) -> None:
    """One cause admits one effect per verb: a row's click must not use up its neighbour's."""
    seen: dict[str, str | None] = {}
    for each in _buttons(draw(name, PLAIN)):
        if ids.verb(each["action_id"]) == ids.PICK or "value" not in each:
            continue
        value = ids.read(each["value"])
        if value.notebook:
            assert seen.setdefault(value.cause, value.notebook) == value.notebook
