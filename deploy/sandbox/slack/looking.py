"""What people have on their screens."""

import asyncio
from collections.abc import Callable
from typing import Any

from deploy.sandbox.slack.blocks import elements_of
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.errors import NotThere
from deploy.sandbox.slack.workspace import Channel, Message, User, View


class Looking(Core):
    """Messages, views and buttons as a person sees them."""

    def person(self, user: str) -> User:
        """Raises NotThere for an unknown id."""
        found = self.workspace.users.get(user)
        if found is None:
            raise NotThere(f"no user {user}")
        return found

    def dm(self, user: str) -> Channel:
        """The bot's direct conversation with a person."""
        return self.workspace.open_im(user)

    def conversation(self, user: str, channel: str | None) -> Channel:
        """Where a person types: that channel, else the DM with the bot, else their first channel. Raises NotThere."""
        if channel is None and not self.person(user).is_stranger:
            return self.dm(user)
        for found in self.workspace.channels.values():
            if channel in (None, found.id) and user in found.members:
                return found
        raise NotThere(f"{user} is not in {channel}")

    def messages(self, channel: str | None = None, *, user: str | None = None) -> list[Message]:
        """Messages oldest first, of one channel (a D… id, or a U… id for that person's DM) or of all.

        With `user`, only what that person sees.
        """
        if channel is not None and channel.startswith("U"):
            channel = self.dm(channel).id
        channels = [c for c in self.workspace.channels.values() if channel in (None, c.id)]
        found = [(c, m) for c in channels for m in c.messages if user is None or self.shows(c, m, user)]
        return [m for _, m in sorted(found, key=lambda pair: pair[1].posted_ms)]

    def shows(self, channel: Channel, message: Message, user: str) -> bool:
        """Whether the person sees this message."""
        return message.ephemeral_to == user or (message.ephemeral_to is None and user in channel.members)

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person sees, oldest first."""
        return [m for m in self.messages(user=user) if m.ephemeral_to]

    def notices(self, event_type: str, *, user: str | None = None) -> list[Message]:
        """Messages whose metadata has that type, oldest first; with `user`, only what that person sees."""
        return [m for m in self.messages(user=user) if (m.metadata or {}).get("event_type") == event_type]

    async def until(self, done: Callable[[], object], seconds: float = 10.0) -> None:
        """Return once `done()` is true, asked anew at each change. Raises TimeoutError after `seconds` of real time."""
        async with asyncio.timeout(seconds):
            while not done():
                await self.next_change(self.rev, seconds)

    def modal(self, user: str) -> View | None:
        """The modal on top of the person's stack."""
        return self.workspace.top_view(user)

    def home(self, user: str) -> View | None:
        """The person's Home tab, once published."""
        view_id = self.workspace.homes.get(user)
        return self.workspace.views[view_id] if view_id else None

    def find_element(
        self,
        user: str,
        action_id: str,
        channel: str | None,
        ts: str | None,
        block_id: str | None,
        *,
        stale: bool = False,
    ) -> tuple[Channel, Message, dict[str, Any], dict[str, Any]]:
        """The newest message this person sees that has the element, with its block. Raises NotThere."""
        if channel is not None and channel.startswith("U"):
            channel = self.dm(channel).id
        candidates = [
            (m.posted_ms, m.ts, where, m)
            for where in self.workspace.channels.values() if channel in (None, where.id)
            for m in where.messages if ts in (None, m.ts) and self.shows(where, m, user)
        ]  # fmt: skip
        for _, _, where, message in sorted(candidates, key=lambda item: item[:2], reverse=True):
            for blocks in [message.blocks, *(reversed(message.versions) if stale else [])]:
                try:
                    return where, message, *pick(blocks, action_id, block_id)
                except NotThere:
                    continue
        raise NotThere(f"{user} sees no {action_id} in {channel or 'any channel'} {ts or ''}")

    def view_of(self, user: str, view: str | None) -> View:
        """A view on this person's screen: by id, `home`, or the top of the stack (None, `top`). Raises NotThere."""
        if view in (None, "top"):
            found = self.modal(user)
        else:
            found = self.home(user) if view == "home" else self.workspace.views.get(str(view))
        if found is None or found.user != user or not self.workspace.is_open(found):
            raise NotThere(f"{user} has no open view {view}")
        return found


def pick(blocks: list[dict[str, Any]], action_id: str, block_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The element of that id: exactly, or the only one whose part before the colon it is."""
    offered = [(b, e) for b in blocks if block_id in (None, b["block_id"]) for e in elements_of(b)]
    exact = [pair for pair in offered if pair[1].get("action_id") == action_id]
    near = [pair for pair in offered if str(pair[1].get("action_id")).partition(":")[0] == action_id]
    if exact or len(near) == 1:
        return (exact or near)[0]
    raise NotThere(f"{action_id}: {len(near)} of that name; there are {[e.get('action_id') for _, e in offered]}")
