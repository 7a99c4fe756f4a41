"""Each message says what design 3.2 wants, with the buttons of design 3.2."""

from typing import Any

import pytest

from bot.clock import from_ms
from bot.render import ids
from bot.render.context import Context
from bot.render.digests import saved_said
from bot.render.operations import progress
from bot.render.registry import render
from bot.render.text import when
from bot.slack import Message
from tests.unit.render.limits import elements
from tests.unit.render.samples import HOUR, ID, MIN, MS, NOW, samples, steps

SAMPLES = samples()


def draw(name: str, **more: Any) -> Message:
    kind, facts = SAMPLES[name]
    message = render(kind, facts | more, NOW, Context("/notebook"))
    assert message is not None
    return message


def buttons(message: Message) -> list[dict[str, Any]]:
    return [each for block in message.blocks for each in elements(block)]


def actions(message: Message) -> list[str]:
    return [each["action_id"] for each in buttons(message)]


WARNING = ["notebook_extend:1h", "notebook_extend:4h", "notebook_extend_other", "notebook_stop", "notebook_why"]
UP = ["notebook_open", "notebook_extend", "notebook_stop"]
DECIDE = ["approval_approve", "approval_approve_less", "approval_deny", "approval_withdraw"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("operation/create/accepted", []),
        ("operation/start/working", []),
        ("operation/start/done", UP),
        ("operation/create/done", UP),
        ("operation/extend/done", UP),
        ("operation/keep/done", UP),
        ("operation/stop/done", ["notebook_start", "notebook_delete"]),
        ("operation/delete/done", []),
        ("operation/start/failed", ["notebook_start"]),
        ("operation/extend/asked", ["approval_withdraw"]),
        ("operation/extend/held", []),
        ("lease_warning/one", WARNING),
        ("lease_warning/two", WARNING * 2),
        ("lease_warning/one of two settled", WARNING),
        ("lease_warning/settled", []),
        ("lease_warning/superseded", []),
        ("idle_warning/now", ["notebook_keep", "notebook_keep_until", "notebook_stop", "notebook_why"]),
        ("idle_warning/settled", []),
        ("stopped/idle", ["notebook_start", "notebook_false_stop", "notebook_delete"]),
        ("stopped/lease", ["notebook_start", "notebook_delete"]),
        ("stopped/settled", []),
        ("stopped/started again", ["notebook_false_stop"]),
        ("stopped/wrong", ["notebook_start", "notebook_delete"]),
        ("approval_request/pending", DECIDE),
        ("approval_request/approved", []),
        ("approval_request/denied", []),
        ("approval_request/withdrawn", []),
        ("approval_request/expired", []),
        ("approval_settled/approved", []),
        ("approval_settled/stopped", ["notebook_start"]),
        ("digest/daily", ["digest_details"]),
        ("digest/weekly shadow", ["digest_details", "admin_enforce"]),
        ("alert/release", ["admin_release"]),
        ("alert/why", ["notebook_why"]),
        ("alert/none", []),
        ("confirm_stop", ["notebook_stop"]),
        ("choices", ["notebook_pick:0", "notebook_pick:1"]),
        ("list/empty", ["notebook_create"]),
        ("settings", ["settings_open"]),
        ("open", ["notebook_open:url"]),
    ],
)
def test_buttons(name: str, expected: list[str]) -> None:
    assert actions(draw(name)) == expected


def test_an_end_that_was_left_alone_is_not_called_a_new_one() -> None:
    said = draw("operation/extend/done", before_ms=MS + HOUR, after_ms=MS + HOUR).text
    assert said.startswith(f"*train-1* runs until {when(MS + HOUR)}.")


def test_a_button_says_how_long_and_for_which_cause() -> None:
    one, four, *_ = [ids.read(each["value"]) for each in buttons(draw("lease_warning/one"))]
    key = SAMPLES["lease_warning/one"][1]["items"][0]["key"]
    assert (one.seconds, four.seconds) == (3600, 4 * 3600)
    assert (one.cause, one.project, one.notebook) == (key, "research", ID)
    keep = ids.read(buttons(draw("idle_warning/now"))[0]["value"])
    assert keep.seconds == 2 * 3600
    assert ids.read(buttons(draw("approval_request/pending"))[0]["value"]).approval == "ap1"


def test_a_wrong_stop_names_the_stop() -> None:
    false_stop = next(each for each in buttons(draw("stopped/idle")) if each["action_id"] == ids.FALSE_STOP)
    assert ids.read(false_stop["value"]).cause == f"stopped:{ID}:{MS}"


