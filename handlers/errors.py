"""The one place where errors of listeners end: a sentence with a reference, the same reference in the log."""

import logging
from collections.abc import Mapping
from typing import Any

from bot.errors import BotError
from bot.ids import Ids
from handlers import answers
from handlers.ingress import apology, where
from handlers.ports import Answer

log = logging.getLogger(__name__)


class ErrorAnswer:
    """`app.error`: a BotError is said as it is, anything else only by a short reference."""

    def __init__(self, ids: Ids, command: str) -> None:
        self._ids, self._command = ids, command

    async def __call__(self, error: Exception, body: dict[str, Any]) -> Any:
        """Bolt calls this by the names of its arguments."""
        from handlers.listeners import bolt_response

        return bolt_response(self.answer(error, body))

    def answer(self, error: Exception, body: Mapping[str, Any]) -> Answer:
        """What Slack is answered."""
        if isinstance(error, BotError) and "command" in body:
            return answers.said(answers.failure(error, self._command))
        ref = self._ids.new()[:8]
        log.error("request %s failed: %s at %s", ref, type(error).__name__, where(error))
        return apology(body, ref)
