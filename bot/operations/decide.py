"""Answering a request: approve, approve less, deny, withdraw. Checked again for whoever clicks; one click wins."""

from datetime import datetime
from typing import Any

from bot.clock import to_ms
from bot.errors import BadInput, NotAllowed, NotFound
from bot.operations import approvals, deciders
from bot.operations.ask import Ask
from bot.operations.base import Parts, serial
from bot.operations.facts import ms, wish_of
from bot.operations.policies import policy_of
from bot.operations.tab import refresh_home
from bot.operations.verbs import Verb
from bot.rules import approvals as rules
from bot.rules import lease
from bot.rules.lease import ExtendUntil
from bot.stores import approvals as store
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.work import Done, Item, Outcome, record


class Decide:
    """Verbs on approvals."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps

    def table(self) -> dict[str, Verb]:
        """Verb -> function."""
        return {"approve": self.approve, "approve_less": self.approve, "deny": self.deny, "withdraw": self.withdraw}

    async def _row(self, ask: Ask) -> Any:
        async with self.deps.db.read() as db:
            row = await store.get(db, str(ask.args.get("approval")))
        if row is None:
            raise NotFound("I do not know this request any more.")
        return row

    async def may_decide(self, ask: Ask, row: Any, now: datetime, *, fresh: bool = False) -> None:
        """For the person who clicks; a group that cannot be read means no. `fresh`: resolved right now."""
        async with self.deps.db.read() as db:
            notebook = await notebooks.get(db, row.project, row.notebook_id) if row.notebook_id else None
            policy = await policy_of(
                db,
                self.deps,
                row.project,
                notebooks.load(notebook.snapshot) if notebook else None,
                str(row.facts.get("flavor") or ""),
                asked_by=row.requester,
            )
        who = await deciders.roster(self.parts, row.project, policy, fresh=fresh)
        async with self.deps.db.read() as db:
            request = await deciders.request_of(db, self.parts, row, who)
        verdict = rules.may_decide(now, request, who.party(ask.user), who)
        if isinstance(verdict, rules.Refused):
            raise NotAllowed(
                f"You cannot decide on this: {verdict.reason}.",
                next_step="The request goes on waiting for somebody who can.",
            )

    async def approve(self, ask: Ask, now: datetime) -> Outcome:
        row = await self._row(ask)
        if row.state != "pending":
            return self._settled(ask, row, now)
        if now >= row.expires_at:
            return await self._expired(ask, row, now)
        await self.may_decide(ask, row, now, fresh=True)
        granted = self._granted(ask, row)
        if await self._beyond(row, granted, now) and not await self.parts.people.is_admin(ask.user, row.project):
            raise NotAllowed(
                "You cannot approve this: by now it would run beyond max_total, and only an admin may approve that.",
                next_step="Approve less, or leave it to an admin.",
            )

        async def write(db: Tx) -> None:
            if not await store.settle(db, row.id, "approved", now, decided_by=ask.user, granted=granted, outcome=""):
                await self._lost(db, ask, row.id, now)
                return
            await record(db, self.deps.ids, self._work(row, granted), now)
            await approvals.record_audit(self.parts, db, row, ask.user, "approve", now, granted=granted)
            await approvals.redraw(self.parts, db, row.id, now)
            await refresh_home(db, self.deps, ask.user, now)

        return self._quietly(write)

    async def _beyond(self, row: Any, granted: dict[str, Any], now: datetime) -> bool:
        """Whether it has been renewed since it was asked, so that this much more would be beyond `max_total`."""
        if row.kind != "extension" or row.needs == "admin":
            return False
        async with self.deps.db.read() as db:
            seen = await notebooks.get(db, row.project, row.notebook_id)
            if seen is None or seen.running_since is None or seen.lease_end is None or row.base_end is None:
                return False
            policy = await policy_of(db, self.deps, row.project, notebooks.load(seen.snapshot))
        base = lease.request_base(row.base_end, seen.lease_end, row.held_until)
        decision = lease.granted_end(now, base, seen.lease_end, wish_of(granted), policy.limits)
        return isinstance(decision, lease.Write) and decision.new_end - seen.running_since > policy.limits.max_total

    def _granted(self, ask: Ask, row: Any) -> dict[str, Any]:
        """A lesser grant becomes the amount; more than was asked for cannot be granted."""
        wish = {key: row.wish[key] for key in approvals.WISH if row.wish.get(key)}
        if ask.verb != "approve_less":
            return wish
        if row.kind == "extension":
            given = rules.granted(wish_of(wish), wish_of(dict(ask.args)))
            set_end = {"set_end": True} if wish.get("set_end") else {}
            if isinstance(given, ExtendUntil):
                return {"until_ms": to_ms(given.until)} | set_end
            return {"by_s": ask.args["by_s"]} | set_end
        if ask.args.get("by_s") is None:
            raise BadInput("Say for how long; it does not run yet.")
        if asked := wish.get("for_s") or row.facts.get("wish_s"):
            rules.granted(wish_of({"by_s": asked}), wish_of(dict(ask.args)))
        return {"for_s": ask.args["by_s"]}

    def _work(self, row: Any, granted: dict[str, Any]) -> Item:
        """What an approval sets going, as the requester."""
        cause = f"approval:{row.id}:granted"
        if row.kind == "extension":
            return Item(
                "grant",
                cause,
                serial(row.project, row.notebook_id),
                author=row.requester,
                data={
                    "approval": row.id,
                    "project": row.project,
                    "notebook": row.notebook_id,
                    "user": row.requester,
                    "rule": row.facts.get("why_asked", ""),
                }
                | granted,
            )
        shown = {
            "verb": row.kind,
            "project": row.project,
            "notebook_id": row.notebook_id or "",
            "name": row.facts["name"],
            "flavor": row.facts["flavor"],
        }
        if row.kind == "start" and _of_somebody_else(row):
            shown["others"] = True
        data = (
            dict(row.wish)
            | granted
            | {"granted": True, "approval": row.id, "project": row.project, "user": row.requester, "shown": shown}
        )
        if row.kind == "start":
            return Item(
                "start",
                cause,
                serial(row.project, row.notebook_id),
                author=row.requester,
                data=data | {"notebook": row.notebook_id},
            )
        return Item("create", cause, f"create:{row.id}", author=row.requester, data=data)

    async def deny(self, ask: Ask, now: datetime) -> Outcome:
        row = await self._row(ask)
        if row.state != "pending":
            return self._settled(ask, row, now)
        if now >= row.expires_at:
            return await self._expired(ask, row, now)
        await self.may_decide(ask, row, now, fresh=True)
        return self._close(ask, row, "denied", now, answer=str(ask.args.get("reason") or ""))

    async def withdraw(self, ask: Ask, now: datetime) -> Outcome:
        row = await self._row(ask)
        if row.state != "pending":
            return self._settled(ask, row, now)
        if now >= row.expires_at:
            return await self._expired(ask, row, now)
        if ask.user != row.requester:
            raise NotAllowed(
                "Only who asked can withdraw a request.", next_step="It waits until somebody decides on it."
            )
        return self._close(ask, row, "withdrawn", now)

    async def _expired(self, ask: Ask, row: Any, now: datetime) -> Outcome:
        """A decision at or after expiry is refused, and the request lapses there and then."""

        async def write(db: Tx) -> None:
            await expire(self.parts, db, row, now)
            await ask.answer(
                db, "already", now, text="This request had expired; nothing was decided.", at_ms=to_ms(row.expires_at)
            )

        return self._quietly(write)

    def _close(self, ask: Ask, row: Any, state: str, now: datetime, **values: Any) -> Outcome:
        async def write(db: Tx) -> None:
            if not await store.settle(db, row.id, state, now, decided_by=ask.user, **values):
                await self._lost(db, ask, row.id, now)
                return
            await approvals.record_audit(self.parts, db, row, ask.user, state, now, **values)
            await approvals.redraw(self.parts, db, row.id, now)
            await approvals.tell_requester(self.parts, db, row.id, now, end_ms=ms(await approvals.ends(db, row)))
            await refresh_home(db, self.deps, ask.user, now)

        return self._quietly(write)

    def _quietly(self, write: Any) -> Outcome:
        """The message itself tells the outcome; whoever clicked needs no second answer."""
        return Done({}, write=write)

    async def _lost(self, db: Tx, ask: Ask, approval_id: str, now: datetime) -> None:
        row = await store.get(db, approval_id)
        await ask.answer(db, "already", now, **self._what_happened(row))

    def _settled(self, ask: Ask, row: Any, now: datetime) -> Outcome:
        return ask.done("already", now, **self._what_happened(row))

    def _what_happened(self, row: Any) -> dict[str, Any]:
        by = f" by <@{row.decided_by}>" if row.decided_by and row.state != "lapsed" else ""
        return {
            "text": f"This request {rules.BECAME[row.state]}{by}; nothing more was done.",
            "at_ms": to_ms(row.decided_at) if row.decided_at else 0,
        }


def _of_somebody_else(row: Any) -> bool:
    """Whether the notebook was not the requester's when they asked; an older request does not say."""
    theirs = row.facts.get("requester_then")
    return theirs is not None and row.owner_cloud_id not in theirs