@pytest.mark.parametrize("name", ["lease_warning/one", "idle_warning/now", "operation/start/done", "list/some"])
def test_a_stop_in_passing_asks_first(name: str) -> None:
    stop = next(each for each in buttons(draw(name)) if each["action_id"] == ids.STOP)
    assert stop["style"] == "danger"
    assert "/home/ma-user/work" in stop["confirm"]["text"]["text"]


def test_the_stop_after_an_idle_warning_is_counted_from_its_delivery() -> None:
    """Drawn at delivery: now + grace. Drawn again later: the time that was promised stays."""
    assert when(MS + 15 * MIN) in draw("idle_warning/now").text
    assert when(MS + 10 * MIN) in draw("idle_warning/now", delivered_ms=MS - 5 * MIN).text


def test_an_idle_warning_shows_evidence_and_money() -> None:
    said = draw("idle_warning/now").text
    for part in ("idle since", "no busy kernel", "CPU at most 1.2 %", "0.17 EUR per hour", "0.18 EUR since"):
        assert part in said


def test_a_lease_warning_says_when_and_what_stays() -> None:
    said = draw("lease_warning/one").text
    assert f"*train-1* stops in 55 min, {when(MS + 55 * MIN)}." in said
    assert "stopped, not deleted" in said


@pytest.mark.parametrize(("name", "kept"), [("idle", True), ("started again", True), ("settled", False)])
def test_a_stop_that_is_settled_promises_nothing_that_is_not_so(name: str, kept: bool) -> None:
    said = draw(f"stopped/{name}").text
    assert ("is saved and there" in said) == kept  # of what was deleted nothing is
    assert ("that saves" in said) == (name == "idle")


def test_a_settled_warning_says_what_happened_by_whom() -> None:
    said = draw("lease_warning/settled").text
    assert "It was extended" in said
    assert f"(by <@U0ANA>, {when(MS)})." in said


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("stopped/idle", ("by leasebot", "because it was idle for 1 h 15 min", "0.41 EUR")),
        ("stopped/lease", ("its lease ended",)),
        ("stopped/person", ("by <@U0BO>",)),
        ("stopped/outside", ("outside leasebot",)),
    ],
)
def test_a_stop_is_told_with_its_reason_and_what_is_saved(name: str, parts: tuple[str, ...]) -> None:
    said = draw(name).text
    for part in (*parts, "What is in `/home/ma-user/work` is saved", "Everything else in the container is gone"):
        assert part in said
    assert ("EUR" in said) == (name == "stopped/idle")


def test_a_request_has_the_facts_to_decide_on() -> None:
    said = draw("approval_request/pending").text
    for part in (
        "<@U0ANA> asks: let *train-1* run 6 h longer.",
        "> The last epochs need the night.",
        "max_extension",
        "Cost: 1.02 EUR",
        "Idle record: Idle 10 %",
        "Renewals so far: 2",
        f"It expires {when(MS + 8 * HOUR)}, in 8 h",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("approval_request/approved", f"*Approved* by <@U0LEAD>, {when(MS)}: 6 h. It is being carried out."),
        ("approval_request/pending", "Ends now: "),
        ("approval_request/renewed", "End before: "),
        ("approval_request/renewed", f"*Approved* by <@U0LEAD>, {when(MS)}: 3 h. It runs until {when(MS + 4 * HOUR)}."),
        ("approval_request/denied", f"*Denied* by <@U0LEAD>, {when(MS)}.\n> The last epochs"),
        ("approval_request/withdrawn", "*Withdrawn* by <@U0ANA>"),
        ("approval_request/expired", "*Expired* without an answer"),
        ("approval_request/lapsed", "*Lapsed*"),
        ("approval_request/admin", "Only an admin can approve this."),
        ("approval_request/create", "create *train-1* for 6 h."),
        ("approval_request/until", f"run until {when(MS + 9 * HOUR)}."),
        ("approval_settled/approved", f"It now runs until {when(MS + 7 * HOUR)} (7 h left)."),
        ("approval_settled/denied", f"It stops {when(MS + HOUR)} (1 h left)."),
        ("approval_settled/stopped", "You can start it for 6 h."),
        ("approval_settled/held", "`/notebook link`"),
        ("operation/extend/done", f"now runs until {when(MS + 4 * HOUR)}; before, it was {when(MS + HOUR)}."),
        ("operation/create/failed", "`/notebook list stopped` shows them."),
        ("operation/create/failed", "Reference: `req-7f3a`"),
        ("digest/daily", "Saved: *1.20 EUR* by 3 stops. 1 stop was marked as wrong"),
        ("digest/daily", "How this is counted: running price"),
        ("digest/daily", "a1b2c3d4"),
        ("digest/weekly shadow", "nothing was stopped. These would have been:"),
        ("digest/weekly shadow", "Score: 8 of 16 were used within the hour after (50 %)."),
        ("digest/weekly shadow", "1 stop was marked as wrong and is not counted (50 % of the idle stops)."),
        ("digest/weekly shadow", "It was used again later, so the stop would have been wrong"),
        ("alert/link", "`/notebook link research`"),
        ("already", f"It was extended by 1 h. By <@U0ANA>, {when(MS)}. Your click changed nothing."),
        ("not_linked", "`/notebook link research`"),
        ("flavors", "*Sold out now.*"),
        ("flavors", "no price for "),
        ("why", "set by rule 1 of [policy]; policy file `a1b2c3d4e5`"),
        ("policy", "from rule 3 of [policy]"),
        ("cost", "2 stops were marked as wrong and are not counted ("),
    ],
)
def test_what_is_said(name: str, part: str) -> None:
    assert part in draw(name).text


