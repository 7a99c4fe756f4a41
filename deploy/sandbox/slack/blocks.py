"""The checker: what Slack would refuse in blocks and views. The figures are in `limits.py`."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from deploy.sandbox.slack import limits, rules
from deploy.sandbox.slack.rules import HOME, MESSAGE, MODAL, Finding

Found = Iterator[Finding]


def check_message(blocks: Any, text: str | None = None) -> list[Finding]:
    """Everything wrong with a message's blocks, and warnings about its text. `text` None: not looked at."""
    found = list(_surface(blocks, MESSAGE))
    if text is not None:
        found += _message_text(blocks, text)
    return found


def check_view(view: Any) -> list[Finding]:
    """Everything wrong with a modal or Home view (its size apart, which has an error of its own)."""
    return list(_view(view))


def view_bytes(view: Any) -> int:
    """The length of the serialized view."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())


def elements_of(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The interactive elements a block holds, cards and contained blocks included."""
    nested = [block.get("accessory"), block.get("element")]
    for key in ("elements", "actions", "child_blocks"):
        items = block.get(key)
        nested += items if isinstance(items, list) else []
    for item in nested:
        if isinstance(item, dict):
            if str(item.get("type")) in limits.INTERACTIVE:
                yield item
            else:
                yield from elements_of(item)


def _message_text(blocks: Any, text: str) -> Found:
    if blocks and not text:
        yield Finding(
            "missing_text", "no top-level text: screen readers and notifications say nothing", "/text", "warning"
        )
    if len(text) > limits.TEXT_ADVISED:
        yield Finding("long_text", f"text is over {limits.TEXT_ADVISED} characters", "/text", "warning")
    shown = sum(len(str(value)) for value in _texts(blocks))
    if shown > limits.BLOCK_TEXT_ADVISED:
        yield Finding("long_blocks", f"{shown} characters of block text in one message", "/blocks", "warning")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _surface(blocks: Any, surface: str, where: str = "/blocks") -> Found:
    if not isinstance(blocks, list):
        yield Finding("invalid_blocks_format", "must be an array of blocks", where)
        return
    most = limits.BLOCKS_PER_SURFACE[surface]
    if len(blocks) > most:
        yield Finding("too_many_blocks", f"no more than {most} items allowed [{len(blocks)}]", where)
    for index, block in enumerate(blocks):
        yield from _block(block, surface, f"{where}/{index}")
    dicts = [block for block in blocks if isinstance(block, dict)]
    yield from _unique(((f"{where}/{i}", b.get("block_id")) for i, b in enumerate(dicts)), "block_id")
    yield from _counts(dicts, where)
    focused = [e for block in dicts for e in elements_of(block) if e.get("focus_on_load") is True]
    if len(focused) > 1:
        yield Finding("focus_on_load", "only one element may have focus_on_load", where)


def _counts(blocks: list[dict[str, Any]], where: str) -> Found:
    for kind, most in limits.PER_MESSAGE.items():
        if sum(block.get("type") == kind for block in blocks) > most:
            yield Finding("too_many", f"only {most} {kind} block(s) allowed", where)
    markdown = sum(len(str(b.get("text", ""))) for b in blocks if b.get("type") == "markdown")
    if markdown > limits.MARKDOWN_TOTAL:
        yield Finding("too_long", f"markdown blocks hold over {limits.MARKDOWN_TOTAL} characters together", where)
    tables = [block.get("rows") for block in blocks if block.get("type") == "data_table"]
    if sum(map(len, _texts(tables))) > limits.CELL_CHARACTERS:
        yield Finding("too_long", f"table cells hold over {limits.CELL_CHARACTERS} characters together", where)


def _unique(ids: Iterator[tuple[str, Any]], name: str) -> Found:
    seen: set[Any] = set()
    for where, value in ids:
        if isinstance(value, str):
            if value in seen:
                yield Finding(f"duplicate_{name}", f"{name} {value!r} already exists", f"{where}/{name}")
            seen.add(value)


def _block(block: Any, surface: str, where: str) -> Found:
    kind = block.get("type") if isinstance(block, dict) else None
    spec = limits.BLOCKS.get(str(kind))
    if spec is None:
        yield Finding("unknown_type", f"unsupported type: {kind}", f"{where}/type")
        return
    if surface not in spec.surfaces:
        yield Finding("wrong_surface", f"{kind} is not allowed in a {surface}", where)
    fields: dict[str, rules.Rule] = {**spec.fields, "block_id": rules.Str(limits.ID_LENGTH, 1)}
    yield from _object(block, rules.Spec(fields, spec.required, spec.any_of, spec.only_one_of), surface, where)
    ids = ((where, element.get("action_id")) for element in elements_of(block))
    yield from _unique(ids, "action_id")
    if kind == "section" and "fields" in block:
        yield from _section_fields(block["fields"], where + "/fields")


