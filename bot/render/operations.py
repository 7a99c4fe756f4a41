"""`operation`: one message per operation, from accepted to done or failed."""

from datetime import datetime

from bot.clock import to_ms
from bot.render import ids, text
from bot.render.approvals import UNTIL_LINKED, idle_still
from bot.render.blocks import button
from bot.render.buttons import HOUR_S, WORK, NotebookButtons
from bot.render.context import Context
from bot.render.facts import Oops, OperationFacts, StepFacts
from bot.render.page import Page
from bot.rules.approvals import BECAME
from bot.slack import Block, Message

STEPS = {1: "storage", 2: "compute", 3: "network", 4: "start-up"}

_DOING = {
    "create": "Creating",
    "start": "Starting",
    "stop": "Stopping",
    "delete": "Deleting",
    "extend": "Extending",
    "keep": "Keeping",
}
_WAS_NOT = {
    "create": "created",
    "start": "started",
    "stop": "stopped",
    "delete": "deleted",
    "extend": "extended",
    "keep": "kept running",
}

_WORTH_SAYING_MS = 60_000


def operation(facts: OperationFacts, now: datetime, ctx: Context) -> Message:
    """Title, progress, what is known, and the buttons that apply now."""
    page = Page()
    note = "" if facts.get("answered") else text.sentence(text.capital(text.prose(facts.get("note") or "")))
    for paragraph in (note, _title(facts)) if facts.get("offer") == "extend" else (_title(facts), _bar(facts), note):
        if paragraph:
            page.say(paragraph)
    if oops := facts.get("oops"):
        tell_failure(page, oops, ctx.command)
    if facts["state"] == "held":
        page.say(UNTIL_LINKED)
    page.facts(*_details(facts, now))
    page.buttons(*_buttons(facts))
    return page.message()


def tell_failure(page: Page, oops: Oops, command: str) -> None:
    """What failed, what to do next, and the reference that the log has too."""
    page.say(f"{text.sentence(text.prose(oops['what']))} {text.advice(oops['next_step'], command)}".strip())
    if ref := oops.get("ref"):
        page.note(f"Reference: {text.code(ref)}")


def _bar(facts: OperationFacts) -> str:
    return progress(facts.get("steps", [])) if facts["state"] == "working" else ""


def progress(steps: list[StepFacts]) -> str:
    """`▰▰▱▱ 2 of 4: compute`; empty while the cloud has told nothing."""
    if not steps:
        return ""
    ordered = sorted(steps, key=lambda step: step["step"])
    current = next((step for step in ordered if step["status"] != "COMPLETED"), ordered[-1])
    total = min(max(len(STEPS), ordered[-1]["step"]), 9)
    at, word = min(current["step"], total), STEPS.get(current["step"]) or text.name(current["text"])
    bar = "▰" * at + "▱" * (total - at)
    return f"{bar} {at} of {total}: {word}" + (" failed" if current["status"] == "FAILED" else "")


def _title(facts: OperationFacts) -> str:
    who, verb = text.bold(facts["name"]), facts["verb"]
    match facts["state"]:
        case "accepted":
            return f"{_DOING[verb]} {who}: accepted, it begins in a moment."
        case "working":
            return f"{_DOING[verb]} {who}."
        case "done":
            return _done(facts, who)
        case "failed":
            return f"{who} was not {_WAS_NOT[verb]}."
        case "held":
            return f"{_DOING[verb]} {who} waits."
    if answered := facts.get("answered"):
        return f"{_DOING[verb]} {who} needed an approval: it {BECAME[answered]}."
    if joined := facts.get("joined"):
        return f"{_DOING[verb]} {who} needs an approval. {text.person(joined)} has asked for it."
    return f"{_DOING[verb]} {who} needs an approval. I have asked for it and tell you the answer."


def _done(facts: OperationFacts, who: str) -> str:
    match facts["verb"]:
        case "create" | "start":
            return f"{who} is running."
        case "stop":
            return f"{who} is stopped. What is in `{WORK}` stays; everything else in the container is gone."
        case "delete":
            return f"{who} is deleted, with everything on its disk."
        case "keep":
            until = facts.get("until_ms")
            return f"{who} is kept running: no idle stop" + (f" until {text.when(until)}." if until else " for now.")
    idle = facts.get("idle_stop_ms")
    return _extended(who, facts.get("before_ms"), facts.get("after_ms")) + (f" {idle_still(idle)}" if idle else "")


def _extended(who: str, before: int | None, after: int | None) -> str:
    if not after:
        return f"{who} is extended."
    if not before:
        return f"{who} now runs until {text.when(after)}."
    if before == after:
        return f"{who} runs until {text.when(after)}."
    return f"{who} now runs until {text.when(after)}; before, it was {text.when(before)}."


def _details(facts: OperationFacts, now: datetime) -> list[tuple[str, str]]:
    comes_up = facts["verb"] in ("create", "start")
    known = comes_up or facts["verb"] in ("stop", "delete")
    after, ends = facts.get("after_ms"), comes_up and facts["state"] == "done"
    started = facts.get("started_ms") if facts["state"] == "working" else None
    if started and to_ms(now) - started < _WORTH_SAYING_MS:
        started = None
    return [
        ("Runs until", f"{text.when(after)} ({text.left(after, now)})" if after and ends else ""),
        ("Flavor", text.code(facts["flavor"]) if known and facts.get("flavor") else ""),
        ("Image", text.name(facts.get("image") or "", 100) if facts.get("image") else ""),
        ("Price", text.price(facts.get("price"), facts["flavor"]) if comes_up and facts.get("flavor") else ""),
        ("Cost", text.escape(facts.get("cost") or "")),
        ("Under way for", text.between(started, to_ms(now)) if started else ""),
        ("Project", text.name(facts["project"]) if known else ""),
    ]


def _buttons(facts: OperationFacts) -> list[Block]:
    draw = NotebookButtons(facts["cause"], facts["project"], facts["notebook_id"], facts["name"])
    link = [] if facts.get("others") else [draw.open()]
    match facts["state"], facts["verb"]:
        case "done", "keep" if facts.get("offer"):
            until = facts.get("until_ms") or 0
            rest = (until - (facts.get("after_ms") or 0) + 999) // 1000
            return [draw.extend_to(until, rest), *link, draw.stop()]
        case "done", "extend" if facts.get("idle_stop_ms"):
            return [draw.keep(2), *link, draw.stop()]
        case "done", "create" | "start" | "extend" | "keep":
            return [*link, draw.extend_one(), draw.stop()]
        case "done", "stop":
            return [draw.start(facts.get("start_s"), "Start again"), draw.delete()]
        case "failed", "extend" if facts.get("offer") == "set_end":
            return [draw.set_end(facts.get("start_s") or HOUR_S)]
        case "failed", "extend" if facts.get("offer") == "start":
            return [draw.start(facts.get("start_s"))]
        case "failed", "start" if facts["notebook_id"]:
            return [draw.start(facts.get("start_s"), "Try again")]
        case "asked", _ if facts.get("approval") and not facts.get("answered"):
            value = ids.Button(cause=facts["cause"], project=facts["project"], approval=facts.get("approval"))
            return [button("Withdraw request", ids.WITHDRAW, value)]
    return []
