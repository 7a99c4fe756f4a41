"""`alert`: something to know, and the one next step."""

from datetime import datetime

from bot.render import ids, text
from bot.render.blocks import button, confirm
from bot.render.buttons import NotebookButtons
from bot.render.context import Context
from bot.render.facts import AlertFacts
from bot.render.leases import outcome
from bot.render.page import Page
from bot.slack import Block, Message

# What it is about, before the project it is in.
TITLES = {
    "brake": "Stops are paused",
    "cannot_tell": "I cannot tell who is idle",
    "credentials_expire": "Your cloud credentials expire soon",
    "lease_not_bridged": "A lease may end before its request is answered",
    "lease_shortened": "A renewal came back too short",
    "pass_fails": "Every pass fails",
    "person_left": "Somebody has left",
    "policies_differ": "Replicas run with different policies",
    "scheduler_dead": "Nobody looks after the notebooks",
    "second_link": "Somebody else has your cloud user's credentials",
    "second_link_waits": "A link waits for you",
    "stop_refused": "The cloud refuses to stop an idle notebook",
    "stop_stuck": "A notebook does not stop",
    "undelivered": "Messages did not arrive",
}


def alert(facts: AlertFacts, now: datetime, ctx: Context) -> Message:
    """What is wrong, what to do, one button at most."""
    page = Page()
    page.say(f"*{_title(facts)}*\n{text.sentence(text.prose(facts['text'], 2000))}")
    if settled := facts.get("settled"):
        page.say(outcome(settled, facts.get("settled_by"), facts.get("settled_ms")))
        return page.message()
    if facts["next_step"]:
        page.say(f"Next step: {text.advice(facts['next_step'], ctx.command)}")
    if facts.get("button") == "link":
        page.say(
            f"Type `{ctx.command} link{_project_word(facts)}`: it gives you a private page. "
            "Never type credentials into Slack."
        )
    page.buttons(_button(facts))
    if seen := facts.get("at_ms"):
        page.note(f"Seen {text.when(seen)}.")
    return page.message()


def _title(facts: AlertFacts) -> str:
    project = f" ({text.name(facts['project'])})" if facts.get("project") else ""
    return f"{TITLES.get(facts['kind'], 'Please look')}{project}"


def _project_word(facts: AlertFacts) -> str:
    return f" {text.name(facts['project'])}" if facts.get("project") else ""


def _button(facts: AlertFacts) -> Block | None:
    project = facts.get("project") or ""
    if facts.get("button") == "release":
        return release(facts["cause"], project)
    if facts.get("button") == "why" and facts.get("notebook_id"):
        return NotebookButtons(facts["cause"], project, facts["notebook_id"], facts["subject"]).why()
    return None


def release(cause: str, project: str) -> Block:
    """Lets stops go on; asked twice, since it may stop many notebooks."""
    name = text.plain_name(project, 40)
    ask = confirm(
        f"Release the brake of {name}?",
        "Notebooks that are due are stopped again.",
        "Release",
        danger=False,
    )
    return button(
        "Release the brake", ids.ADMIN_RELEASE, ids.Button(cause=cause, project=project), ask=ask, about=f"of {name}"
    )
