"""Answers that explain: why, plan, policy, approvals, audit."""

from datetime import datetime

from bot.render import text
from bot.render.answer_facts import (
    ApprovalsAnswer,
    AuditAnswer,
    AuditRow,
    DecisionFacts,
    PlanAnswer,
    PolicyAnswer,
    PolicyRow,
    WhyAnswer,
)
from bot.render.approvals import decided, put_request, wish, withdraw_button
from bot.render.context import Context
from bot.render.facts import ApprovalFacts
from bot.render.idle import evidence
from bot.render.page import Page
from bot.slack import Message

_PEOPLE = ("approvers", "escalate_to")
_DECISIONS, _WARNINGS, _RECORDS, _LIMITS, _REQUESTS = 10, 5, 30, 40, 6


def why(facts: WhyAnswer, now: datetime, ctx: Context) -> Message:
    """The record of decisions, each with its evidence, its rule and where that comes from; then what was announced."""
    page, who = Page(), text.bold(facts["name"])
    if facts["decisions"]:
        page.say(f"What was decided about {who} in {text.name(facts['project'])}, newest first:")
    else:
        page.say(
            f"Nothing has been decided about {who} yet. `{ctx.command} plan {text.typed_name(facts['name'])}` "
            "says what would happen."
        )
    for decision in facts["decisions"][:_DECISIONS]:
        page.say(_decision(decision))
    more = facts.get("more", 0) + max(0, len(facts["decisions"]) - _DECISIONS)
    if more:
        page.note(f"{text.plural(more, 'earlier decision')} not shown.")
    if warnings := facts.get("warnings"):
        lines = [f"• {text.when(each['at_ms'])}: {text.prose(each['text'], 200)}" for each in warnings[:_WARNINGS]]
        page.say(f"Warnings about {who}, newest first:\n" + "\n".join(lines))
    return page.message()


def _decision(row: DecisionFacts) -> str:
    confirmed, lines = row.get("confirmed_ms"), [f"{text.when(row['at_ms'])}: *{text.prose(row['outcome'], 150)}*"]
    if row.get("text"):
        lines.append(text.sentence(text.capital(text.prose(row["text"], 400))))
    lines.append(_rule(row["rule"], row.get("source"), row.get("policy")))
    if row["evidence"]:
        lines.append(evidence(row["evidence"]))
    if confirmed:
        lines.append(f"Still so when last looked at, {text.when(confirmed)}.")
    return "\n".join(lines)


def _rule(rule: str, source: str | None, policy: str | None = None) -> str:
    where = f", set by {text.prose(source, 150)}" if source else ""
    version = f"; policy file {text.code(policy, 16)}" if policy else ""
    return f"Rule: {text.prose(rule, 300)}{where}{version}."


def plan(facts: PlanAnswer, now: datetime, ctx: Context) -> Message:
    """What would happen at that instant, and by which rule."""
    page, who = Page(), text.bold(facts["name"])
    page.say(f"{who}, {text.when(facts['at_ms'])}: *{text.prose(facts['outcome'], 300)}*")
    page.say(_rule(facts["rule"], facts.get("source")))
    if facts.get("evidence"):
        page.say(evidence(facts["evidence"]))
    if ahead := facts.get("ahead"):
        lines = [
            f"• {text.when(each['at_ms'])}: {text.prose(each['text'], 200)}"
            + (f" ({text.prose(each['rule'], 120)})" if each.get("rule") else "")
            for each in ahead[:10]
        ]
        page.say("What is ahead:\n" + "\n".join(lines))
    if facts.get("assumes"):
        page.note(f"This assumes {text.sentence(text.prose(facts['assumes'], 300))}")
    return page.message()


def policy(facts: PolicyAnswer, now: datetime, ctx: Context) -> Message:
    """Each limit, its value, and where that comes from."""
    page = Page()
    about = f"{text.bold(facts['name'])} in " if facts.get("name") else ""
    page.say(f"Limits that hold for {about}{text.name(facts['project'])}:")
    lines = [
        f"• {text.code(row['key'])}: *{_value(row)}*, from {text.prose(row['source'], 120)}"
        for row in facts["rows"][:_LIMITS]
    ]
    for start in range(0, len(lines), 7):
        page.say("\n".join(lines[start : start + 7]))
    if not lines:
        page.say("None are set; the defaults hold.")
    if facts.get("hash"):
        page.note(f"Policy file {text.code(facts['hash'], 16)}")
    return page.message()


def _value(row: PolicyRow) -> str:
    """People and groups are shown by name; the answer is ephemeral, so nobody is notified."""
    return text.mentioned(text.cut(row["value"], 200)) if row["key"] in _PEOPLE else text.prose(row["value"], 200)


def approvals(facts: ApprovalsAnswer, now: datetime, ctx: Context) -> Message:
    """What waits for the reader, with its buttons, then what the reader waits for."""
    page = Page()
    if not facts["for_me"] and not facts["by_me"]:
        page.say("No request waits for you, and you have none waiting.")
        return page.message()
    if facts["for_me"]:
        page.say(f"*{text.plural(len(facts['for_me']), 'request waits', 'requests wait')} for you*")
        for request in facts["for_me"][:_REQUESTS]:
            put_request(page, request, now)
        if len(facts["for_me"]) > _REQUESTS:
            page.say(f"And {len(facts['for_me']) - _REQUESTS} more; these first.")
    if facts["by_me"]:
        page.say("*Your requests*")
        for request in facts["by_me"][:_REQUESTS]:
            _mine(page, request)
    return page.message()


def _mine(page: Page, request: ApprovalFacts) -> None:
    if request["state"] != "pending":
        page.say(f"You asked: {wish(request)} {decided(request)}")
        return
    page.say(f"You asked: {wish(request)} It waits for an answer until {text.when(request['expires_ms'])}.")
    page.buttons(withdraw_button(request))


def audit(facts: AuditAnswer, now: datetime, ctx: Context) -> Message:
    """Who did what, when, on whose request; newest first."""
    page, who = Page(), text.bold(facts["name"])
    if not facts["rows"]:
        page.say(f"Nothing is on record for {who}.")
        return page.message()
    page.say(f"On record for {who} in {text.name(facts['project'])}, newest first:")
    lines = [_record(row) for row in facts["rows"][:_RECORDS]]
    for start in range(0, len(lines), 4):
        page.say("\n".join(lines[start : start + 4]))
    more = facts.get("more", 0) + max(0, len(facts["rows"]) - _RECORDS)
    head = f" Head of the chain: {text.code(facts['head'])}" if facts.get("head") else ""
    if more or head:
        page.note((f"{text.plural(more, 'earlier record')} not shown." if more else "") + head)
    return page.message()


def _record(row: AuditRow) -> str:
    asked = f", on request of {text.person(row['on_request_of'])}" if row.get("on_request_of") else ""
    rule = f", rule: {text.prose(row['rule'], 150)}" if row.get("rule") else ""
    result = f"; {text.prose(row['result'], 150)}" if row.get("result") else ""
    shown = f"\n    was shown: {text.prose(row['shown'], 200)}" if row.get("shown") else ""
    return (
        f"• {text.when(row['at_ms'])}: {text.person(row['actor'])} {text.prose(row['action'], 200)}"
        f"{asked}{rule}{result}{shown}"
    )