@pytest.mark.parametrize(
    ("given", "bar"),
    [
        ([], ""),
        (steps(0), "▰▱▱▱ 1 of 4: storage"),
        (steps(1), "▰▰▱▱ 2 of 4: compute"),
        (steps(3), "▰▰▰▰ 4 of 4: start-up"),
        (steps(4), "▰▰▰▰ 4 of 4: start-up"),
        (steps(2, failed=True), "▰▰▰▱ 3 of 4: network failed"),
        ([{"step": 1, "status": "NEW_WORD", "text": ""}], "▰▱▱▱ 1 of 4: storage"),
        (list(reversed(steps(1))), "▰▰▱▱ 2 of 4: compute"),
        ([{"step": 5, "status": "PROCESSING", "text": "<b>"}], "▰▰▰▰▰ 5 of 5: &lt;b&gt;"),
    ],
)
def test_progress(given: list[Any], bar: str) -> None:
    assert progress(given) == bar


def test_a_mention_in_an_answer_only_the_clicker_sees_is_kept() -> None:
    said = draw("already", text="<@U0BO> asked for this already, and it is done.", by=None).text
    assert said.startswith("<@U0BO> asked for this already")
    assert "&lt;!channel&gt;" in draw("already", text="<!channel> asked").text


def test_private_addresses_stay_out_of_text() -> None:
    """`text` is what a locked phone shows."""
    for name in ("open", "link", "not_linked/page"):
        message = draw(name)
        assert "https://" not in message.text
        assert buttons(message)[0]["url"].startswith("https://")
        assert "value" not in buttons(message)[0]


@pytest.mark.parametrize(
    ("page", "pages", "expected"),
    [
        (1, 1, []),
        (1, 3, [("page_next", 2)]),
        (2, 3, [("page_prev", 1), ("page_next", 3)]),
        (3, 3, [("page_prev", 2)]),
    ],
)
def test_pages_turn_both_ways(page: int, pages: int, expected: list[tuple[str, int]]) -> None:
    drawn = draw("list/some", page=page, pages=pages)
    found = [each for each in buttons(drawn) if each["action_id"].startswith("page")]
    assert [(each["action_id"], ids.read(each["value"]).page) for each in found] == expected
    assert all(ids.read(each["value"]).request == "r1" for each in found)


def test_a_row_offers_what_its_state_allows() -> None:
    rows = SAMPLES["list/some"][1]["rows"]
    assert [row["status"] for row in rows] == ["RUNNING", "RUNNING", "STOPPED", "STARTING", "ERROR", "NEW_WORD"]
    offered = [[a for a in actions(draw("list/some", rows=[row])) if not a.startswith("page")] for row in rows]
    assert offered == [UP, UP, ["notebook_start", "notebook_delete"], [], ["notebook_delete"], []]
    only = actions(draw("list/some", rows=[rows[0] | {"actions": ["why"]}]))
    assert only == ["notebook_why"]


def test_time_goes_on_between_two_drawings() -> None:
    kind, facts = SAMPLES["lease_warning/one"]
    later = render(kind, facts, from_ms(MS + 40 * MIN), Context())
    assert later is not None
    assert "stops in 15 min" in later.text


@pytest.mark.parametrize(
    ("wrong", "idle", "said"),
    [
        (0, 0, ""),
        (0, 1, "None of 1 idle stop was marked as wrong (0 %)."),
        (0, 7, "None of 7 idle stops was marked as wrong (0 %)."),
        (1, 4, "1 stop was marked as wrong and is not counted (25 % of the idle stops)."),
        (4, 4, "4 stops were marked as wrong and are not counted (100 % of the idle stops)."),
    ],
)
def test_the_false_stop_rate_is_said_whenever_something_was_stopped(wrong: int, idle: int, said: str) -> None:
    told = saved_said("1.20 EUR", "how", stops=9, wrong=wrong, idle=idle)
    assert told.splitlines()[0] == f"Saved: *1.20 EUR* by 9 stops. {said}".rstrip()
