"""The block checker knows every limit of Block Kit: at the limit nothing is said, one beyond it is refused."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.slack.blocks import check_message, check_view

Block = dict[str, Any]


def text(words: str = "x", kind: str = "plain_text") -> Block:
    return {"type": kind, "text": words}


def md(words: str = "x") -> Block:
    return text(words, "mrkdwn")


def option(value: str = "v", words: str = "x", **more: Any) -> Block:
    return {"text": text(words), "value": value, **more}


def options(count: int) -> list[Block]:
    return [option(f"v{n}") for n in range(count)]


def element(kind: str, **more: Any) -> Block:
    return {"type": kind, "action_id": "a", **more}


def button(action_id: str = "a", **more: Any) -> Block:
    return {"type": "button", "action_id": action_id, "text": text(), **more}


def buttons(count: int) -> list[Block]:
    return [button(f"a{n}") for n in range(count)]


def section(**fields: Any) -> Block:
    return {"type": "section", "text": md(), **fields}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def field(inner: Block, **more: Any) -> Block:
    return {"type": "input", "label": text(), "element": inner, **more}


def image(**fields: Any) -> Block:
    return {"type": "image", "alt_text": "x", "image_url": "https://example.com/a.png", **fields}


def select(**fields: Any) -> Block:
    return element("static_select", **{"options": options(1), **fields})


def confirm(**fields: Any) -> Block:
    return {"title": text(), "text": md(), "confirm": text(), "deny": text(), **fields}


def group(label: str, count: int = 1) -> Block:
    return {"label": text(label), "options": options(count)}


def table(rows: int, columns: int) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns] * rows}


def rich(*inner: Block) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(inner)}]}


def data_table(rows: int, columns: int = 2) -> Block:
    return {"type": "data_table", "caption": "x", "rows": table(rows, columns)["rows"]}


FITS_AND_NOT: list[tuple[str, list[Block], list[Block]]] = [
    ("blocks", [{"type": "divider"}] * 50, [{"type": "divider"}] * 51),
    ("section text", [section(text=md("x" * 3000))], [section(text=md("x" * 3001))]),
    ("section text is not empty", [section(text=md("x"))], [section(text=md(""))]),
    ("section needs text or fields", [{"type": "section", "fields": [md()]}], [{"type": "section"}]),
    ("section fields", [section(fields=[md()] * 10)], [section(fields=[md()] * 11)]),
    ("field length", [section(fields=[md("x" * 2000)])], [section(fields=[md("x" * 2001)])]),
    ("accessory", [section(accessory=image())], [section(accessory=element("plain_text_input"))]),
    ("header length", [{"type": "header", "text": text("x" * 150)}], [{"type": "header", "text": text("x" * 151)}]),
    ("header is plain", [{"type": "header", "text": text()}], [{"type": "header", "text": md()}]),
    ("context", [{"type": "context", "elements": [md()] * 10}], [{"type": "context", "elements": [md()] * 11}]),
    ("context is not empty", [{"type": "context", "elements": [md()]}], [{"type": "context", "elements": []}]),
    ("context holds no buttons", [{"type": "context", "elements": [image()]}],
     [{"type": "context", "elements": buttons(1)}]),
    ("actions", [actions(*buttons(25))], [actions(*buttons(26))]),
    ("actions hold no inputs", [actions(button())], [actions(element("plain_text_input"))]),
    ("action ids of one block", [actions(button("a"), button("b"))], [actions(button("a"), button("a"))]),
    ("action ids of two blocks", [actions(button("a")), actions(button("a"))], [actions(button("a"), button("a"))]),
    ("block ids", [section(block_id="a"), section(block_id="b")], [section(block_id="a"), section(block_id="a")]),
    ("block id length", [section(block_id="x" * 255)], [section(block_id="x" * 256)]),
    ("action id length", [actions(button("x" * 255))], [actions(button("x" * 256))]),
    ("unknown block", [section()], [{"type": "sektion"}]),
    ("unknown element", [actions(button())], [actions(element("knob"))]),
    ("unknown field", [section(expand=True)], [section(colour="red")]),
    ("wrong type", [section(expand=True)], [section(expand="yes")]),
    ("text object", [section(text=md())], [section(text="x")]),
    ("image alt text", [image(alt_text="x" * 2000)], [image(alt_text="x" * 2001)]),
    ("image has alt text", [image()], [{"type": "image", "image_url": "https://example.com/a.png"}]),
    ("image address", [image(image_url="https://" + "x" * 2992)], [image(image_url="https://" + "x" * 2993)]),
    ("image has one source", [image()], [image(slack_file={"id": "F0"})]),
    ("image is fetched by http", [image()], [image(image_url="data:image/png;base64,AA")]),
    ("button text", [actions(button(text=text("x" * 75)))], [actions(button(text=text("x" * 76)))]),
    ("button text is plain", [actions(button())], [actions(button(text=md()))]),
    ("button value", [actions(button(value="x" * 2000))], [actions(button(value="x" * 2001))]),
    ("button style", [actions(button(style="danger"))], [actions(button(style="default"))]),
    ("button label", [actions(button(accessibility_label="x" * 75))], [actions(button(accessibility_label="x" * 76))]),
    ("button link", [actions(button(url="https://example.com"))], [actions(button(url="javascript:alert(1)"))]),
    ("confirm title", [actions(button(confirm=confirm(title=text("x" * 100))))],
     [actions(button(confirm=confirm(title=text("x" * 101))))]),
    ("confirm text", [actions(button(confirm=confirm(text=md("x" * 300))))],
     [actions(button(confirm=confirm(text=md("x" * 301))))]),
    ("confirm answer", [actions(button(confirm=confirm(deny=text("x" * 30))))],
     [actions(button(confirm=confirm(deny=text("x" * 31))))]),
    ("options", [actions(select(options=options(100)))], [actions(select(options=options(101)))]),
    ("options are not empty", [actions(select())], [actions(select(options=[]))]),
    ("option groups", [actions(element("static_select", option_groups=[group("x")] * 100))],
     [actions(element("static_select", option_groups=[group("x")] * 101))]),
    ("group label", [actions(element("static_select", option_groups=[group("x" * 75)]))],
     [actions(element("static_select", option_groups=[group("x" * 76)]))]),
    ("options or groups", [actions(select())], [actions(select(option_groups=[group("x")]))]),
    ("option text", [actions(select(options=[option(words="x" * 75)]))],
     [actions(select(options=[option(words="x" * 76)]))]),
    ("option value", [actions(select(options=[option("x" * 75)]))], [actions(select(options=[option("x" * 151)]))]),
    ("option description", [actions(select(options=[option(description=text("x" * 75))]))],
     [actions(select(options=[option(description=text("x" * 76))]))]),
    ("initial option", [actions(select(initial_option=option("v0")))], [actions(select(initial_option=option("v9")))]),
    ("placeholder", [actions(select(placeholder=text("x" * 150)))], [actions(select(placeholder=text("x" * 151)))]),
    ("overflow", [actions(element("overflow", options=options(5)))],
     [actions(element("overflow", options=options(6)))]),
    ("checkboxes", [actions(element("checkboxes", options=options(10)))],
     [actions(element("checkboxes", options=options(11)))]),
    ("radio buttons", [actions(element("radio_buttons", options=options(10)))],
     [actions(element("radio_buttons", options=options(11)))]),
    ("date", [actions(element("datepicker", initial_date="2026-01-31"))],
     [actions(element("datepicker", initial_date="31.1.2026"))]),
    ("time", [actions(element("timepicker", initial_time="09:30"))],
     [actions(element("timepicker", initial_time="9:30"))]),
    ("date and time", [actions(element("datetimepicker", initial_date_time=1767225600))],
     [actions(element("datetimepicker", initial_date_time=1767225600000))]),
    ("input label", [field(select(), label=text("x" * 2000))], [field(select(), label=text("x" * 2001))]),
    ("input hint", [field(select(), hint=text("x" * 2000))], [field(select(), hint=text("x" * 2001))]),
    ("input holds no buttons", [field(select())], [field(button())]),
    ("max length", [field(element("plain_text_input", max_length=3000))],
     [field(element("plain_text_input", max_length=3001))]),
    ("number input", [field(element("number_input", is_decimal_allowed=False))], [field(element("number_input"))]),
    ("number bounds are strings", [field(element("number_input", is_decimal_allowed=False, min_value="1"))],
     [field(element("number_input", is_decimal_allowed=False, min_value=1))]),
    ("focus", [field(element("plain_text_input", focus_on_load=True))],
     [field(element("plain_text_input", focus_on_load=True)), field(select(focus_on_load=True))]),
    ("files only in modals", [field(select())], [field(element("file_input"))]),
    ("response url only in modals", [field(element("channels_select"))],
     [field(element("channels_select", response_url_enabled=True))]),
    ("markdown in all", [{"type": "markdown", "text": "x" * 12_000}],
     [{"type": "markdown", "text": "x" * 6_001}, {"type": "markdown", "text": "x" * 6_000}]),
    ("rich text", [rich({"type": "text", "text": "x"})], [rich({"type": "mrkdwn", "text": "x"})]),
    ("rich list indent",
     [{"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "indent": 8, "elements": []}]}],
     [{"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "indent": 9, "elements": []}]}]),
    ("table rows", [table(100, 1)], [table(101, 1)]),
    ("table columns", [table(1, 20)], [table(1, 21)]),
    ("tables", [table(1, 1)], [table(1, 1), table(1, 1)]),
    ("data table rows", [data_table(101)], [data_table(102)]),
    ("alerts only in modals", [section()], [{"type": "alert", "text": md()}]),
    ("card body", [{"type": "card", "body": md("x" * 200)}], [{"type": "card", "body": md("x" * 201)}]),
    ("cards", [{"type": "carousel", "elements": [{"type": "card", "title": md()}] * 10}],
     [{"type": "carousel", "elements": [{"type": "card", "title": md()}] * 11}]),
    ("container", [{"type": "container", "title": text(), "child_blocks": [section()] * 10}],
     [{"type": "container", "title": text(), "child_blocks": [section()] * 11}]),
    ("contained blocks are checked", [{"type": "container", "title": text(), "child_blocks": [section()]}],
     [{"type": "container", "title": text(), "child_blocks": [section(text=md("x" * 3001))]}]),
]  # fmt: skip


@pytest.mark.parametrize(("fits", "beyond"), [row[1:] for row in FITS_AND_NOT], ids=[row[0] for row in FITS_AND_NOT])
def test_message_limits(fits: list[Block], beyond: list[Block]) -> None:
    assert [found for found in check_message(fits) if found.is_error] == []
    assert [found for found in check_message(beyond) if found.is_error]


def modal(**fields: Any) -> Block:
    return {"type": "modal", "title": text(), "blocks": [section()], **fields}


def home(**fields: Any) -> Block:
    return {"type": "home", "blocks": [section()], **fields}


@pytest.mark.parametrize(
    ("fits", "beyond"),
    [
        pytest.param(modal(blocks=[section()] * 100), modal(blocks=[section()] * 101), id="blocks of a modal"),
        pytest.param(home(blocks=[section()] * 100), home(blocks=[section()] * 101), id="blocks of a home"),
        pytest.param(modal(title=text("x" * 24)), modal(title=text("x" * 25)), id="title"),
        pytest.param(modal(close=text("x" * 24)), modal(close=text("x" * 25)), id="close"),
        pytest.param(modal(), {"type": "modal", "blocks": []}, id="a modal has a title"),
        pytest.param(
            modal(blocks=[field(select())], submit=text()), modal(blocks=[field(select())]), id="inputs need submit"
        ),
        pytest.param(home(), home(submit=text()), id="a home has no submit"),
        pytest.param(modal(private_metadata="x" * 3000), modal(private_metadata="x" * 3001), id="private metadata"),
        pytest.param(modal(callback_id="x" * 255), modal(callback_id="x" * 256), id="callback id"),
        pytest.param(modal(), modal(blocks=[{"type": "markdown", "text": "x"}]), id="markdown only in messages"),
        pytest.param(modal(), modal(blocks=[table(1, 1)]), id="tables only in messages"),
        pytest.param(
            modal(blocks=[field(element("datetimepicker"))], submit=text()),
            home(blocks=[field(element("datetimepicker"))]),
            id="no date-time picker in a home",
        ),
        pytest.param(modal(), {"type": "dialog", "title": text(), "blocks": []}, id="kind of view"),
    ],
)
def test_view_limits(fits: Block, beyond: Block) -> None:
    assert [found for found in check_view(fits) if found.is_error] == []
    assert [found for found in check_view(beyond) if found.is_error]


def test_what_is_merely_unwise_is_a_warning() -> None:
    long = [section(text=md("x" * 3000), block_id=str(n)) for n in range(4)]
    found = check_message([*long, actions(select(options=[option("x" * 76)]))], "x" * 4001)
    assert {one.code for one in found} == {"long_text", "long_blocks", "long_value"}
    assert not any(one.is_error for one in found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WHOLE = [section(accessory=select(option_groups=[group("x")], confirm=confirm())), actions(*buttons(2)), table(2, 2)]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a tree where something else could stand."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@given(st.data())
def test_nothing_a_bot_sends_breaks_the_checker(data: st.DataObject) -> None:
    blocks = copy.deepcopy(WHOLE)
    holder, key = data.draw(st.sampled_from(places(blocks)))
    holder[key] = data.draw(JSON)
    check_message(blocks, "x")
    check_view(modal(blocks=blocks))
