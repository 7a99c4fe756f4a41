"""The whole story of a notebook, without a browser: played on the sandbox, told with times, every step checked."""

import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import from_ms
from deploy.sandbox.clock import SimClock
from deploy.sandbox.play import Play, played
from deploy.sandbox.slack.errors import NotThere

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, 09:00 in Berlin
BERLIN = ZoneInfo("Europe/Berlin")
NAMES = {"U0ANA": "Ana", "U0BEN": "Ben", "U0CARLA": "Carla", "U0DORA": "Dora", "C0RESEARCH": "#research"}
FLAVOR = "modelarts.vm.gpu.tnt004"
DAY_AHEAD = timedelta(hours=18)  # farther away an instant is told with its day
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
_DATE = re.compile(r"<!date\^(\d+)\^[^|>]*\|[^>]*>")
_PERSON = re.compile(r"<@(U\w+)>")
_SHOWN = 9  # lines of a message; the rest is only counted
log = logging.getLogger(__name__)


class Broken(Exception):
    """A step of the story did not hold."""


def plain(text: str, now: datetime) -> str:
    """Slack's text as a person in Berlin reads it."""
    text = _DATE.sub(lambda found: _instant(int(found[1]), now), text)
    text = _PERSON.sub(lambda found: NAMES.get(found[1], found[1]), text)
    text = re.sub(r"\*(.+?)\*", r"\1", text)
    return text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def _instant(seconds: int, now: datetime) -> str:
    at = datetime.fromtimestamp(seconds, BERLIN)
    return f"{at:%H:%M}" if abs(at - now) < DAY_AHEAD else f"{at:%a %-d %b %H:%M}"


class Story:
    """Tells and checks; what is told comes from the simulators, not from the bot."""

    def __init__(self, play: Play, tell: Callable[[str], None]) -> None:
        self.play, self._tell = play, tell
        self._heard = 0
        self._acting = ""
        self._told: dict[str, str] = {}

    # --- telling -------------------------------------------------------------------------------

    def say(self, line: str, at: datetime | None = None) -> None:
        """One line, with the story's time."""
        self._tell(f"{(at or self.play.bot.clock.now()).astimezone(BERLIN):%a %H:%M:%S}  {line}")

    def chapter(self, title: str) -> None:
        """A heading."""
        self._tell(f"\n{title}")

    def check(self, holds: object, what: str) -> None:
        """Raises Broken unless it holds."""
        if not holds:
            raise Broken(what)
        self.say(f"  ✓ {what}")

    def hear(self) -> None:
        """Tell what Slack was sent since we last listened."""
        entries = self.play.slack.log
        for entry in entries[self._heard :]:
            at = from_ms(entry["at_ms"])
            if entry["kind"] == "response_url" and entry["error"] is None:
                self._quote(f"{NAMES[self._acting]} alone", str((entry["body"] or {}).get("text", "")), at)
            elif entry["kind"] == "api" and (entry.get("answer") or {}).get("ok"):
                self._sent(entry["method"], entry["args"], entry["answer"], at)
        self._heard = len(entries)

    def _sent(self, method: str, args: dict[str, Any], answer: dict[str, Any], at: datetime) -> None:
        if method == "chat.postMessage":
            self._quote(self._addressee(args), str(args.get("text", "")), at)
            self._told[str(answer.get("ts"))] = str(args.get("text", "")).split("\n", 1)[0]
        elif method == "chat.update" and (first := str(args.get("text", "")).split("\n", 1)[0]):
            if self._told.get(str(args.get("ts"))) != first:
                self._quote(f"{self._addressee(args)}, the same message", first, at)
            self._told[str(args.get("ts"))] = first
        elif method == "files.completeUploadExternal":
            self.say(f"leasebot → {self._addressee({'channel': args.get('channel_id', '')})}: a chart", at)

    def _quote(self, to: str, text: str, at: datetime) -> None:
        first, *rest = plain(text, at).splitlines() or [""]
        self.say(f"leasebot → {to}: {first}", at)
        for line in rest[:_SHOWN]:
            self._tell(f"{'':16}{line}")
        if len(rest) > _SHOWN:
            self._tell(f"{'':16}… {len(rest) - _SHOWN} more lines")

    def _addressee(self, args: dict[str, Any]) -> str:
        channel = str(args.get("channel", ""))
        known = self.play.slack.workspace.channels.get(channel)
        if known is not None and known.kind == "im":
            return next((NAMES[u] for u in known.members if u in NAMES), channel)
        return NAMES.get(channel, channel)

    # --- acting --------------------------------------------------------------------------------

    async def types(self, user: str, text: str) -> None:
        """Somebody types the command in the project's channel."""
        self._acting = user
        self.say(f"{NAMES[user]} types /notebook {text}")
        answer = await self.play.slack.command(user, text, channel="C0RESEARCH")
        self.check(answer.ok, f"acknowledged in {answer.latency_ms:.0f} ms")
        await self.settle()

    async def clicks(self, user: str, action: str, words: str) -> None:
        """Somebody presses the newest such button they see."""
        self._acting = user
        self.say(f"{NAMES[user]} presses “{words}”")
        answer = await self.play.slack.click(user, action)
        self.check(answer.ok, f"acknowledged in {answer.latency_ms:.0f} ms")
        await self.settle()

    async def settle(self) -> None:
        """Everything that follows happens."""
        await self.play.work()
        self.hear()

    async def passes(self, span: timedelta, words: str, step: timedelta = 5 * MINUTE) -> None:
        """Time goes by."""
        self.say(f"… {words}")
        await self.play.advance(span, step)
        self.hear()

    # --- looking -------------------------------------------------------------------------------

    def notebook(self, name: str) -> Any:
        """The notebook as the cloud has it."""
        self.play.cloud.settle()
        found = next((n for n in self.play.cloud.notebooks() if n.name == name), None)
        if found is None:
            raise Broken(f"the cloud has a notebook {name}")
        return found

    def answered(self, user: str, *words: str) -> bool:
        """Whether the newest answer that this person alone sees has all these words."""
        answers = self.play.slack.ephemerals(user)
        return bool(answers) and all(word in answers[-1].text for word in words)

    def lease_end(self, name: str) -> datetime:
        """The end of its lease, by the cloud's own arithmetic."""
        lease = self.notebook(name).lease
        return from_ms(lease.update_at + lease.span)

    def notices(self, kind: str, user: str) -> list[Any]:
        """Messages of this event type that this person sees."""
        found: list[Any] = self.play.slack.notices(kind, user=user)
        return found


