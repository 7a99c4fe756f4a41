"""`lease_warning` and `stopped`: the end of a lease, before and after."""

from datetime import datetime

from bot.clock import to_ms
from bot.render import text
from bot.render.buttons import WORK, NotebookButtons
from bot.render.context import Context
from bot.render.facts import STARTED_AGAIN, LeaseWarningFacts, StoppedFacts, WarningItem
from bot.render.page import Page
from bot.slack import Message

_SHOWN = 20  # notebooks in one message: two blocks each


def lease_warning(facts: LeaseWarningFacts, now: datetime, ctx: Context) -> Message:
    """Every notebook of one owner that falls due together, each with its own row of buttons."""
    page, items = Page(), facts["items"]
    live = not facts.get("superseded") and any(not item.get("settled") for item in items)
    if len(items) > 1:
        page.say(f"{text.plural(len(items), 'notebook')} {'end soon' if live else 'were about to end'}.")
    if owner := facts.get("owner"):
        page.say(
            f"You get this because {text.people(owner)}, who owns "
            f"{'them' if len(items) > 1 else 'it'}, cannot be reached."
        )
    for item in items[:_SHOWN]:
        _item(page, item, now, bool(facts.get("superseded")))
    if len(items) > _SHOWN:
        rest = text.listed([text.name(item["name"], 24) for item in items[_SHOWN:]])
        page.say(f"And {len(items) - _SHOWN} more: {text.clip(rest, 1500)}. `{ctx.command} list` shows them.")
    if live:
        page.note(
            f"They are stopped, not deleted: files in `{WORK}` stay."
            if len(items) > 1
            else f"It is stopped, not deleted: files in `{WORK}` stay."
        )
    return page.message()


def _item(page: Page, item: WarningItem, now: datetime, superseded: bool) -> None:
    who = text.bold(item["name"])
    if settled := item.get("settled"):
        page.say(f"{who}: {outcome(settled, item.get('settled_by'), item.get('settled_ms'))}")
        return
    end = item["end_ms"]
    if end > to_ms(now):
        stops = f"{who} stops in {text.between(to_ms(now), end)}, {text.when(end)}."
    else:
        stops = f"{who} was due to stop {text.when(end)}."
    if superseded:
        page.say(f"{stops} A later warning below has the buttons.")
        return
    page.say(f"{stops}\n{_money(item)}")
    draw = NotebookButtons(item.get("cause") or item["key"], item["project"], item["notebook_id"], item["name"])
    page.buttons(draw.extend(1, primary=True), draw.extend(4), draw.extend_other(), draw.stop(), draw.why())


def _money(item: WarningItem) -> str:
    price = text.price(item.get("price"), item["flavor"])
    cost = f"; {text.escape(item['cost'])} so far" if item.get("cost") else ""
    return f"{text.code(item['flavor'])} in {text.name(item['project'])}, {price}{cost}."


def outcome(settled: str, by: str | None, at_ms: int | None) -> str:
    """What happened meanwhile, by whom and when."""
    known = [f"by {text.person(by)}" if by else "", text.when(at_ms) if at_ms else ""]
    who_and_when = ", ".join(filter(None, known))
    return text.sentence(text.prose(settled).rstrip(".") + (f" ({who_and_when})" if who_and_when else ""))


def stopped(facts: StoppedFacts, now: datetime, ctx: Context) -> Message:
    """Why it stopped, what is left of it, and the way back."""
    page = Page()
    page.say(_stopped_why(facts))
    settled = facts.get("settled")
    if not facts.get("failed") and settled in (None, STARTED_AGAIN):  # of what was deleted nothing is left
        page.say(
            f"What is in `{WORK}` is saved and there when it starts again. Everything else in the container is gone, "
            "for instance packages installed outside it and what was in memory."
        )
    if (saved := facts.get("saved")) and not settled:
        page.say(f"If it stays stopped until its lease would have ended, that saves {text.escape(saved)}.")
    if wrong := facts.get("wrong_by"):
        page.say(outcome("Marked as a wrong stop: thank you, it is counted", wrong, facts.get("wrong_ms")))
    draw = NotebookButtons(facts["cause"], facts["project"], facts["notebook_id"], facts["name"])
    undo = draw.false_stop() if facts["reason"] == "idle" and not wrong else None
    if settled:
        page.say(outcome(settled, facts.get("settled_by"), facts.get("settled_ms")))
        if settled == STARTED_AGAIN and undo:  # most people start it first, and complain then
            page.buttons(undo)
        return page.message()
    again = f"Start again for {text.duration(facts['start_s'])}"
    page.buttons(
        draw.start(facts["start_s"], again, primary=True),
        undo,
        draw.delete(),
    )
    return page.message()


def _stopped_why(facts: StoppedFacts) -> str:
    who, at = text.bold(facts["name"]), text.when(facts["at_ms"])
    by = f" by {text.person(facts['by'])}" if facts.get("by") else ""
    if failed := facts.get("failed"):
        told = text.sentence(text.prose(failed))
        return f"{who} has failed and does not run any more, seen {at}. The cloud says: {told}"
    match facts["reason"]:
        case "idle":
            since = facts.get("idle_since_ms")
            idle = f" for {text.between(since, facts['at_ms'])}, since {text.when(since)}" if since else ""
            return f"{who} was stopped{by or ' by leasebot'} {at} because it was idle{idle}."
        case "lease":
            return f"{who} stopped {at}: its lease ended."
        case "person":
            return f"{who} was stopped{by} {at}."
    return f"{who} was stopped outside leasebot, seen {at}."
