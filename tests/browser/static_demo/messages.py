"""Canned conversations: the bot's usual messages."""

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
HOSTILE = (
    '<script>window.broken = 1</script> <img src=x onerror="window.broken = 1"> <!channel|x> <javascript:alert(1)|x>'
)
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
        message(
            START_S - 88_000,
            BOT,
            "resnet-sweep was stopped",
            [
                section(
                    ":octagonal_sign: *resnet-sweep* was stopped: nothing ran on it since "
                    f"<!date^{START_S - 93_000}^{{date_short_pretty}} at {{time}}|yesterday>.",
                    "st1",
                ),
                context("st2", "Stopped by leasebot", "Saved so far: *11.20 EUR*", "Its disk and files are kept"),
                actions(
                    "st3",
                    button("Start again", "notebook_start", style="primary"),
                    button("That was wrong", "notebook_false_stop"),
                    button("Delete…", "notebook_delete", style="danger"),
                ),
            ],
            metadata=event("stopped", "stopped:nb-2:1"),
        ),
        message(
            START_S - 5_400,
            BOT,
            "bert-finetune is running",
            [
                section(":white_check_mark: *bert-finetune* is running", "op1"),
                context(
                    "op2",
                    "modelarts.vm.gpu.v100 · 2.04 EUR per hour",
                    f"until <!date^{START_S + 1_800}^{{time}}|11:30 UTC>",
                ),
                actions(
                    "op3",
                    button("Open", "notebook_open", style="primary", url="http://127.0.0.1/notebook"),
                    button("Extend", "notebook_extend:2h"),
                    button("Stop", "notebook_stop", confirm=ASK),
                ),
            ],
            metadata=event("operation", "operation:41"),
            edited={"user": BOT, "ts": "1"},
        ),
        message(START_S - 5_300, BOT, "It took 48 s.", None, thread_ts=f"{START_S - 5_400:.6f}"),
        message(START_S - 5_200, "U0ANA", "thanks!", None, thread_ts=f"{START_S - 5_400:.6f}"),
        message(
            START_S - 1_800,
            BOT,
            "bert-finetune stops in 60 minutes",
            [
                section(
                    ":hourglass_flowing_sand: *bert-finetune* stops in 60 min, at "
                    f"<!date^{START_S + 1_800}^{{time}}|11:30 UTC>. Extend it, or let it end: files on its disk stay.",
                    "lw1",
                ),
                {
                    "type": "section",
                    "block_id": "lw2",
                    "fields": [
                        md("*Cost so far*\n3.06 EUR"),
                        md("*Flavor*\n1 × V100, 8 vCPU"),
                        md("*Idle evidence*\nkernel busy 2 min ago"),
                        md("*Renewals*\n1 of 6 h free"),
                    ],
                },
                actions(
                    "lw3",
                    button("Extend 1 h", "notebook_extend:1h", style="primary"),
                    button("Extend 4 h", "notebook_extend:4h"),
                    button("Other…", "notebook_extend_other"),
                    button("Stop now", "notebook_stop", style="danger", confirm=ASK),
                    button("Why?", "notebook_why"),
                ),
            ],
            metadata=event("lease_warning", "lease_warning:nb-1:1:3600"),
        ),
        message(
            START_S - 600,
            BOT,
            "What it costs",
            [
                section(":bar_chart: *Your notebooks this week*: 41.30 EUR, 18.70 EUR saved by stops", "co1"),
            ],
            files=[
                {
                    "url": "/files/chart.png",
                    "alt": "Bars: cost per day, highest on Friday with 9.80 EUR",
                    "title": "Cost per day, last 7 days",
                }
            ],
        ),
        message(
            START_S - 120,
            BOT,
            "Your notebooks",
            [
                header("Your notebooks", "ls0"),
                section(
                    ":large_green_circle: *bert-finetune*  running, 28 min left\n1 × V100 · 3.06 EUR so far",
                    "ls1",
                    accessory={
                        "type": "overflow",
                        "action_id": "row_menu",
                        "options": [option("Extend 2 h", "extend"), option("Stop", "stop"), option("Why", "why")],
                    },
                ),
                divider("ls2"),
                section(
                    ":white_circle: *resnet-sweep*  stopped yesterday\n4 vCPU · disk 50 GB",
                    "ls3",
                    accessory=button("Start", "notebook_start"),
                ),
                context("ls4", "2 of 2 notebooks", "`/notebook help` shows the rest"),
            ],
            ephemeral=True,
            via_response_url=True,
        ),
    ]


def research() -> list[Json]:
    return [
        message(
            START_S - 30_000,
            BOT,
            "Daily digest",
            [
                header("Yesterday in research", "dg0"),
                {
                    "type": "table",
                    "block_id": "dg1",
                    "column_settings": [{"align": "left"}, {"align": "right"}, {"align": "right"}],
                    "rows": [
                        [_raw("Person"), _raw("Running time"), _raw("Cost")],
                        [_raw("Ana"), _raw("9 h 10 min"), _raw("18.71 EUR")],
                        [_raw("Ben"), _raw("3 h 02 min"), _raw("1.03 EUR")],
                    ],
                },
                context("dg2", "Two idle stops saved *11.20 EUR*"),
                actions("dg3", button("Details", "digest_details")),
            ],
            metadata=event("digest", "digest:research:daily:2025-11-24"),
        ),
        message(
            START_S - 300,
            BOT,
            "Ana asks for 8 h more",
            [
                section(
                    "<@U0ANA> asks for *8 h* more for *bert-finetune*\n> the last epoch &amp; the evaluation", "ar1"
                ),
                {
                    "type": "section",
                    "block_id": "ar2",
                    "fields": [
                        md("*Cost*\n16.32 EUR"),
                        md("*Renewals so far*\n1, 2 h in all"),
                        md("*Idle*\nbusy, kernel and GPU"),
                        md(f"*Expires*\n<!date^{START_S + 28_000}^{{date_short_pretty}} at {{time}}|18:00 UTC>"),
                    ],
                },
                actions(
                    "ar3",
                    button("Approve 8 h", "approval_approve", style="primary"),
                    button("Approve less…", "approval_approve_less"),
                    button("Deny…", "approval_deny", style="danger"),
                ),
            ],
            metadata=event("approval_request", "approval_request:7"),
        ),
    ]


def _raw(text: str) -> Json:
    return {"type": "raw_text", "text": text}
