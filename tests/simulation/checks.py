"""The promises, recomputed from what the simulators saw. Each check returns what broke it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.clock import from_ms
from bot.stores.schema import outbox, work
from tests.simulation import history, leads, liveness
from tests.simulation.history import SERVICE, Life, Post
from tests.simulation.points import Incarnation
from tests.simulation.world import MINUTE_MS, World

if TYPE_CHECKING:
    from tests.simulation.inhabitants import Inhabitants
    from tests.simulation.troubles import Troubles

GRACE_MS = 15 * MINUTE_MS
SETTLED_WITHIN_MS = 10 * MINUTE_MS
RECHECKED_WITHIN_MS = 3 * MINUTE_MS
RACE_MS = 2 * MINUTE_MS
HOUR_S = 3600
MAX_EXTENSION_MS = 4 * 3600 * 1000
APPROVERS = frozenset({"U0CARLA", "U0DORA"})
MAY_ACT_FOR_OTHERS = frozenset({"carla", "dora"})


class Scene:
    """What every check looks at."""

    def __init__(self, world: World, inhabitants: "Inhabitants", troubles: "Troubles") -> None:
        self.world, self.acts = world, inhabitants.acts
        self.spans, self.jumps = troubles.spans, troubles.jumps
        self.posts: list[Post] = history.posts(world)
        self.lives: dict[str, Life] = history.lives(world)
        self.writes = history.writes(world)
        self.counts = world.findings.counts

    def calm(self, start: int, end: int) -> bool:
        """Whether nothing was wrong in that time, or shortly before it."""
        return not any(begin < end and over > start for begin, over, _name in self.spans)

    def troubles(self, start: int, end: int, *names: str) -> bool:
        """Whether one of these troubles was on in that time."""
        return any(begin < end and over > start and name in names for begin, over, name in self.spans)

    def about(self, kind: str, notebook: str) -> list[tuple[str, Post]]:
        """(key, post) of every message of that kind about one notebook."""
        start = f"{kind}:{notebook}:"
        return [(key, post) for post in self.posts for key in post.keys if key.startswith(start)]


async def all_of(world: World, inhabitants: "Inhabitants", troubles: "Troubles") -> list[str]:
    """Every broken promise of the run."""
    scene = Scene(world, inhabitants, troubles)
    found: list[str] = []
    safe = (stops, activity, shortened, doubles, rights, leads.overtaken, drawn, errors)
    for check in (*safe, leads.due, liveness.idle):
        found += [f"{check.__name__}: {text}" for text in check(scene)]
    found += [f"unsettled: {text}" for text in world.unsettled]
    if world.options.bot:
        found += [f"pending: {text}" for text in await pending(world, world.now_ms)]
    return found


def stops(scene: Scene) -> Iterator[str]:
    """No stop by the service account without a delivered notice and its grace."""
    for life in scene.lives.values():
        for at, by, user in life.stops:
            if by != "api" or user != SERVICE:
                continue
            scene.counts["idle stops"] += 1
            run = next((begin for begin, end in life.runs if end == at), 0)
            known = [p.receipt_ms for _key, p in scene.about("idle_warning", life.id) if p.receipt_ms is not None]
            if not any(run <= receipt <= at - GRACE_MS for receipt in known):
                yield f"{life.id} stopped at {at}; notices received {known}, run since {run}"
        keys = Counter((at, user) for at, by, user in life.stops if user == SERVICE)
        yield from (f"{life.id} stopped twice at {at}" for (at, _user), n in keys.items() if n > 1)


def activity(scene: Scene) -> Iterator[str]:
    """No stop of a notebook whose activity a healthy source showed at its last sample before the stop."""
    for life in scene.lives.values():
        for at, by, user in life.stops:
            if by != "api" or user != SERVICE:
                continue
            seen = [each for each in scene.world.witness.samples.get(life.id, []) if each.at_ms <= at]
            if not seen:
                yield f"{life.id} stopped at {at} and never looked into"
                continue
            last = seen[-1]
            if last.active:
                yield f"{life.id} stopped at {at}, active at the last look at {last.at_ms}"
            if at - last.at_ms > RECHECKED_WITHIN_MS and scene.calm(last.at_ms, at):
                yield f"{life.id} stopped at {at}, last looked into at {last.at_ms}"
            if scene.world.witness.busy_at(life.id, at):
                scene.counts["stops of work younger than the sources' lag"] += 1


def shortened(scene: Scene) -> Iterator[str]:
    """No renewal of the bot's ends earlier than what it found."""
    for life in scene.lives.values():
        for at, by, old, new in life.renewals:
            if not by.startswith("api") or new >= old:
                continue
            if any(o.startswith("console") and at - RACE_MS <= t <= at for t, o, _a, _b in life.renewals):
                scene.counts["renewals raced by the console"] += 1
                continue
            yield f"{life.id} at {at}: {old} -> {new} by {by}"


