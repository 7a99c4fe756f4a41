"""Everything that can be drawn, by kind: the one door from an outbox row's facts to a message."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.render import (
    alerts,
    answer_lists,
    answer_records,
    answers,
    approvals,
    digests,
    idle,
    leases,
    operations,
)
from bot.render.answer_facts import HelpAnswer
from bot.render.context import Context
from bot.render.help import help_message
from bot.render.views import VIEWS, view
from bot.slack import Message

_Draw = Callable[[Any, datetime, Context], Message]


def render(kind: str, facts: Mapping[str, Any], now: datetime, ctx: Context) -> Message | None:
    """The message for `facts`; None for a kind, answer or view this version does not know.

    Kinds are the event types of contract 2 and `answer`, `view`, `home`. For the latter two the view is the only block.
    Charts take CPU: call it off the event loop where `kind` is `digest` or the answer is `cost`.
    """
    match kind:
        case "answer":
            answer = ANSWERS.get(str(facts.get("what")))
            return answer(facts, now, ctx) if answer else None
        case "view" | "home":
            named = kind == "home" or facts.get("view") in VIEWS
            return Message("", (view(facts, now, ctx),)) if named else None
    draw = MESSAGES.get(kind)
    return draw(facts, now, ctx) if draw else None


def _help(facts: HelpAnswer, now: datetime, ctx: Context) -> Message:
    return help_message(ctx.command, facts.get("topic"))


MESSAGES: dict[str, _Draw] = {
    "operation": operations.operation,
    "lease_warning": leases.lease_warning,
    "idle_warning": idle.idle_warning,
    "stopped": leases.stopped,
    "approval_request": approvals.approval_request,
    "approval_settled": approvals.approval_settled,
    "digest": digests.digest,
    "alert": alerts.alert,
}

ANSWERS: dict[str, _Draw] = {
    "text": answers.plain_text,
    "error": answers.error,
    "choices": answer_lists.choices,
    "list": answer_lists.listing,
    "show": answer_lists.show,
    "images": answer_lists.images,
    "flavors": answer_lists.flavors,
    "cost": answers.cost,
    "why": answer_records.why,
    "plan": answer_records.plan,
    "policy": answer_records.policy,
    "approvals": answer_records.approvals,
    "audit": answer_records.audit,
    "whoami": answers.whoami,
    "settings": answers.settings,
    "link": answers.link,
    "not_linked": answers.not_linked,
    "confirm_stop": answers.confirm_stop,
    "open": answers.private_link,
    "joined": answers.joined,
    "too_fast": answers.too_fast,
    "already": answers.already,
    "help": _help,
}
