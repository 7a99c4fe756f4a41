"""What people do: type commands, press, submit, close, search, open the Home tab; for tests and for the page."""

import functools
import re
from typing import Any

from deploy.sandbox.slack import fields, hooks, modals, payloads, wire
from deploy.sandbox.slack.blocks import check_message
from deploy.sandbox.slack.capabilities import ResponseUrl
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.looking import Looking, pick
from deploy.sandbox.slack.outgoing import Answer, Sender, Sent
from deploy.sandbox.slack.rules import Finding
from deploy.sandbox.slack.sockets import SocketHub
from deploy.sandbox.slack.workspace import Channel, Message, User, View

_ENTITY = re.compile(r"<[@#][^<>]*>|[&<>]")
_ADDRESS = re.compile(r"https?://[^\s<>|]*[\w/]")
_QUOTED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Interactions(Looking):
    """The driver's verbs. Each returns the bot's `Answer`; what Slack would then show is in the state."""

    @functools.cached_property
    def sockets(self) -> SocketHub:
        """The bot's Socket Mode connections."""
        return SocketHub(self)

    @functools.cached_property
    def sender(self) -> Sender:
        """The way to the bot."""
        return Sender(self, self.sockets)

    async def command(self, user: str, text: str = "", *, channel: str | None = None) -> Answer:
        """Type the slash command; `text` with or without its name in front. `channel` None: the DM with the bot.

        Raises NotThere if the person is not in the channel. (People of other teams have no DM: their first channel.)
        """
        person = self.person(user)
        where = self.conversation(user, channel)
        words = text.strip()
        if words == self.command_name or words.startswith(self.command_name + " "):
            words = words[len(self.command_name) :].strip()
        secret = self.response_urls.issue(self.clock.now_ms(), user, where.id)
        trigger, url = self.triggers.issue(user), f"{self.url}/response/{secret}"
        payload = payloads.command(self, person, where, self.escaped(words), trigger_id=trigger, response_url=url)
        answer = await self.sender.send(Sent("slash_commands", f"{self.command_name} {words}".strip(), payload))
        if answer.ok and answer.body:
            self._show_answer(person, where, words, answer.body)
        return answer

    def escaped(self, text: str) -> str:
        """As Slack sends it with `should_escape`: people and channels as ids, links and entities marked."""
        text = _ENTITY.sub(lambda found: _QUOTED.get(found[0], found[0]), text)
        text = _ADDRESS.sub(r"<\g<0>>", text)
        for user in self.workspace.users.values():
            text = re.sub(rf"(?<![\w<])@{re.escape(user.name)}\b", f"<@{user.id}>", text)
        for channel in self.workspace.channels.values():
            if channel.kind in ("channel", "group"):
                shown = channel.name if channel.kind == "channel" else ""
                text = re.sub(rf"(?<![\w<])#{re.escape(channel.name)}\b", f"<#{channel.id}|{shown}>", text)
        return text

    def _show_answer(self, user: User, channel: Channel, words: str, body: Any) -> None:
        given = body if isinstance(body, dict) else {"text": str(body)}
        if given.get("response_type") == "in_channel":
            typed = Message(self.workspace.next_ts(channel), user.id, f"{self.command_name} {words}".strip(),
                            self.clock.now_ms())  # fmt: skip
            self.workspace.add_message(channel, typed)
        try:
            hooks.show(self, ResponseUrl(user.id, channel.id, 0), given)
        except Refused as refusal:
            self.report("command answer", [Finding(refusal.error, "the answer cannot be shown", "")])
        self.changed()

    async def click(
        self,
        user: str,
        action_id: str,
        *,
        channel: str | None = None,
        ts: str | None = None,
        view: str | None = None,
        block_id: str | None = None,
        value: str | None = None,
        selected: Any = None,
        state: dict[str, Any] | None = None,
        stale: bool = False,
    ) -> Answer:
        """Press a button or choose in a menu: of a view (its id, `home` or `top`), of the message `ts`, else of the
        newest message the person sees that has it. `value` overrides the button's (a forged click); `selected` is
        what a menu was set to; `stale` also finds buttons that have been taken off since.

        `action_id` may leave off a suffix after the colon where that is not ambiguous. Raises NotThere.
        """
        if view is not None:
            surface = self.view_of(user, view)
            block, element = pick(surface.blocks, action_id, block_id)
            held = _held(element, value, selected)
            part = self._pressed_in_view(surface, block, element, held, state)
        else:
            where, message, block, element = self.find_element(user, action_id, channel, ts, block_id, stale=stale)
            held = _held(element, value, selected)
            part = self._pressed_in_message(user, (where, message), block, element, held, state)
        payload = payloads.interaction(self, "block_actions", self.person(user), **part)
        payload["actions"] = [self._action(element, block, held)]
        answer = await self.sender.send(Sent("interactive", payload["actions"][0]["action_id"], payload))
        if answer.ok and answer.body:
            found = Finding("body_in_ack", "the body of this acknowledgement is ignored", "", "warning")
            self.report("block_actions", [found])
        return answer

    def _pressed_in_message(self, user: str, place: tuple[Channel, Message], *pressed: Any) -> dict[str, Any]:
        (channel, message), (block, element, held, state) = place, pressed
        secret = self.response_urls.issue(self.clock.now_ms(), user, channel.id, message.ts)
        values = fields.merged(message.blocks, fields.initial_state(message.blocks), state or {})
        if held.get("type"):
            values.setdefault(block["block_id"], {})[element.get("action_id", "")] = held
        return {
            **payloads.message_part(self, channel, message), "state": {"values": values},
            "trigger_id": self.triggers.issue(user), "response_url": f"{self.url}/response/{secret}",
        }  # fmt: skip

    def _pressed_in_view(self, view: View, *pressed: Any) -> dict[str, Any]:
        block, element, held, state = pressed
        view.state = fields.merged(view.blocks, view.state, state or {})
        if held.get("type"):
            view.state.setdefault(block["block_id"], {})[element.get("action_id", "")] = held
        trigger_id = self.triggers.issue(view.user, view.id if view.type == "modal" else None)
        return {**payloads.view_part(self, view), "trigger_id": trigger_id}

    def _action(self, element: dict[str, Any], block: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
        now = self.clock.now_ms()
        return payloads.action(element, block["block_id"], f"{now // 1000}.{now % 1000:03d}000", held)

    async def submit(self, user: str, view_id: str | None = None, values: dict[str, Any] | None = None) -> Answer:
        """Submit a modal with `values` by block and action; a bare value, or by block or action alone, will do.

        What the form itself refuses is not sent: `status` 0, `note` "form", `body` with the errors.
        """
        view = self.view_of(user, view_id)
        view.state = fields.merged(view.blocks, view.state, values or {})
        view.errors = fields.problems(view.blocks, view.state)
        if view.errors:
            self.changed()
            return Answer(0, {"response_action": "errors", "errors": view.errors}, 0.0, "form")
        payload = payloads.interaction(
            self, "view_submission", self.person(user), view=wire.view(self, view), response_urls=[],
            trigger_id=self.triggers.issue(user, view.id),
        )  # fmt: skip
        answer = await self.sender.send(Sent("interactive", f"submit {view.body.get('callback_id', '')}", payload))
        if answer.ok:
            self._after_submit(view, answer.body)
        return answer

    def _after_submit(self, view: View, body: Any) -> None:
        given = body if isinstance(body, dict) else {}
        try:
            match given.get("response_action"):
                case None:
                    modals.close(self, view)
                case "clear":
                    modals.close(self, view, everything=True)
                case "errors":
                    self._show_errors(view, given.get("errors") or {})
                case "update":
                    modals.change(self, view, modals.checked(self, given.get("view"), "modal", "update"), None)
                case "push":
                    modals.show(self, view.user, modals.checked(self, given.get("view"), "modal", "push"), push=True)
                case other:
                    raise Refused("unknown_response_action", given=other)
        except Refused as refusal:
            self.report("view_submission", [Finding(refusal.error, str(refusal.extra), "/view")])

    def _show_errors(self, view: View, errors: dict[str, str]) -> None:
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        view.errors = errors
        if not errors or errors.keys() - inputs:
            raise Refused("invalid_errors", keys=sorted(errors), inputs=sorted(inputs))
        self.changed()

    async def close_view(self, user: str, view_id: str | None = None, *, everything: bool = False) -> Answer | None:
        """Cancel one modal, or with `everything` leave the stack by its X; the bot hears of it only if it asked to."""
        view = self.view_of(user, view_id)
        told = self.workspace.views[view.root_id] if everything else view
        modals.close(self, view, everything=everything)
        if not told.body.get("notify_on_close"):
            return None
        payload = payloads.interaction(
            self, "view_closed", self.person(user), view=wire.view(self, told), is_cleared=everything
        )
        return await self.sender.send(Sent("interactive", f"close {told.body.get('callback_id', '')}", payload))

    async def suggest(
        self, user: str, view_id: str | None, block_id: str, action_id: str, query: str = "", *,
        channel: str | None = None, ts: str | None = None,
    ) -> Answer:  # fmt: skip
        """Type into a searching menu of a view (None: the top one), or of the message `ts`.

        The answer's body holds `options` or `option_groups`.
        """
        if ts is not None:
            where, message, _, _ = self.find_element(user, action_id, channel, ts, block_id)
            part = payloads.message_part(self, where, message)
        else:
            part = payloads.view_part(self, self.view_of(user, view_id))
        payload = payloads.interaction(
            self, "block_suggestion", self.person(user), **part, action_id=action_id, block_id=block_id, value=query
        )
        answer = await self.sender.send(Sent("interactive", f"search {action_id}", payload))
        if answer.ok:
            self._check_options(answer.body)
        return answer

    def _check_options(self, body: Any) -> None:
        given = body if isinstance(body, dict) else {}
        if given.get("options") or given.get("option_groups"):  # an empty list shows "no results"
            select = {"type": "static_select", "action_id": "search", **given}
            self.report("block_suggestion", check_message([{"type": "actions", "elements": [select]}]))

    async def open_home(self, user: str, tab: str = "home") -> Answer:
        """Open the app's Home (or `messages`) tab: an event, repeated as Slack repeats events."""
        home = self.home(user)
        inner: dict[str, Any] = {
            "type": "app_home_opened", "user": user, "channel": self.dm(user).id, "tab": tab,
            "event_ts": f"{self.clock.now_ms() / 1000:.6f}",
        }  # fmt: skip
        if home is not None and tab == "home":
            inner["view"] = wire.view(self, home)
        return await self.event(inner)

    async def event(self, inner: dict[str, Any]) -> Answer:
        """Deliver any event to the bot."""
        payload = payloads.event(self, inner, self.workspace.ids.new("Ev"))
        return await self.sender.send_event(Sent("events_api", str(inner["type"]), payload))

    async def push_clock(self, ms: int) -> None:
        """Push the simulated clock; the sandbox may have said how, so that all its parts follow."""
        if self.on_clock_push is not None:
            await self.on_clock_push(ms)
        else:
            self.clock.advance_ms(ms)
        await self.sender.pump()
        self.changed()

    async def replay(self, index: int = -1) -> Answer:
        """Deliver an earlier request once more, signed anew (a duplicate delivery)."""
        return await self.sender.send(self.sender.sent[index])


def _held(element: dict[str, Any], value: str | None, selected: Any) -> dict[str, Any]:
    """What the press carries: nothing but an override for a button, a state entry for the others."""
    if element["type"] in ("button", "workflow_button", "icon_button", "feedback_buttons"):
        return {} if value is None else {"value": value}
    if element["type"] == "overflow":
        if isinstance(selected, dict) and "selected_option" in selected:
            return dict(selected)
        return {"selected_option": fields.option(element, selected if selected is not None else value)}
    return fields.entry(element, selected if selected is not None else value)
