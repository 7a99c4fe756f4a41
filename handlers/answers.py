"""What is answered on the spot: short ephemeral sentences, field errors, options."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.errors import BadInput, BotError
from bot.render.text import cut, escape, prose, sentence
from bot.slack import Message, View
from handlers.ports import Answer

NOTHING = Answer()
NOT_STORED = "Not stored, nothing was done. Try again in a minute."
UNCERTAIN = "The store is slow and I cannot tell yet whether I have this. `list` shows what is so in a minute."
TOO_FAST = "That was too fast, nothing was done. Wait a few seconds and try again."
JOINED = "The same is under way already, this joins it. You get one answer."
REFUSED = "Only full members of this workspace can use me. Nothing was done."
STARTING = "I have only just started and do not know this workspace yet. Nothing was done; try again in a minute."
PRESS_AGAIN = "Slack did not open the window in time. Nothing was done; please try once more."
OLD_BUTTON = (
    "This button is from another time and I cannot read it any more. Nothing was done; `list` shows what is so."
)

_LONG_WORD = re.compile(r'[^\s"]{101,}')


def said(message: Message) -> Answer:
    """A message that only the caller sees."""
    body: dict[str, Any] = {"response_type": "ephemeral", "text": message.text}
    if message.blocks:
        body["blocks"] = list(message.blocks)
    return Answer(body=body)


def line(text: str) -> Answer:
    """A sentence of ours; what people typed must be escaped already."""
    return said(Message(text))


def failure(error: BotError, command: str) -> Message:
    """What went wrong and what to do next; of what was typed no more than fits on a screen is said back."""
    what = sentence(prose(_LONG_WORD.sub(lambda found: cut(found[0], 100), str(error))))
    if isinstance(error, BadInput) and error.next_step == (BadInput.__doc__ or ""):
        return Message(f"{what}\n`{escape(command)} help` shows how commands are written.")
    return Message(f"{what}\n{escape(error.next_step)}" if error.next_step else what)


def unexpected(ref: str) -> str:
    """For what nobody foresaw."""
    return f"Something went wrong here. Try again; if it stays, tell your admin this reference: {ref}."


def field_errors(errors: Mapping[str, str]) -> Answer:
    """Keeps a modal open, with the text under the fields."""
    return Answer(body={"response_action": "errors", "errors": dict(errors)})


def options(entries: Sequence[Mapping[str, Any]]) -> Answer:
    """For a typed search."""
    return Answer(body={"options": list(entries)})


def notice(title: str, text: str) -> View:
    """A modal that only says something."""
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": title[:24]},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}],
    }