async def expire(parts: Parts, db: Tx, row: Any, now: datetime) -> None:
    """Nobody answered in time: settled, told, on every copy."""
    if await store.settle(db, row.id, "expired", now):
        await approvals.record_audit(parts, db, row, "scheduler", "expire", now)
        await approvals.redraw(parts, db, row.id, now)
        await approvals.tell_requester(parts, db, row.id, now, end_ms=ms(await approvals.ends(db, row)))


async def pointless(parts: Parts, db: Tx, row: Any, now: datetime) -> None:
    """Its notebook was deleted, so there is nothing to decide any more: on every copy, and told to whoever asked."""
    why = "Its notebook was deleted."
    if await store.settle(db, row.id, "withdrawn", now, outcome=why):
        await approvals.record_audit(parts, db, row, "scheduler", "withdrawn", now)
        await approvals.redraw(parts, db, row.id, now)
        await approvals.tell_requester(parts, db, row.id, now, outcome=why)


async def requester_left(db: Tx, project: str, user: str, now: datetime) -> list[Any]:
    """Nobody could carry out what somebody who has left Slack asked for: those that are withdrawn now.

    All of them before anything is audited, which `withdrawn` does: whoever decides takes the two in this order.
    """
    mine = sorted([row for row in await store.pending(db, [project]) if row.requester == user], key=lambda row: row.id)
    left = "Whoever asked has left Slack."
    return [row for row in mine if await store.settle(db, row.id, "withdrawn", now, outcome=left)]


async def withdrawn(parts: Parts, db: Tx, rows: list[Any], now: datetime) -> list[str]:
    """On record and on every copy; returns for what they were."""
    for row in rows:
        await approvals.record_audit(parts, db, row, "scheduler", "withdrawn", now)
        await approvals.redraw_copies(parts.deps, db, await store.known(db, row.id), now)
    return [str(row.facts["name"]) for row in rows]
