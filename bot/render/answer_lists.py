"""Answers that list things: notebooks, choices, images, flavors; and one notebook in full."""

from datetime import datetime

from bot.render import ids, rows, text
from bot.render.answer_facts import (
    ChoicesAnswer,
    FlavorRow,
    FlavorsAnswer,
    ImageRow,
    ImagesAnswer,
    ListAnswer,
    ShowAnswer,
)
from bot.render.blocks import button
from bot.render.context import Context
from bot.render.idle import evidence
from bot.render.page import Page
from bot.slack import Block, Message

_ROWS, _CHOICES, _IMAGES, _FLAVORS = 15, 20, 20, 40


def choices(facts: ChoicesAnswer, now: datetime, ctx: Context) -> Message:
    """One button per candidate; each names what tells it from the others."""
    page = Page()
    page.say(f"{text.sentence(text.prose(facts['text']))} Which one?")
    for number, choice in enumerate(facts["choices"][:_CHOICES]):
        note = f": {text.prose(choice['note'], 200)}" if choice.get("note") else ""
        value = ids.Button(
            cause=facts["cause"], request=facts["request"], notebook=choice["id"], project=choice.get("project")
        )
        pick = button("This one", f"{ids.PICK}:{number}", value, about=text.plain_name(choice["label"], 40))
        page.say(f"{text.bold(choice['label'])}{note}", accessory=pick)
    more = facts.get("more", 0) + max(0, len(facts["choices"]) - _CHOICES)
    if more:
        page.say(f"And {more} more. Type more of the name, or the id.")
    return page.message()


def listing(facts: ListAnswer, now: datetime, ctx: Context) -> Message:
    """A page of notebooks with the buttons that apply; an empty one says what to do."""
    page = Page()
    if facts.get("failed"):
        page.say(
            f"{text.listed([text.name(each) for each in facts['failed'][:20]])} could not be listed just now, "
            "so notebooks there may be missing below."
        )
    if not facts["rows"]:
        _empty(page, facts, ctx)
        return page.message()
    page.say(
        f"*{text.name(facts['title'], 150)}*: {text.plural(facts['total'], 'notebook')}"
        + (f", page {facts['page']} of {facts['pages']}" if facts["pages"] > 1 else "")
    )
    for row in facts["rows"][:_ROWS]:
        page.say(rows.said(row, now))
        page.buttons(*rows.row_buttons(facts["cause"], row))
    page.buttons(*pager(facts["cause"], facts["request"], facts["page"], facts["pages"]))
    if seen := facts.get("as_of_ms"):
        page.note(f"As of {text.when(seen)}; it may have changed since.")
    return page.message()


def _empty(page: Page, facts: ListAnswer, ctx: Context) -> None:
    if facts["filtered"]:
        page.say(f"No notebook matches. `{ctx.command} list` shows yours, `{ctx.command} list all` everyone's.")
        return
    page.say("You have no notebook yet. Create one here: I show its price and its end before you confirm.")
    page.buttons(button("New notebook", ids.CREATE, ids.Button(cause=facts["cause"]), style="primary"))


def pager(cause: str, request: str, page: int, pages: int) -> list[Block]:
    """Back and forth, where there is something."""

    def turn(words: str, action: str, to: int) -> Block:
        return button(words, action, ids.Button(cause=f"{cause}:{to}", request=request, page=to))

    back = [turn("Previous page", ids.PAGE_PREV, page - 1)] if page > 1 else []
    return back + ([turn("Next page", ids.PAGE_NEXT, page + 1)] if page < pages else [])


def show(facts: ShowAnswer, now: datetime, ctx: Context) -> Message:
    """Everything about one notebook."""
    page, row = Page(), facts["row"]
    owner = f", of {text.person(row['owner'])}" if row.get("owner") else ""
    page.say(f"{text.bold(row['name'])}: {text.status(row['status'])}{owner}, in {text.name(row['project'])}.")
    if facts.get("description"):
        page.say(text.prose(facts["description"], 500))
    if facts.get("fail_reason"):
        page.say(f"The cloud says: {text.sentence(text.prose(facts['fail_reason'], 500))}")
    page.facts(*_show_facts(facts, now))
    if rows.runs_now(row):
        page.say(_activity(facts))
    if facts.get("pending"):
        page.say(f"Waiting: {text.sentence(text.prose(facts['pending'], 300))}")
    if facts.get("may"):
        page.say("Who may do what:\n" + "\n".join(f"• {text.prose(line, 200)}" for line in facts["may"][:10]))
    page.buttons(*rows.row_buttons(facts["cause"], row))
    page.note(f"Id: {text.code(row['notebook_id'])}")
    return page.message()