async def tell_story(story: Story) -> None:
    """Create, watch, warn, extend, ask for too much, approve, be idle, warned and stopped, undo, count, look back."""
    await create(story)
    await warned_and_extended(story)
    await too_much_and_approved(story)
    await idle_and_stopped(story)
    await undone_and_counted(story)
    await next_morning(story)


async def create(story: Story) -> None:
    """A notebook is asked for in one line and watched until it runs."""
    story.chapter("Ana wants a notebook")
    await story.types("U0ANA", f"create churn-model image=pytorch1.8 flavor={FLAVOR} for=3h")
    story.check(story.notebook("churn-model").status == "CREATING", "the cloud is creating it")
    await story.passes(MINUTE, "a minute passes", step=MINUTE / 4)
    story.check(story.notebook("churn-model").status == "RUNNING", "the cloud says it runs")
    story.play.cloud.make_busy(story.notebook("churn-model").id)
    shown = story.notices("operation", "U0ANA")
    story.check(shown and "is running" in shown[-1].text, "Ana's message was updated in place and says so")
    await story.types("U0BEN", "list all")
    story.check(story.answered("U0BEN", "churn-model", "left"), "Ben sees it too, with the time it has left")


async def warned_and_extended(story: Story) -> None:
    """The lease nears its end; one press gives an hour more, and not a second less."""
    story.chapter("The lease nears its end")
    await story.passes(2 * HOUR + 5 * MINUTE, "two hours of training")
    warnings = story.notices("lease_warning", "U0ANA")
    story.check(len(warnings) == 1, "Ana was warned once, an hour ahead")
    before = story.lease_end("churn-model")
    await story.clicks("U0ANA", "notebook_extend:1h", "Extend 1 h")
    gained = story.lease_end("churn-model") - before
    story.check(HOUR <= gained < HOUR + timedelta(seconds=2), "the lease ends one hour later than before")


