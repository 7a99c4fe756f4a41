"""Canned conversations: the bot's usual messages and one of every block and element."""

from tests.browser.static_demo.kit import (
    Json,
    actions,
    button,
    context,
    divider,
    event,
    header,
    md,
    message,
    option,
    plain,
    section,
)

START_S = 1_764_064_800  # 2025-11-25 10:00 UTC
BOT = "U0LEASEBOT"
HOSTILE = "<script>window.broken = 1</script> <img src=x onerror=\"window.broken = 1\"> <!channel|x> <javascript:alert(1)|x>"
ASK = {
    "title": plain("Stop bert-finetune?"),
    "text": md("Running cells are lost. The disk stays."),
    "confirm": plain("Stop it"),
    "deny": plain("Keep running"),
    "style": "danger",
}


def ana() -> list[Json]:
    """Ana's conversation with the bot: a story of one morning."""
    return [
        message(START_S - 88_000, BOT, "resnet-sweep was stopped", [
            section(":octagonal_sign: *resnet-sweep* was stopped: nothing ran on it since "
                    f"<!date^{START_S - 93_000}^{{date_short_pretty}} at {{time}}|yesterday>.", "st1"),
            context("st2", "Stopped by leasebot", "Saved so far: *11.20 EUR*", "Its disk and files are kept"),
            actions("st3", button("Start again", "notebook_start", style="primary"), button("That was wrong", "notebook_false_stop"),
                    button("Delete…", "notebook_delete", style="danger")),
        ], metadata=event("stopped", "stopped:nb-2:1")),
        message(START_S - 5_400, BOT, "bert-finetune is running", [
            section(":white_check_mark: *bert-finetune* is running", "op1"),
            context("op2", "modelarts.vm.gpu.v100 · 2.04 EUR per hour", f"until <!date^{START_S + 1_800}^{{time}}|11:30 UTC>"),
            actions("op3", button("Open", "notebook_open", style="primary", url="http://127.0.0.1/notebook"),
                    button("Extend", "notebook_extend:2h"), button("Stop", "notebook_stop", confirm=ASK)),
        ], metadata=event("operation", "operation:41"), edited={"user": BOT, "ts": "1"}),
        message(START_S - 5_300, BOT, "It took 48 s.", None, thread_ts=f"{START_S - 5_400:.6f}"),
        message(START_S - 5_200, "U0ANA", "thanks!", None, thread_ts=f"{START_S - 5_400:.6f}"),
        message(START_S - 1_800, BOT, "bert-finetune stops in 60 minutes", [
            section(":hourglass_flowing_sand: *bert-finetune* stops in 60 min, at "
                    f"<!date^{START_S + 1_800}^{{time}}|11:30 UTC>. Extend it, or let it end: files on its disk stay.", "lw1"),
            {"type": "section", "block_id": "lw2", "fields": [md("*Cost so far*\n3.06 EUR"), md("*Flavor*\n1 × V100, 8 vCPU"),
                                                           md("*Idle evidence*\nkernel busy 2 min ago"), md("*Renewals*\n1 of 6 h free")]},
            actions("lw3", button("Extend 1 h", "notebook_extend:1h", style="primary"), button("Extend 4 h", "notebook_extend:4h"),
                    button("Other…", "notebook_extend_other"), button("Stop now", "notebook_stop", style="danger", confirm=ASK),
                    button("Why?", "notebook_why")),
        ], metadata=event("lease_warning", "lease_warning:nb-1:1:3600")),
        message(START_S - 600, BOT, "What it costs", [
            section(":bar_chart: *Your notebooks this week*: 41.30 EUR, 18.70 EUR saved by stops", "co1"),
        ], files=[{"url": "/files/chart.png", "alt": "Bars: cost per day, highest on Friday with 9.80 EUR", "title": "Cost per day, last 7 days"}]),
        message(START_S - 120, BOT, "Your notebooks", [
            header("Your notebooks", "ls0"),
            section(":large_green_circle: *bert-finetune*  running, 28 min left\n1 × V100 · 3.06 EUR so far", "ls1",
                    accessory={"type": "overflow", "action_id": "row_menu", "options": [
                        option("Extend 2 h", "extend"), option("Stop", "stop"), option("Why", "why")]}),
            divider("ls2"),
            section(":white_circle: *resnet-sweep*  stopped yesterday\n4 vCPU · disk 50 GB", "ls3",
                    accessory=button("Start", "notebook_start")),
            context("ls4", "2 of 2 notebooks", "`/notebook help` shows the rest"),
        ], ephemeral=True, via_response_url=True),
    ]  # fmt: skip


