"""`idle_warning`: the evidence, the exact time of the stop, the money, and the ways to keep it."""

from datetime import datetime

from bot.clock import to_ms
from bot.render import text
from bot.render.buttons import WORK, NotebookButtons
from bot.render.context import Context
from bot.render.facts import EvidenceFacts, IdleWarningFacts
from bot.render.leases import outcome
from bot.render.page import Page
from bot.slack import Message

_SOURCES = {"jupyter": "Jupyter", "metrics": "Metrics"}


def idle_warning(facts: IdleWarningFacts, now: datetime, ctx: Context) -> Message:
    """Drawn at delivery: the grace runs from then, so the time of the stop is said exactly."""
    page, who = Page(), text.bold(facts["name"])
    stop_ms = facts.get("delivered_ms", to_ms(now)) + facts["grace_s"] * 1000
    since = facts["idle_since_ms"]
    page.say(f"{who} has been idle since {text.when(since)}.")
    if owner := facts.get("owner"):
        page.say(f"You get this because {text.people(owner)}, who owns it, cannot be reached.")
    if settled := facts.get("settled"):
        page.say(outcome(settled, facts.get("settled_by"), facts.get("settled_ms")))
        return page.message()
    page.say(
        f"*It will be stopped {text.when(stop_ms)}*, {text.duration(facts['grace_s'])} after this notice, unless "
        "you keep it or it is used again."
    )
    page.say(evidence(facts["evidence"]))
    page.say(_money(facts))
    draw = NotebookButtons(facts["cause"], facts["project"], facts["notebook_id"], facts["name"])
    page.buttons(draw.keep(2), draw.keep_until(), draw.stop(), draw.why())
    page.note(f"It is stopped, not deleted: files in `{WORK}` stay.")
    return page.message()


def evidence(rows: list[EvidenceFacts]) -> str:
    """One line per source."""
    lines = [f"• {_SOURCES.get(row['source'], text.name(row['source']))}: {_said(row)}" for row in rows[:10]]
    return "What I looked at:\n" + "\n".join(lines) if lines else "No evidence is on record."


def _said(row: EvidenceFacts) -> str:
    state = {"active": "active", "idle": "idle", "unknown": "cannot tell"}.get(row["state"], text.name(row["state"]))
    detail = text.prose(row["text"], 300)
    return text.sentence(f"{state}, {detail}" if detail else state)


def _money(facts: IdleWarningFacts) -> str:
    price = f"costs {text.escape(facts['price'])}" if facts.get("price") else "has no known price"
    idle = f"; {text.escape(facts['idle_cost'])} since it went idle" if facts.get("idle_cost") else ""
    end = facts.get("end_ms")
    lease = f" Its lease ends {text.when(end)}." if end else ""
    return f"{text.code(facts['flavor'])} {price}{idle}.{lease}"