def doubles(scene: Scene) -> Iterator[str]:
    """One message per key and conversation, unless an answer was lost and the history could not be read."""
    first: dict[tuple[str, str], Post] = {}
    for post in scene.posts:
        for key in post.keys:
            before = first.setdefault((post.channel, key), post)
            if before is post:
                continue
            unread = any(
                before.at_ms <= entry["at_ms"] <= post.at_ms
                and (entry["fault"] or not (entry["answer"] or {}).get("ok"))
                for entry in scene.world.slack.calls("conversations.history")
            )
            if unread:
                scene.counts["notices twice, history unreadable"] += 1
                continue
            if any(before.at_ms - RACE_MS <= jump <= post.at_ms + RACE_MS for jump in scene.jumps):
                scene.counts["notices twice, the clock jumped under a claim"] += 1
                continue
            yield f"{key} in {post.channel} at {before.at_ms} and {post.at_ms}"


def rights(scene: Scene) -> Iterator[str]:
    """Nobody changes what is not theirs, and nobody gets more than their own gate or an approver gave."""
    for write in scene.writes:
        life = scene.lives.get(write.notebook)
        if life is None or write.user == SERVICE:
            if write.user == SERVICE and write.action not in ("StopNotebook", "RenewLease"):
                yield f"the service account did {write.action} on {write.notebook}"
            continue
        if write.user != life.owner and write.user not in MAY_ACT_FOR_OTHERS:
            yield f"{write.user} did {write.action} on {life.owner}'s {write.notebook} at {write.at_ms}"
    for life in scene.lives.values():
        yield from _gates(scene, life)


def _gates(scene: Scene, life: Life) -> Iterator[str]:
    for at, by, old, new in life.renewals:
        if not by.startswith("api") or by == f"api {SERVICE}" or new - max(old, at) <= MAX_EXTENSION_MS + MINUTE_MS:
            continue
        approved = any(
            act["user"] in APPROVERS and act["how"] in ("click", "submit") and "approv" in act["what"]
            and at - 26 * HOUR_S * 1000 <= act["at"] <= at for act in scene.acts
        )  # fmt: skip
        if not approved:
            yield f"{life.id} got {(new - old) / 60000:.0f} min at {at} by {by} and nobody approved"


def drawn(scene: Scene) -> Iterator[str]:
    """Slack takes everything that is drawn."""
    refused = Counter(f"{f['where']} {f['code']} {f['message']}" for f in scene.world.slack.findings
                      if f["severity"] == "error")  # fmt: skip
    yield from (f"{text} ({count} times)" for text, count in sorted(refused.items()))


def errors(scene: Scene) -> Iterable[str]:
    """The product logs no exception that it did not expect."""
    return sorted(set(scene.world.findings.errors))


async def pending(world: World, now_ms: int) -> list[str]:
    """Work and messages that should long be over."""
    database = world.open_database(Incarnation("checker"))
    late = from_ms(now_ms - SETTLED_WITHIN_MS)
    async with database.peek() as db:
        rows = await db.execute(
            select(work.c.kind, work.c.step, work.c.state, work.c.cause, work.c.due_at, work.c.error_text)
            .where(work.c.state.in_(("open", "running")), work.c.created_at < late, work.c.kind != "pass")
        )  # fmt: skip
        found = [f"{r.kind} {r.cause} {r.state} at {r.step}, due {r.due_at}: {r.error_text}" for r in rows]
        messages = await db.execute(
            select(outbox.c.key, outbox.c.kind, outbox.c.due_at, outbox.c.tries, outbox.c.error)
            .where(outbox.c.state == "pending", outbox.c.due_at < late)
        )  # fmt: skip
        found += [f"message {r.key} due {r.due_at}, {r.tries} tries: {r.error}" for r in messages]
    await database.dispose()
    return found


def messages(world: World) -> Counter[str]:
    """How often each type of message was posted, each answer given, each view drawn."""
    found: Counter[str] = Counter()
    for post in history.posts(world):
        found[f"message {post.kind}"] += 1
    for entry in world.slack.log:
        if entry["kind"] == "api" and (entry["answer"] or {}).get("ok"):
            found[f"slack {entry['method']}"] += 1
        elif entry["kind"] == "response_url" and entry["status"] == 200:
            found["message response"] += 1
    return found


__all__ = ["Scene", "all_of", "messages", "pending"]
