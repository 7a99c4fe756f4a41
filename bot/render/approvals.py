"""`approval_request` with the facts to decide on, and `approval_settled` to whoever asked."""

from datetime import datetime

from bot.clock import to_ms
from bot.render import ids, text
from bot.render.blocks import button
from bot.render.buttons import NotebookButtons
from bot.render.context import Context
from bot.render.facts import ApprovalFacts, SettledFacts
from bot.render.page import Page
from bot.slack import Block, Message

UNTIL_LINKED = "It waits for 24 h, and goes on by itself once you are linked."


def approval_request(facts: ApprovalFacts, now: datetime, ctx: Context) -> Message:
    """Who, what, why, cost, idle record, renewals so far, expiry; afterwards the outcome instead of the buttons."""
    page = Page()
    put_request(page, facts, now)
    return page.message()


def put_request(page: Page, facts: ApprovalFacts, now: datetime) -> None:
    """A request on a page: also in `approvals` and on App Home."""
    page.say(f"{text.person(facts['requester'])} asks: {wish(facts)}")
    page.say(f"Reason:\n{text.quote(facts['reason'])}" if facts["reason"].strip() else "No reason is given.")
    page.facts(*_details(facts))
    if facts["state"] == "pending":
        page.note(_expiry(facts, now))
        page.buttons(*decision_buttons(facts))
    else:
        page.say(decided(facts))


def wish(facts: ApprovalFacts) -> str:
    """The request in one sentence."""
    who, amount = text.bold(facts["name"]), text.prose(facts["wish"], 100)
    match facts["kind"]:
        case "create":
            return f"create {who} for {amount}."
        case "start":
            return f"start {who} for {amount}."
    return f"let {who} run {amount}{'' if amount.startswith('until') else ' longer'}."


def _details(facts: ApprovalFacts) -> list[tuple[str, str]]:
    base, new = facts.get("base_end_ms"), facts.get("new_end_ms")
    return [
        ("Why it needs approval", text.capital(text.prose(facts["why_asked"], 300))),
        ("Ends now" if facts["state"] == "pending" else "End before", text.when(base) if base else ""),
        ("Would end", text.when(new) if new else ""),
        ("Flavor", text.code(facts["flavor"])),
        ("Cost", text.price(facts.get("cost"), facts["flavor"])),
        ("Idle record", text.capital(text.prose(facts["idle_record"], 300))),
        ("Renewals so far", str(facts["renewals"])),
        ("Project", text.name(facts["project"])),
    ]


def _expiry(facts: ApprovalFacts, now: datetime) -> str:
    who = "Only an admin can approve this. " if facts["needs"] == "admin" else ""
    late = "Nobody has answered yet, so it comes to you too. " if facts.get("escalated") else ""
    rest = text.between(to_ms(now), facts["expires_ms"])
    return f"{late}{who}It expires {text.when(facts['expires_ms'])}, in {rest}. Nobody decides on their own request."


def decision_buttons(facts: ApprovalFacts) -> list[Block]:
    """Approve, approve less…, deny…, withdraw."""
    about, value = _about(facts), _value(facts)
    return [
        button("Approve", ids.APPROVE, value, style="primary", about=about),
        button("Approve less…", ids.APPROVE_LESS, value, about=about),
        button("Deny…", ids.DENY, value, style="danger", about=about),
        withdraw_button(facts),
    ]


def withdraw_button(facts: ApprovalFacts) -> Block:
    """For whoever asked; it stands on the shared message, and the handler checks who clicks."""
    return button("Withdraw", ids.WITHDRAW, _value(facts), about=_about(facts))


def _about(facts: ApprovalFacts) -> str:
    return f"the request for {text.plain_name(facts['name'], 40)}"


def _value(facts: ApprovalFacts) -> ids.Button:
    return ids.Button(
        cause=facts["cause"], project=facts["project"], notebook=facts["notebook_id"] or None, approval=facts["id"]
    )


