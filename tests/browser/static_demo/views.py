"""Canned modals and Home tab."""

from tests.browser.static_demo.kit import Json, actions, button, context, divider, field, header, option, plain, section
from tests.browser.static_demo.messages import START_S

IMAGES = [
    "pytorch_2.1-cuda_12.1-py_3.10",
    "pytorch_1.8-cuda_10.2-py_3.7",
    "tensorflow_2.1-cuda_10.1-py_3.7",
    "mindspore_2.2-cann_7.0-py_3.9",
    "conda3-ubuntu_20.04",
]


def create() -> Json:
    """The modal for a new notebook, with every input element."""
    flavors = [
        option("2 vCPU, 8 GB", "cpu.2u", "0.17 EUR per hour"),
        option("1 × V100, 8 vCPU", "gpu.v100", "2.04 EUR per hour"),
        option("1 × Ascend, 24 vCPU", "npu.1", "sold out"),
    ]
    return {
        "id": "V0CREATE",
        "type": "modal",
        "callback_id": "notebook_create",
        "hash": "1",
        "title": plain("New notebook"),
        "submit": plain("Create"),
        "close": plain("Cancel"),
        "blocks": [
            field(
                "Name",
                "name",
                {
                    "type": "plain_text_input",
                    "action_id": "name",
                    "placeholder": plain("bert-finetune"),
                    "focus_on_load": True,
                },
                hint=plain("Letters, digits, dashes"),
            ),
            field(
                "Image",
                "image",
                {
                    "type": "external_select",
                    "action_id": "image",
                    "min_query_length": 2,
                    "placeholder": plain("Type to search"),
                },
            ),
            field(
                "Flavor",
                "flavor",
                {"type": "static_select", "action_id": "flavor", "options": flavors, "initial_option": flavors[1]},
                dispatch_action=True,
            ),
            field(
                "Disk in GB",
                "disk",
                {"type": "number_input", "action_id": "disk", "is_decimal_allowed": False, "initial_value": "50"},
            ),
            field(
                "Runs until",
                "until",
                {"type": "datetimepicker", "action_id": "until", "initial_date_time": START_S + 14_400},
            ),
            field(
                "Tags",
                "tags",
                {
                    "type": "multi_static_select",
                    "action_id": "tags",
                    "options": [option("nlp", "nlp"), option("vision", "vision")],
                },
                optional=True,
            ),
            field(
                "Stop",
                "stop",
                {
                    "type": "radio_buttons",
                    "action_id": "stop",
                    "options": [
                        option("When the lease ends", "timed"),
                        option("When idle", "idle", "after 60 min without use"),
                    ],
                    "initial_option": option("When the lease ends", "timed"),
                },
            ),
            field(
                "Tell",
                "tell",
                {
                    "type": "checkboxes",
                    "action_id": "tell",
                    "options": [option("60 min before", "60"), option("15 min before", "15")],
                },
                optional=True,
            ),
            field("Why", "why", {"type": "plain_text_input", "action_id": "why", "multiline": True}, optional=True),
            section(":moneybag: 4 h cost about *8.16 EUR*, ends today at 15:00", "price"),
        ],
    }


def loading() -> Json:
    return {
        "id": "V0CREATE",
        "type": "modal",
        "callback_id": "notebook_create",
        "hash": "0",
        "title": plain("New notebook"),
        "close": plain("Cancel"),
        "blocks": [section(":hourglass_flowing_sand: Reading images and flavors…", "l")],
    }


def pushed(depth: int) -> Json:
    return {
        "id": f"V0PUSH{depth}",
        "type": "modal",
        "callback_id": "pushed",
        "title": plain(f"Level {depth}"),
        "close": plain("Back"),
        "blocks": [section(f"This is level {depth}.", "p"), actions("pa", button("One more", "push_view"))],
    }


def home() -> Json:
    return {
        "id": "V0HOME",
        "type": "home",
        "hash": "1",
        "blocks": [
            header("Needs attention", "h0"),
            section(
                ":hourglass_flowing_sand: *bert-finetune* stops in 28 min",
                "h1",
                accessory=button("Extend 1 h", "notebook_extend:1h", style="primary"),
            ),
            divider("h2"),
            header("Running", "h3"),
            section("*bert-finetune*\n1 × V100 · 3.06 EUR so far · 28 min left", "h4"),
            actions(
                "h5",
                button("Extend 4 h", "notebook_extend:4h"),
                button("Stop", "notebook_stop"),
                button("Why?", "notebook_why"),
            ),
            divider("h6"),
            header("Stopped", "h7"),
            section(
                "*resnet-sweep*\n4 vCPU · disk 50 GB, 0.03 EUR per day",
                "h8",
                accessory=button("Start", "notebook_start"),
            ),
            actions(
                "h9", button("New notebook", "notebook_create", style="primary"), button("Settings", "settings_open")
            ),
            context("h10", f"Updated <!date^{START_S}^{{time}}|10:00 UTC>"),
        ],
    }
