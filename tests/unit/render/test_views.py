"""Modals and App Home: fields are where forms are read, and nothing is lost on a redraw."""

from typing import Any

import pytest

from bot.render import ids
from bot.render.context import Context
from bot.render.registry import render
from bot.render.views import view
from handlers import forms
from tests.unit.render.limits import elements
from tests.unit.render.samples import MS, NOW, samples

SAMPLES = samples()


def draw(name: str, **more: Any) -> dict[str, Any]:
    kind, facts = SAMPLES[name]
    message = render(kind, facts | more, NOW, Context("/notebook"))
    assert message is not None
    return message.blocks[0]


def inputs(drawn: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block["element"] for block in drawn["blocks"] if block["type"] == "input"}


FIELDS = {
    "view/create": (ids.VIEW_CREATE, ["name", "image", "flavor", "disk", "for", "stop_type"]),
    "view/create filled": (ids.VIEW_CREATE, ["project", "name", "image", "flavor", "disk", "for", "stop_type"]),
    "view/delete": (ids.VIEW_DELETE, ["typed_name"]),
    "view/extend": (ids.VIEW_EXTEND, ["for", "until", "reason"]),
    "view/keep": (ids.VIEW_KEEP, ["until", "reason"]),
    "view/deny": (ids.VIEW_DENY, ["reason"]),
    "view/less": (ids.VIEW_LESS, ["for"]),
    "view/less_until": (ids.VIEW_LESS, ["until"]),
    "view/settings": (ids.VIEW_SETTINGS, ["quiet", "notices"]),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_named_as_forms_read_them(name: str) -> None:
    callback, names = FIELDS[name]
    drawn = draw(name)
    assert drawn["callback_id"] == callback
    assert list(inputs(drawn)) == names
    assert [element["action_id"] for element in inputs(drawn).values()] == names
    assert ids.read(drawn["private_metadata"]).cause == "c1"


def test_a_form_remembers_what_it_is_about() -> None:
    about = ids.read(draw("view/deny")["private_metadata"])
    assert (about.project, about.approval) == ("research", "ap1")
    assert ids.read(draw("view/delete")["private_metadata"]).notebook == SAMPLES["view/delete"][1]["notebook_id"]


def test_loading_keeps_the_callback_and_cannot_be_sent() -> None:
    drawn = draw("view/loading")
    assert drawn["callback_id"] == ids.VIEW_CREATE
    assert "submit" not in drawn


def test_create_shows_prices_marks_sold_out_and_the_end() -> None:
    drawn = draw("view/create filled")
    flavors = inputs(drawn)["flavor"]["options"]
    assert flavors[0]["text"]["text"] == "modelarts.vm.cpu.2u, 0.17 EUR per hour"
    assert flavors[1]["description"]["text"].startswith("Sold out now.")
    assert all(len(option["value"]) <= 75 for option in flavors)
    estimate = drawn["blocks"][-1]["text"]["text"]
    for part in ("0.17 EUR per hour", "0.34 EUR", "It ends <!date^", "needs an approval"):
        assert part in estimate


def test_create_keeps_what_was_typed_when_it_is_drawn_again() -> None:
    found = inputs(draw("view/create filled", stop_type="idle", lease_s=5400, disk_gb=77))
    assert found["name"]["initial_value"] == "train-1"
    assert found["image"]["initial_option"]["value"] == SAMPLES["view/create filled"][1]["image"]["id"]
    assert found["flavor"]["initial_option"]["value"] == "modelarts.vm.cpu.2u"
    assert (found["for"]["initial_value"], found["disk"]["initial_value"]) == ("1h30m", "77")
    assert found["stop_type"]["initial_option"]["value"] == "idle"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "view/create",
            {
                "name": "train-1",
                "image": "img-1",
                "flavor": "modelarts.vm.cpu.2u",
                "disk": "50",
                "for": "2h",
                "stop_type": "timed",
            },
        ),
        ("view/delete", {"typed_name": "train-1"}),
        ("view/extend", {"for": "6h"}),
        ("view/keep", {"until": MS // 1000 + 7200, "reason": "epochs"}),
        ("view/deny", {"reason": "no budget"}),
        ("view/less", {"for": "2h"}),
        ("view/less_until", {"until": MS // 1000 + 7200}),
        ("view/settings", {"quiet": "off", "notices": ["digest"]}),
    ],
)
def test_what_is_sent_can_be_read(name: str, values: dict[str, Any]) -> None:
    from zoneinfo import ZoneInfo

    drawn = draw(name)
    sent = {
        "state": {
            "values": {field: {field: _sent(element, values.get(field))} for field, element in inputs(drawn).items()}
        }
    }
    context = forms.Context(NOW, ZoneInfo("UTC"), "train-1")
    request = forms.read(drawn["callback_id"], forms.state(sent), ids.read(drawn["private_metadata"]), context)
    assert request.args


def _sent(element: dict[str, Any], value: Any) -> dict[str, Any]:
    key = {
        "static_select": "selected_option",
        "external_select": "selected_option",
        "radio_buttons": "selected_option",
        "checkboxes": "selected_options",
        "datetimepicker": "selected_date_time",
    }.get(element["type"], "value")
    if key == "selected_option":
        value = {"value": value} if value else None
    if key == "selected_options":
        value = [{"value": one} for one in value or []]
    return {"type": element["type"], key: value}


def test_delete_says_what_is_lost() -> None:
    drawn = draw("view/delete")
    said = " ".join(block["text"]["text"] for block in drawn["blocks"] if block["type"] == "section")
    for part in ("whole disk (50 GB EFS)", "It is running", "cannot be undone"):
        assert part in said
    assert drawn["blocks"][-1]["label"]["text"] == "Type train-1 to delete it"


def test_notices_before_a_stop_are_not_on_the_list_of_settings() -> None:
    assert "Notices before a stop always come." in str(draw("view/settings")["blocks"][-1])


def test_home_is_in_order() -> None:
    drawn = draw("home/few")
    heads = [block["text"]["text"] for block in drawn["blocks"] if block["type"] == "header"]
    assert heads == ["Needs attention", "Running", "Stopped", "Admin: research"]


def _actions(drawn: dict[str, Any]) -> list[list[str]]:
    return [[each["action_id"] for each in elements(block)] for block in drawn["blocks"] if block["type"] == "actions"]


def test_home_has_two_buttons_a_row_and_a_way_on() -> None:
    found = _actions(draw("home/few", attention=[], admin=[]))
    assert found == [
        ["notebook_extend", "notebook_stop"],
        ["notebook_start", "notebook_delete"],
        ["notebook_create", "settings_open"],
    ]
    assert _actions(draw("home/empty")) == [["notebook_create", "settings_open"]]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"mode": "shadow", "mode_from_file": False}, ["admin_enforce"]),
        ({"mode": "shadow", "mode_from_file": True}, []),
        ({"mode": "enforce", "mode_from_file": False}, []),
        ({"mode": "enforce", "mode_from_file": True, "brake": "too many"}, ["admin_release"]),
    ],
)
def test_admins_see_the_mode_and_what_they_can_do_about_it(state: dict[str, Any], expected: list[str]) -> None:
    project = {"project": "research", "running": 1, "pending": [], **state}
    found = _actions(draw("home/empty", admin=[project]))
    assert found[1:] == ([expected] if expected else [])


