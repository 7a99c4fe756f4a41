"""Slack -> work. Importing this loads neither Bolt nor a database driver."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.ids import Ids
    from handlers.intake import Intake


def register_all(app: "AsyncApp", intake: "Intake", *, command: str, ids: "Ids") -> None:
    """Everything we listen to: `handlers.listeners` has the list."""
    from handlers.errors import ErrorAnswer
    from handlers.listeners import register

    register(app, intake, command, ErrorAnswer(ids, command))
