"""What only one person may see is sent once, through the `response_url` of their own click or command; never stored."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.errors import SlackError
from bot.operations.ask import Ask
from bot.render.context import Context
from bot.render.registry import render
from bot.secrets import RESPONSE_PLACE, SealBroken
from bot.work import Done, Outcome

log = logging.getLogger(__name__)


async def hand_over(ask: Ask, facts: Mapping[str, Any], now: datetime, *, again: str) -> Outcome:
    """Send it now. If that fails it is gone, and the person is told to ask with `again` once more."""
    reply = ask.claim.data.get("reply")
    if not reply:
        return _lost(ask, now, f"I can hand that over only where you type. Please type `{again}`.")
    message = render("answer", facts, now, Context(ask.deps.command))
    try:
        url = ask.deps.sealer.open(str(reply), bound_to=RESPONSE_PLACE)
        if message is not None:
            await ask.deps.slack.respond(url, message)
    except (SlackError, SealBroken) as error:
        log.warning("a private answer was lost: %s", getattr(error, "code", type(error).__name__))
        return _lost(ask, now, f"I am not sure that it reached you. Please type `{again}` again.")
    return Done({"what": facts["what"]})


def _lost(ask: Ask, now: datetime, text: str) -> Outcome:
    return ask.done("text", now, text=text)
