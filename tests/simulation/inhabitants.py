"""Who lives in the world: notebooks at work and at rest, people with and without attention, the console, holidays."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from bot.errors import BotError
from deploy.sandbox.cloud.activity import BUSY
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.links import link_people
from deploy.sandbox.slack.blocks import elements_of
from deploy.sandbox.slack.errors import NotThere
from deploy.sandbox.slack.outgoing import Answer
from tests.simulation.points import Killed
from tests.simulation.witness import about
from tests.simulation.world import HOUR_MS, MINUTE_MS, ODD_FLAVOR, PROJECT, UNLISTED_FLAVOR, World

PEOPLE = {"U0ANA": "ana", "U0BEN": "ben", "U0CARLA": "carla", "U0DORA": "dora"}
FLAVORS = (*("modelarts.vm.cpu.2u",) * 4, "modelarts.vm.cpu.8u", "modelarts.vm.cpu.8u",
           "modelarts.vm.gpu.tnt004", "modelarts.vm.gpu.tnt004", ODD_FLAVOR, UNLISTED_FLAVOR)  # fmt: skip
CHANNEL = "C0RESEARCH"
MOST_NOTEBOOKS = 40
NEWER = "newer warning"  # what stands where the buttons went to another message
HEEDED = ("notebook_extend", "notebook_keep", "approval_")  # what people press when they are told of something


class Inhabitants:
    """Everything that acts on its own; each actor has a name, by which a run can be made without it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.away: list[tuple[int, int, str]] = []  # from, to (or until linked again), user
        self.acts: list[dict[str, Any]] = []  # what people did: user, verb, notebook, at, key, answered
        self._names: dict[str, set[str]] = {}  # every name a notebook had when something was typed

    def populate(self) -> None:
        """The notebooks of the first morning."""
        rng = self._rng("populate")
        for number in range(self.world.options.notebooks):
            self._make(rng, number)

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self.world.options.seed} {name}")

    def _make(self, rng: random.Random, number: int) -> Notebook:
        cloud = self.world.cloud
        owner = rng.choice(("ana", "ana", "ben", "ben", "carla", "dora"))
        status = rng.choice(("RUNNING", "RUNNING", "STOPPED", "STOPPED"))
        kind, enable = rng.choice((("TIMING", True),) * 6 + (("IDLE", True), ("TIMING", False)))
        age = rng.randint(20, 600) * MINUTE_MS
        made = cloud.console.create(
            owner, f"{owner}-nb{number}", status=status, flavor=rng.choice(FLAVORS), age_ms=age, settled_ago_ms=age,
            lease_ms=rng.randint(20, 8 * 60) * MINUTE_MS, lease_type=kind, enable=enable,
        )  # fmt: skip
        if status == "RUNNING":
            (self._busy if rng.random() < 0.6 else self._idle)(made)
        self.world.witness.made(made)
        return made

    def _busy(self, notebook: Notebook) -> None:
        self.world.cloud.make_busy(notebook.id)
        self.world.witness.used(notebook.id, self.world.now_ms, busy=True)

    def _load(self, notebook: Notebook) -> None:
        """Work that no kernel knows of: only metrics can see it."""
        self.world.cloud.set_activity(notebook.id, cpu=BUSY["cpu"])
        self.world.witness.used(notebook.id, self.world.now_ms, busy=True, late=True)
        self.world.findings.counts["load that metrics alone see"] += 1

    def _idle(self, notebook: Notebook, *, late: bool = False) -> None:
        self.world.cloud.make_idle(notebook.id)
        self.world.witness.used(notebook.id, self.world.now_ms, busy=False, late=late)

    def start(self) -> None:
        """Set everybody going."""
        world = self.world
        actors: list[tuple[str, Callable[[random.Random], Awaitable[None]]]] = [("work", self._work)]
        if world.options.people:
            actors += [(user, self._person(user)) for user in PEOPLE]
            actors += [("console", self._console), ("holidays", self._holidays), ("strangers", self._strangers)]
            actors += [("brake", self._release), ("deciders", self._deciders), ("attention", self._attention)]
        for name, actor in actors:
            if name not in world.options.without:
                world.loop.create_task(self._until_calm(name, actor))

    async def _until_calm(self, name: str, actor: Callable[[random.Random], Awaitable[None]]) -> None:
        await actor(self._rng(name))

    async def _pause(self, rng: random.Random, mean_min: float) -> bool:
        """Wait a while; False when the day is over."""
        await asyncio.sleep(max(1.0, rng.expovariate(1 / (mean_min * 60))))
        return self.world.now_ms < self.world.calm_ms

    def note(self, line: str) -> None:
        """On the trace."""
        self.world.trace(line)

    # --- notebooks -----------------------------------------------------------------------------

    async def _work(self, rng: random.Random) -> None:
        """Jobs begin and end; terminals are opened and forgotten; tabs are left open."""
        while await self._pause(rng, 240 / max(1, self.world.options.notebooks)):
            running = [n for n in self._notebooks() if n.status == "RUNNING"]
            if not running:
                continue
            notebook = rng.choice(running)
            busy = any(kernel.state == "busy" for kernel in notebook.jupyter.kernels)
            loaded = self.world.witness.busy_at(notebook.id, self.world.now_ms) and not busy
            if loaded or (not busy and rng.random() < 0.2):
                self._idle(notebook, late=True) if loaded else self._load(notebook)
            elif busy and rng.random() < 0.8:
                self._idle(notebook)
            elif not busy and rng.random() < 0.6:
                self._busy(notebook)
            elif rng.random() < 0.3:
                notebook.jupyter.set_terminal(self.world.now_ms)
                self.world.witness.used(notebook.id, self.world.now_ms, busy=busy)
            elif rng.random() < 0.3:
                notebook.jupyter.tab_open = True
            self.note(f"world: work in {notebook.name}")

    def _notebooks(self) -> list[Notebook]:
        return sorted(self.world.cloud.notebooks(), key=lambda each: each.id)

    # --- people --------------------------------------------------------------------------------

    def _person(self, user: str) -> Callable[[random.Random], Awaitable[None]]:
        async def live(rng: random.Random) -> None:
            while await self._pause(rng, 380):
                hour = self.world.now_ms // HOUR_MS % 24
                if not 5 <= hour < 20 and rng.random() < 0.8:
                    continue  # asleep
                for _ in range(rng.randint(1, 2)):
                    try:
                        await (self._click(rng, user) if rng.random() < 0.6 else self._type(rng, user))
                    except NotThere:
                        continue
                    await asyncio.sleep(rng.uniform(0, 40))

        return live

    async def _type(self, rng: random.Random, user: str) -> None:
        own = [n for n in self._notebooks() if n.owner.name == PEOPLE[user]]
        everybodys = self._notebooks()
        if not everybodys:
            return
        some = own if own and rng.random() < 0.85 else everybodys
        name = rng.choice(some).name
        running = [n.name for n in some if n.status == "RUNNING"]
        live = rng.choice(running) if running and rng.random() < 0.8 else name  # mostly people know whether it runs
        hours, minutes = rng.randint(1, 9), rng.choice(("1h", "2h", "90m", "4h", "30m"))
        wishes = [
            "list", "list all", f"show {name}", f"why {name}", f"plan {name} at 23:00", "approvals", "whoami", "policy",
            f"policy {name}", "cost me 7d", "images torch", "flavors gpu", "help", "help extend", "settings",
            f"audit {name}", f"open {name}", "nonsense", "", f"extend {name} 4",
            *[f"extend {live} {minutes}"] * 4, *[f"extend {live} {hours}h long training"] * 2,
            f"extend {live} until 18:00 demo",
            *[f"start {name}"] * 2, f"start {name} for {minutes}", *[f"stop {live}"] * 2, f"delete {name}",
            *[f"keep {live} until {rng.randint(0, 23)}:00 still training"] * 2, "create",
            f"create {PEOPLE[user]}-new{rng.randint(0, 99)} image=spark2.4.5 flavor=modelarts.vm.cpu.2u for={minutes}",
        ]  # fmt: skip
        text = rng.choice(wishes)
        if len(everybodys) >= MOST_NOTEBOOKS and text.startswith("create "):
            return
        answer = await self._did(user, "command", text, self.world.slack.command(user, text, channel=rng.choice(
            (CHANNEL, None))))  # fmt: skip
        if rng.random() < 0.05 and answer.ok:
            self.note(f"world: Slack delivers again: {text}")
            await self.world.slack.replay()
        await self._modal(rng, user)

    async def _modal(self, rng: random.Random, user: str) -> None:
        """A modal that opened is sent off sometimes, filled in carelessly."""
        await asyncio.sleep(rng.uniform(1, 20))
        view = self.world.slack.modal(user)
        if view is None:
            return
        if rng.random() < 0.4:
            await self.world.slack.close_view(user, view.id)
            return
        values: dict[str, Any] = {}
        for block in view.blocks:
            if block["type"] == "input":
                values[block["block_id"]] = self._typed(rng, block["element"], about(view.body.get("private_metadata")))
        try:
            await self._did(user, "submit", str(view.body.get("callback_id")), self.world.slack.submit(
                user, view.id, {key: value for key, value in values.items() if value is not None}),
                about(view.body.get("private_metadata")))  # fmt: skip
        except (NotThere, KeyError, ValueError, TypeError, LookupError):
            return

    def _typed(self, rng: random.Random, element: dict[str, Any], notebook: str) -> Any:
        """Something that may fit the field."""
        options = element.get("options") or []
        if options:
            return rng.choice(options)["value"]
        match element["type"]:
            case "plain_text_input":
                names = [n.name for n in self._notebooks() if n.id == notebook]
                return rng.choice(("2h", "because it trains", "90m", *names, *names))
            case "datetimepicker":
                return self.world.now_ms // 1000 + rng.randint(1, 10) * 3600
        return None

    async def _click(self, rng: random.Random, user: str) -> None:
        """Any button this person sees, new or old; sometimes twice, sometimes one that is gone."""
        seen = self._buttons(user)
        if not seen:
            await self._did(user, "home", "", self.world.slack.open_home(user))
            return
        recent = seen[-8:] if rng.random() < 0.8 else seen
        channel, ts, block, action, value, stale = rng.choice(recent)

        def press() -> Awaitable[Answer]:
            return self.world.slack.click(user, action, channel=channel, ts=ts, block_id=block, stale=stale)

        settled = stale and self._settled(channel, ts)
        answer = await self._did(user, "click", f"{action} {ts}", press(), about(value), settled=settled)
        if rng.random() < 0.15 and answer.ok:
            self.note(f"world: {user} clicks {action} once more")
            await (self.world.slack.replay() if rng.random() < 0.5 else press())
        await self._modal(rng, user)

    async def _attention(self, rng: random.Random) -> None:
        """Whoever is warned, or asked to decide, does something about it now and then, soon."""
        while await self._pause(rng, 36):
            user = rng.choice(tuple(PEOPLE))
            young = self.world.now_ms - 40 * MINUTE_MS
            fresh = [e for e in self._buttons(user, young) if not e[5] and e[3].startswith(HEEDED)]
            if not fresh:
                continue
            channel, ts, block, action, value, _stale = rng.choice(fresh)
            try:
                await self._did(user, "click", f"{action} {ts}", self.world.slack.click(
                    user, action, channel=channel, ts=ts, block_id=block), about(value))  # fmt: skip
            except NotThere:
                continue
            await self._modal(rng, user)

    def _buttons(self, user: str, since_ms: int = 0) -> list[tuple[str, str, str, str, str, bool]]:
        """Oldest first; of each message what it shows now, and of some what it showed once."""
        found = []
        for channel in self.world.slack.workspace.channels.values():
            for message in channel.messages[-30:]:
                if message.posted_ms < since_ms or not self.world.slack.shows(channel, message, user):
                    continue
                for stale, blocks in [(False, message.blocks), *((True, old) for old in message.versions[-1:])]:
                    found += [
                        (message.posted_ms, channel.id, message.ts, block["block_id"], element["action_id"],
                         element["value"], stale)
                        for block in blocks for element in elements_of(block)
                        if element.get("type") == "button" and element.get("value")
                    ]  # fmt: skip
        return [each[1:] for each in sorted(found)]

    def _settled(self, channel: str, ts: str) -> bool:
        """Whether a message that warned, or told of a stop, now says what happened, in place of every button."""
        message = next(m for m in self.world.slack.workspace.channels[channel].messages if m.ts == ts)
        kind = (message.metadata or {}).get("event_type")
        return (kind in ("lease_warning", "idle_warning", "stopped") and NEWER not in str(message.blocks)
                and not any(e.get("type") == "button" and e["action_id"] != "notebook_false_stop"
                        for b in message.blocks for e in elements_of(b)))  # fmt: skip

    async def _did(self, user: str, how: str, what: str, doing: Awaitable[Answer], notebook: str = "", *,
                   settled: bool = False) -> Answer:  # fmt: skip
        at = self.world.now_ms
        named = {n.id for n in self._notebooks() if n.name in what.split()} | {notebook} - {""}
        maybe = self._meant(what) if how == "command" else set()
        answer = await doing
        self.acts.append({"user": user, "how": how, "what": what, "at": at, "ok": answer.ok, "notebooks": named,
                          "settled": settled, "maybe": maybe, "said": answer.body is not None})  # fmt: skip
        self.note(f"world: {user} {how} {what!r} -> {answer.status} {answer.note or ''}")
        self.world.findings.counts[f"did {how}"] += 1
        return answer

    def _meant(self, what: str) -> set[str]:
        """Whatever ever had a name that begins with a word of it: the bot may know it by an older one."""
        for notebook in self._notebooks():
            self._names.setdefault(notebook.id, set()).add(notebook.name)
        words = tuple(word for word in what.split()[1:] if len(word) > 3)
        return {known for known, names in self._names.items() if words and any(w for n in names for w in words
                                                                               if n.startswith(w))}  # fmt: skip

    # --- others --------------------------------------------------------------------------------

    async def _console(self, rng: random.Random) -> None:
        """Somebody works in the vendor's console, behind the bot's back."""
        console = self.world.cloud.console
        while await self._pause(rng, 150):
            notebooks = self._notebooks()
            if not notebooks:
                continue
            notebook = rng.choice(notebooks)
            running, stopped = notebook.status == "RUNNING", notebook.status == "STOPPED"
            act = rng.choice(
                (
                    "renew",
                    "renew",
                    "start",
                    "start",
                    "stop",
                    "delete",
                    "vanish",
                    "rename",
                    "create",
                    "restart",
                    "restart",
                )
            )
            if act == "renew" and running:
                console.renew(notebook.id, rng.randint(60, 600) * MINUTE_MS, "TIMING")
            elif act == "start" and stopped:
                console.start(notebook.id, rng.randint(60, 400) * MINUTE_MS)
            elif act == "stop" and running:
                console.stop(notebook.id)
            elif act in ("delete", "vanish") and (stopped or running) and rng.random() < 0.3:
                (console.delete if act == "delete" else console.vanish)(notebook.id)
            elif act == "restart" and running:
                await self._restart(rng, notebook)
            elif act == "rename":
                console.rename(notebook.id, f"renamed{rng.randint(0, 999)}")
            elif act == "create" and len(notebooks) < self.world.options.notebooks:
                self._make(rng, 100 + len(self.world.cloud.log))
            self.note(f"world: console {act} {notebook.name}")
            self.world.findings.counts[f"console {act}"] += 1

    async def _restart(self, rng: random.Random, notebook: Notebook) -> None:
        """Stopped and started again, mostly before the next pass could see that it was not running."""
        console = self.world.cloud.console
        console.stop(notebook.id)
        await asyncio.sleep(rng.uniform(160, 400))
        self.world.cloud.settle()
        if self.world.cloud.index.by_id.get(notebook.id) is notebook and notebook.status == "STOPPED":
            console.start(notebook.id, rng.randint(60, 400) * MINUTE_MS)

    async def _holidays(self, rng: random.Random) -> None:
        """An account is deactivated for some hours; somebody leaves the channel and comes back."""
        workspace = self.world.slack.workspace
        while await self._pause(rng, 700):
            user = rng.choice(("U0ANA", "U0BEN"))
            gone = rng.random() < 0.5
            members = workspace.channels[CHANNEL].members
            if gone:
                workspace.users[user].deleted = True
            elif user in members:
                members.remove(user)
            self.note(f"world: {user} is away")
            self.world.findings.counts["away"] += 1
            left, hours = self.world.now_ms, rng.uniform(1, 5)
            self.away.append((left, left + int(hours * HOUR_MS), user))
            await asyncio.sleep(hours * 3600)
            workspace.users[user].deleted = False
            if gone:
                self.world.loop.create_task(self._link_again(rng, user, left))
            if user not in members:
                members.append(user)

    async def _deciders(self, rng: random.Random) -> None:
        """Whenever nobody can say who may decide, somebody asks for too much, and an approver answers at once."""
        while True:
            await self.world.unread.wait()
            running = [n for n in self._notebooks() if n.status == "RUNNING" and n.owner.name == "ana"]
            if running:
                text = f"extend {rng.choice(running).name} 9h long training"
                await self._did("U0ANA", "command", text, self.world.slack.command("U0ANA", text))
            await asyncio.sleep(rng.uniform(60, 120))
            open_ones = [each for each in self._buttons("U0CARLA") if each[3] == "approval_approve" and not each[5]]
            if open_ones and self.world.now_ms < self.world.calm_ms:
                channel, ts, block, action, value, _stale = open_ones[-1]
                await self._did("U0CARLA", "click", f"{action} {ts}", self.world.slack.click(
                    "U0CARLA", action, channel=channel, ts=ts, block_id=block), about(value))  # fmt: skip
            await asyncio.sleep(1800)

    async def _link_again(self, rng: random.Random, user: str, left: int) -> None:
        """Whoever comes back has no credentials here any more; for an hour the bot may take them for gone."""
        span = len(self.away)
        self.away.append((left, self.world.end_ms, user))
        await asyncio.sleep(3700)
        while await self._pause(rng, 30):
            if self.world.slack.workspace.users[user].deleted:
                continue
            for replica in [each for each in self.world.replicas if each.up and each.bot is not None]:
                try:
                    await link_people(replica.bot.parts.deps, PROJECT, {user: PEOPLE[user]})  # type: ignore[union-attr]
                except (Killed, BotError):
                    continue
                self.note(f"world: {user} has linked again")
                self.away[span] = (left, self.world.now_ms, user)
                self.world.findings.counts["did link"] += 1
                return

    async def _strangers(self, rng: random.Random) -> None:
        """A guest and somebody of another company try their luck."""
        while await self._pause(rng, 600):
            names = [n.name for n in self._notebooks()]
            if names:
                text = f"{rng.choice(('stop', 'extend', 'show', 'start'))} {rng.choice(names)} 2h"
                user, channel = rng.choice((("U0GUEST", CHANNEL), ("U0STRANGER", "C0SHARED")))
                await self._did(user, "command", text, self.world.slack.command(user, text, channel=channel))

    async def _release(self, rng: random.Random) -> None:
        """The admin releases a brake within the hour, most of the time."""
        while await self._pause(rng, 40):
            alerts = [m for m in self.world.slack.messages("U0DORA") if m.blocks]
            for message in alerts[-3:]:
                for block in message.blocks:
                    for element in elements_of(block):
                        if element.get("action_id") == "admin_release":
                            await self._did("U0DORA", "click", f"admin_release {message.ts}", self.world.slack.click(
                                "U0DORA", "admin_release", channel="U0DORA", ts=message.ts))  # fmt: skip
                            break


__all__ = ["PEOPLE", "Inhabitants"]
