"""The builders hold the limits themselves, so that a careless caller cannot break a message."""

import pytest

from bot.render import blocks, ids
from bot.render.blocks import button
from bot.render.page import Page

VALUE = ids.Button(cause="c1")


def test_a_repeated_action_id_is_a_mistake_found_at_home() -> None:
    with pytest.raises(ValueError, match="repeat"):
        blocks.actions([button("A", ids.STOP, VALUE), button("B", ids.STOP, VALUE)])
    assert blocks.actions([button("A", "notebook_extend:1h", VALUE), button("B", "notebook_extend:4h", VALUE)])


def test_an_options_value_is_never_cut() -> None:
    with pytest.raises(ValueError, match="too long"):
        blocks.option("text", "v" * 76)
    assert blocks.option("t" * 100, "v")["text"]["text"] == "t" * 74 + "…"


def test_texts_are_cut_at_their_limits() -> None:
    assert len(blocks.section("x" * 5000)["text"]["text"]) <= 3000
    assert len(blocks.header("x" * 500)["text"]["text"]) <= 150
    assert len(blocks.context(*["x"] * 20)["elements"]) == 10
    assert len(blocks.fields(["x" * 5000] * 20)["fields"]) == 10
    pressed = button("x" * 100, ids.STOP, VALUE, about="y" * 100)
    assert len(pressed["text"]["text"]) == len(pressed["accessibility_label"]) == 75


def test_an_empty_text_is_still_a_text() -> None:
    assert blocks.section("")["text"]["text"] == " "


def test_repeated_buttons_are_told_apart_by_those_who_hear_them() -> None:
    assert button("Stop now", ids.STOP, VALUE, about="train-1")["accessibility_label"] == "Stop now train-1"


def test_what_is_not_known_takes_no_room() -> None:
    page = Page()
    page.facts(("Price", ""), ("Flavor", "x"))
    page.buttons(None)
    message = page.message()
    assert message.text == "Flavor: x"
    assert len(message.blocks) == 1


def test_a_long_message_gets_shorter_paragraphs_and_keeps_its_buttons() -> None:
    page = Page()
    for number in range(20):
        page.say("x" * 2000)
        page.buttons(button("Stop", f"{ids.STOP}:{number}", VALUE))
    message = page.message()
    assert sum(len(block["text"]["text"]) for block in message.blocks if block["type"] == "section") < 10_000
    assert sum(block["type"] == "actions" for block in message.blocks) == 20
    assert len(message.text) <= 4000
