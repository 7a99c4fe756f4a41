"""Linking: proven by the cloud, one cloud user for one person, three attempts, and everything that follows from it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.errors import CloudDown, SlackDown
from bot.model import PasswordCredentials
from bot.operations.links import Linking, Refused, TicketGone, link_person, list_links
from bot.stores import identities as store
from bot.stores import tickets
from bot.stores.identities import Place
from bot.stores.schema import audit, identities, metadata, outbox, work
from bot.stores.schema import tickets as table
from tests.unit.operations.fakes import TEAM, Account
from tests.unit.operations.stage import ADMIN, ANA, BEN, GUEST, Stage


@pytest.fixture
def linking(stage: Stage) -> Linking:
    stage.clouds.accounts["ana"] = Account("ana")
    return Linking(stage.parts)


async def _ticket(stage: Stage, user: str = ANA) -> str:
    before = len(stage.slack.responded)
    await stage.ask(user, "link", project="research")
    ((_url, message),) = stage.slack.responded[before:]
    url = next(e["url"] for block in message.blocks for e in block.get("elements", []) if "url" in e)
    assert url.startswith("https://bot.example.com/link/")
    return str(url.rpartition("/")[2])


async def _form(linking: Linking, ticket: str, **changes: str) -> dict[str, str]:
    page = await linking.page(ticket)
    known = {"kind": "password", "domain": "DOMAIN", "user": "ana", "password": "right", "project": "research"}
    return {**known, "csrf": page.csrf, **changes}


async def test_a_ticket_is_handed_over_at_once_and_kept_only_as_a_hash(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    stored = "".join([str(await stage.rows(each)) for each in metadata.sorted_tables])
    assert ticket not in stored
    assert [row.hash for row in await stage.rows(table)] == [tickets.hashed(ticket)]


async def test_the_page_names_who_will_be_able_to_act(stage: Stage, linking: Linking):
    page = await linking.page(await _ticket(stage))
    assert (page.user, page.person, page.project, page.projects) == (ANA, "ana", "research", ("research",))


async def test_proven_credentials_are_kept_sealed_and_work_from_then_on(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    done = await linking.prove(ticket, await _form(linking, ticket))
    assert (done.state, done.cloud_user) == ("linked", "ana")
    (row,) = await stage.rows(identities)
    assert row.state == "active"
    assert "right" not in str(row.secrets)
    sealed = store.opened(stage.parts.deps.sealer, Place(TEAM, ANA, "research"), row)
    assert sealed == PasswordCredentials("DOMAIN", "ana", "right")
    assert (await stage.ask(ANA, "list", scope="mine"))["what"] == "list"
    assert [(entry.actor, entry.action) for entry in await stage.rows(audit)] == [(ANA, "link")]


async def test_it_is_told_in_slack_and_what_was_held_goes_on(stage: Stage, linking: Linking):
    await stage.ask(ANA, "whoami")
    async with stage.db.begin() as db:
        await db.execute(update(work).values(state="held", data={"project": "research"}))
    ticket = await _ticket(stage)
    await linking.prove(ticket, await _form(linking, ticket))
    assert {row.state for row in await stage.rows(work)} == {"open", "done"}
    told = [row.facts["text"] for row in await stage.rows(outbox) if row.target == ANA]
    assert told == ["You are linked to cloud user ana for research. What waited for it goes on now (1)."]


async def test_a_used_ticket_is_over(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    form = await _form(linking, ticket)
    await linking.prove(ticket, form)
    with pytest.raises(TicketGone):
        await linking.page(ticket)
    with pytest.raises(TicketGone):
        await linking.prove(ticket, form)


async def test_looking_at_it_does_not_spend_it(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    for _ in range(5):
        await linking.page(ticket)
    assert (await linking.prove(ticket, await _form(linking, ticket))).state == "linked"


async def test_it_lives_for_a_quarter_of_an_hour(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    stage.clock.go(timedelta(minutes=15) - timedelta(milliseconds=1))
    await linking.page(ticket)
    stage.clock.go(timedelta(milliseconds=1))
    with pytest.raises(TicketGone):
        await linking.page(ticket)


async def test_the_third_failure_spends_it_and_the_cloud_is_asked_no_more(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    form = await _form(linking, ticket, password="wrong")
    left = []
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            await linking.prove(ticket, form)
        left.append(refused.value.left)
    assert left == [2, 1, 0]
    with pytest.raises(TicketGone):
        await linking.prove(ticket, form | {"password": "right"})
    assert len(stage.clouds.said("whoami")) == 3
    assert await stage.rows(identities) == []


async def test_many_attempts_at_once_get_no_further(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    form = await _form(linking, ticket, password="wrong")
    await asyncio.gather(*(linking.prove(ticket, form) for _ in range(8)), return_exceptions=True)
    assert len(stage.clouds.said("whoami")) == 3


async def test_two_right_ones_at_once_link_once(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    form = await _form(linking, ticket)
    ends = await asyncio.gather(*(linking.prove(ticket, form) for _ in range(2)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Linked", "TicketGone"]


async def test_a_cloud_that_does_not_answer_costs_no_attempt(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    form = await _form(linking, ticket)
    stage.clouds.down["research"] = CloudDown("no")
    for _ in range(4):
        with pytest.raises(Refused) as refused:
            await linking.prove(ticket, form)
        assert refused.value.left == 3
    stage.clouds.down.clear()
    assert (await linking.prove(ticket, form)).state == "linked"


@pytest.mark.parametrize(
    "changes",
    [
        {"csrf": "forged"},
        {"csrf": ""},
        {"project": "vision"},
        {"project": "unknown"},
        {"kind": "magic"},
        {"password": ""},
        {"kind": "aksk"},
        {"kind": "temporary", "access_key": "a", "secret_key": "b"},
        {"user": "x" * 600},
    ],
)
async def test_what_is_not_in_order_never_reaches_the_cloud(stage: Stage, linking: Linking, changes: dict[str, str]):
    ticket = await _ticket(stage)
    with pytest.raises(Refused):
        await linking.prove(ticket, await _form(linking, ticket, **changes))
    assert stage.clouds.calls == []


async def test_who_left_meanwhile_cannot_link(stage: Stage, linking: Linking):
    ticket = await _ticket(stage)
    form = await _form(linking, ticket)
    stage.slack.add(ANA, "ana", deleted=True)
    stage.clock.go(timedelta(minutes=14))
    async with stage.db.begin() as db:
        await db.exec_driver_sql("UPDATE people SET checked_at = NULL")
    with pytest.raises(Refused):
        await linking.prove(ticket, form)


async def test_a_second_person_waits_for_an_admin_and_the_first_is_told(stage: Stage, linking: Linking):
    await stage.link(ANA, "ana")
    ticket = await _ticket(stage, BEN)
    done = await linking.prove(ticket, await _form(linking, ticket))
    assert done.state == "waiting"
    assert {(row.slack, row.state) for row in await stage.rows(identities)} == {(ANA, "active"), (BEN, "waiting")}
    alerts = {row.target: row.facts for row in await stage.rows(outbox) if row.kind == "alert"}
    assert set(alerts) == {ANA, ADMIN}
    assert "admin map @ben ana research" in alerts[ADMIN]["next_step"]
    told = await stage.ask(BEN, "list", scope="mine")
    assert (told["what"], told["next_step"][:12]) == ("text", "Ask an admin")


async def test_a_second_person_waits_in_another_project_too(stage: Stage, linking: Linking):
    await stage.link(ANA, "ana", "vision")
    ticket = await _ticket(stage, BEN)
    assert (await linking.prove(ticket, await _form(linking, ticket))).state == "waiting"


async def test_linking_again_needs_nobody(stage: Stage, linking: Linking):
    await stage.link(ANA, "ana", state="broken")
    ticket = await _ticket(stage)
    assert (await linking.prove(ticket, await _form(linking, ticket))).state == "linked"
    assert [row.state for row in await stage.rows(identities)] == ["active"]


async def test_unlink_erases_credentials_and_login(stage: Stage, linking: Linking):
    await stage.link(ANA, "ana")
    answer = await stage.ask(ANA, "unlink")
    assert "erased" in answer["text"]
    assert await stage.rows(identities) == []
    assert stage.clouds.forgotten == [("research", "ana")]
    again = await stage.ask(ANA, "unlink")
    assert again["what"] == "error"
    assert again["oops"]["next_step"] == "There is nothing to erase; `link` connects one."


async def test_unlink_asks_which_where_there_are_several(stage: Stage, linking: Linking):
    await stage.link(ANA, "ana")
    await stage.link(ANA, "ana", "vision")
    assert (await stage.ask(ANA, "unlink"))["what"] == "error"
    assert len(await stage.rows(identities)) == 2
    await stage.ask(ANA, "unlink", project="vision")
    assert [row.project for row in await stage.rows(identities)] == ["research"]


async def test_from_the_command_line_the_same_proof_holds(stage: Stage, linking: Linking):
    right = PasswordCredentials("DOMAIN", "ana", "right")
    assert (await link_person(stage.parts, ANA, "research", right)).state == "linked"
    assert (await link_person(stage.parts, BEN, "research", right)).state == "waiting"
    with pytest.raises(Exception, match="did not accept"):
        await link_person(stage.parts, BEN, "research", PasswordCredentials("DOMAIN", "ana", "wrong"))
    with pytest.raises(Exception, match="Guests"):
        await link_person(stage.parts, GUEST, "research", right)
    rows = await list_links(stage.parts)
    assert [(row["slack"], row["cloud_user"], row["state"]) for row in rows] == [
        (ANA, "ana", "active"), (BEN, "ana", "waiting"),
    ]  # fmt: skip
    assert "right" not in str(rows)


async def test_nobody_is_said_to_be_unlinked_while_slack_has_not_said_which_workspace_this_is(stage: Stage):
    await stage.link(ANA, "ana")
    stage.parts.deps.workspace.team = ""
    with pytest.raises(SlackDown):
        await stage.parts.tokens.of(ANA, "research")
