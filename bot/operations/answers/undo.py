"""`That was wrong`: an idle stop that should not have been is counted, and keeps idle stops away for a while."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.clock import to_ms
from bot.errors import NotAllowed, NotLinked, Stale
from bot.model import Status
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.policies import policy_of
from bot.operations.resolve import owns
from bot.operations.verbs import Verb
from bot.outbox import Say, say
from bot.render.facts import at
from bot.rules.durations import format_duration
from bot.stores import notebooks, trail, usage
from bot.stores.database import Tx
from bot.stores.schema import outbox, stops
from bot.work import Done, Outcome


class Undo(Reader):
    """`false_stop`; `args`: notebook, project. The button's cause is the key of the `stopped` message."""

    def table(self) -> dict[str, Verb]:
        return {"false_stop": self.false_stop}

    async def false_stop(self, ask: Ask, now: datetime) -> Outcome:
        row, cause = await self.target(ask), ask.cause
        if not owns(ask.person, row):
            if row.project not in ask.person.cloud_users:
                raise NotLinked(f"I do not know your cloud user in {row.project} yet.")
            raise NotAllowed(f"Only the owner of {row.name} can say that.")
        key = f"stop:{cause}"
        async with self.deps.db.read() as db:
            stop = (await db.execute(select(stops).where(stops.c.key == key))).first()
            policy = await policy_of(db, self.deps, row.project, notebooks.load(row.snapshot))
        if stop is None or stop.notebook_id != row.id:
            raise Stale("That was not a stop of mine.")
        if stop.wrong_at is not None:
            return self._already(ask, stop, now)
        if now > stop.at + policy.undo_for:
            return ask.done(
                "text", now, text=f"That stop is more than {format_duration(policy.undo_for)} ago.",
                next_step=f"`start {row.name}` starts it.",
            )  # fmt: skip
        until = now + policy.undo_for

        async def write(db: Tx) -> None:
            if not await usage.mark_wrong(db, key, now):
                await ask.answer(db, "already", now, text="You said so already; it is counted once.")
                return
            await notebooks.change(db, row.project, row.id, undo_until=until)
            entry = trail.Entry(row.project, ask.user, "false_stop", row.id, ask.claim.id, data={"stop": cause})
            await trail.append(db, self.parts.audit_key, entry, now)
            await _settle(db, self.parts.deps, cause, ask.user, now)
            words = f"Thank you: the stop of {row.name} is counted as wrong and claims no saving."
            ahead = f"I do not stop it for idleness before {at(to_ms(until))}."
            ahead += "" if Status(row.status).runs else f" `start {row.name}` starts it again."
            await ask.answer(db, "text", now, text=words, next_step=ahead)

        return Done({"what": "false_stop"}, write=write)

    def _already(self, ask: Ask, stop: Any, now: datetime) -> Outcome:
        return ask.done(
            "already", now, text="That stop is marked as wrong already; nothing more was done.",
            at_ms=to_ms(stop.wrong_at),
        )  # fmt: skip


async def _settle(db: Tx, deps: Any, key: str, user: str, now: datetime) -> None:
    """The message says thanks and claims no saving; the way back stays on it."""
    row = (await db.execute(select(outbox).where(outbox.c.key == key))).first()
    if row is None:
        return
    facts = {name: value for name, value in row.facts.items() if name != "saved"}
    facts |= {"wrong_by": user, "wrong_ms": to_ms(now)}
    message = Say(
        row.key, row.kind, row.target_kind, row.target, facts, row.subject, row.rank, row.project, row.fallback
    )
    await say(db, deps.ids, message, now)
