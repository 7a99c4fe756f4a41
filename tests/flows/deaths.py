"""What must be so whenever a process has died: the effect once, each message once, nothing left undone."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from bot.stores.schema import outbox, work
from deploy.sandbox.slack import Message
from scheduler.jobs import ask_now
from tests.flows.mortal import FINE, Doubt, die_everywhere
from tests.flows.scene import Scene, key

Part = Callable[[Scene], Awaitable[None]]
Place = tuple[str, str]  # whose DM, or the channel; event type
MOST_ROUNDS = 200  # a dead process's claim on one message holds those after it for 60 s
FEWEST = 10  # moments: a transaction and a call are five of them
PACE = timedelta(milliseconds=500)  # between looks while Slack's paces keep something back
LONGEST = timedelta(hours=1)  # in which everything must be settled
UNDER_WAY = ("creating", "starting", "stopping", "deleting", "lease_renewed")


async def settle(scene: Scene) -> None:
    """Time goes on, without a pass, until nothing waits any more."""
    began, drain = scene.now, scene.play.bot.drain
    for _ in range(MOST_ROUNDS):
        await drain()
        due = await next_due(scene)
        if due is None:
            return
        assert due - began < LONGEST, await unfinished(scene)
        await scene.jump(max(due - scene.now, PACE))
    raise AssertionError(await unfinished(scene))


async def sweep(scene: Scene) -> None:
    """A pass, and all that follows from it."""
    await ask_now(scene.play.bot.db, scene.play.bot.ids, ["research"], scene.now)
    await settle(scene)


async def next_due(scene: Scene) -> datetime | None:
    """When the next thing that waits may go on; claims of the dead run out."""
    works = select(work.c.due_at, work.c.claim_until, work.c.state).where(work.c.state.in_(("open", "running", "held")))
    sends = select(outbox.c.due_at, outbox.c.claim_until).where(outbox.c.state == "pending")
    async with scene.play.bot.db.read() as db:
        dues = [r.claim_until if r.state == "running" else r.due_at for r in await db.execute(works)]
        dues += [max(r.due_at, r.claim_until or r.due_at) for r in await db.execute(sends)]
    return min(dues, default=None)


async def unfinished(scene: Scene) -> list[Any]:
    """Everything that still waits."""
    async with scene.play.bot.db.read() as db:
        works = await db.execute(
            select(work.c.kind, work.c.step, work.c.state, work.c.due_at, work.c.error_text, work.c.cause).where(
                work.c.state.in_(("open", "running", "held"))
            )
        )
        sends = await db.execute(
            select(outbox.c.key, outbox.c.state, outbox.c.due_at, outbox.c.error).where(
                or_(outbox.c.state == "pending", outbox.c.state == "dead")
            )
        )
        return [tuple(row) for row in (*works, *sends)]


@dataclass(frozen=True)
class Case:
    """`before`: nobody dies in it; `deed`: dying begins with it. What follows is counted from the deed on."""

    before: Part
    deed: Part = settle
    effects: Mapping[str, int] = field(default_factory=dict)  # by the API
    said: Mapping[Place, str] = field(default_factory=dict)  # one new message in each place, with these words
    answers: Mapping[str, str] = field(default_factory=dict)  # what only this person sees
    also: Part | None = None
    policy: Mapping[str, str] = field(default_factory=dict)
    passes: int = 1  # made by the next incarnation, a minute apart


@dataclass
class Seen:
    """What was there before the deed."""

    effects: int = 0
    messages: frozenset[tuple[str, str]] = frozenset()


def check_all(case: Case) -> list[str]:
    """Every broken promise, with the moment of the death it followed. Raises AssertionError where nobody died."""
    seen = Seen()

    async def before(scene: Scene) -> None:
        for delay in ("create_ms", "start_ms", "stop_ms", "delete_ms"):
            setattr(scene.cloud.settings, delay, 6_000)  # a look before it is so, and one after
        await case.before(scene)
        seen.effects, seen.messages = len(scene.cloud.effects()), frozenset(places(scene))

    async def after(scene: Scene, doubt: Doubt) -> None:
        await settle(scene)
        for _ in range(case.passes):
            await scene.jump(timedelta(minutes=1))
            await sweep(scene)
        found = [*wrong_effects(scene, case, seen), *wrong_messages(scene, case, seen, doubt), *await undone(scene)]
        if found:
            raise AssertionError(found)
        if case.also:
            await case.also(scene)

    deaths = die_everywhere(before, case.deed, after, case.policy)
    assert len(deaths) > FEWEST, "hardly anybody died"
    return [f"{each.moment} {each.name}: {each.verdict}" for each in deaths if each.verdict != FINE]


def wrong_effects(scene: Scene, case: Case, seen: Seen) -> list[str]:
    """What the cloud did by the API since the deed, unless it is exactly what was wanted."""
    new = scene.cloud.effects()[seen.effects :]
    did = Counter(e["action"] for e in new if e["action"] in UNDER_WAY and e["details"].get("by", "api") == "api")
    return [] if did == Counter(case.effects) else [f"effects {dict(did)}"]


def wrong_messages(scene: Scene, case: Case, seen: Seen, doubt: Doubt) -> list[str]:
    """A key twice in one conversation, a message too many or too few, or without its words."""
    every = places(scene)
    keyed = Counter((where, one) for (where, _ts), m in every.items() if m.metadata for one in keys_of(m))
    found = [f"{where} has {one} {count} times" for (where, one), count in keyed.items() if count > 1]
    new = {at: message for at, message in every.items() if at not in seen.messages}
    said = {(where, kind_of(m)): m.text for (where, _ts), m in new.items() if m.ephemeral_to is None}
    posted = Counter((where, kind_of(m)) for (where, _ts), m in new.items() if m.ephemeral_to is None)
    if posted != Counter({(scene.slack.conversation(*_open(who)).id, kind): 1 for who, kind in case.said}):
        found.append(f"messages {dict(posted)}: {said}")
    for (who, kind), words in case.said.items():
        where = scene.slack.conversation(*_open(who)).id
        if words not in said.get((where, kind), ""):
            found.append(f"not {words!r} but {said.get((where, kind))!r}")
    return found + wrong_answers(case, [m for m in new.values() if m.ephemeral_to], doubt)


def wrong_answers(case: Case, told: list[Message], doubt: Doubt) -> list[str]:
    """An answer by `response_url` has no history: only a death right after it may say it again."""
    counts = Counter(str(m.ephemeral_to) for m in told)
    allowed = (1, 2) if doubt == "slack.respond" else (1,)
    found = [f"{who} was answered {counts[who]} times" for who in case.answers if counts[who] not in allowed]
    found += [f"{who} was answered: {[m.text for m in told]}" for who in counts if who not in case.answers]
    return found + [
        f"answered {m.text!r}" for m in told if case.answers.get(str(m.ephemeral_to), "") not in m.text
    ]  # fmt: skip


async def undone(scene: Scene) -> list[str]:
    """Work or messages that still wait, or were given up."""
    return [f"unfinished: {row}" for row in await unfinished(scene)]


def places(scene: Scene) -> dict[tuple[str, str], Message]:
    """Every message of the bot's by channel and ts."""
    return {
        (channel.id, message.ts): message
        for channel in scene.slack.workspace.channels.values()
        for message in channel.messages
        if message.user == scene.slack.workspace.bot_user
    }


def keys_of(message: Message) -> list[str]:
    """Every key a message carries."""
    payload = (message.metadata or {})["event_payload"]
    return payload["keys"].split(",") if payload.get("keys") else [key(message)]


def kind_of(message: Message) -> str:
    """Its event type."""
    return str((message.metadata or {}).get("event_type"))


def _open(who: str) -> tuple[str, str | None]:
    return (who, None) if who.startswith("U") else ("U0ANA", who)
