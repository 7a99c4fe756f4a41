"""Dispatch without Bolt, for functions, where importing it would cost Slack's three seconds."""

from collections.abc import Mapping
from typing import Any

from handlers import answers
from handlers.intake import Intake
from handlers.ports import Answer


class DirectDispatch:
    """A payload's kind decides who answers it; unknown kinds are acknowledged and ignored."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def __call__(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        if "command" in body:
            return await self._intake.command(body)
        match body.get("type"):
            case "block_actions":
                return await self._intake.click(body)
            case "view_submission":
                return await self._intake.submit(body)
            case "block_suggestion":
                return await self._intake.suggest(body)
            case "event_callback":
                return await self._intake.event(body)
        return answers.NOTHING