def test_a_view_is_found_by_its_name() -> None:
    assert view({"view": "loading", "callback": "settings", "title": "Settings"}, NOW, Context())["type"] == "modal"
    assert view(SAMPLES["home/empty"][1], NOW, Context())["type"] == "home"
    with pytest.raises(KeyError):
        view({"view": "poem"}, NOW, Context())


def test_nothing_is_silently_left_out_of_a_full_home() -> None:
    drawn = draw("home/full")
    assert "And 2 projects more." in str(drawn["blocks"][-1])
    said = [block["elements"][0]["text"] for block in drawn["blocks"] if block["type"] == "context"]
    assert "And 6 more." in said
    assert "And 8 more: `/notebook list` shows all." in said
    assert "And 14 more." in said


@pytest.mark.parametrize(
    ("name", "optional"),
    [
        ("view/extend", ["for", "until", "reason"]),
        ("view/keep", []),
        ("view/less", []),
        ("view/less_until", []),
        ("view/deny", []),
        ("view/delete", []),
        ("view/settings", ["quiet", "notices"]),
        ("view/create", []),
    ],
)
def test_only_what_may_be_left_empty_may_be_left_empty(name: str, optional: list[str]) -> None:
    found = [block["block_id"] for block in draw(name)["blocks"] if block.get("optional")]
    assert found == optional