def _section_fields(fields: Any, where: str) -> Found:
    if not isinstance(fields, list) or not 1 <= len(fields) <= 10:
        yield Finding("count", "must hold 1 to 10 fields", where)
        return
    for index, text in enumerate(fields):
        yield from _text(text, rules.Text(2000), f"{where}/{index}")


def _object(value: dict[str, Any], spec: rules.Spec, surface: str, where: str) -> Found:
    for name in sorted(spec.required - value.keys()):
        yield Finding("missing_field", f"missing required field: {name}", where)
    for group, exactly in ((spec.any_of, False), (spec.only_one_of, True)):
        present = group & value.keys()
        if group and (not present or (exactly and len(present) > 1)):
            yield Finding(
                "missing_field", f"needs {'exactly ' if exactly else ''}one of: {', '.join(sorted(group))}", where
            )
    for name, item in value.items():
        rule = spec.fields.get(name)
        if rule is not None:
            yield from _field(item, rule, surface, f"{where}/{name}")
        elif name != "type":
            yield Finding("unknown_field", f"invalid additional property: {name}", f"{where}/{name}")


def _field(value: Any, rule: rules.Rule, surface: str, where: str) -> Found:  # noqa: C901, PLR0912 - a table of kinds
    match rule:
        case rules.Text():
            yield from _text(value, rule, where)
        case rules.Str():
            yield from _string(value, rule, where)
        case rules.Url():
            yield from _url(value, rule, where)
        case rules.Flag() if not isinstance(value, bool):
            yield Finding("wrong_type", "must be a boolean", where)
        case rules.Number():
            if not isinstance(value, int) or isinstance(value, bool) or not rule.least <= value <= rule.most:
                yield Finding("out_of_range", f"must be an integer from {rule.least} to {rule.most}", where)
        case rules.Choice() if str(value) not in rule.values:
            yield Finding("wrong_value", f"must be one of {', '.join(sorted(rule.values))}", where)
        case rules.Typed():
            yield from _typed(value, rule.types, surface, where)
        case rules.TypedList():
            yield from _list(value, rule.least, rule.most, where)
            for index, item in enumerate(value if isinstance(value, list) else []):
                yield from _typed(item, rule.types, surface, f"{where}/{index}")
        case rules.Shape():
            yield from _shape(value, rule.name, surface, where)
        case rules.ShapeList():
            yield from _list(value, rule.least, rule.most, where)
            for index, item in enumerate(value if isinstance(value, list) else []):
                yield from _shape(item, rule.name, surface, f"{where}/{index}")
        case rules.Words():
            yield from _list(value, 0, rule.most, where)
        case rules.Rows():
            yield from _rows(value, rule, surface, where)
        case _:
            return


def _list(value: Any, least: int, most: int, where: str) -> Found:
    if not isinstance(value, list):
        yield Finding("wrong_type", "must be an array", where)
    elif not least <= len(value) <= most:
        yield Finding("count", f"must hold {least} to {most} items [{len(value)}]", where)


def _text(value: Any, rule: rules.Text, where: str) -> Found:
    if not isinstance(value, dict) or value.get("type") not in ("plain_text", "mrkdwn"):
        yield Finding("wrong_type", "must be a text object", where)
        return
    if rule.plain and value["type"] != "plain_text":
        yield Finding("plain_text_only", "must be plain_text", where + "/type")
    extra = {"plain_text": "emoji", "mrkdwn": "verbatim"}[value["type"]]
    for name in sorted(value.keys() - {"type", "text", extra}):
        yield Finding("unknown_field", f"invalid additional property: {name}", f"{where}/{name}")
    yield from _string(value.get("text"), rules.Str(rule.most, rule.least), where + "/text")


def _string(value: Any, rule: rules.Str, where: str) -> Found:
    if not isinstance(value, str):
        yield Finding("wrong_type", "must be a string", where)
    elif len(value) > rule.most:
        yield Finding("too_long", f"must be less than {rule.most + 1} characters [{len(value)}]", where)
    elif len(value) < rule.least:
        yield Finding("too_short", f"must be more than {rule.least - 1} characters", where)
    elif rule.pattern and not re.fullmatch(rule.pattern, value):
        yield Finding("wrong_value", f"must match {rule.pattern}", where)


