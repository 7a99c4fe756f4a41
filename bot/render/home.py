"""App Home: needs attention, running with countdown and cost, stopped, New notebook, settings; then what admins see."""

from datetime import datetime

from bot.clock import to_ms
from bot.render import blocks, ids, rows, text
from bot.render.alerts import release
from bot.render.answer_facts import NotebookRow, RowAction
from bot.render.approvals import decision_buttons, wish, withdraw_button
from bot.render.blocks import button
from bot.render.context import Context
from bot.render.digests import enforce
from bot.render.page import Page
from bot.render.view_facts import Attention, HomeFacts, ProjectState
from bot.slack import View

_ATTENTION, _RUNNING, _STOPPED, _PROJECTS, _PENDING = 6, 12, 6, 4, 2  # 100 blocks in all


def home(facts: HomeFacts, now: datetime, ctx: Context) -> View:
    """The whole tab; at most 100 blocks."""
    page = Page()
    if not facts["has_project"]:
        _welcome(page, ctx)
        return {"type": "home", "blocks": page.take()}
    if not facts["linked"]:
        page.say(
            f"I cannot act for you yet: type `{ctx.command} link` and I give you a private page to connect your "
            "cloud user."
        )
    _attention(page, facts, now)
    if facts["linked"] or facts["running"]:
        _running(page, facts, now, ctx)
    _stopped(page, facts, now)
    _foot(page, facts)
    for state in facts.get("admin", [])[:_PROJECTS]:
        _project(page, state, facts["cause"], facts["user"], now)
    if len(facts.get("admin", [])) > _PROJECTS:
        page.note(f"And {text.plural(len(facts.get('admin', [])) - _PROJECTS, 'project')} more.")
    return {"type": "home", "blocks": page.take()[: blocks.VIEW_BLOCKS]}


def _welcome(page: Page, ctx: Context) -> None:
    page.title("Notebooks that end when you are done")
    page.say(
        "Here you create, start and extend your ModelArts notebooks, see what they cost, and are warned before "
        "one stops. You are not in a project yet: ask your admin to invite you to a project's channel."
    )
    page.note(f"`{ctx.command} help` shows everything I can do.")


def _attention(page: Page, facts: HomeFacts, now: datetime) -> None:
    if not facts["attention"]:
        return
    page.title("Needs attention")
    for number, item in enumerate(facts["attention"][:_ATTENTION]):
        _attend(page, item, f"{facts['cause']}:{number}")
    if len(facts["attention"]) > _ATTENTION:
        page.note(f"And {len(facts['attention']) - _ATTENTION} more.")


def _attend(page: Page, item: Attention, cause: str) -> None:
    if request := item.get("approval"):
        page.say(
            f"{text.person(request['requester'])} asks: {wish(request)} It expires {text.when(request['expires_ms'])}."
        )
        page.buttons(*decision_buttons(request)[:3])
        return
    page.say(text.prose(item["text"], 500))
    if row := item.get("row"):
        page.buttons(*rows.row_buttons(cause, row, 3))
    if item.get("settings"):
        page.buttons(button("Settings", ids.SETTINGS_OPEN, ids.Button(cause=cause)))


def _running(page: Page, facts: HomeFacts, now: datetime, ctx: Context) -> None:
    page.title("Running")
    if not facts["running"] and not facts["stopped"]:
        page.say("You have no notebook yet. Create one below: I show its price and its end before you confirm.")
    elif not facts["running"]:
        page.say("Nothing of yours is running, so nothing is being charged but disks.")
    for row in facts["running"][:_RUNNING]:
        page.say(rows.said(row, now))
        page.buttons(*rows.row_buttons(facts["cause"], _two(row)))
    _more(page, len(facts["running"]) - _RUNNING, ctx)


def _two(row: NotebookRow) -> NotebookRow:
    """With the two buttons that matter here."""
    row = row.copy()
    allowed = rows.may(row)
    wanted: tuple[RowAction, ...] = ("extend", "stop", "start", "delete")
    row["actions"] = [action for action in wanted if action in allowed][:2]
    return row


def _stopped(page: Page, facts: HomeFacts, now: datetime) -> None:
    if not facts["stopped"]:
        return
    page.title("Stopped")
    for row in facts["stopped"][:_STOPPED]:
        page.say(rows.said(row, now))
        page.buttons(*rows.row_buttons(facts["cause"], _two(row)))
    if len(facts["stopped"]) > _STOPPED:
        page.note(f"And {len(facts['stopped']) - _STOPPED} more.")


def _more(page: Page, count: int, ctx: Context) -> None:
    if count > 0:
        page.note(f"And {count} more: `{ctx.command} list` shows all.")


def _foot(page: Page, facts: HomeFacts) -> None:
    value = ids.Button(cause=facts["cause"])
    page.line()
    page.buttons(
        button("New notebook", ids.CREATE, value, style="primary"), button("Settings", ids.SETTINGS_OPEN, value)
    )
    quiet = f"quiet hours {text.name(facts['quiet'])}" if facts["quiet"] else "no quiet hours"
    seen = f" Updated {text.when(facts['as_of_ms'])}." if facts.get("as_of_ms") else ""
    page.note(f"Your zone is {text.name(facts['zone'])}, {quiet}.{seen}")


def _project(page: Page, state: ProjectState, cause: str, user: str, now: datetime) -> None:
    """What whoever looks may decide needs their attention, above; of the rest they may withdraw what is theirs."""
    name, last = text.plain_name(state["project"]), state.get("last_pass_ms")
    page.title(f"Admin: {name}")
    seen = f"last looked at {text.between(last, to_ms(now))} ago" if last else "not looked at yet"
    page.say(f"{_MODES[state['mode']]} {text.plural(state['running'], 'notebook')} running, {seen}.")
    if state.get("trouble"):
        page.say(text.prose(state["trouble"], 500))
    if state.get("brake"):
        page.say(f"*Stops are paused*: {text.sentence(text.prose(state['brake'], 400))}")
    page.buttons(
        release(f"{cause}:{state['project']}", state["project"]) if state.get("brake") else None,
        _enforce(state, cause) if state["mode"] == "shadow" and not state["mode_from_file"] else None,
    )
    for request in state["pending"][:_PENDING]:
        page.say(f"{text.person(request['requester'])} asks: {wish(request)}")
        page.buttons(withdraw_button(request) if request["requester"] == user else None)
    if len(state["pending"]) > _PENDING:
        page.note(f"And {text.plural(len(state['pending']) - _PENDING, 'request')} more.")


_MODES = {
    "shadow": "Shadow mode: idle notebooks are recorded, not stopped.",
    "enforce": "Enforcing: idle notebooks are stopped after a warning.",
    "off": "Idle stops are off.",
}


def _enforce(state: ProjectState, cause: str) -> dict[str, object]:
    return enforce(state["project"], cause)
