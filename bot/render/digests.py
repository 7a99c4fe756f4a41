"""`digest`: what a project ran, cost and saved; in shadow mode also what would have been stopped."""

from datetime import datetime
from typing import Any

from bot.render import charts, ids, text
from bot.render.blocks import button, confirm
from bot.render.context import Context
from bot.render.facts import DigestFacts, DigestRow
from bot.render.page import Page
from bot.slack import Message

_ROWS, _SHADOW = 8, 10


def digest(facts: DigestFacts, now: datetime, ctx: Context) -> Message:
    """Figures first, the chart in the thread, the head of the audit chain last."""
    page, project = Page(), text.plain_name(facts["project"])
    page.title(f"{project}: the {'day' if facts['period'] == 'daily' else 'week'} in figures")
    page.say(
        f"From {text.when(facts['from_ms'])} to {text.when(facts['to_ms'])}: *{text.escape(facts['total'])}*.\n"
        + rows_said(facts["rows"], _ROWS)
    )
    idle = facts.get("idle_stops", facts["stops"])
    page.say(saved_said(facts["saved"], facts["saved_method"], facts["stops"], facts["wrong"], idle))
    page.say(_now(facts))
    if facts["mode"] == "shadow":
        page.say(_shadow(facts["shadow"]))
    if facts["unpriced"]:
        page.say(unpriced_said(facts["unpriced"]))
    value = ids.Button(cause=facts["cause"], project=facts["project"])
    details = button("Details", ids.DIGEST_DETAILS, value, about=f"of {project}")
    may = facts["mode"] == "shadow" and facts.get("may_enforce")
    page.buttons(details, *([enforce(facts["project"], facts["cause"])] if may else []))
    page.note(f"Mode: {text.name(facts['mode'])}. Head of the audit chain: {text.code(facts['audit_head'] or 'none')}")
    return with_chart(page, f"{project}: what it cost", facts["rows"], facts["currency"])


def enforce(project: str, cause: str) -> dict[str, object]:
    """One click by an admin; whoever else presses it is told that only an admin can."""
    name = text.plain_name(project, 40)
    ask = confirm(
        f"Enforce in {name}?",
        "From now on idle notebooks are stopped after a warning and its grace.",
        "Enforce",
        danger=False,
    )
    value = ids.Button(cause=f"{cause}:{project}", project=project)
    return button("Enforce", ids.ADMIN_ENFORCE, value, ask=ask, about=f"idle stops in {name}")


def with_chart(page: Page, title: str, rows: list[DigestRow], currency: str) -> Message:
    """The page, and its picture where pictures can be made."""
    return page.message(
        image=charts.cost_chart(title, rows, currency), title=title, alt=charts.alt(title, rows, currency)
    )


def rows_said(rows: list[DigestRow], most: int) -> str:
    """`• train-1: 12 h, 2.04 EUR`, dearest first."""
    if not rows:
        return "Nothing ran."
    ordered = sorted(rows, key=lambda row: -row["value"])
    lines = [f"• {text.name(row['label'])}: {text.listed_facts(row['hours'], row['cost'])}" for row in ordered[:most]]
    if len(ordered) > most:
        lines.append(f"• and {len(ordered) - most} more")
    return "\n".join(lines)


def saved_said(saved: str, method: str, stops: int, wrong: int, idle: int) -> str:
    """Savings with their method, never without."""
    if not stops:
        return f"No stop of a notebook with a timed end, so nothing is counted as saved.{_marked(wrong, idle)}"
    marked = _marked(wrong, idle)
    return (
        f"Saved: *{text.escape(saved)}* by {text.plural(stops, 'stop')}.{marked}\n"
        f"How this is counted: {text.sentence(text.prose(method, 400))}"
    )


def _marked(wrong: int, idle: int) -> str:
    """The false-stop rate, where there was any idle stop."""
    if not idle:
        return ""
    if not wrong:
        return f" None of {text.plural(idle, 'idle stop')} was marked as wrong (0 %)."
    return (
        f" {text.plural(wrong, 'stop was', 'stops were')} marked as wrong and {'is' if wrong == 1 else 'are'} "
        f"not counted ({_share(wrong, idle)} of the idle stops)."
    )


def unpriced_said(flavors: list[str]) -> str:
    """Totals are lower bounds then."""
    names = text.clip(text.listed([text.code(flavor) for flavor in flavors[:10]]), 800)
    return f"No price for {names}: totals are at least what is shown."


def _now(facts: DigestFacts) -> str:
    waiting = (
        f"{text.plural(facts['pending'], 'request waits', 'requests wait')} for an answer"
        if facts["pending"]
        else "no request waits"
    )
    running = text.plural(facts["running"], "notebook") if facts["running"] else "no notebook"
    return f"Now: {running} running, {waiting}."


def _shadow(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Shadow mode: nothing would have been stopped."
    lines = [_would(row) for row in rows[:_SHADOW]]
    if len(rows) > _SHADOW:
        lines.append(f"• and {len(rows) - _SHADOW} more")
    return "Shadow mode: nothing was stopped. These would have been:\n" + "\n".join(lines) + f"\n{_score(rows)}"


def _score(rows: list[dict[str, Any]]) -> str:
    """How often it would have been wrong, as far as that is known."""
    known = [row for row in rows if row.get("active_later") is not None]
    if not known:
        return "Whether they were used within the hour after cannot be told yet."
    used = sum(1 for row in known if row["active_later"])
    unknown = f"; of {len(rows) - len(known)} it cannot be told" if len(known) < len(rows) else ""
    return f"Score: {used} of {len(known)} were used within the hour after ({_share(used, len(known))}){unknown}."


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.0f} %"


def _would(row: dict[str, Any]) -> str:
    owner = f" of {text.name(str(row['owner']))}" if row.get("owner") else ""
    since = f", idle since {text.when(int(row['idle_since_ms']))}" if row.get("idle_since_ms") else ""
    at = f", stop {text.when(int(row['at_ms']))}" if row.get("at_ms") else ""
    money = f", {text.escape(str(row['money']))}" if row.get("money") else ""
    later = ". It was used again later, so the stop would have been wrong" if row.get("active_later") else ""
    return f"• {text.name(str(row['name']))}{owner}{since}{at}{money}{later}"
