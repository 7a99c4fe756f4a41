"""Bolt's listeners: every one hands the payload to the intake and returns its answer. Nothing happens after it."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from bot.render import ids
from handlers.errors import ErrorAnswer
from handlers.intake import Intake
from handlers.ports import Answer

EVENTS = ("app_home_opened", "app_uninstalled", "tokens_revoked")
SEARCHES = ("image", "flavor")
_ANY = re.compile(".*", re.DOTALL)

_Ask = Callable[[Mapping[str, Any]], Awaitable[Answer]]


def register(app: AsyncApp, intake: Intake, command: str, on_error: ErrorAnswer) -> None:
    """Listen to the command, every action, form, search and event; the catch-alls come last."""
    app.command(command)(_listener(intake.command))
    for action in ids.ACTIONS:
        app.action(re.compile(rf"^{re.escape(action)}(?::.*)?$"))(_listener(intake.click))
    for view in ids.VIEWS:
        app.view(view)(_listener(intake.submit))
    for field in SEARCHES:
        app.options(field)(_listener(intake.suggest))
    for event in EVENTS:
        app.event(event)(_listener(intake.event))
    app.command(_ANY)(_listener(intake.command))
    app.action(_ANY)(_listener(intake.click))
    app.view_submission(_ANY)(_listener(intake.submit))
    app.view_closed(_ANY)(_listener(_nothing))
    app.options(_ANY)(_listener(intake.suggest))
    app.shortcut(_ANY)(_listener(_nothing))
    app.event(_ANY)(_listener(_nothing))
    app.error(on_error)


def bolt_response(answer: Answer) -> BoltResponse:
    """The same answer in Bolt's form."""
    if answer.body is None:
        return BoltResponse(status=answer.status, body="")
    return BoltResponse(
        status=answer.status,
        body=json.dumps(answer.body, ensure_ascii=False),
        headers={"content-type": "application/json; charset=utf-8"},
    )


def _listener(ask: _Ask) -> Callable[..., Awaitable[BoltResponse]]:
    async def listen(body: dict[str, Any]) -> BoltResponse:
        return bolt_response(await ask(body))

    return listen


async def _nothing(_: Mapping[str, Any]) -> Answer:
    return Answer()
