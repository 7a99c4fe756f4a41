"""Answers of a sentence or two, those about the person, and money."""

from datetime import datetime

from bot.clock import to_ms
from bot.render import digests, ids, text
from bot.render.answer_facts import (
    AlreadyAnswer,
    CloudLink,
    ConfirmStopAnswer,
    CostAnswer,
    DiskRow,
    ErrorAnswer,
    JoinedAnswer,
    LinkAnswer,
    NotLinkedAnswer,
    OpenAnswer,
    SettingsAnswer,
    TextAnswer,
    TooFastAnswer,
    WhoamiAnswer,
)
from bot.render.blocks import button
from bot.render.buttons import WORK, NotebookButtons
from bot.render.context import Context
from bot.render.operations import tell_failure
from bot.render.page import Page
from bot.slack import Message

_COST_ROWS, _DISKS = 15, 10


def plain_text(facts: TextAnswer, now: datetime, ctx: Context) -> Message:
    """A sentence or two, and what can be done next."""
    page = Page()
    page.say(
        " ".join(
            filter(
                None, (text.advice(facts["text"], ctx.command), text.advice(facts.get("next_step") or "", ctx.command))
            )
        )
    )
    return page.message()


def error(facts: ErrorAnswer, now: datetime, ctx: Context) -> Message:
    """What failed, the next step, the reference."""
    page = Page()
    tell_failure(page, facts["oops"], ctx.command)
    return page.message()


def already(facts: AlreadyAnswer, now: datetime, ctx: Context) -> Message:
    """A settled button does nothing and says what happened."""
    page = Page()
    by = f"By {text.person(facts['by'])}" if facts.get("by") else ""
    at = text.when(facts["at_ms"]) if facts.get("at_ms") else ""
    when = text.sentence(", ".join(filter(None, (by, at)))) if by else (f"That was {at}." if at else "")
    said = text.with_mentions(text.sentence(text.prose(facts["text"])))
    nothing = "" if "nothing" in said else "Your click changed nothing."
    page.say(" ".join(filter(None, (said, when, nothing, text.advice(facts.get("next_step") or "", ctx.command)))))
    return page.message()


def joined(facts: JoinedAnswer, now: datetime, ctx: Context) -> Message:
    """A repeated command joins the one under way."""
    page = Page()
    page.say(
        f"This has been under way since {text.when(facts['since_ms'])}: "
        f"{text.sentence(text.prose(facts['text'], 300))} You get one answer."
    )
    return page.message()


def too_fast(facts: TooFastAnswer, now: datetime, ctx: Context) -> Message:
    """Over the limit per minute."""
    page = Page()
    page.say(f"That was a lot at once, and this one was not done. Try again in {max(1, facts['wait_s'])} s.")
    return page.message()


def confirm_stop(facts: ConfirmStopAnswer, now: datetime, ctx: Context) -> Message:
    """A typed stop asks once, with one button."""
    page, end = Page(), facts.get("end_ms")
    owner = f" of {text.person(facts['owner'])}" if facts.get("owner") else ""
    page.say(f"Stop {text.bold(facts['name'])}{owner} ({text.code(facts['flavor'])})?")
    busy = f"{text.sentence(text.prose(facts['busy'], 300))} " if facts.get("busy") else ""
    lease = f" It would run until {text.when(end)}." if end and end > to_ms(now) else ""
    page.say(
        f"{busy}What runs in it ends now. What is in `{WORK}` stays; everything else in the container is gone.{lease}"
    )
    draw = NotebookButtons(facts["cause"], facts["project"], facts["notebook_id"], facts["name"])
    page.buttons(draw.stop_confirmed())
    page.note("If it should go on, do nothing.")
    return page.message()


def private_link(facts: OpenAnswer, now: datetime, ctx: Context) -> Message:
    """The owner's private link. The address stays out of `text`, which phones show on a locked screen."""
    page, end = Page(), facts.get("end_ms")
    until = f" It runs until {text.when(end)}." if end else ""
    page.say(
        f"The private link to {text.bold(facts['name'])}. Whoever has it can use your notebook: do not share it.{until}"
    )
    page.buttons(
        button(
            "Open notebook", ids.OPEN_URL, style="primary", about=text.plain_name(facts["name"], 40), url=facts["url"]
        )
    )
    return page.message()


def link(facts: LinkAnswer, now: datetime, ctx: Context) -> Message:
    """The private page where credentials are given, and nowhere else."""
    page = Page()
    page.say(
        f"Connect your cloud user for {text.name(facts['project'])} on your private page. It works once, until "
        f"{text.when(facts['expires_ms'])}. Never type credentials into Slack."
    )
    page.buttons(button("Open my private page", ids.OPEN_URL, style="primary", url=facts["url"]))
    return page.message()


