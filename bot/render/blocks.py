"""Block Kit, as plain dicts within Slack's limits. mrkdwn given here is escaped already; plain text is not.

Limits: platform digest 3. Lengths are cut here as the last resort; a duplicate action id in a block is our mistake and
raises ValueError.
"""

from collections.abc import Sequence
from typing import Any, Literal

from bot.render import ids
from bot.render.text import clip, cut
from bot.slack import Block

SECTION, FIELD, CONTEXT, HEADER = 2900, 1900, 2900, 145
BUTTON, OPTION, LABEL, PLACEHOLDER, HINT = 75, 75, 150, 150, 300
FIELDS, CONTEXTS, ACTIONS, OPTIONS = 10, 10, 25, 100
MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100

Style = Literal["primary", "danger"]


def mrkdwn(text: str, limit: int = SECTION) -> dict[str, Any]:
    """A text object; names in it are not linked by themselves."""
    return {"type": "mrkdwn", "text": clip(text, limit) or " ", "verbatim": True}


def plain(text: str, limit: int) -> dict[str, Any]:
    """A plain text object."""
    return {"type": "plain_text", "text": cut(text, limit) or " ", "emoji": True}


def section(text: str, *, accessory: Block | None = None) -> Block:
    """A paragraph."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block | {"accessory": accessory} if accessory else block


def fields(texts: Sequence[str]) -> Block:
    """Up to ten short texts in two columns."""
    return {"type": "section", "fields": [mrkdwn(text, FIELD) for text in texts[:FIELDS]]}


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [mrkdwn(text, CONTEXT) for text in texts[:CONTEXTS]]}


def header(text: str) -> Block:
    """A heading, plain."""
    return {"type": "header", "text": plain(text, HEADER)}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def actions(buttons: Sequence[Block]) -> Block:
    """A row of buttons; their action ids differ."""
    row = list(buttons[:ACTIONS])
    names = [element["action_id"] for element in row]
    if len(set(names)) != len(names):
        raise ValueError(f"action ids repeat in one block: {names}")
    return {"type": "actions", "elements": row}


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = True) -> Block:
    """A question before a click counts. It guards against slips; rights are checked by the handler."""
    dialog = {"title": plain(title, 100), "text": plain(text, 300), "confirm": plain(yes, 30), "deny": plain(no, 30)}
    return dialog | {"style": "danger"} if danger else dialog


def button(
    text: str,
    action: str,
    value: ids.Button | None = None,
    *,
    style: Style | None = None,
    ask: Block | None = None,
    about: str = "",
    url: str = "",
) -> Block:
    """`about` names what it acts on, for those who hear the button without seeing its row."""
    block: Block = {"type": "button", "text": plain(text, BUTTON), "action_id": action}
    if value is not None:
        block["value"] = value.dump()
    if style:
        block["style"] = style
    if ask:
        block["confirm"] = ask
    if about:
        block["accessibility_label"] = cut(f"{text.rstrip('…')} {about}", BUTTON)
    if url:
        block["url"] = url
    return block


def option(text: str, value: str, description: str = "") -> Block:
    """One of a select; `value` must fit 75 characters, it is never cut."""
    if len(value) > OPTION:
        raise ValueError(f"option value too long: {len(value)} characters")
    choice: Block = {"text": plain(text, OPTION), "value": value}
    return choice | {"description": plain(description, OPTION)} if description else choice


def static_select(field: str, options: Sequence[Block], *, initial: str | None = None, placeholder: str = "") -> Block:
    """A drop-down; `initial` is the value picked already, if it is among the options."""
    block: Block = {"type": "static_select", "action_id": field, "options": list(options[:OPTIONS])}
    picked = next((choice for choice in block["options"] if choice["value"] == initial), None)
    return _with(block, initial_option=picked, placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None)


def external_select(field: str, *, initial: Block | None = None, placeholder: str = "", typed: int = 0) -> Block:
    """A drop-down whose options we answer as the person types; `typed` characters are needed for the first answer."""
    block: Block = {"type": "external_select", "action_id": field, "min_query_length": typed}
    return _with(block, initial_option=initial, placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None)


def radio(field: str, options: Sequence[Block], *, initial: str | None = None) -> Block:
    """One of a few, all seen."""
    block: Block = {"type": "radio_buttons", "action_id": field, "options": list(options[:10])}
    return _with(block, initial_option=next((each for each in options if each["value"] == initial), None))


def checkboxes(field: str, options: Sequence[Block], *, checked: Sequence[str] = ()) -> Block:
    """Any of a few. Slack refuses an empty list of initial options."""
    block: Block = {"type": "checkboxes", "action_id": field, "options": list(options[:10])}
    return _with(block, initial_options=[each for each in block["options"] if each["value"] in checked] or None)


def text_input(
    field: str,
    *,
    initial: str = "",
    placeholder: str = "",
    longest: int = 200,
    multiline: bool = False,
    as_typed: bool = False,
) -> Block:
    """A line, or several. `as_typed`: in a field that dispatches, each change is told, not only Enter."""
    block: Block = {"type": "plain_text_input", "action_id": field, "max_length": longest}
    if as_typed:
        block["dispatch_action_config"] = {"trigger_actions_on": ["on_enter_pressed", "on_character_entered"]}
    return _with(
        block,
        multiline=multiline or None,
        initial_value=cut(initial, longest) or None,
        placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None,
    )


def number_input(field: str, *, initial: int, least: int, most: int) -> Block:
    """A whole number."""
    return {
        "type": "number_input",
        "action_id": field,
        "is_decimal_allowed": False,
        "initial_value": str(initial),
        "min_value": str(least),
        "max_value": str(most),
    }


def moment_input(field: str, *, initial_ms: int | None = None) -> Block:
    """A date and a time, on the clock of the reader's device."""
    block: Block = {"type": "datetimepicker", "action_id": field}
    return _with(block, initial_date_time=initial_ms // 1000 if initial_ms else None)


def field(label: str, element: Block, *, hint: str = "", optional: bool = False, dispatch: bool = False) -> Block:
    """A labelled input. Its block id is the action id of its element: `state.values[name][name]`."""
    block: Block = {"type": "input", "block_id": element["action_id"], "label": plain(label, LABEL), "element": element}
    return _with(
        block, hint=plain(hint, HINT) if hint else None, optional=optional or None, dispatch_action=dispatch or None
    )


def _with(block: Block, **more: Any) -> Block:
    return block | {key: value for key, value in more.items() if value is not None}
