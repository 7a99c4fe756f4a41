"""Short ways to write blocks, so that the canned state reads like the screen it makes."""

from typing import Any

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def md(text: str, *, verbatim: bool = False) -> Json:
    return {"type": "mrkdwn", "text": text, **({"verbatim": True} if verbatim else {})}


def section(text: str, block_id: str, **more: Any) -> Json:
    return {"type": "section", "block_id": block_id, "text": md(text), **more}


def header(text: str, block_id: str) -> Json:
    return {"type": "header", "block_id": block_id, "text": plain(text)}


def divider(block_id: str) -> Json:
    return {"type": "divider", "block_id": block_id}


def context(block_id: str, *elements: Json | str) -> Json:
    return {
        "type": "context",
        "block_id": block_id,
        "elements": [md(one) if isinstance(one, str) else one for one in elements],
    }


def actions(block_id: str, *elements: Json) -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(text: str, action_id: str, value: str = "{}", **more: Any) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": value, **more}


def option(text: str, value: str, description: str | None = None) -> Json:
    return {"text": plain(text), "value": value, **({"description": plain(description)} if description else {})}


def field(label: str, block_id: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


def message(ts_s: float, user: str, text: str, blocks: list[Json] | None = None, **more: Any) -> Json:
    base: Json = {
        "ts": f"{ts_s:.6f}",
        "user": user,
        "text": text,
        "blocks": blocks,
        "metadata": None,
        "ephemeral": False,
        "thread_ts": None,
        "edited": None,
        "files": [],
        "via_response_url": False,
    }
    return {**base, **more}


def event(event_type: str, key: str) -> Json:
    return {"event_type": event_type, "event_payload": {"key": key, "notebook_id": "nb-1"}}