def decided(facts: ApprovalFacts) -> str:
    """The decision, and what came of it."""
    by = f" by {text.person(facts['decided_by'])}" if facts.get("decided_by") else ""
    at = f", {text.when(facts['decided_ms'])}" if facts.get("decided_ms") else ""
    match facts["state"]:
        case "approved":
            granted = f": {text.prose(facts['granted'], 100)}" if facts.get("granted") else ""
            return f"*Approved*{by}{at}{granted}.{_outcome(facts)}"
        case "denied":
            answer = f"\n{text.quote(facts['answer'])}" if facts.get("answer") else ""
            return f"*Denied*{by}{at}.{answer}"
        case "withdrawn":
            return f"*Withdrawn*{by}{at}.{_outcome(facts)}"
        case "expired":
            return f"*Expired* without an answer, {text.when(facts['expires_ms'])}."
    return f"*Lapsed*{at}.{_outcome(facts)}" if facts.get("outcome") else f"*Lapsed*{at}: its time has passed."


def _outcome(facts: ApprovalFacts) -> str:
    if facts.get("outcome"):
        return f" {text.sentence(text.prose(facts['outcome'], 300))}"
    return " It is being carried out." if "outcome" in facts else ""


def approval_settled(facts: SettledFacts, now: datetime, ctx: Context) -> Message:
    """The answer, and what it means for the notebook."""
    page = Page()
    page.say(_answer(facts))
    if facts["state"] == "denied" and facts.get("answer"):
        page.say(text.quote(facts["answer"]))
    if failed := facts.get("failed"):
        page.say(text.advice(f"It could not be carried out. {failed}", ctx.command))
    if held := facts.get("held"):
        page.say(text.advice(held, ctx.command))
        page.say(UNTIL_LINKED)
    if start := facts.get("start_s"):
        end = facts.get("start_until_ms")
        until = f" The offer stands until {text.when(facts['expires_ms'])}." if facts.get("expires_ms") else ""
        length = f"and it runs until {text.when(end)}" if end else f"for {text.duration(start)}"
        page.say(f"It has stopped meanwhile. You can start it {length}.{until}")
        draw = NotebookButtons(facts["cause"], facts["project"], facts["notebook_id"], facts["name"])
        page.buttons(draw.start(start, "Start" if end else f"Start for {text.duration(start)}", primary=True))
    elif end := facts.get("end_ms"):
        if note := facts.get("note"):
            page.say(text.sentence(text.prose(note)))
        page.say(_end(facts, end, now))
        if idle := facts.get("idle_stop_ms"):
            page.say(idle_still(idle))
            draw = NotebookButtons(facts["cause"], facts["project"], facts["notebook_id"], facts["name"])
            page.buttons(draw.keep(2))
    return page.message()


def idle_still(stop_ms: int) -> str:
    """A longer lease keeps no idle notebook."""
    return f"It is idle, and will still be stopped {text.when(stop_ms)}, unless you keep it or it is used again."


def _answer(facts: SettledFacts) -> str:
    request = f"Your request for {text.bold(facts['name'])}"
    by = f" by {text.person(facts['decided_by'])}" if facts.get("decided_by") else ""
    match facts["state"]:
        case "approved":
            granted = f": {text.prose(facts['granted'], 100)}" if facts.get("granted") else ""
            return f"{request} was approved{by}{granted}."
        case "denied":
            return f"{request} was denied{by}."
        case "withdrawn":
            why = f" {text.sentence(text.prose(facts['outcome'], 300))}" if facts.get("outcome") else ""
            return f"{request} was withdrawn{by}.{why}"
        case "expired":
            return f"{request} expired: nobody answered in time. You can ask again."
    outcome = text.sentence(text.prose(facts.get("outcome") or "the time that was granted has passed", 300))
    return f"{request} was approved{by}, and lapsed. {text.capital(outcome)}"


def _end(facts: SettledFacts, end_ms: int, now: datetime) -> str:
    if end_ms <= to_ms(now):
        return f"It was to run until {text.when(end_ms)}."
    word = "It now runs until" if facts["state"] == "approved" else "It stops"
    return f"{word} {text.when(end_ms)} ({text.left(end_ms, now)})."