def not_linked(facts: NotLinkedAnswer, now: datetime, ctx: Context) -> Message:
    """One next step."""
    page, project = Page(), text.name(facts["project"])
    told = text.prose(facts.get("text") or "") or f"I do not know your cloud user in {project} yet."
    page.say(f"{text.sentence(told)} I cannot act for you there.")
    if url := facts.get("url"):
        until = f", until {text.when(facts['expires_ms'])}" if facts.get("expires_ms") else ""
        page.say(f"Connect it on your private page; it works once{until}. Never type credentials into Slack.")
        page.buttons(button("Open my private page", ids.OPEN_URL, style="primary", url=url))
    else:
        page.say(f"Type `{ctx.command} link {project}`: it gives you a private page for it.")
    return page.message()


def whoami(facts: WhoamiAnswer, now: datetime, ctx: Context) -> Message:
    """Who the bot takes the person for."""
    page = Page()
    projects = text.listed([text.name(each) for each in facts["projects"][:20]]) or "none yet"
    page.say(f"You are {text.person(facts['user'])}. Your projects: {projects}. Your zone: {text.name(facts['zone'])}.")
    page.say(
        "\n".join(_cloud_link(each) for each in facts["links"][:20])
        or f"No cloud user is connected. `{ctx.command} link` gives you a private page for it."
    )
    if facts["roles"]:
        page.say(f"Roles: {text.clip(text.listed([text.name(role, 100) for role in facts['roles'][:20]]), 1500)}.")
    return page.message()


def _cloud_link(row: CloudLink) -> str:
    domain = f" of {text.name(row['domain'])}" if row.get("domain") else ""
    until = row.get("expires_ms") if row["state"] in ("working", "waiting") else None
    expires = f", until {text.when(until)}" if until else ""
    state = {
        "working": "working",
        "expired": "expired: link again",
        "refused": "refused by the cloud: link again",
        "waiting": "waits for an admin",
    }[row["state"]]
    return (
        f"• {text.name(row['project'])}: cloud user {text.bold(row['cloud_user'])}{domain}, "
        f"{text.name(row['kind'])}, {state}{expires}"
    )


def settings(facts: SettingsAnswer, now: datetime, ctx: Context) -> Message:
    """What is set; the form changes it."""
    page = Page()
    page.say(
        f"Your zone: {text.name(facts['zone'])}, {text.prose(facts['zone_source'], 100)}.\n"
        f"Quiet hours: {text.name(facts['quiet']) if facts['quiet'] else 'none'}."
    )
    lines = [f"• {text.prose(each['label'], 150)}: {'on' if each['on'] else 'off'}" for each in facts["notices"][:10]]
    if lines:
        page.say("Optional notices:\n" + "\n".join(lines))
    page.buttons(button("Change settings…", ids.SETTINGS_OPEN, ids.Button(cause=facts["cause"])))
    page.note("Notices before a stop always come. Idle warnings also come in quiet hours.")
    return page.message()


def cost(facts: CostAnswer, now: datetime, ctx: Context) -> Message:
    """Figures, savings with their method, disks that cost while nothing runs; the chart rides along."""
    page, headline = Page(), _headline(facts)
    if facts.get("chart_only"):
        page.say(headline)
        return _charted(page, facts)
    page.say(f"{headline}\n{digests.rows_said(facts['rows'], _COST_ROWS)}")
    page.say(
        digests.saved_said(
            facts["saved"],
            facts["saved_method"],
            facts["stops"],
            facts["wrong"],
            facts.get("idle_stops", facts["stops"]),
        )
    )
    if facts.get("budget"):
        page.say(f"Budget: {text.prose(facts['budget'], 200)}.")
    if facts["unpriced"]:
        page.say(digests.unpriced_said(facts["unpriced"]))
    _disks(page, facts)
    page.note(
        f"Running time × price and disks, from {text.when(facts['from_ms'])} to {text.when(facts['to_ms'])}."
        + (" The chart is in your direct messages." if facts.get("elsewhere") else "")
    )
    return page.message() if facts.get("elsewhere") else _charted(page, facts)


def _headline(facts: CostAnswer) -> str:
    return f"*{text.name(facts['title'], 150)}, {text.name(facts['period'])}: {text.escape(facts['total'])}*"


def _charted(page: Page, facts: CostAnswer) -> Message:
    title = f"{text.plain_name(facts['title'], 80)}, {text.plain_name(facts['period'], 40)}"
    return digests.with_chart(page, title, facts["rows"], facts["currency"])


def _disks(page: Page, facts: CostAnswer) -> None:
    disks = facts.get("disks", [])
    if not disks:
        return
    page.say("These are stopped, and their disks still cost money. Deleting one asks for its name first.")
    for row in disks[:_DISKS]:
        cause = f"{facts['cause']}:{row['notebook_id']}"
        draw = NotebookButtons(cause, row["project"], row["notebook_id"], row["name"])
        page.say(_disk(row), accessory=draw.delete())
    if len(disks) > _DISKS:
        page.say(f"And {len(disks) - _DISKS} more.")


def _disk(row: DiskRow) -> str:
    stopped = row.get("stopped_ms")
    since = f", stopped since {text.when(stopped)}" if stopped else ""
    return f"• {text.bold(row['name'])}: {text.escape(row['cost'])}{since}"
