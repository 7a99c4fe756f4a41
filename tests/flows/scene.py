"""One bot on the sandbox's stage, spoken to as people do it, watched through the simulators' logs."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Table, select

from bot.clock import from_ms
from bot.stores.database import Database
from deploy.compose import Outside
from deploy.sandbox.cloud.model import Notebook
from deploy.sandbox.play import Play, play
from deploy.sandbox.slack import Answer, Message
from deploy.sandbox.stage import TEMPLATE, Stage

START_MS = 1_763_974_800_000  # Monday 2025-11-24, 10:00 in Berlin, 04:00 in New York
MINUTE = 60_000
HOUR = 60 * MINUTE
RESEARCH = "C0RESEARCH"
ANA, BEN, CARLA, DORA = "U0ANA", "U0BEN", "U0CARLA", "U0DORA"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def policy_text(changes: dict[str, str]) -> str:
    """The sandbox's policy with keys of [policy], or `admins`, set to other TOML values; "" takes a key out."""
    text = TEMPLATE.read_text(encoding="utf-8")
    text = text.replace('name = "research"\n', 'name = "research"\nrate = 1000\n')  # the clock stands still in a step
    head, section, rest = text.partition("[policy]\n")
    for key, value in changes.items():
        if key == "admins":
            head = re.sub(r"^admins = .*$", f"admins = {value}", head, flags=re.MULTILINE)
            continue
        rest = re.sub(rf"^{key} = .*\n", "", rest, count=1, flags=re.MULTILINE)
        rest = f"{key} = {value}\n{rest}" if value else rest
    return head + section + rest


