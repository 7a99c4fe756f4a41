"""Two live replicas on one database, both given the same click and both making passes: one effect, one message."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from bot.clock import from_ms
from bot.operations.approvals import record_audit
from bot.operations.extend import Extend
from bot.operations.upkeep import look_after_links
from bot.stores import approvals as store
from bot.stores.schema import approvals, notices, people, work
from bot.work import Claim, Done
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.slack.outgoing import encode
from deploy.sandbox.stage import Stage
from tests.flows.deaths import Part, keys_of, places
from tests.flows.scene import ANA, CARLA, DORA, HOUR, RESEARCH, Scene, bot_on, minutes
from tests.flows.test_double_clicks import ALREADY, BUTTONS, CREATE, done, new, requested, running, warned


async def extends(scene: Scene, made: Notebook) -> None:
    """Reads a renewal of its lease back, and says so."""
    shown = {"verb": "extend", "project": "research", "notebook_id": made.id, "name": made.name, "flavor": ""}
    data = {"project": "research", "notebook": made.id, "user": ANA, "by_s": 60, "before_ms": 1, "shown": shown}
    claim = Claim("w", "extend", "c", "s", "verify", data, ANA, scene.now, 0, 0)
    done = await Extend(scene.play.bot.parts)(claim, scene.now)
    assert isinstance(done, Done)
    assert done.write
    async with scene.play.bot.db.begin() as db:
        await done.write(db)


async def sees_that_ana_has_left(scene: Scene, _made: Notebook) -> None:
    await look_after_links(scene.play.bot.parts, "research", scene.now)


@pytest.mark.parametrize("other", [extends, sees_that_ana_has_left])
async def test_who_decides_and_what_follows_the_lease_do_not_wait_for_each_other(
    scene: Scene, other: Callable[[Scene, Notebook], Awaitable[None]]
) -> None:
    """On PostgreSQL: a request is held before the head of the audit's chain, by everybody."""
    bot, made = scene.play.bot, await scene.notebook("ana", "greedy", lease_ms=3 * HOUR)
    await scene.ask(ANA, "extend greedy 6h")
    (row,) = await scene.rows(approvals)
    async with bot.db.begin() as db:
        await db.execute(people.update().where(people.c.slack == ANA).values(deleted=other is sees_that_ana_has_left))
    async with bot.db.begin() as db:
        assert await store.settle(db, row.id, "denied", scene.now, decided_by=CARLA)
        waits = asyncio.create_task(other(scene, made))
        await asyncio.sleep(0.5)
        await record_audit(bot.parts, db, row, CARLA, "denied", scene.now)
    await waits
    (row,) = await scene.rows(approvals)
    assert row.state == "denied"


@dataclass(frozen=True)
class Pair:
    """Two bots on one stage and one store."""

    first: Scene
    second: Scene

    async def both(self, part: Part) -> None:
        """The same at the same time in both."""
        await asyncio.gather(part(self.first), part(self.second))

    async def work(self) -> None:
        await self.both(Scene.work)

    async def pass_time(self, count: int) -> None:
        """So many minutes, with passes of both."""
        for _ in range(count):
            await self.first.jump(minutes(1))
            await self.both(Scene.sweep)

    async def deliver_to_both(self) -> None:
        """What was sent last reaches each of them once more, at once."""
        sender = self.first.slack.sender
        kind, body = encode(sender.sent[-1])
        async with httpx.AsyncClient(trust_env=False) as slack:
            answers = await asyncio.gather(*(
                slack.post(f"{each.play.url}/slack/events", content=body, headers=sender.headers(kind, body))
                for each in (self.first, self.second)
            ))  # fmt: skip
        assert [answer.status_code for answer in answers] == [200, 200]


@asynccontextmanager
async def replicas(on: Stage, url: str) -> AsyncIterator[Pair]:
    async with bot_on(on, url) as first, bot_on(on, url, linked=False) as second:
        yield Pair(first, second)


@pytest.fixture
async def pair(on: Stage, database_url: str) -> AsyncIterator[Pair]:
    async with replicas(on, database_url) as made:
        yield made
        assert on.slack.findings == []


SOME = ("extend", "stop", "start", "approve", "withdraw")


@pytest.mark.parametrize("name", SOME)
async def test_a_click_that_reaches_both_happens_once(pair: Pair, name: str) -> None:
    case, scene = BUTTONS[name], pair.first
    await case.before(scene)
    before, since, told = set(places(scene)), len(scene.cloud.effects()), len(scene.slack.ephemerals(case.user))
    assert (await scene.slack.click(case.user, case.action, channel=case.where)).ok
    await pair.deliver_to_both()
    await pair.work()
    await pair.deliver_to_both()
    await pair.pass_time(4)
    assert done(scene, since) == case.effects
    assert new(scene, before) == sorted(case.messages)
    assert len(scene.slack.ephemerals(case.user)) == told  # a repeat is no second click
    assert await unsettled(scene) == []


