"""Slack's requests -> answers: validate, keep as one row of work, acknowledge. The same for every host.

Everything that can be answered from what was sent is answered at once (help, slips, field errors, typed search). Modals
are opened here, because Slack allows three seconds for it. All else becomes work before it is acknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.errors import BadInput, SlackError, Stale, StoreDown
from bot.render import ids as names
from bot.secrets import RESPONSE_PLACE
from bot.slack import Message, View
from handlers import answers, clicks, forms, parse, payload, suggest, words
from handlers.parse import Form, Help, Request
from handlers.payload import Sender
from handlers.ports import Answer, Entry, Gate, IntakeStore, Outcome, Quick, Seal

log = logging.getLogger(__name__)
T = TypeVar("T")

TITLES = {
    names.VIEW_CREATE: "New notebook",
    names.VIEW_DELETE: "Delete notebook",
    names.VIEW_EXTEND: "Extend",
    names.VIEW_KEEP: "Keep running",
    names.VIEW_DENY: "Deny request",
    names.VIEW_LESS: "Approve less",
    names.VIEW_SETTINGS: "Settings",
}


_SEARCHES: dict[str, tuple[Literal["images", "flavors"], Callable[..., list[dict[str, Any]]]]] = {
    "image": ("images", suggest.images),
    "flavor": ("flavors", suggest.flavors),
}


_PROBLEMS = {"too_fast": answers.TOO_FAST, "refused": answers.REFUSED, "joined": answers.JOINED}


class Uncertain(StoreDown):
    """Look with `list` in a minute before you repeat it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each part may take, in seconds; together they stay within Slack's three."""

    store: float = 2.0  # contract 6
    commit: float = 0.4  # more, once the commit has begun
    window: float = 1.0  # views.open
    word: float = 0.8  # a sentence through response_url
    all: float = 2.8
    least: float = 0.05


@dataclass(frozen=True, slots=True)
class Words:
    """What others render: the help page, and the view that is shown while the real one is made."""

    help: Callable[[str, str | None], Message]
    loading: Callable[[str, str], View]


