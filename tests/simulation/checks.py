"""The promises, recomputed from what the simulators saw. Each check returns what broke it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bot.clock import from_ms
from bot.stores.schema import approvals, notices, outbox, work
from tests.simulation import history, holds, kept, leads, liveness, spent, told
from tests.simulation.history import SERVICE, Life, Post
from tests.simulation.inhabitants import PEOPLE
from tests.simulation.points import Incarnation
from tests.simulation.world import MINUTE_MS, World

if TYPE_CHECKING:
    from tests.simulation.inhabitants import Inhabitants
    from tests.simulation.troubles import Troubles

GRACE_MS = 15 * MINUTE_MS
SETTLED_WITHIN_MS = 10 * MINUTE_MS
RECHECKED_WITHIN_MS = 3 * MINUTE_MS
SOURCES_LAG_MS = 10 * MINUTE_MS  # metrics come 2 min late, and the last look is some minutes before the call
RACE_MS = 2 * MINUTE_MS
HOUR_S = 3600
MAX_EXTENSION_MS = 4 * 3600 * 1000
LEAST_MS = HOUR_S * 1000  # the API takes no less; what policy allows of it is one hour from now
FREE_TOTAL_MS = {"CPU": 12 * HOUR_S * 1000, "GPU": 4 * HOUR_S * 1000}
ASKED_BY = {  # what people must have begun so that the cloud was asked for this, once each
    "RenewLease": ("extend", "notebook_extend", "approval_approve", "approval_less", "keep", "notebook_keep", "start",
                   "notebook_start"),
    "StartNotebook": ("start", "notebook_start", "approval_approve", "approval_less"),
    "StopNotebook": ("stop", "notebook_stop", "delete", "notebook_delete"),  # what runs is stopped before it is deleted
    "DeleteNotebook": ("delete", "notebook_delete"),
}  # fmt: skip
BY_BUTTON = {"notebook_extend": "RenewLease", "notebook_keep": "RenewLease", "notebook_stop": "StopNotebook",
             "notebook_start": "StartNotebook"}  # fmt: skip
GRANTS = ("approval_approve ", "approval_less")  # no denial, nothing withdrawn, no form that is only opened
APPROVERS = frozenset({"U0CARLA", "U0DORA"})
ONE_OF_A_GROUP = "U0CARLA"  # approves as nothing else
MAY_ACT_FOR_OTHERS = frozenset({"carla", "dora"})


class Scene:
    """What every check looks at."""

    def __init__(self, world: World, inhabitants: "Inhabitants", troubles: "Troubles") -> None:
        self.world, self.acts = world, inhabitants.acts
        self._away = inhabitants.away
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

    def comes_back(self, owner: str, start: int, end: int) -> list[int]:
        """When the owner was there again, or had linked again, in that time."""
        return [over for _begin, over, user in self._away if PEOPLE[user] == owner and start < over < end]

    def away(self, owner: str, start: int, end: int) -> bool:
        """Whether this person was not to be reached at some time between."""
        return any(PEOPLE[user] == owner and begin < end and over > start for begin, over, user in self._away)

    def chose_for_themselves(self, owner: str) -> bool:
        """Whether this person may have set zone or quiet hours of their own."""
        return any(PEOPLE.get(act["user"]) == owner and act["what"] == "settings" and act["how"] == "submit"
                   for act in self.acts)  # fmt: skip

    def about(self, kind: str, notebook: str) -> list[tuple[str, Post]]:
        """(key, post) of every message of that kind about one notebook."""
        start = f"{kind}:{notebook}:"
        return [(key, post) for post in self.posts for key in post.keys if key.startswith(start)]


async def all_of(world: World, inhabitants: "Inhabitants", troubles: "Troubles") -> list[str]:
    """Every broken promise of the run."""
    scene = Scene(world, inhabitants, troubles)
    found: list[str] = []
    safe = (stops, activity, shortened, doubles, effects, creates, settled, rights, holds.bridges, kept.left_alone,
            leads.overtaken, leads.asleep, leads.early, told.addressed, drawn, errors)  # fmt: skip
    for check in (*safe, leads.due, liveness.idle, told.unfinished, told.unanswered):
        found += [f"{check.__name__}: {text}" for text in check(scene)]
    found += [f"unsettled: {text}" for text in world.unsettled]
    if world.options.bot:
        found += [f"pending: {text}" for text in await pending(world, world.now_ms)]
        found += [f"overdue: {text}" for text in await overdue(world)]
        found += [f"counted: {text}" for text in spent.counted(scene, await spent.intervals(scene))]
    return found


def stops(scene: Scene) -> Iterator[str]:
    """No stop by the service account without a delivered notice and its grace."""
    for life in scene.lives.values():
        for at, by, user in life.stops:
            if by != "api" or user != SERVICE:
                continue
            scene.counts["idle stops"] += 1
            if not scene.world.witness.category(life.id):
                yield f"{life.id} stopped at {at}, although nobody knows what its flavor needs"
            run = next((begin for begin, end in life.runs if end == at), 0)
            known = [p.receipt_ms for _key, p in scene.about("idle_warning", life.id) if p.receipt_ms is not None]
            if not any(run <= receipt <= at - GRACE_MS for receipt in known):
                yield f"{life.id} stopped at {at}; notices received {known}, run since {run}"
            elif not any((used := _last_use(scene, life, at)) <= receipt <= at - GRACE_MS for receipt in known):
                yield f"{life.id} stopped at {at}; notices received {known}, but used at {used}"
        keys = Counter((at, user) for at, by, user in life.stops if user == SERVICE)
        yield from (f"{life.id} stopped twice at {at}" for (at, _user), n in keys.items() if n > 1)


def _last_use(scene: Scene, life: Life, at: int) -> int:
    """Of what a healthy source could show at its last sample before the stop: a notice of before counts no more."""
    witness = scene.world.witness
    seen = max((each.at_ms for each in witness.samples.get(life.id, []) if each.at_ms <= at), default=0)
    uses = [when for when, _busy in witness.uses.get(life.id, [])
            if when <= seen - SOURCES_LAG_MS * ((life.id, when) in witness.late)]  # fmt: skip
    return max(uses, default=0)


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
            if scene.world.witness.busy_for_ms(life.id, at) > SOURCES_LAG_MS:  # a kernel, or load that metrics see
                yield f"{life.id} stopped at {at}, at work for {scene.world.witness.busy_for_ms(life.id, at)} ms"
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


def effects(scene: Scene) -> Iterator[str]:
    """No more done for people than they asked for: a button counts once, however often it is clicked."""
    for life in scene.lives.values():
        for action, begins in ASKED_BY.items():
            done = [w for w in scene.writes if w.notebook == life.id and w.action == action and w.user != SERVICE]
            asked = {
                (act["user"], act["what"], act["at"] if act["how"] != "click" else 0)
                for act in scene.acts
                if life.id in act["notebooks"] | act.get("maybe", set())
                and act["what"].startswith((*begins, "notebook_pick"))
            }
            scene.counts[f"effects of {action}"] += len(done)
            if len(done) > len(asked):
                yield f"{action} {len(done)} times on {life.id}, asked for {len(asked)} times"


def settled(scene: Scene) -> Iterator[str]:
    """A click on a message that already says what happened changes nothing."""
    for act in scene.acts:
        if not act.get("settled"):
            continue
        action = BY_BUTTON.get(act["what"].partition(" ")[0].partition(":")[0])
        others = [
            other for other in scene.acts
            if other is not act and (other["notebooks"] | other.get("maybe", set())) & act["notebooks"]
            and act["at"] - HOUR_S * 1000 <= other["at"] <= act["at"] + SETTLED_WITHIN_MS
        ]  # fmt: skip
        if others:  # what they asked for may be done now
            continue
        scene.counts["clicks on settled messages"] += 1
        for write in scene.writes:
            late = write.at_ms - act["at"]
            if (write.notebook in act["notebooks"] and write.user == PEOPLE[act["user"]] and write.action == action
                    and 0 <= late <= SETTLED_WITHIN_MS):  # fmt: skip
                yield f"{act['user']} clicked {act['what']}, which was settled, at {act['at']}: {write}"


def creates(scene: Scene) -> Iterator[str]:
    """No notebook more than was asked for: of one name, as many as it was typed or a form was sent off."""
    made = Counter(life.name for life in scene.lives.values() if life.made_by_api)
    forms = sum(act["what"].startswith("notebook_create") for act in scene.acts)
    scene.counts["effects of CreateNotebook"] += made.total()
    for name, count in made.items():
        asked = len({(act["user"], act["at"]) for act in scene.acts if act["what"].startswith(f"create {name} ")})
        if count > asked + forms * (not asked):
            yield f"{count} notebooks {name} made, asked for {asked} times"


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
    scene.counts["decisions while groups were unread"] += sum(_unread(scene, act) for act in scene.acts)
    for life in scene.lives.values():
        yield from _gates(scene, life)


def _gates(scene: Scene, life: Life) -> Iterator[str]:
    """At most `max_extension` at once and `free_total` in a run, or somebody else approved."""
    free = FREE_TOTAL_MS["GPU" if scene.world.witness.category(life.id) == "GPU" else "CPU"]
    for at, by, old, new in life.renewals:
        if not by.startswith("api") or by == f"api {SERVICE}" or not old:  # it had no end: any end is less
            continue
        run = max((begin for begin, _end in life.runs if begin <= at), default=at)
        step = new - max(old, at) > MAX_EXTENSION_MS + MINUTE_MS
        total = new - run > free + MINUTE_MS and new - at > LEAST_MS + MINUTE_MS
        scene.counts["renewals within the gate"] += not step and not total
        scene.counts["renewals beyond the gate"] += step or total
        if (step or total) and not _approved(scene, life, at, by.removeprefix("api ")):
            yield f"{life.id} runs since {run}, got {old} -> {new} at {at} by {by} and nobody approved"


def _approved(scene: Scene, life: Life, at: int, requester: str) -> bool:
    """By somebody who neither owns it nor asked: whoever asked is whose credentials renewed."""
    return any(
        not _unread(scene, act) and act["user"] in APPROVERS and PEOPLE[act["user"]] not in (life.owner, requester)
        and act["how"] in ("click", "submit")
        and act["what"].startswith(GRANTS) and life.id in act["notebooks"]
        and at - 26 * HOUR_S * 1000 <= act["at"] <= at
        for act in scene.acts
    )  # fmt: skip


def _unread(scene: Scene, act: Mapping[str, Any]) -> bool:
    """Whether they could decide as one of a group alone, and nobody could say who was in it."""
    if act["how"] != "click" or act["user"] != ONE_OF_A_GROUP or not act["what"].startswith("approval_approve"):
        return False
    till = act["at"] + SETTLED_WITHIN_MS
    return any(begin <= act["at"] and till <= over and name == "groups" for begin, over, name in scene.spans)


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


async def overdue(world: World) -> list[str]:
    """Requests that should have expired, and lease warnings that still wait although their end is past."""
    database = world.open_database(Incarnation("checker"))
    late_ms = world.end_ms - SETTLED_WITHIN_MS - 2 * world.poll_s * 1000
    waits = approvals.c.state == "pending", approvals.c.expires_at < from_ms(late_ms)
    open_leads = notices.c.state == "pending", notices.c.kind == "lease_warning"
    async with database.peek() as db:
        requests = await db.execute(select(approvals.c.id, approvals.c.expires_at).where(*waits))
        found = [f"request {row.id}, which expired at {row.expires_at}" for row in requests]
        keys = [row.key for row in await db.execute(select(notices.c.key).where(*open_leads))]
    await database.dispose()
    return [*found, *(f"{key} waits" for key in keys if int(key.split(":")[2]) < late_ms)]


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