async def test_a_create_that_reaches_both_makes_one(pair: Pair) -> None:
    await pair.first.command(ANA, CREATE)
    await pair.deliver_to_both()
    await pair.work()
    await pair.pass_time(2)
    assert len(pair.first.effects("creating")) == 1
    assert len(pair.first.in_dm(ANA, "operation")) == 1


async def test_two_presses_one_on_each_happen_once_and_the_second_is_told(pair: Pair) -> None:
    await warned(pair.first)
    for each in (pair.first, pair.second):
        each.slack.bot_url = f"{each.play.url}/slack/events"
        assert (await each.slack.click(ANA, "notebook_extend:1h")).ok
        await each.jump(minutes(1 / 150))
    await pair.work()
    await pair.pass_time(2)
    assert len(pair.first.effects("lease_renewed")) == 1
    assert [ALREADY in m.text for m in pair.first.slack.ephemerals(ANA)].count(True) == 1


@pytest.mark.parametrize("second", ["approval_approve", "approval_withdraw"])
async def test_two_answers_to_one_request_one_on_each_settle_it_once(pair: Pair, second: str) -> None:
    """Decided at the same moment in two processes: the store says whose it was, and the other is told."""
    await requested(pair.first)
    other = ANA if second == "approval_withdraw" else DORA
    for user, action in ((CARLA, "approval_approve"), (other, second)):
        assert (await pair.first.slack.click(user, action, channel=RESEARCH)).ok
    told = {user: len(pair.first.slack.ephemerals(user)) for user in (CARLA, other)}
    await pair.work()
    await pair.pass_time(2)
    (row,) = await pair.first.rows(approvals)
    late = other if row.decided_by == CARLA else CARLA
    assert {"approved": 1, "withdrawn": 0}[row.state] == len(pair.first.effects("lease_renewed"))
    assert f"by <@{row.decided_by}>" in pair.first.slack.ephemerals(late)[-1].text
    assert len(pair.first.slack.ephemerals(row.decided_by)) == told[row.decided_by]
    assert len(pair.first.in_dm(ANA, "approval_settled")) == 1


async def test_passes_of_both_warn_of_a_lease_once(pair: Pair) -> None:
    scene = pair.first
    for name in ("one", "two"):
        await scene.notebook("ana", name, age_ms=0, settled_ago_ms=0, lease_ms=2 * HOUR)
    await scene.jump(minutes(58))
    await pair.pass_time(4)
    keys = [one for m in scene.in_dm(ANA, "lease_warning") for one in keys_of(m)]
    assert sorted(keys) == sorted(row.key for row in await scene.rows(notices))
    assert len(keys) == len(set(keys)) == 2


async def test_while_one_waits_for_slack_the_other_does_not_send_it_as_well(pair: Pair) -> None:
    scene = pair.first
    await scene.notebook("ana", "one", age_ms=0, settled_ago_ms=0, lease_ms=2 * HOUR)
    await scene.jump(minutes(61))
    scene.slack.fault("chat.postMessage", "slow", seconds=0.5)
    await pair.both(Scene.sweep)
    await pair.pass_time(2)
    assert len(scene.in_dm(ANA, "lease_warning")) == 1
    assert len(scene.slack.calls("chat.postMessage")) == 1


async def test_passes_of_both_stop_what_is_idle_once_and_not_before_the_grace(pair: Pair) -> None:
    scene = pair.first
    made = await scene.notebook("ana", "one", busy=False, lease_ms=9 * HOUR)
    for _ in range(30):
        await pair.pass_time(1)
        if scene.in_dm(ANA, "stopped"):
            break
    (warning,) = scene.in_dm(ANA, "idle_warning")
    (stop,) = scene.stops(made)
    assert from_ms(stop["at_ms"]) >= from_ms(warning.posted_ms) + minutes(15)
    assert len(scene.in_dm(ANA, "stopped")) == 1


async def test_one_dies_and_the_other_finishes(on: Stage, database_url: str) -> None:
    """What the dead one had taken is taken over once its claim has run out."""
    async with bot_on(on, database_url) as survivor:
        made = await survivor.notebook("ana", "one", lease_ms=3 * HOUR)
        async with bot_on(on, database_url, linked=False) as mortal:
            await mortal.command(ANA, "extend one 2h")
            await mortal.play.bot.drain.one_work()
            assert await mortal.play.bot.workshop.claim() is not None
        await survivor.work()
        assert survivor.renewals(made) == []
        await survivor.jump(timedelta(minutes=3))
        await survivor.work()
        assert len(survivor.renewals(made)) == 1
        assert "now runs until" in survivor.operation(ANA)


async def unsettled(scene: Scene) -> list[str]:
    """Work of people that is not over."""
    return [r.cause for r in await scene.rows(work) if r.state not in ("done", "failed") and r.kind != "pass"]


async def test_it_is_two_that_work(pair: Pair) -> None:
    """Each of them takes some of what is to be done."""
    await running(pair.first)
    for n in range(8):
        await pair.first.command(ANA, f"list {n}")
    one, two = await asyncio.gather(pair.first.play.bot.drain(), pair.second.play.bot.drain())
    assert one.advanced + one.delivered > 0
    assert two.advanced + two.delivered > 0