class Intake:
    """Answers one request at a time; keeps nothing between them."""

    def __init__(
        self,
        store: IntakeStore,
        quick: Quick,
        sealer: Seal,
        clock: Clock,
        *,
        command: str,
        teams: Callable[[], frozenset[str]],
        zone: ZoneInfo,
        words: Words,
        patience: Patience | None = None,
    ) -> None:
        self._store, self._quick, self._sealer, self._clock = store, quick, sealer, clock
        self._command, self._teams, self._zone, self._words = command, teams, zone, words
        self._patience = patience or Patience()
        self._late: set[asyncio.Task[Any]] = set()

    # --- commands ------------------------------------------------------------------------------

    async def command(self, body: Mapping[str, Any]) -> Answer:
        """A slash command."""
        sender = self._timed(payload.of_command(body))
        if refusal := self._refusal(sender):
            return answers.line(refusal)
        try:
            wish = await self._wish(sender, str(body.get("text") or ""))
        except BadInput as error:
            return await self._at_once(sender, answers.failure(error, self._command))
        except StoreDown:
            return answers.line(answers.NOT_STORED)
        match wish:
            case Help(topic):
                return await self._at_once(sender, self._words.help(self._command, topic))
            case Form():
                problem = await self._form(sender, wish, sender.cause, None)
                return answers.line(problem) if problem else answers.NOTHING
            case Request():
                text = words.same(str(body.get("text") or ""))
                problem = await self._take(sender, sender.entry(wish, text=text, joins=True, reply=self._reply(sender)))
                return answers.line(problem) if problem else answers.NOTHING

    async def _at_once(self, sender: Sender, message: Message) -> Answer:
        """What needs no work counts against the person's rate, too; without a store it is answered all the same."""
        try:
            outcome = await self._keep(sender, sender.entry(Request("help", {}), kept=False))
        except StoreDown:
            return answers.said(message)
        problem = _PROBLEMS.get(outcome)
        return answers.line(problem) if problem else answers.said(message)

    async def _wish(self, sender: Sender, text: str) -> parse.Wish:
        wish = parse.parse(text)
        if not parse.needs_zone(wish):
            return wish
        return parse.settle(wish, self._clock.now(), await self._zone_of(sender))

    # --- clicks --------------------------------------------------------------------------------

    async def click(self, body: Mapping[str, Any]) -> Answer:
        """A pressed button, or a field of a modal that redraws it."""
        sender = self._timed(payload.of_click(body))
        action = payload.action(body)
        if action.id == names.OPEN_URL:  # the browser opens it: nothing is asked of us
            return answers.NOTHING
        if refusal := self._refusal(sender):
            await self._tell(sender, refusal)
        elif names.verb(action.id) in names.ACTIONS:
            await self._press(sender, action)
        elif payload.form_of(body):
            await self._redraw(sender, body)
        elif action.value:
            await self._tell(sender, answers.OLD_BUTTON)
        return answers.NOTHING

    async def _press(self, sender: Sender, action: payload.Action) -> None:
        try:
            button = names.read(action.value)
            wish = clicks.wanted(action.id, button)
        except Stale:
            await self._tell(sender, answers.OLD_BUTTON)
            return
        if isinstance(wish, Form):
            problem = await self._form(sender, wish, sender.cause, button.cause)
        else:
            problem = await self._take(sender, sender.entry(wish, button=button.cause, reply=self._reply(sender)))
        if problem:
            await self._tell(sender, problem)

    async def _redraw(self, sender: Sender, body: Mapping[str, Any]) -> None:
        """Price and end follow the flavor that was picked; a lost redraw harms nothing."""
        view = body["view"]
        try:
            button = names.read(view.get("private_metadata"))
        except Stale:
            return
        args = {
            "callback": view["callback_id"],
            "view": view["id"],
            "hash": view.get("hash"),
            "values": forms.plain(forms.state(view)),
            **clicks.about(button),
        }
        entry = sender.entry(Request("fill_view", args), button=button.cause, view=view["id"], counted=False)
        await self._take(sender, entry)

    # --- modals --------------------------------------------------------------------------------

    async def submit(self, body: Mapping[str, Any]) -> Answer:
        """A modal that was sent off."""
        sender = self._timed(payload.of_submit(body))
        view = body["view"]
        fields = forms.state(view)
        if refusal := self._refusal(sender):
            return _in_form(fields, refusal)
        try:
            button = names.read(view.get("private_metadata"))
            if view.get("callback_id") not in names.VIEWS:
                raise Stale("I do not know this form.")
            wish = forms.read(view["callback_id"], fields, button, await self._context(sender, view, button, fields))
        except Stale:
            return _in_form({}, answers.OLD_BUTTON)
        except forms.FieldErrors as error:
            return answers.field_errors(error.errors)
        except StoreDown:
            return _in_form(fields, answers.NOT_STORED)
        problem = await self._take(sender, sender.entry(wish, button=button.cause, view=view["id"]))
        return _in_form(fields, problem) if problem else answers.NOTHING

    async def _context(
        self, sender: Sender, view: Mapping[str, Any], button: names.Button, fields: Mapping[str, forms.Field]
    ) -> forms.Context:
        zone, name = self._zone, None
        until = fields.get("until")
        if until and until.value:
            zone = await self._zone_of(sender)
        if view["callback_id"] == names.VIEW_DELETE and button.project and button.notebook:
            name = await self._read(sender, self._store.notebook_name(button.project, button.notebook))
        return forms.Context(self._clock.now(), zone, name)

    async def suggest(self, body: Mapping[str, Any]) -> Answer:
        """Typed search in a select, answered from the last listing."""
        sender = self._timed(payload.of_submit(body))
        if self._refusal(sender):
            return answers.options([])
        draw = _SEARCHES.get(names.verb(str(body.get("action_id") or "")))
        if draw is None:
            return answers.options([])
        kind, found = draw
        try:
            entries = await self._read(sender, self._store.catalogue(payload.project_of(body.get("view") or {}), kind))
        except StoreDown:
            entries = ()
        return answers.options(found(entries, str(body.get("value") or "")))

    # --- events --------------------------------------------------------------------------------

    async def event(self, body: Mapping[str, Any]) -> Answer:
        """App Home was opened, or Slack took the app away. 503 makes Slack send it again."""
        event = body.get("event") or {}
        kind = event.get("type")
        if kind in ("app_uninstalled", "tokens_revoked"):
            log.error("Slack reports %s: install the app again and give the bot its new token", kind)
        if kind != "app_home_opened" or event.get("tab", "home") != "home":
            return answers.NOTHING
        sender = self._timed(payload.of_event(body))
        if refusal := self._refusal(sender):
            return Answer(503) if refusal == answers.STARTING else answers.NOTHING
        try:
            await self._keep(sender, sender.entry(Request("home", {}), counted=False))
        except StoreDown:
            return Answer(503)
        return answers.NOTHING

    # --- what they share -----------------------------------------------------------------------

    def _timed(self, sender: Sender) -> Sender:
        return replace(sender, until=asyncio.get_running_loop().time() + self._patience.all)

    def _left(self, sender: Sender, most: float) -> float:
        """Seconds that a part may still take."""
        return max(self._patience.least, min(most, sender.until - asyncio.get_running_loop().time()))

    def _refusal(self, sender: Sender) -> str | None:
        """Why nothing is done for them: every team the payload names must be this workspace."""
        if not (ours := self._teams()):
            return answers.STARTING
        known = sender.user and sender.teams and sender.teams <= ours  # shared channels bring in others
        return None if known else answers.REFUSED

    def _reply(self, sender: Sender) -> str | None:
        """The response_url as it may be stored."""
        return self._sealer.seal(sender.response_url, bound_to=RESPONSE_PLACE) if sender.response_url else None

    async def _form(self, sender: Sender, form: Form, cause: str, button: str | None) -> str | None:
        """Open the loading view while Slack allows it, then ask for its content; what to say if that failed."""
        try:
            async with asyncio.timeout(self._left(sender, self._patience.window)):
                view = await self._quick.open_view(
                    sender.trigger, self._words.loading(form.callback, TITLES[form.callback])
                )
        except (SlackError, TimeoutError) as error:
            log.warning("a view could not be opened: %s", getattr(error, "code", "timeout"))
            return answers.PRESS_AGAIN
        args = {"callback": form.callback, "view": view, **form.args}
        entry = sender.entry(
            Request("fill_view", args), button=button, view=view, cause=cause, reply=self._reply(sender)
        )
        problem = await self._take(sender, entry)
        if problem:
            await self._quietly(sender, self._quick.update_view(view, answers.notice(TITLES[form.callback], problem)))
        return problem

    async def _take(self, sender: Sender, entry: Entry) -> str | None:
        """Keep the request; what to say if it was not kept, or joined another."""
        try:
            outcome = await self._keep(sender, entry)
        except Uncertain:
            return answers.UNCERTAIN
        except StoreDown:
            return answers.NOT_STORED
        return _PROBLEMS.get(outcome)

    async def _keep(self, sender: Sender, entry: Entry) -> Outcome:
        """Raises StoreDown when nothing was stored and nothing will be, Uncertain when the commit is under way."""
        gate = Gate()
        task = asyncio.create_task(self._store.keep(entry, self._clock.now(), gate))
        self._late.add(task)
        task.add_done_callback(self._forget)
        await asyncio.wait({task}, timeout=self._left(sender, self._patience.store))
        if not task.done() and gate.committing:
            await asyncio.wait({task}, timeout=self._patience.commit)
        if task.done():
            return task.result()[0]
        if gate.committing:
            raise Uncertain("The store is slow.")
        gate.given_up = True
        raise StoreDown("The store is too slow.")

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: what it means was said already

    async def _read(self, sender: Sender, reading: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._left(sender, self._patience.store)):
                return await reading
        except TimeoutError:
            raise StoreDown("The store is too slow.") from None

    async def _zone_of(self, sender: Sender) -> ZoneInfo:
        known = await self._read(sender, self._store.zone(sender.team, sender.user))
        known = known or await self._zone_in_slack(sender)
        try:
            return ZoneInfo(known) if known else self._zone
        except (KeyError, ValueError, OSError):
            return self._zone

    async def _zone_in_slack(self, sender: Sender) -> str | None:
        """Of somebody we meet for the first time: an instant read in another zone would be wrong by hours."""
        try:
            async with asyncio.timeout(self._left(sender, self._patience.word)):
                return (await self._quick.person(sender.user)).zone
        except (SlackError, TimeoutError) as error:
            log.warning("a zone is not known: %s", getattr(error, "code", "timeout"))
            return None

    async def _tell(self, sender: Sender, text: str) -> None:
        """Say something to whoever clicked: a click's acknowledgement cannot carry words."""
        if sender.response_url:
            await self._quietly(sender, self._quick.respond(sender.response_url, Message(text)))
        elif sender.trigger:
            await self._quietly(sender, self._quick.open_view(sender.trigger, answers.notice("leasebot", text)))

    async def _quietly(self, sender: Sender, call: Awaitable[Any]) -> None:
        try:
            async with asyncio.timeout(self._left(sender, self._patience.word)):
                await call
        except (SlackError, TimeoutError) as error:
            log.warning("a short answer was lost: %s", getattr(error, "code", "timeout"))

    async def close(self) -> None:
        """Wait for what was given up on, so that nothing is torn."""
        if self._late:
            await asyncio.wait(self._late, timeout=self._patience.store)


def _in_form(fields: Mapping[str, forms.Field], text: str) -> Answer:
    """A sentence about a whole form: under its first field, or instead of it."""
    first = next(iter(fields.values()), None)
    if first is not None:
        return answers.field_errors({first.block: text})
    return Answer(body={"response_action": "update", "view": answers.notice("leasebot", text)})


__all__ = ["TITLES", "Intake", "Patience", "Uncertain", "Words"]
