"""Actions -> rows: messages, notices, work. Nothing here calls out; who is to be told was looked up before."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from bot.clock import to_ms
from bot.next_message import copied, several
from bot.operations import shadow
from bot.operations.base import Parts, serial
from bot.operations.escalation import Targets, Whom, copies, whom, without
from bot.operations.facts import hours, money, run_cost
from bot.operations.notices import end, withdraw
from bot.operations.records import evidence_of
from bot.operations.report import price_text
from bot.outbox import NOTICE, Say, say
from bot.rules.facts import Action, Escalate, Hold, SettleNotice, ShadowStop, StopIdle, VoidNotice, WarnIdle, WarnLease
from bot.rules.plan import quiet_since
from bot.stores import notebooks, usage
from bot.stores.database import Tx
from bot.stores.schema import notices
from bot.stores.upsert import insert_once
from bot.work import Item, record

if TYPE_CHECKING:
    from bot.operations.sweep import Decided

Stops = Sequence[tuple["Decided", StopIdle]]
TOGETHER = 50  # notebooks: no message names more, and no metadata of Slack's holds the keys of many more


class Acts:
    """Writes what a pass decided, in the pass's own transaction."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps

    async def escalation_targets(self, project: str, decided: Sequence["Decided"]) -> Whom:
        """Whom to tell where an owner cannot be told; looked up only for those of whom somebody has to be."""
        tells = [each for each in decided if any(isinstance(a, Escalate | WarnLease) for a in each.plan.actions)]
        return await whom(self.parts, project, (each.policy for each in tells))

    async def write(
        self, db: Tx, project: str, decided: Sequence["Decided"], stops: Stops, to: Whom, now: datetime
    ) -> None:
        """Everything of one pass, one transaction."""
        for each in decided:
            for action in each.plan.actions:
                await self._one(db, project, each, action, to, now)
        await self._lease_warnings(db, project, decided, to, now)
        for each, stop in stops:
            await self._stop(db, project, each, stop, now)

    async def _one(self, db: Tx, project: str, each: "Decided", action: Action, to: Whom, now: datetime) -> None:
        match action:
            case VoidNotice(key=key, reason=reason):
                await self._void(db, project, each, key, reason, now)
            case SettleNotice(key=key, reason=reason):
                await end(db, key, reason, now)
            case WarnIdle():
                await self._warn_idle(db, project, each, action, now)
            case Escalate():
                await self._escalate(db, project, each, action, to[each.policy.escalate_to], now)
            case ShadowStop():
                await self._shadow(db, project, each, action, now)
            case Hold():
                await self._hold(db, project, each, action, now)

    async def _void(self, db: Tx, project: str, each: "Decided", key: str, reason: str, now: datetime) -> None:
        """On record with its reason, whether it was ever written or not."""
        await insert_once(
            db, notices, self._notice(project, each, key, now) | {"state": "void", "reason": reason, "voided_at": now}
        )
        await withdraw(db, key, each.facts.notebook.id, reason, now)

    def _notice(self, project: str, each: "Decided", key: str, now: datetime) -> dict[str, Any]:
        return {
            "key": key,
            "kind": key.partition(":")[0],
            "project": project,
            "notebook_id": each.facts.notebook.id,
            "state": "pending",
            "created_at": now,
        }

    # --- idle ----------------------------------------------------------------------------------

    async def _warn_idle(self, db: Tx, project: str, each: "Decided", action: WarnIdle, now: datetime) -> None:
        owner = str(each.owner)
        values = self._notice(project, each, action.key, now) | {"outbox_key": action.key}
        if await insert_once(db, notices, values):
            await self._say_idle(db, project, each, action, owner, "dm", action.key, now)

    async def _escalate(
        self, db: Tx, project: str, each: "Decided", action: Escalate, to: Targets, now: datetime
    ) -> None:
        """To each lead by DM, else to the channel, under the same key; the grace runs from that delivery."""
        await insert_once(db, notices, self._notice(project, each, action.key, now) | {"outbox_key": action.key})
        await db.execute(
            update(notices)
            .where(notices.c.key == action.key)
            .values(escalated_key=action.key, state="pending", delivered_at=None)
        )
        for kind, target in copies(without(to, each.owner), surely=True):
            await self._say_idle(db, project, each, action, target, kind, f"{action.key}@{target}", now, escalated=True)

    async def _say_idle(
        self,
        db: Tx,
        project: str,
        each: "Decided",
        action: WarnIdle | Escalate,
        target: str,
        kind: Any,
        key: str,
        now: datetime,
        *,
        escalated: bool = False,
    ) -> None:
        notebook, end = each.facts.notebook, each.facts.notebook.lease_ends
        since = quiet_since(each.facts, action.idle_since)
        price = self.deps.config.prices.per_hour(notebook.flavor)
        facts: dict[str, Any] = {
            "cause": action.key,
            "project": project,
            "notebook_id": notebook.id,
            "name": notebook.name,
            "flavor": notebook.flavor,
            "idle_since_ms": to_ms(since),
            "grace_s": int(action.grace.total_seconds()),
            "evidence": evidence_of(each.facts),
            "end_ms": to_ms(end) if end else None,
        }
        if price is not None:
            facts |= {
                "price": price_text(self.deps, notebook.flavor),
                "idle_cost": money(self.deps, price * hours(now - since)),
            }
        subject = f"notebook:{notebook.id}"
        if escalated:
            subject += f":{target}"  # what one of them does not get holds back none of the others
            facts["owner"] = f"<@{each.owner}>" if each.owner else notebook.owner_name or "unknown"
        await say(
            db,
            self.deps.ids,
            Say(key, "idle_warning", kind, target, facts, subject, NOTICE, project),
            now,
        )

    async def _shadow(self, db: Tx, project: str, each: "Decided", action: ShadowStop, now: datetime) -> None:
        notebook = each.facts.notebook
        await usage.record_stop(
            db,
            self.deps.ids,
            {
                "project": project,
                "notebook_id": notebook.id,
                "notebook_name": notebook.name,
                "owner_id": notebook.owner_id,
                "flavor": notebook.flavor,
                "at": now,
                "cause": "shadow",
                "by": None,
                "would_end": notebook.lease_ends,
                "until": None,
                "price": self.deps.config.prices.per_hour(notebook.flavor),
                "key": f"shadow:{action.key}",
            },
        )
        row = await notebooks.get(db, project, notebook.id)
        look = shadow.look_at(now, now, each.policy.idle_after, self.deps.poll)
        if look and row is not None and row.poll_at and row.poll_at > look:
            await notebooks.polls(db, project, {notebook.id: look})

    async def _stop(self, db: Tx, project: str, each: "Decided", stop: StopIdle, now: datetime) -> None:
        """Work of its own, which decides again on fresh data right before it stops."""
        notebook = each.facts.notebook
        await record(
            db,
            self.deps.ids,
            Item(
                "idle_stop",
                f"idle_stop:{stop.key}:{to_ms(now)}",
                serial(project, notebook.id),
                {
                    "project": project,
                    "notebook": notebook.id,
                    "key": stop.key,
                    "rule": stop.rule,
                    "idle_since_ms": to_ms(quiet_since(each.facts, stop.idle_since)),
                    "name": notebook.name,
                },
            ),
            now,
        )

    # --- lease ---------------------------------------------------------------------------------

    async def _lease_warnings(
        self, db: Tx, project: str, decided: Sequence["Decided"], to: Whom, now: datetime
    ) -> None:
        """Those of one owner that fall due in one pass share a message that lists every one."""
        due: dict[tuple[str, tuple[str, ...]], list[tuple[Decided, WarnLease]]] = {}
        for each in decided:
            for action in each.plan.actions:
                if isinstance(action, WarnLease):
                    known = None if each.facts.owner.reach is False else each.owner
                    others = () if known else each.policy.escalate_to
                    due.setdefault((known or "", others), []).append((each, action))
        for (owner, _others), pairs in sorted(due.items(), key=lambda item: item[0]):
            for start in range(0, len(pairs), TOGETHER):
                some = pairs[start : start + TOGETHER]
                await self._lease_warning(db, project, owner, some, to[some[0][0].policy.escalate_to], now)

    async def _lease_warning(
        self,
        db: Tx,
        project: str,
        owner: str,
        pairs: list[tuple["Decided", WarnLease]],
        to: Targets,
        now: datetime,
    ) -> None:
        fresh = []
        first = pairs[0][1].key
        for each, action in pairs:
            values = self._notice(project, each, action.key, now) | {"outbox_key": first}
            if await insert_once(db, notices, values):
                fresh.append((each, action))
        if not fresh:
            return
        facts = await self._lease_facts(db, project, first, fresh, now)
        expires = max(action.end for _each, action in fresh)
        subject = f"notebook:{fresh[0][0].facts.notebook.id}" if len(fresh) == 1 else several(owner)
        if owner:
            await say(
                db,
                self.deps.ids,
                Say(first, "lease_warning", "dm", owner, facts, subject, NOTICE, project, expires=expires),
                now,
            )
            return
        facts["owner"] = ", ".join(
            sorted(
                {
                    f"<@{each.owner}>" if each.owner else each.facts.notebook.owner_name or "unknown"
                    for each, _action in fresh
                }
            )
        )
        for kind, target in copies(to):
            await say(
                db,
                self.deps.ids,
                Say(
                    f"{first}@{target}",
                    "lease_warning",
                    kind,
                    target,
                    facts,
                    copied(subject, target),
                    NOTICE,
                    project,
                    expires=expires,
                ),
                now,
            )

    async def _lease_facts(
        self, db: Tx, project: str, first: str, fresh: list[tuple["Decided", WarnLease]], now: datetime
    ) -> dict[str, Any]:
        items = []
        for each, action in fresh:
            notebook = each.facts.notebook
            row = await notebooks.get(db, project, notebook.id)
            item = {
                "key": action.key,
                "notebook_id": notebook.id,
                "name": notebook.name,
                "project": project,
                "end_ms": to_ms(action.end),
                "lead_s": int(action.lead.total_seconds()),
                "flavor": notebook.flavor,
            }
            if price := price_text(self.deps, notebook.flavor):
                item["price"] = price
            if cost := await run_cost(db, self.deps, row, now):
                item["cost"] = cost
            items.append(item)
        facts: dict[str, Any] = {"cause": first, "items": items, "notebook_id": items[0]["notebook_id"]}
        if len(items) > 1:
            facts |= {
                "keys": ",".join(str(i["key"]) for i in items),
                "notebook_ids": ",".join(str(i["notebook_id"]) for i in items),
            }
        return facts

    async def _hold(self, db: Tx, project: str, each: "Decided", action: Hold, now: datetime) -> None:
        notebook = each.facts.notebook
        await record(
            db,
            self.deps.ids,
            Item(
                "hold",
                f"hold:{action.request}:{to_ms(notebook.lease_ends or now)}",
                serial(project, notebook.id),
                {
                    "project": project,
                    "notebook": notebook.id,
                    "approval": action.request,
                    "rule": action.rule,
                    "new_end_ms": to_ms(action.new_end),
                },
            ),
            now,
        )
