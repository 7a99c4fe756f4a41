"""Every block and every element at least once, with hostile text."""

from tests.browser.static_demo.kit import (
    Json,
    actions,
    button,
    context,
    divider,
    event,
    header,
    message,
    option,
    plain,
    section,
)
from tests.browser.static_demo.messages import ASK, BOT, HOSTILE, START_S


def gallery() -> list[Json]:
    """Every block and every element at least once, with hostile text."""
    return [
        message(START_S - 900, BOT, "gallery", _text_blocks()),
        message(START_S - 890, BOT, "gallery", _element_blocks(), metadata=event("alert", "alert:gallery")),
        message(START_S - 880, "U0BEN", HOSTILE),
    ]


def _text_blocks() -> list[Json]:
    return [
        header("Everything Block Kit has :rocket:", "g0"),
        section(
            "*bold* _it_ ~strike~ `code <b>` &lt;tag&gt; &amp; a*b*c 2*3*4 "
            ":hourglass: :nonsense: <https://example.com/a?b=1|a link> "
            "<mailto:a@example.com|mail> <@U0BEN> <@U0UNKNOWN> <#C0RESEARCH|research> <!here> https://example.com/bare.",
            "g1",
        ),
        section("> quoted *line*\n> second\nafter\n```x = 1 &lt; 2\n*not bold*```\n~_*all three*_~", "g2"),
        section(
            f"<!date^{START_S}^{{date_long}} {{time_secs}}|never seen> and "
            f"<!date^oops^{{time}}|the fallback>, {HOSTILE}",
            "g3",
        ),
        {
            "type": "rich_text",
            "block_id": "g4",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "rich "},
                        {"type": "text", "text": "bold", "style": {"bold": True}},
                        {"type": "text", "text": " "},
                        {"type": "text", "text": "code", "style": {"code": True}},
                        {"type": "text", "text": " "},
                        {"type": "user", "user_id": "U0ANA"},
                        {"type": "text", "text": " "},
                        {"type": "emoji", "name": "tada"},
                        {"type": "text", "text": " "},
                        {"type": "link", "url": "https://example.com", "text": "link"},
                        {"type": "text", "text": " "},
                        {"type": "link", "url": "javascript:alert(1)", "text": "no link"},
                        {"type": "text", "text": " "},
                        {"type": "date", "timestamp": START_S, "format": "{date_num} {time}", "fallback": "f"},
                    ],
                },
                {"type": "rich_text_list", "style": "bullet", "elements": [_item("first"), _item("second")]},
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "indent": 1,
                    "elements": [_item("nested one"), _item("nested two")],
                },
                {"type": "rich_text_quote", "elements": [{"type": "text", "text": "a quote"}]},
                {
                    "type": "rich_text_preformatted",
                    "elements": [{"type": "text", "text": "pip install torch\n<b>plain</b>"}],
                },
            ],
        },
        {
            "type": "image",
            "block_id": "g5",
            "image_url": "/files/chart.png",
            "alt_text": "A small chart",
            "title": plain("A picture"),
        },
        {
            "type": "image",
            "block_id": "g6",
            "image_url": "https://example.com/far.png",
            "alt_text": "A picture from elsewhere",
        },
        context(
            "g7",
            {"type": "image", "image_url": "/files/chart.png", "alt_text": "tiny"},
            "context *text*",
            plain("plain :bell: text"),
        ),
        divider("g8"),
        {"type": "hologram", "block_id": "g9"},
    ]


def _item(text: str) -> Json:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}


def _element_blocks() -> list[Json]:
    some = [option("One hour", "1h"), option("Two hours", "2h", "the usual"), option("Four hours", "4h")]
    return [
        section(
            "A picture beside", "e0", accessory={"type": "image", "image_url": "/files/chart.png", "alt_text": "beside"}
        ),
        actions(
            "e1",
            button("Plain", "e_plain", "v1"),
            button("Primary", "e_primary", style="primary"),
            button("Danger", "e_danger", style="danger", confirm=ASK, accessibility_label="Stop bert-finetune"),
            button("Link", "e_link", url="http://127.0.0.1:1/x"),
            {"type": "overflow", "action_id": "e_overflow", "options": some},
        ),
        actions(
            "e2",
            {"type": "static_select", "action_id": "e_static", "placeholder": plain("How long"), "options": some},
            {"type": "users_select", "action_id": "e_users", "placeholder": plain("Who")},
            {"type": "datepicker", "action_id": "e_date", "initial_date": "2025-11-26"},
            {"type": "timepicker", "action_id": "e_time", "initial_time": "18:00"},
            {"type": "datetimepicker", "action_id": "e_datetime", "initial_date_time": START_S},
        ),
        actions(
            "e3",
            {"type": "checkboxes", "action_id": "e_checks", "options": some[:2], "initial_options": some[:1]},
            {"type": "radio_buttons", "action_id": "e_radio", "options": some[:2]},
        ),
        section(
            "Flavors",
            "e4",
            accessory={
                "type": "multi_static_select",
                "action_id": "e_multi",
                "placeholder": plain("Flavors"),
                "option_groups": [
                    {"label": plain("CPU"), "options": some[:1]},
                    {"label": plain("GPU"), "options": some[1:]},
                ],
            },
        ),
    ]