def _url(value: Any, rule: rules.Url, where: str) -> Found:
    yield from _string(value, rules.Str(rule.most, 1), where)
    if isinstance(value, str) and urlsplit(value).scheme not in ("http", "https"):
        yield Finding("wrong_value", "must be an http or https address", where)


def _typed(value: Any, types: frozenset[str], surface: str, where: str) -> Found:
    kind = str(value.get("type")) if isinstance(value, dict) else "none"
    if kind not in types:
        yield Finding("unknown_type", f"unsupported type: {kind}", f"{where}/type")
    elif kind in ("mrkdwn", "plain_text"):
        yield from _text(value, rules.Text(3000), where)
    elif kind in limits.BLOCKS and kind not in limits.ELEMENTS:
        yield from _block(value, surface, where)
    else:
        spec = limits.ELEMENTS.get(kind) or limits.RICH[kind]
        if surface not in spec.surfaces:
            yield Finding("wrong_surface", f"{kind} is not allowed in a {surface}", where)
        yield from _object(value, spec, surface, where)
        yield from _initial(value, where)
        if value.get("response_url_enabled") and surface != MODAL:
            yield Finding("wrong_surface", "response_url_enabled works in modals only", where)


def _shape(value: Any, name: str, surface: str, where: str) -> Found:
    if not isinstance(value, dict):
        yield Finding("wrong_type", "must be an object", where)
        return
    yield from _object(value, limits.SHAPES[name], surface, where)
    if name.endswith("option") and len(str(value.get("value", ""))) > limits.OPTION_VALUE_ADVISED:
        yield Finding("long_value", f"option value over {limits.OPTION_VALUE_ADVISED} characters", where, "warning")


def _initial(element: dict[str, Any], where: str) -> Found:
    """What is preselected must be among the options."""
    groups = [group.get("options") for group in _dicts(element.get("option_groups"))]
    offered = [option for options in (element.get("options"), *groups) for option in _dicts(options)]
    values = [option.get("value") for option in offered]
    chosen = [*_dicts(element.get("initial_options")), *_dicts([element.get("initial_option")])]
    if values and any(option.get("value") not in values for option in chosen):
        yield Finding("wrong_value", "initial option is not among the options", where)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _rows(value: Any, rule: rules.Rows, surface: str, where: str) -> Found:
    yield from _list(value, 1, rule.most, where)
    rows = value if isinstance(value, list) else []
    for index, row in enumerate(rows):
        yield from _list(row, 1, rule.columns, f"{where}/{index}")
        for column, cell in enumerate(row if isinstance(row, list) else []):
            yield from _typed(cell, rule.cells, surface, f"{where}/{index}/{column}")
    if rule.equal and len({len(row) for row in rows if isinstance(row, list)}) > 1:
        yield Finding("count", "all rows must have the same number of cells", where)


_HOME_FIELDS = frozenset({"type", "blocks", "private_metadata", "callback_id", "external_id"})
_MODAL_FIELDS = _HOME_FIELDS | {"title", "close", "submit", "clear_on_close", "notify_on_close", "submit_disabled"}


def _view(view: Any) -> Found:
    if not isinstance(view, dict) or view.get("type") not in (MODAL, HOME):
        yield Finding("unknown_type", "type must be modal or home", "/view/type")
        return
    surface = str(view["type"])
    for name in sorted(view.keys() - (_MODAL_FIELDS if surface == MODAL else _HOME_FIELDS)):
        yield Finding("unknown_field", f"invalid additional property: {name}", f"/view/{name}")
    yield from _surface(view.get("blocks"), surface, "/view/blocks")
    for name, most in (
        ("private_metadata", limits.PRIVATE_METADATA),
        ("callback_id", limits.CALLBACK_ID),
        ("external_id", limits.CALLBACK_ID),
    ):
        if name in view:
            yield from _string(view[name], rules.Str(most), f"/view/{name}")
    if surface == MODAL:
        yield from _modal(view)


def _modal(view: dict[str, Any]) -> Found:
    for name in ("title", "submit", "close"):
        if view.get(name) is not None or name == "title":
            yield from _text(view.get(name), rules.Text(limits.VIEW_LABEL, plain=True), f"/view/{name}")
    blocks = view.get("blocks") if isinstance(view.get("blocks"), list) else []
    has_input = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks or [])
    if has_input and not view.get("submit"):
        yield Finding("missing_field", "submit is required when there are input blocks", "/view/submit")
