"""From a signed request to one row of work: commands, clicks, modals, searches, events; and what is said at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.clock import to_ms
from bot.errors import SlackError
from bot.render import ids
from bot.render.ids import Button
from bot.secrets import RESPONSE_PLACE
from bot.stores.schema import catalogues, notebooks, people, work
from bot.stores.upsert import put
from handlers import answers
from handlers.clicks import _RULES
from handlers.forms import _READERS
from handlers.parse import COMMANDS
from tests.contract.ingress_stage import ANA, HOOK, NOW, SLACK_IS_DOWN, TEAM, Stage, stage, submission

NOTEBOOK = Button(cause="c1", project="research", notebook="nb-1")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


async def known(here: Stage, **facts: Any) -> None:
    async with here.db.begin() as db:
        await put(
            db,
            people,
            {
                "team": TEAM,
                "slack": ANA,
                "name": "Ana",
                "deleted": False,
                "guest": False,
                "stranger": False,
                "checked_at": here.clock.now(),
                **facts,
            },
        )


# --- commands ----------------------------------------------------------------------------------


EVERY_COMMAND = [
    ("list", "list", {"scope": "mine", "words": "", "page": 1}),
    ("list all gpu", "list", {"scope": "all", "words": "gpu", "page": 1}),
    ("list <@U0BEN|ben>", "list", {"scope": "@U0BEN", "words": "", "page": 1}),
    ("show train-1", "show", {"name": "train-1"}),
    (
        "create train-1 image=i flavor=f disk=50 for=4h",
        "create",
        {"name": "train-1", "image": "i", "flavor": "f", "disk": 50, "for_s": 14400},
    ),
    ("start train-1 for 4h", "start", {"name": "train-1", "for_s": 14400}),
    ("stop train-1", "stop", {"name": "train-1"}),
    ("extend train-1 2h last epochs", "extend", {"name": "train-1", "by_s": 7200, "reason": "last epochs"}),
    (
        "keep train-1 until 23:00 训练",
        "keep",
        {"name": "train-1", "until_ms": to_ms(NOW.replace(hour=22)), "reason": "训练"},
    ),
    ("open train-1", "open", {"name": "train-1"}),
    ("why train-1", "why", {"name": "train-1"}),
    ("plan train-1 at 23:00", "plan", {"name": "train-1", "at_ms": to_ms(NOW.replace(hour=22))}),
    ("images pytorch 1.8", "images", {"words": "pytorch 1.8", "page": 1}),
    ("flavors GPU", "flavors", {"category": "gpu"}),
    ("approvals", "approvals", {}),
    ("policy train-1", "policy", {"name": "train-1"}),
    ("cost team month", "cost", {"scope": "team", "period": "month"}),
    ("audit train-1", "audit", {"name": "train-1"}),
    ("link research", "link", {"project": "research"}),
    ("unlink", "unlink", {}),
    ("whoami", "whoami", {}),
    ("settings", "settings", {}),
    ("admin map <@U0BEN> ben", "admin", {"what": "map", "user": "U0BEN", "cloud_user": "ben"}),
]


@pytest.mark.parametrize(("text", "verb", "args"), EVERY_COMMAND, ids=[row[0] for row in EVERY_COMMAND])
async def test_a_command_becomes_one_row_of_work(here: Stage, text: str, verb: str, args: dict) -> None:
    answer = await here.command(text)
    assert (answer.status_code, answer.content) == (200, b"")
    row = await here.only()
    assert (row.kind, row.state, row.author, row.due_at) == ("request", "open", ANA, NOW)
    assert row.cause.startswith("command:")
    assert row.serial == f"request:{row.cause}"
    data = row.data
    assert (data["verb"], data["args"]) == (verb, args)
    assert here.sealer.open(data.pop("reply"), bound_to=RESPONSE_PLACE) == HOOK
    assert data == {
        "verb": verb,
        "args": args,
        "user": ANA,
        "team": TEAM,
        "channel": "C0RESEARCH",
        "via": "command",
        "text": text,
        "cause": None,
        "view": None,
        "message": None,
    }


def test_every_command_has_its_row() -> None:
    recorded = {verb for _, verb, _ in EVERY_COMMAND}
    assert set(COMMANDS) - recorded == {"help", "delete"}  # answered at once, or by a modal


@pytest.mark.parametrize(
    ("text", "callback", "args"),
    [
        ("create", ids.VIEW_CREATE, {}),
        ("delete train-1", ids.VIEW_DELETE, {"name": "train-1"}),
    ],
)
async def test_a_form_is_opened_before_the_answer_and_filled_after_it(
    here: Stage, text: str, callback: str, args: dict
) -> None:
    answer = await here.command(text)
    assert answer.content == b""
    ((trigger, view),) = here.slack.opened
    assert (trigger, view["type"], view["callback_id"]) == ("1.trigger", "modal", callback)
    data = (await here.only()).data
    assert (data["verb"], data["view"]) == ("fill_view", "V1")
    assert data["args"] == {"callback": callback, "view": "V1", **args}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one of these"),
        ("help extend", "extend NAME"),
        ("strat train-1", 'Did you mean "start train-1"?'),
        ("extend train-1 4", "did you mean 4h?"),
        ("extend train-1 until 25:00", "not a time of day"),
        ("show", "Which notebook?"),
        ("create a/b image=i flavor=f", "cannot be a name"),
        ("create a image=i flavor=f disk=3", "not a disk size"),
        ("&lt;!channel&gt;", 'do not know "&lt;!channel&gt;"'),
    ],
)
async def test_what_needs_no_work_is_answered_at_once(here: Stage, text: str, said: str) -> None:
    answer = (await here.command(text)).json()
    assert answer["response_type"] == "ephemeral"
    assert said in answer["text"]
    assert await here.rows() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "I do not know"),
        ("help {}", "There is no command"),
        ("cost {}", "cost [me|team|@user] [7d|30d|month]"),
        ("extend train-1 until {}", "write it like 18:00"),
        ("create {} image=i flavor=f", "letters, digits"),
    ],
)
async def test_a_slip_of_any_length_is_answered_with_what_would_be_right(here: Stage, text: str, said: str) -> None:
    for typed in ("<&x" * 3000, "<&x " * 3000):
        answer = await here.command(text.format(typed))
        assert len(answer.json()["text"]) < 2000
        assert "&lt;&amp;x" in answer.json()["text"]
    assert said in (await here.command(text.format("<&x" * 3000))).json()["text"]


async def test_instants_are_read_in_the_persons_zone(here: Stage) -> None:
    await known(here, zone="America/New_York")
    await here.command("extend train-1 until 18:00")
    assert (await here.only()).data["args"]["until_ms"] == to_ms(NOW.replace(hour=23))


async def test_an_unknown_zone_is_the_default_one(here: Stage) -> None:
    await known(here, zone="Mars/Olympus")
    await here.command("extend train-1 until 18:00")
    assert (await here.only()).data["args"]["until_ms"] == to_ms(NOW.replace(hour=17))


async def test_the_same_text_joins_what_is_under_way(here: Stage) -> None:
    await here.command("start train-1")
    again = await here.command("start \u00a0train-1")
    assert again.json()["text"] == answers.JOINED
    assert (await here.command("start train-2")).content == b""
    assert (await here.command("start train-1", user_id="U0BEN")).content == b""
    assert len(await here.rows()) == 3


async def test_it_joins_the_operation_that_the_request_has_become(here: Stage) -> None:
    await here.command("start train-1")
    row = await here.only()
    async with here.db.begin() as db:
        await db.execute(update(work).where(work.c.id == row.id).values(state="done", due_at=None))
        await put(
            db,
            work,
            {
                "id": "op",
                "kind": "start",
                "cause": "op",
                "serial": "n",
                "state": "held",
                "step": "s",
                "data": {"request": row.id},
                "author": ANA,
                "created_at": NOW,
                "updated_at": NOW,
                "fence": 0,
                "tries": 0,
            },
        )
    assert (await here.command("start train-1")).json()["text"] == answers.JOINED
    async with here.db.begin() as db:
        await db.execute(update(work).where(work.c.id == "op").values(state="done"))
    assert (await here.command("start train-1")).content == b""


async def test_each_person_has_a_rate(here: Stage) -> None:
    said = [(await here.command(f"show n{n}")).content for n in range(21)]
    assert said[:20] == [b""] * 20
    assert answers.TOO_FAST.encode() in said[20]
    assert (await here.command("show n", user_id="U0BEN")).content == b""
    here.clock.push(2)
    assert [(await here.command(f"why n{n}")).content == b"" for n in range(3)] == [True, True, False]
    assert len(await here.rows()) == 23


@pytest.mark.parametrize("text", ["help", "help extend", "extnd a 2h", "extend a 4"])
async def test_help_and_slips_count_like_any_command(here: Stage, text: str) -> None:
    said = [(await here.command(text)).json()["text"] for _ in range(21)]
    assert answers.TOO_FAST not in said[:20]
    assert said[20] == answers.TOO_FAST
    assert (await here.command("list")).json()["text"] == answers.TOO_FAST
    assert await here.rows() == []


@pytest.mark.parametrize("fact", ["guest", "stranger", "deleted"])
async def test_guests_and_strangers_are_refused(here: Stage, fact: str) -> None:
    await known(here, **{fact: True})
    assert (await here.command("list")).json()["text"] == answers.REFUSED
    await here.click(ids.STOP, NOTEBOOK.dump())
    assert here.slack.said == [(HOOK, answers.REFUSED)]
    assert await here.rows() == []


async def test_an_old_word_about_a_guest_is_left_to_the_operation(here: Stage) -> None:
    await known(here, guest=True, checked_at=NOW - timedelta(hours=1, milliseconds=1))
    assert (await here.command("list")).content == b""
    await here.only()


async def test_other_workspaces_change_nothing(here: Stage) -> None:
    assert (await here.command("stop train-1", team_id="T0OTHER")).json()["text"] == answers.REFUSED
    await here.click(ids.STOP, NOTEBOOK.dump(), user={"id": "U0X", "team_id": "T0OTHER"})
    form = submission(
        ids.VIEW_DENY,
        Button(cause="c", approval="a").dump(),
        {"reason": "no"},
        user={"id": "U0X", "team_id": "T0OTHER"},
    )
    assert (await here.interact(form)).json() == {"response_action": "errors", "errors": {"reason": answers.REFUSED}}
    home = {"type": "app_home_opened", "user": "U0X", "tab": "home"}
    assert (await here.event(home, team_id="T0OTHER")).content == b""
    assert await here.rows() == []


# --- clicks ------------------------------------------------------------------------------------


NB = {"notebook": "n", "project": "p"}
EVERY_CLICK = [
    (ids.EXTEND, {**NB, "seconds": 3600}, "extend", {**NB, "by_s": 3600}),
    (ids.EXTEND + ":4h", {**NB, "seconds": 14400}, "extend", {**NB, "by_s": 14400}),
    (ids.STOP, NB, "stop", NB),
    (ids.START, {**NB, "seconds": 60}, "start", {**NB, "for_s": 60}),
    (ids.OPEN, NB, "open", NB),
    (ids.KEEP, {**NB, "seconds": 7200}, "keep", {**NB, "by_s": 7200}),
    (ids.WHY, NB, "why", NB),
    (ids.FALSE_STOP, NB, "false_stop", NB),
    (ids.PICK, {**NB, "request": "r"}, "pick", {"request": "r", **NB}),
    (ids.APPROVE, {"approval": "a", "project": "p"}, "approve", {"approval": "a", "project": "p"}),
    (ids.WITHDRAW, {"approval": "a"}, "withdraw", {"approval": "a"}),
    (ids.PAGE_NEXT, {"request": "r", "page": 2}, "page", {"request": "r", "page": 2}),
    (ids.PAGE_PREV, {"request": "r", "page": 1}, "page", {"request": "r", "page": 1}),
    (ids.ADMIN_ENFORCE, {"project": "p"}, "admin", {"what": "enforce", "project": "p"}),
    (ids.ADMIN_RELEASE, {"project": "p"}, "admin", {"what": "release", "project": "p"}),
    (ids.DIGEST_DETAILS, {"project": "p"}, "details", {"project": "p"}),
]
EVERY_FORM = [
    (ids.EXTEND_OTHER, {"notebook": "n", "project": "p"}, ids.VIEW_EXTEND),
    (ids.DELETE, {"notebook": "n", "project": "p"}, ids.VIEW_DELETE),
    (ids.KEEP_UNTIL, {"notebook": "n", "project": "p"}, ids.VIEW_KEEP),
    (ids.CREATE, {}, ids.VIEW_CREATE),
    (ids.APPROVE_LESS, {"approval": "a"}, ids.VIEW_LESS),
    (ids.DENY, {"approval": "a"}, ids.VIEW_DENY),
    (ids.SETTINGS_OPEN, {}, ids.VIEW_SETTINGS),
]


def test_every_action_and_every_form_is_handled() -> None:
    clicked = {ids.verb(action) for action, *_ in [*EVERY_CLICK, *EVERY_FORM]}
    assert clicked == set(ids.ACTIONS) == set(_RULES)
    assert set(_READERS) == set(ids.VIEWS)


@pytest.mark.parametrize(("action", "value", "verb", "args"), EVERY_CLICK, ids=[row[0] for row in EVERY_CLICK])
async def test_a_click_becomes_one_row_of_work(here: Stage, action: str, value: dict, verb: str, args: dict) -> None:
    answer = await here.click(action, Button(cause="drawn-for", **value).dump())
    assert (answer.status_code, answer.content) == (200, b"")
    data = (await here.only()).data
    assert here.sealer.open(data.pop("reply"), bound_to=RESPONSE_PLACE) == HOOK
    assert data == {
        "verb": verb,
        "args": args,
        "user": ANA,
        "team": TEAM,
        "channel": "D0ANA",
        "via": "click",
        "text": None,
        "cause": "drawn-for",
        "view": None,
        "message": {"channel": "D0ANA", "ts": "1700000000.0001", "ephemeral": False},
    }


@pytest.mark.parametrize(("action", "value", "callback"), EVERY_FORM, ids=[row[0] for row in EVERY_FORM])
async def test_a_click_opens_its_form(here: Stage, action: str, value: dict, callback: str) -> None:
    await here.click(action, Button(cause="drawn-for", **value).dump())
    assert [view["callback_id"] for _, view in here.slack.opened] == [callback]
    row = await here.only()
    assert (row.data["verb"], row.data["cause"]) == ("fill_view", "drawn-for")
    assert row.data["args"] == {"callback": callback, "view": "V1", **value}


async def test_the_same_click_twice_is_one_row(here: Stage) -> None:
    for _ in range(2):
        await here.click(ids.STOP, NOTEBOOK.dump())
    await here.only()
    await here.click(ids.STOP, NOTEBOOK.dump(), user={"id": "U0BEN", "team_id": TEAM})
    assert len(await here.rows()) == 2  # one each: which of them acts is decided by the button's cause


@pytest.mark.parametrize(
    ("action", "value"),
    [
        (ids.STOP, "not json"),
        (ids.STOP, "{}"),
        (ids.STOP, Button(cause="c").dump()),
        (ids.STOP, None),
        (ids.EXTEND, NOTEBOOK.dump()),
        ("notebook_explode", "v"),
    ],
)
async def test_a_stale_button_is_answered_and_does_nothing(here: Stage, action: str, value: str | None) -> None:
    assert (await here.click(action, value)).content == b""
    assert here.slack.said == [(HOOK, answers.OLD_BUTTON)]
    assert await here.rows() == []


@pytest.mark.parametrize("action", [ids.OPEN_URL, "some_link"])
async def test_a_link_button_needs_no_answer(here: Stage, action: str) -> None:
    assert (await here.click(action, None)).status_code == 200
    assert here.slack.said == here.slack.opened == []
    assert await here.rows() == []


async def test_a_click_in_app_home_is_answered_in_a_window(here: Stage) -> None:
    home = {
        "view": {"id": "V0", "type": "home"},
        "container": {"type": "view", "view_id": "V0"},
        "response_url": None,
        "channel": None,
    }
    await here.click(ids.STOP, NOTEBOOK.dump(), **home)
    data = (await here.only()).data
    assert (data["via"], data["reply"], data["channel"], data["message"]) == ("click", None, None, None)
    await here.click(ids.STOP, "old", **home)
    assert here.slack.opened[0][1]["blocks"][0]["text"]["text"] == answers.OLD_BUTTON


async def test_a_field_that_was_changed_redraws_its_form(here: Stage) -> None:
    form = submission(
        ids.VIEW_CREATE,
        Button(cause="c", project="p").dump(),
        {"name": "train-1", "flavor": {"type": "static_select", "selected_option": {"value": "f"}}},
    )["view"]
    action = {"type": "static_select", "action_id": "flavor", "action_ts": "1.1", "selected_option": {"value": "f"}}
    await here.click("", None, actions=[action], view=form, response_url=None, channel=None)
    data = (await here.only()).data
    assert (data["verb"], data["view"]) == ("fill_view", "V1")
    assert data["args"] == {
        "callback": ids.VIEW_CREATE,
        "view": "V1",
        "hash": "1.abc",
        "project": "p",
        "values": {"name": "train-1", "flavor": "f"},
    }


# --- modals ------------------------------------------------------------------------------------


async def test_a_sent_form_becomes_one_row_of_work(here: Stage) -> None:
    form = submission(ids.VIEW_DENY, Button(cause="c9", approval="a1").dump(), {"reason": ' "no" <!channel> 不行 '})
    for _ in range(2):
        answer = await here.interact(form)
        assert (answer.status_code, answer.content) == (200, b"")
    row = await here.only()
    assert row.cause == "submit:V1:1.abc"
    assert row.data["args"] == {"approval": "a1", "reason": '"no" <!channel> 不行'}
    assert (row.data["verb"], row.data["via"], row.data["cause"], row.data["view"]) == ("deny", "submit", "c9", "V1")


async def test_field_errors_stand_under_their_fields(here: Stage) -> None:
    form = submission(
        ids.VIEW_CREATE,
        Button(cause="c").dump(),
        {
            "name": "no spaces",
            "image": "i",
            "flavor": {"type": "static_select", "selected_option": None},
            "disk": "4",
            "for": "4",
        },
    )
    errors = (await here.interact(form)).json()
    assert errors["response_action"] == "errors"
    assert set(errors["errors"]) == {"name", "flavor", "disk", "for"}
    assert "did you mean 4h" in errors["errors"]["for"]
    assert await here.rows() == []


@pytest.mark.parametrize(("typed", "ok"), [("train-1", True), (" train-1 ", True), ("Train-1", False), ("", False)])
async def test_deleting_wants_the_name_as_it_is(here: Stage, typed: str, ok: bool) -> None:
    async with here.db.begin() as db:
        await put(
            db,
            notebooks,
            {
                "project": "research",
                "id": "nb-1",
                "name": "train-1",
                "status": "STOPPED",
                "snapshot": {},
                "first_seen_at": NOW,
                "seen_at": NOW,
                "missing": 0,
                "owner_name": "",
                "flavor": "",
            },
        )
    answer = await here.interact(submission(ids.VIEW_DELETE, NOTEBOOK.dump(), {"typed_name": typed}))
    assert (answer.content == b"") is ok
    assert [row.data["args"] for row in await here.rows()] == (
        [{"notebook": "nb-1", "project": "research", "typed_name": "train-1"}] if ok else []
    )


@pytest.mark.parametrize("metadata", ["", "{}", "old"])
async def test_a_form_from_another_time_says_so(here: Stage, metadata: str) -> None:
    answer = (await here.interact(submission(ids.VIEW_DENY, metadata, {"reason": "x"}))).json()
    assert answer["response_action"] == "update"
    assert await here.rows() == []


async def test_typed_search_is_answered_from_the_last_listing(here: Stage) -> None:
    entries = [
        {"id": f"image-{n}", "name": name, "tag": "", "description": "d" * 200}
        for n, name in enumerate(["pytorch1.8-cuda10", "tensorflow2", "twin", "twin", "n" * 200])
    ]
    async with here.db.begin() as db:
        await put(db, catalogues, {"project": "research", "kind": "images", "at": NOW, "data": entries})
    search = {
        "type": "block_suggestion",
        "action_id": "image",
        "value": "PYTORCH cuda",
        "team": {"id": TEAM},
        "user": {"id": ANA, "team_id": TEAM},
        "view": {"private_metadata": NOTEBOOK.dump()},
    }
    (only,) = (await here.interact(search)).json()["options"]
    assert (only["text"]["text"], only["value"]) == ("pytorch1.8-cuda10", "image-0")
    all_of_them = (await here.interact({**search, "value": ""})).json()["options"]
    assert [option["value"] for option in all_of_them] == [f"image-{n}" for n in range(5)]
    assert len({option["text"]["text"] for option in all_of_them}) == 5
    assert all(len(option["text"]["text"]) <= 75 and len(option["description"]["text"]) <= 75 for option in all_of_them)


async def test_a_search_without_a_listing_says_so(here: Stage) -> None:
    search = {
        "type": "block_suggestion",
        "action_id": "flavor",
        "value": "",
        "team": {"id": TEAM},
        "user": {"id": ANA, "team_id": TEAM},
        "view": {},
    }
    (only,) = (await here.interact(search)).json()["options"]
    assert "not here yet" in only["text"]["text"]
    form = submission(
        ids.VIEW_CREATE,
        Button(cause="c").dump(),
        {"name": "a", "image": {"selected_option": {"value": only["value"]}}, "flavor": "f"},
    )
    assert set((await here.interact(form)).json()["errors"]) == {"image"}


# --- events and outages ------------------------------------------------------------------------


async def test_app_home_is_drawn_once_per_event(here: Stage) -> None:
    for _ in range(2):
        await here.event({"type": "app_home_opened", "user": ANA, "tab": "home"}, "Ev7")
    row = await here.only()
    assert (row.cause, row.data["verb"], row.data["user"]) == ("event:Ev7", "home", ANA)


async def test_with_slack_down_a_form_is_not_half_opened(here: Stage) -> None:
    here.slack.broken = SLACK_IS_DOWN
    assert (await here.command("create")).json()["text"] == answers.PRESS_AGAIN
    here.slack.broken = SlackError("expired_trigger_id")
    assert (await here.command("delete a")).json()["text"] == answers.PRESS_AGAIN
    assert (await here.click(ids.DENY, Button(cause="c", approval="a").dump())).status_code == 200
    assert await here.rows() == []


async def test_two_requests_at_once_are_both_kept(here: Stage) -> None:
    await asyncio.gather(*(here.command(f"show n{n}") for n in range(8)))
    assert len({row.data["args"]["name"] for row in await here.rows()}) == 8


async def test_the_same_text_at_once_is_one_row(here: Stage) -> None:
    said = await asyncio.gather(*(here.command("start train-1") for _ in range(4)))
    await here.only()
    assert sorted(bool(answer.content) for answer in said) == [False, True, True, True]


async def test_before_the_workspace_is_known_nothing_is_done_and_nobody_is_called_a_stranger(tmp_path: Path) -> None:
    async with stage(tmp_path, teams=frozenset()) as here:
        assert (await here.command("list")).json()["text"] == answers.STARTING
        await here.click(ids.STOP, NOTEBOOK.dump())
        assert here.slack.said == [(HOOK, answers.STARTING)]
        assert (await here.event({"type": "app_home_opened", "user": ANA, "tab": "home"})).status_code == 503
        assert await here.rows() == []


async def test_the_command_may_have_another_name(here: Stage) -> None:
    assert (await here.command("start train-1", command="/nb")).content == b""
    await here.only()


async def test_a_form_nobody_knows_is_not_lost_in_silence(here: Stage) -> None:
    form = submission("from_the_future", Button(cause="c").dump(), {"reason": "x"})
    assert (await here.interact(form)).json()["response_action"] == "update"
    assert await here.rows() == []


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions"},
        {"type": "block_actions", "actions": "x", "user": 1, "team": None},
        {"type": "view_submission"},
        {"type": "view_submission", "view": {"state": None}},
        {"type": "block_suggestion"},
        {"type": "block_actions", "actions": [{"action_id": 5}], "user": {"id": ANA}, "team": {"id": TEAM}},
        {"type": "view_submission", "user": {"id": ANA}, "team": {"id": TEAM}, "view": {"callback_id": ids.VIEW_DENY}},
    ],
)
async def test_a_payload_that_lacks_everything_is_answered(here: Stage, payload: dict) -> None:
    assert (await here.interact(payload)).status_code == 200
    assert await here.rows() == []
