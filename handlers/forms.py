"""A submitted modal -> what is wanted, or which field is wrong. Pure.

Fields are found by their `action_id` (`bot.render.view_facts` names them); errors go under their block.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import to_ms
from bot.errors import BadInput
from bot.render import ids
from bot.render.ids import Button
from bot.rules.durations import parse_clock, parse_duration, parse_instant
from handlers import clicks
from handlers.fields import check_disk, check_name
from handlers.parse import Request
from handlers.suggest import NONE
from handlers.words import unescape


@dataclass(frozen=True, slots=True)
class Field:
    """What stands in a field, and the block its error goes under."""

    block: str
    value: Any  # text, a list of values, or None


@dataclass(frozen=True, slots=True)
class Context:
    """What a form is read with: the instant, the person's zone, and the notebook's name where it must be typed."""

    now: datetime
    zone: ZoneInfo
    name: str | None = None


class FieldErrors(BadInput):
    """Correct the marked fields."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


def state(view: Mapping[str, Any]) -> dict[str, Field]:
    """Every field of a view by its action id."""
    found: dict[str, Field] = {}
    for block, elements in ((view.get("state") or {}).get("values") or {}).items():
        for action, element in elements.items():
            found[ids.verb(action)] = Field(block, _value(element))
    return found


def plain(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The values alone, for a form that is only redrawn."""
    return {name: field.value for name, field in fields.items() if field.value not in (None, "", [])}


def read(callback: str, fields: Mapping[str, Field], button: Button, context: Context) -> Request:
    """What a submitted form wants. Raises FieldErrors, keyed by block."""
    reader = Reader(fields)
    request = _READERS[callback](reader, button, context)
    if reader.errors:
        raise FieldErrors(reader.errors)
    return request


def _value(element: Mapping[str, Any]) -> Any:
    for key in ("selected_option", "selected_options"):
        if element.get(key) is not None:
            chosen = element[key]
            return [one["value"] for one in chosen] if isinstance(chosen, list) else chosen["value"]
    if element.get("selected_date_time") is not None:
        return int(element["selected_date_time"])
    for key in (
        "value",
        "selected_user",
        "selected_conversation",
        "selected_channel",
        "selected_date",
        "selected_time",
    ):
        if element.get(key) is not None:
            return element[key]
    return [] if element.get("type") == "checkboxes" else None


class Reader:
    """Reads fields one by one and collects what is wrong with them."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self.errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        """What was typed, without the space around it."""
        field = self._fields.get(name)
        return unescape(str(field.value)).strip() if field and field.value not in (None, []) else ""

    def chosen(self, name: str) -> list[str] | None:
        """The ticked ones; None if the form has no such field."""
        field = self._fields.get(name)
        if field is None:
            return None
        return [str(value) for value in field.value] if isinstance(field.value, list) else []

    def check(self, name: str, rule: Callable[[str], Any]) -> Any:
        """What `rule` makes of the text; its BadInput goes under the field. None for an empty field."""
        text = self.text(name)
        if not text:
            return None
        try:
            return rule(text)
        except BadInput as error:
            self.wrong(name, str(error))
            return None

    def need(self, name: str, rule: Callable[[str], Any], missing: str) -> Any:
        """The same, and it may not be empty."""
        if not self.text(name):
            self.wrong(name, missing)
        return self.check(name, rule)

    def wrong(self, name: str, text: str) -> None:
        """Put an error under a field; under any one if it is not in the form."""
        field = self._fields.get(name) or next(iter(self._fields.values()), None)
        self.errors[field.block if field else name] = text[:190]


# --- the forms ---------------------------------------------------------------------------------


def _create(form: Reader, button: Button, _: Context) -> Request:
    args = {
        "name": form.need("name", check_name, "A name is needed: 1 to 64 letters, digits, - and _."),
        "image": form.need("image", _picked, "Pick an image; type a few letters to search."),
        "flavor": form.need("flavor", _picked, "Pick a flavor."),
        "disk": form.check("disk", check_disk),
        "for_s": form.check("for", _seconds),
        "project": form.text("project") or button.project,
        "description": form.text("description"),
    }
    if form.text("stop_type") == "idle" or "idle" in (form.chosen("idle") or ()):
        args["idle"] = True
    return Request("create", {name: value for name, value in args.items() if value not in (None, "")})


def _delete(form: Reader, button: Button, context: Context) -> Request:
    typed = form.text("typed_name")
    if context.name is None:
        form.wrong("typed_name", "I no longer know this notebook; `list` shows what is there.")
    elif typed != context.name.strip():
        form.wrong("typed_name", f'Type the name exactly: "{context.name}". Nothing has been deleted.')
    return Request("delete", clicks.about(button) | {"typed_name": typed})


def _extend(form: Reader, button: Button, context: Context) -> Request:
    return Request("extend", clicks.about(button) | _length(form, context) | {"reason": form.text("reason")})


def _keep(form: Reader, button: Button, context: Context) -> Request:
    args = _length(form, context)
    reason = form.need("reason", str, "Say why; the team can see it.")
    return Request("keep", clicks.about(button) | args | {"reason": reason or ""})


def _deny(form: Reader, button: Button, _: Context) -> Request:
    reason = form.need("reason", str, "Say why; the requester gets to read it.")
    return Request("deny", clicks.about(button) | {"reason": reason or ""})


def _less(form: Reader, button: Button, context: Context) -> Request:
    return Request("approve_less", clicks.about(button) | _length(form, context))


def _length(form: Reader, context: Context) -> dict[str, Any]:
    """Exactly one of `for` and `until`."""
    if form.text("for") and form.text("until"):
        form.wrong("until", "Give a length or an instant, not both.")
    elif not form.text("for") and not form.text("until"):
        form.wrong("for", "Give a length like 2h, or an instant like 18:00.")
    seconds = form.check("for", _seconds)
    until = form.check("until", lambda text: _until(text, context))
    return {"by_s": seconds} if seconds is not None else {"until_ms": until}


def _settings(form: Reader, _: Button, context: Context) -> Request:
    args: dict[str, Any] = {"quiet": form.check("quiet", _quiet) or ""}
    if (notices := form.chosen("notices")) is not None:
        args["notices"] = notices
    return Request("settings_save", args)


def _picked(value: str) -> str:
    if value == NONE:
        raise BadInput("The list was not here yet: type a few letters again.")
    return value


def _seconds(text: str) -> int:
    return parse_duration(text) // timedelta(seconds=1)


def _until(text: str, context: Context) -> int:
    if text.isdigit() and len(text) == 10:  # a date-time picker
        at = datetime.fromtimestamp(int(text), UTC)
        if at <= context.now:
            raise BadInput("That has passed.")
        return to_ms(at)
    return to_ms(parse_instant(text, context.now, context.zone))


def _quiet(text: str) -> str:
    """`20:00-08:00`, or `off`."""
    if text.lower() in ("off", "none", "no"):
        return "off"
    start, dash, end = text.replace("–", "-").partition("-")
    if not dash:
        raise BadInput('Write it like 20:00-08:00, or "off".')
    first, last = parse_clock(start.strip()), parse_clock(end.strip())
    if first == last:
        raise BadInput("Quiet hours need a beginning and an end that differ.")
    return f"{first:%H:%M}-{last:%H:%M}"


_READERS: dict[str, Callable[[Reader, Button, Context], Request]] = {
    ids.VIEW_CREATE: _create,
    ids.VIEW_DELETE: _delete,
    ids.VIEW_EXTEND: _extend,
    ids.VIEW_KEEP: _keep,
    ids.VIEW_DENY: _deny,
    ids.VIEW_LESS: _less,
    ids.VIEW_SETTINGS: _settings,
}
