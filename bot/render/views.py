"""The modals.

`block_id == action_id == field`, so a value is `state.values[field][field]`; `private_metadata` is a `Button`.

| callback_id            | fields                                                                                   |
|------------------------|------------------------------------------------------------------------------------------|
| `notebook_create`      | `project` (select, if several), `name`, `image` (typed search), `flavor` (select),       |
|                        | `disk` (GB, number), `for` (text: 4h), `stop_type` (radio: timed, idle)                  |
| `notebook_delete`      | `typed_name`                                                                             |
| `extend_other`         | `for` (text: 6h) or `until` (date-time picker: seconds), `reason`                        |
| `keep_until`           | `until` (date-time picker), `reason`                                                     |
| `approval_deny_reason` | `reason`                                                                                 |
| `approval_less`        | `for` or `until`                                                                         |
| `settings`             | `quiet` (text: 20:00-08:00, or off), `notices` (checkboxes: those that are wanted)       |

`project`, `flavor` and `for` in the create form dispatch, so that price and end can be drawn again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.clock import to_ms
from bot.render import blocks, ids, text
from bot.render.context import Context
from bot.render.home import home
from bot.render.operations import tell_failure
from bot.render.page import Page
from bot.render.view_facts import (
    CreateView,
    DeleteView,
    DenyView,
    DoneView,
    ErrorView,
    ExtendView,
    KeepView,
    LessView,
    LoadingView,
    SettingsView,
)
from bot.rules.durations import compact
from bot.slack import Block, View

TITLE = 24


def modal(
    title: str,
    body: list[Block],
    *,
    callback: str = "",
    value: ids.Button | None = None,
    submit: str = "",
    close: str = "Cancel",
) -> View:
    """A modal; with `submit` it can be sent."""
    view: View = {
        "type": "modal",
        "title": blocks.plain(title, TITLE),
        "close": blocks.plain(close, TITLE),
        "blocks": body[: blocks.VIEW_BLOCKS],
    }
    if callback:
        view["callback_id"] = callback
    if value is not None:
        view["private_metadata"] = value.dump()
    return view | {"submit": blocks.plain(submit, TITLE)} if submit else view


def loading(facts: LoadingView, now: datetime, ctx: Context) -> View:
    """Opened at once; what belongs in it comes in a moment."""
    return loading_view(facts["callback"], facts["title"])


def loading_view(callback: str, title: str) -> View:
    """The same without facts, for the moment before anything is known."""
    return modal(title, [blocks.section("One moment, I am looking this up.")], callback=callback)


def create(facts: CreateView, now: datetime, ctx: Context) -> View:
    """A new notebook: what, how big, how long; price and end before it is confirmed."""
    several = len(facts["projects"]) > 1
    body = [_project_field(facts)] if several else []
    body += [
        blocks.field(
            "Name",
            blocks.text_input("name", initial=facts.get("name") or "", placeholder="train-1", longest=64),
            hint="1 to 64 letters, digits, - and _",
        ),
        _image_field(facts),
        _flavor_field(facts),
        blocks.field(
            "Disk in GB",
            blocks.number_input("disk", initial=facts["disk_gb"], least=5, most=facts.get("disk_max_gb", 4096)),
        ),
        _lease_field(facts),
        _stop_field(facts),
        blocks.section(_estimate(facts)),
    ]
    return modal(
        "New notebook",
        body,
        callback=ids.VIEW_CREATE,
        submit="Create",
        value=ids.Button(cause=facts["cause"], project=facts["project"] or None),
    )


def _project_field(facts: CreateView) -> Block:
    options = [blocks.option(project, project) for project in facts["projects"]]
    return blocks.field("Project", blocks.static_select("project", options, initial=facts["project"]), dispatch=True)


def _image_field(facts: CreateView) -> Block:
    picked = facts.get("image")
    initial = blocks.option(text.plain_name(picked["name"], blocks.OPTION), picked["id"]) if picked else None
    select = blocks.external_select("image", initial=initial, placeholder="Type a few letters of its name")
    return blocks.field("Image", select)


def _flavor_field(facts: CreateView) -> Block:
    usable = [row for row in facts["flavors"] if len(row["id"]) <= blocks.OPTION]
    options = [
        blocks.option(
            f"{text.plain_name(row['id'], 40)}, {row.get('price') or 'no price known'}",
            row["id"],
            ("Sold out now. " if row.get("sold_out") else "") + text.plain_prose(row["size"], 60),
        )
        for row in usable
    ]
    if not options:  # Slack refuses a select without options; typed search says why there are none
        return blocks.field("Flavor", blocks.external_select("flavor", placeholder="Type a few letters of its name"))
    select = blocks.static_select("flavor", options, initial=facts.get("flavor"), placeholder="Pick a machine size")
    return blocks.field("Flavor", select, dispatch=True)


def _lease_field(facts: CreateView) -> Block:
    most = facts.get("max_lease_s")
    free = f" Up to {text.duration(most)} without asking." if most else ""
    initial = compact(timedelta(seconds=facts["lease_s"]))
    return blocks.field(
        "Run for",
        blocks.text_input("for", initial=initial, longest=20, as_typed=True),
        hint=f"Like 2h, 90m or 1d.{free} You can extend it later.",
        dispatch=True,
    )


def _stop_field(facts: CreateView) -> Block:
    options = [
        blocks.option("At that time", "timed", "You are warned before."),
        blocks.option("When the cloud finds it idle", "idle", "No timed end; the time above is idle time."),
    ]
    return blocks.field("Stop", blocks.radio("stop_type", options, initial=facts.get("stop_type", "timed")))


def _estimate(facts: CreateView) -> str:
    price, cost, end = facts.get("price"), facts.get("cost"), facts.get("end_ms")
    parts = [
        f"Price: {text.escape(price)}."
        if price
        else "Pick a flavor to see its price."
        if not facts.get("flavor")
        else "No price is known for this flavor."
    ]
    if cost:
        parts.append(f"{text.capital(text.duration(facts['lease_s']))}: {text.escape(cost)}, disk not included.")
    if end and facts.get("stop_type", "timed") == "timed":
        parts.append(f"It ends {text.when(end)}.")
    if asks := facts.get("asks"):
        parts.append(f"This needs an approval: {text.sentence(text.prose(asks, 300))}")
    return " ".join(parts)


def delete(facts: DeleteView, now: datetime, ctx: Context) -> View:
    """Says what is lost and wants the name typed."""
    page, name = Page(), text.plain_name(facts["name"])
    disk = f" ({text.escape(facts['disk'])})" if facts.get("disk") else ""
    running = " It is running; what runs in it ends too." if facts["running"] else ""
    page.say(
        f"{text.bold(facts['name'])} in {text.name(facts['project'])} is deleted with its whole disk{disk}: every "
        f"file, every result, every installed package.{running}"
    )
    page.say(
        "*This cannot be undone.* Copy what you need first."
        if not facts.get("restorable")
        else "Ask your cloud admin soon if you need it back."
    )
    if facts.get("disk_cost"):
        page.say(f"Its disk costs {text.escape(facts['disk_cost'])}.")
    typed = blocks.field(f"Type {name} to delete it", blocks.text_input("typed_name", longest=200))
    return modal(
        "Delete notebook",
        [*page.take(), typed],
        callback=ids.VIEW_DELETE,
        submit="Delete",
        close="Keep it",
        value=_about(facts["cause"], facts["project"], facts["notebook_id"]),
    )


def extend_other(facts: ExtendView, now: datetime, ctx: Context) -> View:
    """How long, or until when; and why, if it goes beyond the policy."""
    page, end, free, most = Page(), facts.get("end_ms"), facts.get("free_until_ms"), facts.get("ceiling_ms")
    page.say(f"{text.bold(facts['name'])} " + (f"runs until {text.when(end)}." if end else "has no timed end now."))
    limits = [
        f"Without asking: until {text.when(free)}." if free else "",
        f"At most: until {text.when(most)}." if most else "",
        f"It costs {text.escape(facts['price'])}." if facts.get("price") else "",
    ]
    if said := " ".join(filter(None, limits)):
        page.note(said)
    body = [
        *page.take(),
        *_length_fields("6h"),
        _reason("Reason", "Shown to the approver if it needs one.", optional=True),
    ]
    return modal(
        "Extend",
        body,
        callback=ids.VIEW_EXTEND,
        submit="Extend",
        value=_about(facts["cause"], facts["project"], facts["notebook_id"]),
    )


def _length_fields(example: str) -> list[Block]:
    """`for` or `until`; the picker starts empty, since exactly one is wanted."""
    return [
        blocks.field(
            "Longer by",
            blocks.text_input("for", placeholder=example, longest=20),
            hint="Like 2h, 90m or 1d. Or pick a time below.",
            optional=True,
        ),
        blocks.field("Or until", blocks.moment_input("until"), hint="On your own clock.", optional=True),
    ]


def _only(field: Block, label: str, hint: str) -> Block:
    """The one field of a form."""
    alone = {"label": blocks.plain(label, blocks.LABEL), "hint": blocks.plain(hint, blocks.HINT)}
    return {**field, "optional": False, **alone}


def _asked_for(facts: DenyView | LessView) -> str:
    """`6 h of *train*`, or `*train* until` an instant."""
    wish, name = text.prose(facts["wish"], 150), text.bold(facts["name"])
    amount = f"{name} {wish}" if wish.startswith("until") else f"{wish} of {name}"
    return f"{text.person(facts['requester'])} asked for {amount}."


def _reason(label: str, hint: str, *, optional: bool = False) -> Block:
    return blocks.field(label, blocks.text_input("reason", longest=500, multiline=True), hint=hint, optional=optional)


def keep_until(facts: KeepView, now: datetime, ctx: Context) -> View:
    """Still training: until when, and why; the team can see it."""
    page, end = Page(), facts.get("end_ms")
    page.say(
        f"No idle stop of {text.bold(facts['name'])} until the time you pick, at most {text.when(facts['ceiling_ms'])}."
    )
    if end:
        page.note(f"Its lease ends {text.when(end)} in any case; extend it if that is too early.")
    two_hours = min(to_ms(now) + 2 * 3_600_000, facts["ceiling_ms"])
    until = blocks.field("Until", blocks.moment_input("until", initial_ms=two_hours), hint="On your own clock.")
    body = [*page.take(), until, _reason("Reason", "The team can see it.")]
    return modal(
        "Still training",
        body,
        callback=ids.VIEW_KEEP,
        submit="Keep running",
        value=_about(facts["cause"], facts["project"], facts["notebook_id"]),
    )


def deny_reason(facts: DenyView, now: datetime, ctx: Context) -> View:
    """Why not; the requester reads it."""
    page = Page()
    page.say(_asked_for(facts))
    body = [*page.take(), _reason("Reason", "The requester reads it.")]
    return modal(
        "Deny request",
        body,
        callback=ids.VIEW_DENY,
        submit="Deny",
        value=_about(facts["cause"], facts["project"], facts["notebook_id"], facts["approval"]),
    )


def approve_less(facts: LessView, now: datetime, ctx: Context) -> View:
    """A smaller grant: it becomes the amount."""
    page = Page()
    cost = f" All of it would cost {text.escape(facts['cost'])}." if facts.get("cost") else ""
    page.say(f"{_asked_for(facts)}{cost} What you give is what counts.")
    half = compact(timedelta(seconds=max(3600, facts.get("wish_s", 7200) // 2)))
    length, moment = _length_fields(half)
    by_length, by_instant = (length, "Grant", "Like 2h, 90m or 1d."), (moment, "Grant until", "On your own clock.")
    body = [*page.take(), _only(*(by_instant if facts.get("until_ms") else by_length))]  # of the kind asked for
    return modal(
        "Approve less",
        body,
        callback=ids.VIEW_LESS,
        submit="Approve this",
        value=_about(facts["cause"], facts["project"], facts["notebook_id"], facts["approval"]),
    )


def settings(facts: SettingsView, now: datetime, ctx: Context) -> View:
    """Zone shown, quiet hours, optional notices. Those before a stop are not on the list."""
    page = Page()
    page.say(f"Your zone: {text.name(facts['zone'])}, {text.prose(facts['zone_source'], 100)}.")
    quiet = blocks.field(
        "Quiet hours",
        blocks.text_input("quiet", initial=facts["quiet"] or "off", longest=20),
        hint="Like 20:00-08:00, or off. Lease warnings come before they begin.",
        optional=True,
    )
    options = [blocks.option(text.plain_prose(each["label"], blocks.OPTION), each["key"]) for each in facts["notices"]]
    body = [*page.take(), quiet]
    if options:
        wanted = [each["key"] for each in facts["notices"] if each["on"]]
        body.append(blocks.field("Send me", blocks.checkboxes("notices", options, checked=wanted), optional=True))
    body.append(blocks.context("Notices before a stop always come. Idle warnings also come in quiet hours."))
    return modal("Settings", body, callback=ids.VIEW_SETTINGS, submit="Save", value=ids.Button(cause=facts["cause"]))


def done(facts: DoneView, now: datetime, ctx: Context) -> View:
    """How it ended."""
    page = Page()
    page.say(
        " ".join(
            filter(
                None, (text.advice(facts["text"], ctx.command), text.advice(facts.get("next_step") or "", ctx.command))
            )
        )
    )
    return modal(facts["title"], page.take(), close="Close")


def error(facts: ErrorView, now: datetime, ctx: Context) -> View:
    """What failed and what to do."""
    page = Page()
    tell_failure(page, facts["oops"], ctx.command)
    return modal(facts["title"], page.take(), close="Close")


VIEWS: dict[str, Callable[[Any, datetime, Context], View]] = {
    "loading": loading,
    ids.VIEW_CREATE: create,
    ids.VIEW_DELETE: delete,
    ids.VIEW_EXTEND: extend_other,
    ids.VIEW_KEEP: keep_until,
    ids.VIEW_DENY: deny_reason,
    ids.VIEW_LESS: approve_less,
    ids.VIEW_SETTINGS: settings,
    "done": done,
    "error": error,
    "home": home,
}


def view(facts: Mapping[str, Any], now: datetime, ctx: Context) -> View:
    """The view that `facts["view"]` names; App Home if none is named. Raises KeyError for another name."""
    return VIEWS[str(facts.get("view") or "home")](facts, now, ctx)


def _about(cause: str, project: str, notebook: str, approval: str | None = None) -> ids.Button:
    return ids.Button(cause=cause, project=project, notebook=notebook or None, approval=approval)
