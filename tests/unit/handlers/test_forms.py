"""Fields of a modal become arguments, or an error under the field that is wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.clock import to_ms
from bot.render import ids
from bot.render.context import Context as Drawn
from bot.render.ids import Button
from bot.render.views import view as draw_view
from handlers import forms
from handlers.forms import Context, Field, FieldErrors
from handlers.parse import Request

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CONTEXT = Context(NOW, ZoneInfo("Europe/Berlin"), name="train-1")
BUTTON = Button(cause="c", project="p", notebook="n")
LATER = int((NOW + timedelta(hours=3)).timestamp())


def read(callback: str, button: Button = BUTTON, **values: Any) -> Request:
    return forms.read(callback, {name: Field(f"b-{name}", value) for name, value in values.items()}, button, CONTEXT)


@pytest.mark.parametrize(
    ("callback", "values", "verb", "args"),
    [
        (
            ids.VIEW_CREATE,
            {"name": "a", "image": "i", "flavor": "f", "disk": "50", "for": "4h", "stop_type": "timed", "project": "q"},
            "create",
            {"name": "a", "image": "i", "flavor": "f", "disk": 50, "for_s": 14400, "project": "q"},
        ),
        (
            ids.VIEW_CREATE,
            {"name": "a", "image": "i", "flavor": "f", "disk": None, "for": None, "stop_type": "idle"},
            "create",
            {"name": "a", "image": "i", "flavor": "f", "idle": True, "project": "p"},
        ),
        (ids.VIEW_DELETE, {"typed_name": "train-1"}, "delete", {"typed_name": "train-1"}),
        (ids.VIEW_EXTEND, {"for": "90m", "until": None, "reason": None}, "extend", {"by_s": 5400, "reason": ""}),
        (
            ids.VIEW_EXTEND,
            {"for": None, "until": LATER, "reason": "<!channel> &amp; 不"},
            "extend",
            {"until_ms": LATER * 1000, "reason": "<!channel> & 不"},
        ),
        (
            ids.VIEW_EXTEND,
            {"for": "", "until": "18:00"},
            "extend",
            {"until_ms": to_ms(NOW.replace(hour=17)), "reason": ""},
        ),
        (ids.VIEW_KEEP, {"until": LATER, "reason": "data"}, "keep", {"until_ms": LATER * 1000, "reason": "data"}),
        (ids.VIEW_DENY, {"reason": "no"}, "deny", {"reason": "no"}),
        (ids.VIEW_LESS, {"for": "1h", "until": None}, "approve_less", {"by_s": 3600}),
    ],
)
def test_a_form_that_is_right(callback: str, values: dict, verb: str, args: dict) -> None:
    request = read(callback, **values)
    about = {} if callback == ids.VIEW_CREATE else {"notebook": "n", "project": "p"}
    assert (request.verb, request.args) == (verb, about | args)


@pytest.mark.parametrize(
    ("callback", "values", "wrong"),
    [
        (ids.VIEW_CREATE, {"name": "", "image": None, "flavor": None}, {"b-name", "b-image", "b-flavor"}),
        (ids.VIEW_CREATE, {"name": "ä", "image": "i", "flavor": "f"}, {"b-name"}),
        (
            ids.VIEW_CREATE,
            {"name": "a", "image": "-", "flavor": "f", "disk": "4097", "for": "5"},
            {"b-image", "b-disk", "b-for"},
        ),
        (ids.VIEW_DELETE, {"typed_name": "Train-1"}, {"b-typed_name"}),
        (ids.VIEW_EXTEND, {"for": None, "until": None}, {"b-for"}),
        (ids.VIEW_EXTEND, {"for": "1h", "until": LATER}, {"b-until"}),
        (ids.VIEW_EXTEND, {"for": None, "until": LATER - 86400}, {"b-until"}),
        (ids.VIEW_EXTEND, {"for": "2", "until": None}, {"b-for"}),
        (ids.VIEW_KEEP, {"until": LATER, "reason": " "}, {"b-reason"}),
        (ids.VIEW_KEEP, {"until": None, "reason": "x"}, {"b-until"}),
        (ids.VIEW_DENY, {"reason": ""}, {"b-reason"}),
        (ids.VIEW_SETTINGS, {"quiet": "25:00-08:00"}, {"b-quiet"}),
        (ids.VIEW_SETTINGS, {"quiet": "20:00"}, {"b-quiet"}),
        (ids.VIEW_SETTINGS, {"quiet": "08:00-08:00"}, {"b-quiet"}),
    ],
)
def test_a_form_that_is_wrong_says_where(callback: str, values: dict, wrong: set[str]) -> None:
    with pytest.raises(FieldErrors) as error:
        read(callback, **values)
    assert set(error.value.errors) == wrong


def test_a_notebook_that_is_gone_cannot_be_deleted_by_name() -> None:
    gone = Context(NOW, ZoneInfo("Europe/Berlin"), name=None)
    with pytest.raises(FieldErrors):
        forms.read(ids.VIEW_DELETE, {"typed_name": Field("b", "train-1")}, BUTTON, gone)


@pytest.mark.parametrize(
    ("typed", "quiet"), [("20:00-08:00", "20:00-08:00"), ("20:00 \u2013 8:00", "20:00-08:00"), ("off", "off"), ("", "")]
)
def test_settings(typed: str, quiet: str) -> None:
    request = read(ids.VIEW_SETTINGS, Button(cause="c"), quiet=typed, notices=["digest"])
    assert request == Request("settings_save", {"quiet": quiet, "notices": ["digest"]})


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "plain_text_input", "value": "a"}, "a"),
        ({"type": "plain_text_input", "value": None}, None),
        ({"type": "static_select", "selected_option": {"value": "v"}}, "v"),
        ({"type": "static_select", "selected_option": None}, None),
        ({"type": "checkboxes", "selected_options": [{"value": "v"}, {"value": "w"}]}, ["v", "w"]),
        ({"type": "checkboxes", "selected_options": []}, []),
        ({"type": "datetimepicker", "selected_date_time": 1700000000}, 1700000000),
        ({"type": "users_select", "selected_user": "U1"}, "U1"),
    ],
)
def test_every_kind_of_element_is_read(element: dict, value: object) -> None:
    assert forms.state({"state": {"values": {"b": {"a": element}}}}) == {"a": Field("b", value)}


FACTS: dict[str, dict[str, Any]] = {
    ids.VIEW_CREATE: {"projects": ["p", "q"], "project": "p", "flavors": [], "disk_gb": 50, "lease_s": 7200},
    ids.VIEW_DELETE: {"running": False},
    ids.VIEW_EXTEND: {"zone": "UTC"},
    ids.VIEW_KEEP: {"zone": "UTC", "ceiling_ms": to_ms(NOW)},
    ids.VIEW_DENY: {"approval": "a", "requester": "U0BEN", "wish": "4 h"},
    ids.VIEW_LESS: {"approval": "a", "requester": "U0BEN", "wish": "4 h", "zone": "UTC"},
    ids.VIEW_SETTINGS: {
        "zone": "UTC",
        "zone_source": "Slack",
        "quiet": "off",
        "notices": [{"key": "digest", "label": "Digest", "on": True}],
    },
}
FIELDS = {
    ids.VIEW_CREATE: {"project", "name", "image", "flavor", "disk", "for", "stop_type"},
    ids.VIEW_DELETE: {"typed_name"},
    ids.VIEW_EXTEND: {"for", "until", "reason"},
    ids.VIEW_KEEP: {"until", "reason"},
    ids.VIEW_DENY: {"reason"},
    ids.VIEW_LESS: {"for"},
    ids.VIEW_SETTINGS: {"quiet", "notices"},
}


@pytest.mark.parametrize("callback", ids.VIEWS)
def test_the_forms_have_the_fields_that_are_read(callback: str) -> None:
    facts = {"view": callback, "cause": "c", "project": "p", "notebook_id": "n", "name": "train-1"} | FACTS[callback]
    view = draw_view(facts, NOW, Drawn())
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    assert {block["element"]["action_id"] for block in inputs} == FIELDS[callback]
    assert ids.read(view["private_metadata"]).cause == "c"