def research() -> list[Json]:
    return [
        message(START_S - 30_000, BOT, "Daily digest", [
            header("Yesterday in research", "dg0"),
            {"type": "table", "block_id": "dg1", "column_settings": [{"align": "left"}, {"align": "right"}, {"align": "right"}],
             "rows": [[_raw("Person"), _raw("Running time"), _raw("Cost")], [_raw("Ana"), _raw("9 h 10 min"), _raw("18.71 EUR")],
                      [_raw("Ben"), _raw("3 h 02 min"), _raw("1.03 EUR")]]},
            context("dg2", "Two idle stops saved *11.20 EUR*"),
            actions("dg3", button("Details", "digest_details")),
        ], metadata=event("digest", "digest:research:daily:2025-11-24")),
        message(START_S - 300, BOT, "Ana asks for 8 h more", [
            section("<@U0ANA> asks for *8 h* more for *bert-finetune*\n> the last epoch &amp; the evaluation", "ar1"),
            {"type": "section", "block_id": "ar2", "fields": [md("*Cost*\n16.32 EUR"), md("*Renewals so far*\n1, 2 h in all"),
                                                             md("*Idle*\nbusy, kernel and GPU"),
                                                             md(f"*Expires*\n<!date^{START_S + 28_000}^{{date_short_pretty}} at {{time}}|18:00 UTC>")]},
            actions("ar3", button("Approve 8 h", "approval_approve", style="primary"), button("Approve less…", "approval_approve_less"),
                    button("Deny…", "approval_deny", style="danger")),
        ], metadata=event("approval_request", "approval_request:7")),
    ]  # fmt: skip


def _raw(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def gallery() -> list[Json]:
    """Every block and every element at least once, with hostile text."""
    return [message(START_S - 900, BOT, "gallery", _text_blocks()), message(START_S - 890, BOT, "gallery", _element_blocks(),
            metadata=event("alert", "alert:gallery")), message(START_S - 880, "U0BEN", HOSTILE)]  # fmt: skip


def _text_blocks() -> list[Json]:
    return [
        header("Everything Block Kit has :rocket:", "g0"),
        section("*bold* _it_ ~strike~ `code <b>` &lt;tag&gt; &amp; a*b*c 2*3*4 :hourglass: :nonsense: <https://example.com/a?b=1|a link> "
                "<mailto:a@example.com|mail> <@U0BEN> <@U0UNKNOWN> <#C0RESEARCH|research> <!here> https://example.com/bare.", "g1"),
        section("> quoted *line*\n> second\nafter\n```x = 1 &lt; 2\n*not bold*```\n~_*all three*_~", "g2"),
        section(f"<!date^{START_S}^{{date_long}} {{time_secs}}|never seen> and <!date^oops^{{time}}|the fallback>, {HOSTILE}", "g3"),
        {"type": "rich_text", "block_id": "g4", "elements": [
            {"type": "rich_text_section", "elements": [
                {"type": "text", "text": "rich "}, {"type": "text", "text": "bold", "style": {"bold": True}}, {"type": "text", "text": " "},
                {"type": "text", "text": "code", "style": {"code": True}}, {"type": "text", "text": " "},
                {"type": "user", "user_id": "U0ANA"}, {"type": "text", "text": " "}, {"type": "emoji", "name": "tada"}, {"type": "text", "text": " "},
                {"type": "link", "url": "https://example.com", "text": "link"}, {"type": "text", "text": " "},
                {"type": "link", "url": "javascript:alert(1)", "text": "no link"}, {"type": "text", "text": " "},
                {"type": "date", "timestamp": START_S, "format": "{date_num} {time}", "fallback": "f"}]},
            {"type": "rich_text_list", "style": "bullet", "elements": [_item("first"), _item("second")]},
            {"type": "rich_text_list", "style": "ordered", "indent": 1, "elements": [_item("nested one"), _item("nested two")]},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "a quote"}]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "pip install torch\n<b>plain</b>"}]}]},
        {"type": "image", "block_id": "g5", "image_url": "/files/chart.png", "alt_text": "A small chart", "title": plain("A picture")},
        {"type": "image", "block_id": "g6", "image_url": "https://example.com/far.png", "alt_text": "A picture from elsewhere"},
        context("g7", {"type": "image", "image_url": "/files/chart.png", "alt_text": "tiny"}, "context *text*", plain("plain :bell: text")),
        divider("g8"),
        {"type": "hologram", "block_id": "g9"},
    ]  # fmt: skip


def _item(text: str) -> Json:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}


def _element_blocks() -> list[Json]:
    some = [option("One hour", "1h"), option("Two hours", "2h", "the usual"), option("Four hours", "4h")]
    return [
        section("A picture beside", "e0", accessory={"type": "image", "image_url": "/files/chart.png", "alt_text": "beside"}),
        actions("e1", button("Plain", "e_plain", "v1"), button("Primary", "e_primary", style="primary"),
                button("Danger", "e_danger", style="danger", confirm=ASK, accessibility_label="Stop bert-finetune"),
                button("Link", "e_link", url="http://127.0.0.1:1/x"),
                {"type": "overflow", "action_id": "e_overflow", "options": some}),
        actions("e2", {"type": "static_select", "action_id": "e_static", "placeholder": plain("How long"), "options": some},
                {"type": "users_select", "action_id": "e_users", "placeholder": plain("Who")},
                {"type": "datepicker", "action_id": "e_date", "initial_date": "2025-11-26"},
                {"type": "timepicker", "action_id": "e_time", "initial_time": "18:00"},
                {"type": "datetimepicker", "action_id": "e_datetime", "initial_date_time": START_S}),
        actions("e3", {"type": "checkboxes", "action_id": "e_checks", "options": some[:2], "initial_options": some[:1]},
                {"type": "radio_buttons", "action_id": "e_radio", "options": some[:2]}),
        section("Flavors", "e4", accessory={
            "type": "multi_static_select", "action_id": "e_multi", "placeholder": plain("Flavors"),
            "option_groups": [{"label": plain("CPU"), "options": some[:1]}, {"label": plain("GPU"), "options": some[1:]}]}),
    ]  # fmt: skip
