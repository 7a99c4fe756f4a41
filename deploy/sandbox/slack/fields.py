"""Form elements: the values they hold, from what is preselected, typed or chosen (pure)."""

from collections.abc import Iterator
from typing import Any

from deploy.sandbox.slack.blocks import elements_of

State = dict[str, dict[str, Any]]

_SINGLE = {
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "file_input": ("files", ""),
}  # fmt: skip


def stateful(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Block id and element of everything that holds a value."""
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in _SINGLE:
                yield block["block_id"], element


def initial_state(blocks: list[dict[str, Any]]) -> State:
    """`state.values` of a surface nobody has touched."""
    state: State = {}
    for block_id, element in stateful(blocks):
        key, initial = _SINGLE[element["type"]]
        empty: Any = [] if key.endswith("s") else None
        state.setdefault(block_id, {})[element.get("action_id", "")] = {
            "type": element["type"], key: element.get(initial, empty),
        }  # fmt: skip
    return state


def options_of(element: dict[str, Any]) -> list[dict[str, Any]]:
    """All options of a select, groups flattened."""
    options: list[dict[str, Any]] = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    return options


def entry(element: dict[str, Any], given: Any) -> dict[str, Any]:
    """The state entry of an element for `given`: an entry already, or the bare value a person chose."""
    key, _ = _SINGLE[element["type"]]
    if isinstance(given, dict) and ("type" in given or key in given):
        return {"type": element["type"], **given}
    if key == "selected_option" and given is not None:
        given = option(element, given)
    elif key == "selected_options":
        given = [option(element, item) for item in given]
    return {"type": element["type"], key: given}


def option(element: dict[str, Any], given: Any) -> dict[str, Any]:
    """The option a person means by its value or text; an external select's are known to the bot alone."""
    if isinstance(given, dict):
        return given
    for offered in options_of(element):
        if given in (offered["value"], offered["text"]["text"]):
            return {"text": offered["text"], "value": offered["value"]}
    return {"text": {"type": "plain_text", "text": str(given), "emoji": True}, "value": str(given)}


def merged(blocks: list[dict[str, Any]], state: State, values: dict[str, Any]) -> State:
    """`state` with `values` put in: by block and action, or by block alone where it holds one element."""
    result = {block: dict(actions) for block, actions in state.items()}
    for block_id, element in stateful(blocks):
        action_id = element.get("action_id", "")
        given = values.get(block_id, values.get(action_id, ...))
        if isinstance(given, dict) and action_id in given:
            given = given[action_id]
        elif isinstance(given, dict) and not ({"type", "value", "text"} & given.keys()):
            continue
        if given is not ...:
            result.setdefault(block_id, {})[action_id] = entry(element, given)
    return result


def problems(blocks: list[dict[str, Any]], state: State) -> dict[str, str]:
    """What Slack's own form refuses before the bot hears of it, by block."""
    found: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = state.get(block["block_id"], {}).get(element.get("action_id", ""), {})
        value = held.get(_SINGLE[element["type"]][0])
        problem = _problem(element, value, optional=bool(block.get("optional")))
        if problem:
            found[block["block_id"]] = problem
    return found


def _problem(element: dict[str, Any], value: Any, *, optional: bool) -> str | None:
    if value in (None, "", []):
        return None if optional else "Please complete this required field."
    if element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        if len(value) > element.get("max_length", 3000):
            return f"Please enter no more than {element.get('max_length', 3000)} characters."
    return None