@dataclass(slots=True)
class Scene:
    """What a test does and sees. Instants are the stage's; nothing here looks into the bot but `rows`."""

    on: Stage
    play: Play
    expected: set[str] = field(default_factory=set)  # finding codes and log words that a test provokes on purpose

    @property
    def slack(self) -> Any:
        return self.on.slack

    @property
    def cloud(self) -> Any:
        return self.on.cloud.cloud

    @property
    def now(self) -> datetime:
        return self.on.clock.now()

    @property
    def now_ms(self) -> int:
        return self.on.clock.now_ms()

    # --- what people do ------------------------------------------------------------------------

    async def command(self, user: str, text: str, channel: str = RESEARCH) -> Answer:
        """Type a command; it is acknowledged, and nothing else happens yet."""
        answer: Answer = await self.slack.command(user, text, channel=channel)
        assert answer.ok, (text, answer)
        return answer

    async def ask(self, user: str, text: str, channel: str = RESEARCH) -> str:
        """Type a command and let the bot work; returns what only this person was answered."""
        before = len(self.slack.ephemerals(user))
        await self.command(user, text, channel)
        await self.play.work()
        return "\n".join(m.text for m in self.slack.ephemerals(user)[before:])

    async def click(self, user: str, action: str, **where: Any) -> str:
        """Press a button and let the bot work; returns what only this person was answered."""
        before = len(self.slack.ephemerals(user))
        answer = await self.slack.click(user, action, **where)
        assert answer.ok, (action, answer)
        await self.play.work()
        return "\n".join(m.text for m in self.slack.ephemerals(user)[before:])

    async def submit(self, user: str, values: dict[str, Any]) -> Answer:
        """Send off the modal on top and let the bot work."""
        answer: Answer = await self.slack.submit(user, values=values)
        await self.play.work()
        return answer

    async def link(self, user: str, password: str | None = None) -> httpx.Response:
        """Go the way of `link`: command, page, form."""
        await self.ask(user, "link")
        page = re.search(r"http://[^\s|>\"]+/link/[\w-]+", json.dumps(self.slack.ephemerals(user)[-1].blocks))
        assert page is not None, self.slack.ephemerals(user)[-1].text
        name = self.slack.workspace.users[user].name
        async with httpx.AsyncClient(trust_env=False) as browser:
            shown = await browser.get(page[0])
            csrf = re.search(r'name="csrf" value="([^"]+)"', shown.text)
            assert csrf is not None, shown.text
            form = {"kind": "password", "project": "research", "domain": "OTC-EU-DE-SANDBOX", "user": name,
                    "password": password or f"sandbox-{name}", "csrf": csrf[1]}  # fmt: skip
            answer = await browser.post(page[0], data=form)
        await self.work()
        return answer

    # --- time ----------------------------------------------------------------------------------

    async def work(self) -> None:
        await self.play.work()

    async def sweep(self) -> None:
        await self.play.sweep()

    async def pass_time(self, span: timedelta, step: timedelta | None = None) -> None:
        """Let time go by with passes in between: every minute, or as `step` says."""
        await self.play.advance(span, step or minutes(1))

    async def jump(self, span: timedelta) -> None:
        """Time goes by while nothing of the bot runs."""
        self.on.clock.advance_ms(span // timedelta(milliseconds=1))

    # --- notebooks -----------------------------------------------------------------------------

    async def notebook(self, owner: str, name: str, *, busy: bool | None = True, **options: Any) -> Notebook:
        """One made in the console, and seen by a pass. `busy` False: idle since its start; None: as it is."""
        options = {"lease_ms": 2 * HOUR, "age_ms": 3 * HOUR, "settled_ago_ms": 3 * HOUR} | options
        made = self.cloud.console.create(owner, name, **options)
        if busy is True:
            self.cloud.make_busy(made.id)
        elif busy is False:
            self.cloud.make_idle(made.id, self.now_ms - options["settled_ago_ms"])
        await self.sweep()
        return self.found(made.id)

    async def ending(self, owner: str, name: str, left: timedelta = timedelta(minutes=59), **options: Any) -> Notebook:
        """One with a lease of two hours, seen from its beginning, of which so much is left now."""
        options = {"age_ms": 0, "settled_ago_ms": 0, "lease_ms": 2 * HOUR} | options
        made = await self.notebook(owner, name, **options)
        await self.jump(self.end(made) - self.now - left)
        await self.sweep()
        return self.found(made.id)

    def found(self, notebook_id: str) -> Notebook:
        found: Notebook = self.cloud.notebook(notebook_id)
        return found

    def named(self, name: str) -> Notebook:
        found: Notebook
        (found,) = [n for n in self.cloud.notebooks() if n.name == name]
        return found

    def end(self, notebook: Notebook | str) -> datetime:
        """When its lease ends, by the cloud."""
        found = self.found(notebook if isinstance(notebook, str) else notebook.id)
        return from_ms(found.lease.end)

    def effects(self, action: str, notebook: Notebook | None = None) -> list[dict[str, Any]]:
        """What the cloud did, of that kind, to that notebook."""
        every = self.cloud.effects(action)
        return [e for e in every if notebook is None or e["notebook_id"] == notebook.id]

    def renewals(self, notebook: Notebook) -> list[dict[str, Any]]:
        """Renewals that came in by the API."""
        return [e for e in self.effects("lease_renewed", notebook) if e["details"]["by"] == "api"]

    def stops(self, notebook: Notebook | None = None) -> list[dict[str, Any]]:
        """Stops asked for by the API (not by the platform, not in the console)."""
        return [e for e in self.effects("stopping", notebook) if e["details"]["by"] == "api"]

    # --- what people see -----------------------------------------------------------------------

    def notices(self, kind: str, user: str | None = None) -> list[Message]:
        """Messages of that event type, oldest first; with `user`, only what that person sees."""
        found: list[Message] = self.slack.notices(kind, user=user)
        return found

    def operation(self, user: str, index: int = -1) -> str:
        """The text of that person's last operation message."""
        return self.in_dm(user, "operation")[index].text

    def in_dm(self, user: str, kind: str) -> list[Message]:
        """The bot's messages of that kind in somebody's DM."""
        return [m for m in self.slack.messages(user) if (m.metadata or {}).get("event_type") == kind]

    def in_channel(self, kind: str, channel: str = RESEARCH) -> list[Message]:
        return [m for m in self.slack.messages(channel) if (m.metadata or {}).get("event_type") == kind]

    # --- the store -----------------------------------------------------------------------------

    async def rows(self, table: Table) -> list[Any]:
        """Every row of a table of the bot's store."""
        async with self.play.bot.db.read() as db:
            return list(await db.execute(select(table)))


def key(message: Message) -> str:
    """The key a message was posted with."""
    return str((message.metadata or {})["event_payload"]["key"])


def buttons(message: Message) -> list[str]:
    """The action ids that the message offers now."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    beside = [[block["accessory"]] for block in message.blocks if block.get("accessory", {}).get("type") == "button"]
    return [element["action_id"] for row in (*rows, *beside) for element in row]


def ends_of(log: list[dict[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    """Each notebook's lease ends in order, with who set them, from the cloud's log."""
    ends: dict[str, list[tuple[str, int]]] = {}
    for entry in log:
        lease = entry["details"].get("lease") if entry["kind"] == "effect" else None
        if lease:
            end = lease["create_at"] + lease["duration"]
            ends.setdefault(entry["notebook_id"], []).append((entry["details"]["by"], end))
    return ends


@asynccontextmanager
async def bot_on(
    on: Stage, database_url: str, *, linked: bool = True, db: Database | None = None
) -> AsyncIterator[Scene]:
    """Another bot on the same stage and store: what comes after a crash, or beside the first."""
    outside, url = Outside(db=db, ticks=lambda: on.clock.now_ms() / 1000), database_url
    async with play(on, linked=linked, outside=outside, jitter=lambda: 0.0, LEASEBOT_DATABASE_URL=url) as running:
        yield Scene(on, running)