def _show_facts(facts: ShowAnswer, now: datetime) -> list[tuple[str, str]]:
    row, free, end = facts["row"], facts.get("free_until_ms"), facts["row"].get("end_ms")
    runs, created, since = rows.runs_now(row), facts.get("created_ms"), facts.get("running_since_ms")
    return [
        ("Lease", _lease(facts, end, now) if runs else ""),
        ("Extend without asking until", text.when(free) if free and runs else ""),
        ("Running since", text.when(since) if since and runs else ""),
        ("Flavor", text.code(row["flavor"]) if row["flavor"] else ""),
        ("Image", text.name(facts.get("image") or "", 150) if facts.get("image") else ""),
        ("Disk", text.listed_facts(facts.get("disk") or "", row.get("disk_cost") or "")),
        ("Price", text.price(row.get("price"), row["flavor"])),
        ("Cost of this run", text.escape(row.get("cost") or "") if runs else ""),
        ("Cost this month", text.escape(facts.get("month_cost") or "")),
        ("Created", text.when(created) if created else ""),
    ]


def _lease(facts: ShowAnswer, end: int | None, now: datetime) -> str:
    match facts.get("lease_kind"):
        case "idle":
            return "no timed end; the cloud stops it when it is idle"
        case "none":
            return "no end is set"
    return rows.countdown(end, now)


def _activity(facts: ShowAnswer) -> str:
    keep = facts["row"].get("keep_until_ms")
    why = f" Reason: {text.sentence(text.prose(reason, 300))}" if (reason := facts["row"].get("keep_reason")) else ""
    kept = f"\nKept running until {text.when(keep)}: no idle stop before.{why}" if keep else ""
    verdict = f"Activity: {text.sentence(text.prose(facts['verdict'], 300))}\n" if facts.get("verdict") else ""
    return f"{verdict}{evidence(facts.get('evidence', []))}{kept}"


def images(facts: ImagesAnswer, now: datetime, ctx: Context) -> Message:
    """Name, kind and id of each, a page at a time."""
    page = Page()
    words = f" matching “{text.name(facts['words'])}”" if facts.get("words") else ""
    if not facts["rows"]:
        page.say(f"No image{words} in {text.name(facts['project'])}. `{ctx.command} images` lists all.")
        return page.message()
    page.say(
        f"*Images{words} in {text.name(facts['project'])}*: {facts['total']}"
        + (f", page {facts['page']} of {facts['pages']}" if facts["pages"] > 1 else "")
    )
    lines = [_image(row) for row in facts["rows"][:_IMAGES]]
    for start in range(0, len(lines), 5):
        page.say("\n".join(lines[start : start + 5]))
    page.buttons(*pager(facts["cause"], facts["request"], facts["page"], facts["pages"]))
    page.note(f"Use one so: `{ctx.command} create NAME image=… flavor=…`")
    return page.message()


def _image(row: ImageRow) -> str:
    marks = (row.get("tag"), row.get("arch"), row.get("kind"))
    known = text.listed_facts(*(text.plain_name(mark, 60) for mark in marks if mark))
    about = f"\n    {text.prose(row['description'], 120)}" if row.get("description") else ""
    return f"• {text.bold(row['name'])}{f', {known}' if known else ''}, id {text.code(row['id'])}{about}"


def flavors(facts: FlavorsAnswer, now: datetime, ctx: Context) -> Message:
    """By category, cheapest order kept; price per hour; sold out ones are marked in words."""
    page = Page()
    kind = f"{text.name(facts['category'].upper())} flavors" if facts.get("category") else "Flavors"
    if not facts["rows"]:
        page.say(
            f"No {kind.lower() if kind == 'Flavors' else kind} in {text.name(facts['project'])}. "
            f"`{ctx.command} flavors` lists all."
        )
        return page.message()
    page.say(f"*{kind} in {text.name(facts['project'])}*")
    shown = facts["rows"][:_FLAVORS]
    for category in dict.fromkeys(row["category"] for row in shown):
        lines = [_flavor(row) for row in shown if row["category"] == category]
        for start in range(0, len(lines), 10):
            title = f"*{text.name(category)}*\n" if start == 0 else ""
            page.say(title + "\n".join(lines[start : start + 10]))
    if len(facts["rows"]) > len(shown):
        page.say(f"And {len(facts['rows']) - len(shown)} more: `{ctx.command} flavors gpu` narrows it down.")
    page.note("Prices are those of the policy file, for running time; disks are extra.")
    return page.message()


def _flavor(row: FlavorRow) -> str:
    price = text.price(row.get("price"), row["id"])
    sold = " *Sold out now.*" if row.get("sold_out") else ""
    return f"• {text.code(row['id'])}: {text.prose(row['size'], 120)}, {price}.{sold}"
