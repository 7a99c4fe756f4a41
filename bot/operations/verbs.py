"""What a person asked for becomes an operation: rights are checked again for the person who asks or clicks."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from bot.clock import from_ms, to_ms
from bot.errors import BadInput, NotAllowed, NotLinked
from bot.model import Status
from bot.operations.ask import Ask
from bot.operations.base import Parts, as_claim, serial
from bot.operations.notices import said as settled_as
from bot.operations.report import price_text, report
from bot.operations.resolve import chosen, owns, resolve
from bot.rules import keys
from bot.rules.approvals import BECAME
from bot.rules.durations import format_duration
from bot.stores import approvals, identities
from bot.stores.database import Tx
from bot.stores.identities import Place
from bot.stores.schema import notebooks, outbox, work
from bot.stores.upsert import find
from bot.work import Done, Item, Outcome, record

Verb = Callable[[Ask, datetime], Awaitable[Outcome]]

_SAID = {
    "create": "creating",
    "start": "starting",
    "stop": "stopping",
    "delete": "deleting",
    "extend": "extending",
    "keep": "keeping",
}


class Verbs:
    """Verbs that change something. Each records one operation; its cause admits it once."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps

    def table(self) -> dict[str, Verb]:
        """Verb -> function."""
        return {
            "create": self.create,
            "start": self.start,
            "stop": self.stop,
            "delete": self.delete,
            "extend": self.extend,
            "keep": self.keep,
        }

    async def target(self, ask: Ask) -> Any:
        """The notebook meant: a button's, a pick's, or by name."""
        async with self.deps.db.read() as db:
            if ask.args.get("notebook"):
                project = ask.args.get("project") or await self._project_of(db, str(ask.args["notebook"]))
                return await chosen(self.deps, db, str(project), str(ask.args["notebook"]), ask.projects)
            if not ask.args.get("name"):
                raise BadInput("Say which notebook.", next_step=f"`{self.deps.command} list` shows the names.")
            return await resolve(db, ask.person, ask.projects, str(ask.args["name"]))

    async def _project_of(self, db: Tx, notebook_id: str) -> str:
        row = (await db.execute(select(notebooks.c.project).where(notebooks.c.id == notebook_id))).first()
        return str(row.project) if row else ""

    async def may_operate(self, ask: Ask, row: Any) -> None:
        """The owner; a lead or admin of the project, with their own cloud rights. Raises NotAllowed."""
        if owns(ask.person, row):
            return
        for role in ("leads", "admins"):
            if await self.parts.people.has_role(ask.user, role, row.project):
                return
        if row.project not in ask.person.cloud_users:
            raise NotLinked(f"I do not know your cloud user in {row.project} yet.")
        raise NotAllowed(
            f"{row.name} belongs to {row.owner_name or 'somebody else'}.",
            next_step="Ask its owner, or a lead of the project.",
        )

    async def linked(self, ask: Ask, project: str) -> None:
        """Who never linked gets one message with the one next step; broken credentials hold the work instead."""
        async with self.deps.db.read() as db:
            row = await identities.get(db, Place(self.deps.team, ask.user, project))
        if row is None or row.state == "waiting":
            await self.parts.tokens.of(ask.user, project)  # raises NotLinked with the right words

    async def begin(self, ask: Ask, kind: str, row: Any, now: datetime, **data: Any) -> Outcome:
        """Record the operation on a known notebook and say that it was accepted."""
        await self.may_operate(ask, row)
        await self.linked(ask, row.project)
        shown = {"verb": kind, "project": row.project, "notebook_id": row.id, "name": row.name, "flavor": row.flavor}
        if price := price_text(self.deps, row.flavor):
            shown["price"] = price
        if not owns(ask.person, row):
            shown["others"] = True
        item = Item(
            kind,
            f"{ask.cause}:{kind}",
            serial(row.project, row.id),
            author=ask.user,
            data={
                "project": row.project,
                "notebook": row.id,
                "user": ask.user,
                "request": ask.claim.id,
                "shown": shown,
                **data,
            },
        )
        return self.recorded(ask, item, row.name, now)

    def recorded(self, ask: Ask, item: Item, name: str, now: datetime) -> Outcome:
        """One transaction: the operation, its message, and the answer to whoever asked."""

        async def write(db: Tx) -> None:
            if over := await self._over(db, ask, item):
                await ask.answer(db, "already", now, text=over["settled"], at_ms=over["settled_ms"])
                return
            begun = item
            work_id, new = await record(db, self.deps.ids, begun, now)
            while not new and await _in_vain(db, work_id):  # it had no effect, so its cause still admits one
                begun = replace(item, cause=f"{item.cause}:after:{work_id}")
                work_id, new = await record(db, self.deps.ids, begun, now)
            if new:
                await report(self.deps, db, as_claim(begun, work_id, now), "accepted", now)
                if ask.claim.data.get("via") != "click" and ask.claim.data.get("reply"):  # else its message says it all
                    await ask.answer(
                        db,
                        "text",
                        now,
                        text=f"On it: {_SAID[item.kind]} {name}.",
                        next_step="I keep you posted in our direct messages.",
                    )
                return
            await self._already(db, ask, work_id, now)

        return Done({"operation": item.cause}, write=write)

    async def _over(self, db: Tx, ask: Ask, item: Item) -> dict[str, Any] | None:
        """A click on a settled message does nothing and says what happened; a second click is told of the first."""
        if ask.claim.data.get("via") != "click":
            return None
        over = await settled_as(db, ask.cause, str(item.data.get("notebook") or ""))
        done = (await db.execute(select(work.c.id).where(work.c.cause == item.cause))).first()
        return over if over and (done is None or await _in_vain(db, done.id)) else None

    async def _already(self, db: Tx, ask: Ask, work_id: str, now: datetime) -> None:
        """A later click on the same cause: say what happened, do nothing."""
        row = (await db.execute(select(work).where(work.c.id == work_id))).one()
        who = "You" if row.author == ask.user else f"<@{row.author}>" if row.author else "Somebody"
        state = {
            "done": "and it is done",
            "failed": f"and it failed: {row.error_text or 'see the message about it'}",
            "held": "and it waits",
        }.get(row.state, "and it is under way")
        if row.state == "done" and (row.result or {}).get("state") == "failed":
            state = "and it did not work out; the message about it says why"
        if (request := await _asked_of(db, row)) is not None:
            state = f"and it {BECAME[request.state]}"
        how_long = _asked_for(row)
        await ask.answer(
            db, "already", now, text=f"{who} asked for this already{how_long}, {state}.", at_ms=to_ms(row.created_at)
        )

    async def extend(self, ask: Ask, now: datetime) -> Outcome:
        row = await self.target(ask)
        wish = {key: ask.args[key] for key in ("by_s", "until_ms") if ask.args.get(key) is not None}
        if not wish:
            raise BadInput("Say for how long.", next_step=f"For example `{self.deps.command} extend {row.name} 2h`.")
        return await self.begin(
            ask, "extend", row, now, **wish, reason=ask.args.get("reason") or "", set_end=bool(ask.args.get("set_end"))
        )

    async def keep(self, ask: Ask, now: datetime) -> Outcome:
        row = await self.target(ask)
        wish = {key: ask.args[key] for key in ("by_s", "until_ms") if ask.args.get(key) is not None}
        return await self.begin(ask, "keep", row, now, **(wish or {"by_s": 7200}), reason=ask.args.get("reason") or "")

    async def start(self, ask: Ask, now: datetime) -> Outcome:
        row = await self.target(ask)
        length = {"for_s": ask.args.get("for_s")} | await self._granted(ask, row, now)
        return await self.begin(ask, "start", row, now, **length)

    async def _granted(self, ask: Ask, row: Any, now: datetime) -> dict[str, Any]:
        """The offer of a granted request whose notebook had stopped needs no second approval.

        What was granted until an instant ends then, however late it is started.
        """
        kind, _, approval = ask.cause.partition(":")
        if kind != "settled":
            return {}
        async with self.deps.db.read() as db:
            request, told = (
                await approvals.get(db, approval),
                await find(db, outbox, key=keys.approval_settled(approval)),
            )
        if request is None or (request.requester, request.notebook_id, request.state) != (ask.user, row.id, "approved"):
            return {}
        if told is None or now >= from_ms(told.facts.get("expires_ms") or 0):  # as long as its message says
            return {}
        until_ms = (request.granted or {}).get("until_ms")
        return {"granted": True} | ({"until_ms": until_ms} if until_ms else {})

    async def stop(self, ask: Ask, now: datetime) -> Outcome:
        """Typed, it asks once; the button is the answer."""
        row = await self.target(ask)
        if ask.claim.data.get("via") == "click":
            return await self.begin(ask, "stop", row, now)
        await self.may_operate(ask, row)
        more: dict[str, Any] = {"end_ms": to_ms(row.lease_end)} if row.lease_end else {}
        more |= {"busy": "It was stopped already when I last looked."} if Status(row.status) is Status.STOPPED else {}
        more |= {} if owns(ask.person, row) else {"owner": row.owner_name or "somebody else"}
        return ask.done(
            "confirm_stop",
            now,
            cause=ask.claim.id,
            notebook_id=row.id,
            name=row.name,
            project=row.project,
            flavor=row.flavor,
            **more,
        )

    async def delete(self, ask: Ask, now: datetime) -> Outcome:
        """Only the modal, in which the name was typed, deletes."""
        row = await self.target(ask)
        if str(ask.args.get("typed_name") or "") != row.name:
            raise BadInput(
                "The name you typed is not the notebook's name.",
                next_step=f"`{self.deps.command} delete {row.name}` asks again.",
            )
        return await self.begin(ask, "delete", row, now)

    async def create(self, ask: Ask, now: datetime) -> Outcome:
        project = await self.project(ask)
        await self.linked(ask, project)
        args = ask.args
        name = str(args.get("name") or "")
        shown = {"verb": "create", "project": project, "notebook_id": "", "name": name}
        wanted = {key: args.get(key) for key in ("image", "flavor", "disk", "for_s", "idle", "description")}
        if not wanted["image"]:
            raise BadInput("Say which image.", next_step=f"`{self.deps.command} images pytorch` searches them.")
        item = Item(
            "create",
            f"{ask.cause}:create",
            f"create:{ask.claim.id}",
            author=ask.user,
            data={
                "project": project,
                "user": ask.user,
                "name": name,
                "request": ask.claim.id,
                "shown": shown,
                **wanted,
            },
        )
        return self.recorded(ask, item, name, now)

    async def project(self, ask: Ask) -> str:
        """`project=NAME`, else the only one, else the channel's (contract 2)."""
        named = ask.args.get("project")
        if named:
            if named in ask.projects:
                return str(named)
            raise NotAllowed(
                f"You are not in the channel of a project “{named}”.",
                next_step=f"Your projects: {', '.join(ask.projects) or 'none'}.",
            )
        if len(ask.projects) == 1:
            return ask.projects[0]
        for name in ask.projects:
            if self.deps.config.projects[name].channel == ask.channel:
                return name
        if not ask.projects:
            raise NotAllowed("You are in no project's channel.", next_step="Join one, then try again.")
        raise BadInput("Which project?", next_step="Add `project=` with one of: " + ", ".join(ask.projects))


async def _asked_of(db: Tx, row: Any) -> Any | None:
    """The request that an operation has become."""
    result = row.result or {}
    return await approvals.get(db, str(result.get("approval"))) if result.get("state") == "asked" else None


async def _in_vain(db: Tx, work_id: str) -> bool:
    """Whether an operation has become a request that nobody granted."""
    request = await _asked_of(db, (await db.execute(select(work).where(work.c.id == work_id))).one())
    return request is not None and request.state in ("denied", "withdrawn", "expired")


def _asked_for(row: Any) -> str:
    """What a click before this one was for: another length than this one's, perhaps."""
    if row.kind == "extend" and row.data.get("by_s"):
        return f" ({format_duration(timedelta(seconds=row.data['by_s']))} more)"
    return ""