async def too_much_and_approved(story: Story) -> None:
    """Beyond policy it becomes a request; nobody decides on their own."""
    story.chapter("Ana needs the night")
    before = story.lease_end("churn-model")
    await story.types("U0ANA", "extend churn-model 10h the last epochs need the night")
    story.check(story.lease_end("churn-model") == before, "nothing was renewed yet")
    request = story.notices("approval_request", "U0CARLA")
    story.check(len(request) == 1, "the request stands in #research")
    await story.clicks("U0ANA", "approval_approve", "Approve")
    story.check(story.lease_end("churn-model") == before, "Ana cannot approve her own request")
    await story.clicks("U0CARLA", "approval_approve", "Approve")
    gained = story.lease_end("churn-model") - before
    story.check(10 * HOUR <= gained < 10 * HOUR + timedelta(seconds=2), "approved by Carla: ten hours more")
    story.check(story.notices("approval_settled", "U0ANA"), "Ana was told after it was read back")


async def idle_and_stopped(story: Story) -> None:
    """Nobody uses it: warned with evidence, stopped only after the grace, told afterwards."""
    story.chapter("The training is over, and the notebook is forgotten")
    story.play.cloud.make_idle(story.notebook("churn-model").id)
    await story.passes(50 * MINUTE, "nobody uses it")
    warned = story.notices("idle_warning", "U0ANA")
    story.check(len(warned) == 1, "Ana was warned, with the evidence and the time of the stop")
    story.check(story.notebook("churn-model").status == "RUNNING", "it still runs: the grace is not over")
    await story.passes(25 * MINUTE, "the grace passes")
    story.check(story.notebook("churn-model").status == "STOPPED", "the cloud says it is stopped")
    stops = [e for e in story.play.cloud.effects("stopping") if e["notebook_id"] == story.notebook("churn-model").id]
    told = from_ms(int(float(warned[0].ts) * 1000))
    story.check(from_ms(stops[-1]["at_ms"]) - told >= 15 * MINUTE, "no sooner than 15 min after the notice")
    story.check(story.notices("stopped", "U0ANA"), "Ana was told, and what it saves")
    await story.types("U0ANA", "why churn-model")
    story.check(story.answered("U0ANA", "idle"), "each decision can be asked for, with its evidence")


async def undone_and_counted(story: Story) -> None:
    """One press starts it again; the cost is there for everybody."""
    story.chapter("Ana comes back")
    await story.clicks("U0ANA", "notebook_start", "Start again")
    await story.passes(MINUTE, "a minute passes", step=MINUTE / 4)
    story.check(story.notebook("churn-model").status == "RUNNING", "it runs again")
    await story.types("U0ANA", "cost me 7d")
    story.check(story.play.slack.calls("files.completeUploadExternal"), "the chart is in her direct messages")


async def next_morning(story: Story) -> None:
    """The lease ends by itself, and the team reads what the day cost."""
    story.chapter("The next morning")
    till_nine = datetime(2026, 3, 3, 9, 5, tzinfo=BERLIN) - story.play.bot.clock.now()
    await story.passes(3 * HOUR, "the afternoon", step=10 * MINUTE)
    await story.passes(till_nine - 3 * HOUR, "the evening and the night", step=HOUR)
    story.check(story.notebook("churn-model").status == "STOPPED", "nothing runs on: its lease ended in the afternoon")
    digest = story.notices("digest", "U0CARLA")
    story.check(len(digest) == 1 and "EUR" in digest[0].text, "#research reads what the day cost and what was saved")
    findings = [f for f in story.play.slack.findings if f.get("severity") == "error"]
    story.check(not findings, "Slack had nothing to complain about")


@asynccontextmanager
async def staged(tell: Callable[[str], None]) -> AsyncIterator[Story]:
    """A story that has not begun."""
    clock = SimClock(int(START.timestamp() * 1000), running=False)
    async with played(clock=clock) as play:
        yield Story(play, tell)


async def script(tell: Callable[[str], None], *, before: Callable[[Story], None] = lambda _story: None) -> bool:
    """Play it; True if every step held. `before` may change the stage first: tests break it."""
    began = time.monotonic()
    async with staged(tell) as story:
        before(story)
        try:
            await tell_story(story)
        except (Broken, NotThere) as broken:
            story.say(f"  ✗ {broken}")
            return False
        except Exception as error:
            log.exception("the story ended")
            story.say(f"  ✗ it ended with {type(error).__name__}: {error}")
            return False
    tell(f"\nEvery step held. {time.monotonic() - began:.1f} s.")
    return True
