"""Slack's limits, written down once more, so that what is drawn is checked by something that did not draw it."""

from collections.abc import Iterator
from typing import Any

from bot.render import ids
from bot.slack import Message

BLOCKS = {
    "message": {"section", "context", "actions", "divider", "header"},
    "modal": {"section", "context", "actions", "divider", "header", "input"},
    "home": {"section", "context", "actions", "divider", "header"},
}
MOST = {"message": 50, "modal": 100, "home": 100}


def faults(message: Message) -> list[str]:
    """What Slack would refuse or cut in it."""
    if message.blocks and message.blocks[0]["type"] in ("modal", "home"):
        return view_faults(message.blocks[0])
    found = [] if 0 < len(message.text) <= 4000 else [f"text has {len(message.text)} characters"]
    if (total := sum(len(text["text"]) for block in message.blocks for text, _ in _texts(block))) > 10_000:
        found.append(f"{total} characters in all")
    return found + _blocks("message", message.blocks)


def view_faults(view: dict[str, Any]) -> list[str]:
    """The same for a modal or a home tab."""
    surface = view["type"]
    found = _blocks(surface, view["blocks"])
    if len(view.get("private_metadata", "")) > 3000:
        found.append("private_metadata")
    if surface == "modal":
        words = {key: view[key]["text"] for key in ("title", "submit", "close") if key in view}
        found += [f"{key} has {len(word)} characters" for key, word in words.items() if not 1 <= len(word) <= 24]
        if any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view:
            found.append("inputs without submit")
        named = [block["block_id"] for block in view["blocks"] if "block_id" in block]
        if len(named) != len(set(named)):
            found.append("block ids repeat")
    elif set(view) & {"title", "submit", "close"}:
        found.append("a home tab has no title")
    return found


def _blocks(surface: str, blocks: Any) -> list[str]:
    found = [] if len(blocks) <= MOST[surface] else [f"{len(blocks)} blocks"]
    for number, block in enumerate(blocks):
        if block["type"] not in BLOCKS[surface]:
            found.append(f"{block['type']} in a {surface}")
        found += [f"block {number} ({block['type']}): {fault}" for fault in _block(block)]
    return found


def _block(block: dict[str, Any]) -> Iterator[str]:
    yield from _ids(block)
    for text, limit in _texts(block):
        if not 1 <= len(text["text"]) <= limit:
            yield f"{len(text['text'])} characters of {limit}"
        if text["type"] == "mrkdwn" and text.get("verbatim") is not True:
            yield "mrkdwn is not verbatim"
    match block["type"]:
        case "section" if "text" not in block and not 1 <= len(block.get("fields", [])) <= 10:
            yield "neither text nor 1 to 10 fields"
        case "context" if not 1 <= len(block["elements"]) <= 10:
            yield "context elements"
        case "actions" if not 1 <= len(block["elements"]) <= 25:
            yield "action elements"
        case "input" if block["element"]["action_id"] != block["block_id"]:
            yield "block_id is not the field's name"
    for element in elements(block):
        yield from _element(element)


def _ids(block: dict[str, Any]) -> Iterator[str]:
    names = [element["action_id"] for element in elements(block)]
    if len(names) != len(set(names)):
        yield f"action ids repeat: {names}"


def elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything in a block that one can press or fill."""
    found = list(block.get("elements", [])) if block["type"] == "actions" else []
    return found + [block[key] for key in ("accessory", "element") if key in block]


def _texts(block: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    if "text" in block:
        yield block["text"], 150 if block["type"] == "header" else 3000
    for field in block.get("fields", []):
        yield field, 2000
    if block["type"] == "context":
        for element in block["elements"]:
            yield element, 3000
    for key in ("label", "hint"):
        if key in block:
            yield block[key], 2000


def _element(element: dict[str, Any]) -> Iterator[str]:
    if element["type"] == "button":
        yield from _button(element)
    for key in ("placeholder",):
        if key in element and len(element[key]["text"]) > 150:
            yield key
    options = element.get("options", []) + element.get("initial_options", [])
    options += [element["initial_option"]] if "initial_option" in element else []
    if element["type"] in ("static_select", "radio_buttons", "checkboxes"):
        most = 100 if element["type"] == "static_select" else 10
        if not 1 <= len(element["options"]) <= most:
            yield f"{len(element['options'])} options"
    for option in options:
        if not (1 <= len(option["text"]["text"]) <= 75 and 1 <= len(option["value"]) <= 75):
            yield f"option {option['value']!r}"
        if len(option.get("description", {}).get("text", "")) > 75:
            yield "option description"
    if element.get("max_length", 1) > 3000 or len(element.get("initial_value", "")) > element.get("max_length", 3000):
        yield "input length"


def _button(element: dict[str, Any]) -> Iterator[str]:
    if element["text"]["type"] != "plain_text" or not 1 <= len(element["text"]["text"]) <= 75:
        yield "button text"
    if ids.verb(element["action_id"]) not in ids.ACTIONS:
        yield f"unknown action {element['action_id']}"
    for key, limit in (("accessibility_label", 75), ("value", 2000), ("url", 3000)):
        if len(element.get(key, "")) > limit:
            yield f"{key} has {len(element[key])} characters"
    if element.get("style", "primary") not in ("primary", "danger"):
        yield "style"
    if "value" in element:
        ids.read(element["value"])
    elif "url" not in element:
        yield "a button that says nothing"
    yield from _confirm(element.get("confirm"))


def _confirm(ask: dict[str, Any] | None) -> Iterator[str]:
    for key, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)) if ask else ():
        if not 1 <= len(ask[key]["text"]) <= limit:
            yield f"confirm {key}"
