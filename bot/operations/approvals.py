"""Requests beyond policy: asked, shown to who may decide, settled once, and told to everybody concerned."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bot.clock import from_ms, to_ms
from bot.config.policy import EffectivePolicy
from bot.errors import SlackDown
from bot.model import Notebook
from bot.operations import deciders
from bot.operations.facts import HOUR, hours, money, ms
from bot.operations.policies import policy_of
from bot.outbox import NOTICE, RESULT, Say, say
from bot.render.facts import at
from bot.rules import approvals as rules
from bot.rules import keys
from bot.rules.durations import format_duration
from bot.rules.lease import AskApproval
from bot.stores import approvals as store
from bot.stores import notebooks, people, trail
from bot.stores.database import Tx
from bot.stores.messages import with_copies
from bot.stores.schema import outbox
from bot.work import Claim, Outcome

if TYPE_CHECKING:
    from bot.operations.base import Operation, Parts
    from bot.operations.deps import Deps

WISH = ("by_s", "until_ms", "for_s", "set_end")  # `set_end`: it had no timed end, and is to get one

CARRIED_OUT = ("grant", "create", "start")  # kinds of work that an approval sets going


async def asked(op: "Operation", claim: Claim, notebook: Notebook, decision: AskApproval, now: datetime) -> Outcome:
    """An extension or a start beyond policy becomes a request in the project's channel."""
    project, kind = str(claim.data["project"]), "start" if claim.kind == "start" else "extension"
    async with op.deps.db.read() as db:
        waiting = await store.waiting_for(db, project, notebook.id, kind, now)
        policy = await policy_of(db, op.deps, project, notebook)
        row = await notebooks.get(db, project, notebook.id)
        facts = await _facts(db, op.parts, claim, notebook, row, decision, kind, now)
        end = notebook.lease_ends
        before = await store.bridged(db, project, notebook.id, end) if end else None
    if waiting is not None:
        return op.finish(
            claim,
            "asked",
            now,
            **_first(waiting),
            result={"approval": waiting.id},
        )
    values = {
        "project": project,
        "kind": kind,
        "notebook_id": notebook.id,
        "owner_cloud_id": notebook.owner_id,
        "base_end": before.base_end if before else end,  # a hold moves it for no request, so that none is endless
        "held_until": before.held_until if before else None,
        "wish": _wish(claim),
        "facts": facts,
    }
    return await _ask(op, claim, policy, decision, values, now)


async def asked_to_create(
    op: "Operation", claim: Claim, data: dict[str, Any], decision: AskApproval, now: datetime
) -> Outcome:
    """A create beyond policy becomes a request; what was asked for is kept with it."""
    project = str(data["project"])
    async with op.deps.db.read() as db:
        policy = await policy_of(db, op.deps, project, None, str(data["flavor"]), asked_by=str(data["user"]))
        mine = await people.get(db, op.deps.team, str(data["user"]))
        waiting = [
            row for row in await store.pending(db, [project]) if _same_create(row, data) and now < row.expires_at
        ]
    if waiting:
        return op.finish(
            claim, "asked", now, **_first(waiting[0]),
            result={"approval": waiting[0].id},
        )  # fmt: skip
    owner = mine[0].cloud_users.get(project) if mine else None
    wanted = format_duration(timedelta(seconds=data["for_s"])) if data.get("for_s") else format_duration(policy.lease)
    facts = {
        "kind": "create",
        "name": data["name"],
        "notebook_id": "",
        "flavor": data["flavor"],
        "wish": wanted,
        "wish_s": data.get("for_s") or int(policy.lease.total_seconds()),
        "why_asked": decision.why,
        "idle_record": "It does not exist yet.",
        "renewals": 0,
    } | _cost(op, data["flavor"], decision, now)
    values = {
        "project": project,
        "kind": "create",
        "notebook_id": None,
        "owner_cloud_id": owner,
        "base_end": None,
        "wish": {key: data[key] for key in data if key not in ("shown", "request")},
        "facts": facts,
    }
    return await _ask(op, claim, policy, decision, values, now)


def _first(row: Any) -> dict[str, Any]:
    """Of the request that waits already: whose it is, and what it is for."""
    wish, until = row.facts.get("wish"), row.facts.get("until_ms")
    amount = f"until {at(until)}" if until else f"for {wish}"
    return {"joined": row.requester, "note": f"A request is waiting already, {amount}; nothing more was asked."}


def _same_create(row: Any, data: Mapping[str, Any]) -> bool:
    """Whether that request is for the same notebook."""
    return bool(row.kind == "create" and row.requester == data["user"] and row.facts["name"] == data["name"])


async def _ask(
    op: "Operation", claim: Claim, policy: EffectivePolicy, decision: AskApproval, values: dict[str, Any], now: datetime
) -> Outcome:
    """Whoever could decide is looked up first: with nobody but the requester it is refused at once (contract 3)."""
    requester, project = str(claim.data["user"]), values["project"]
    who = await deciders.roster(op.parts, project, policy)
    async with op.deps.db.read() as db:
        whose = await deciders.whose(db, op.parts, project, values["notebook_id"])
    owner = rules.Party(whose, frozenset({values["owner_cloud_id"]} - {None}))
    asked_for = rules.Request("", who.party(requester), owner, decision.needs, rules.State.PENDING, now)
    route = await deciders.routed(op.parts, asked_for, who)
    if isinstance(route, rules.Refused):
        if who.unread((*who.approvers, *who.escalate_to, *who.admins)):  # there may be somebody: it is tried again
            raise SlackDown("groups_unread", "Slack does not say who could approve this.")
        return _refused(op, claim, decision, route.reason, now)
    approval_id = op.deps.ids.new()
    row = values | {
        "id": approval_id,
        "requester": requester,
        "needs": decision.needs,
        "state": "pending",
        "reason": str(claim.data.get("reason") or ""),
        "created_at": now,
        "expires_at": now + policy.approval_expires,
        "escalate_at": now + policy.escalate_after if route.to == "approvers" and policy.escalate_to else None,
        "work_id": claim.id,
        "facts": values["facts"]
        | {
            "project": project,
            "requester": requester,
            "needs": decision.needs,
            "reason": str(claim.data.get("reason") or ""),
            "id": approval_id,
            "owner_then": whose,
            "requester_then": sorted(asked_for.requester.cloud_users),
        },
    }

    async def also(db: Tx) -> None:
        await store.add(db, row)
        await post(op.parts, db, approval_id, now)
        for user in sorted(route.people) if route.to != "approvers" else ():
            await post(op.parts, db, approval_id, now, to=user)

    return op.finish(
        claim,
        "asked",
        now,
        approval=approval_id,
        also=also,
        action="ask",
        note=decision.why,
        result={"approval": approval_id, "why": decision.why},
    )


def _refused(op: "Operation", claim: Claim, decision: AskApproval, reason: str, now: datetime) -> Outcome:
    """With nobody who could decide there is nothing to wait for."""
    return op.finish(
        claim,
        "failed",
        now,
        oops={
            "what": f"This needs {'an admin' if decision.needs == 'admin' else 'an approval'}: {decision.why}. "
            f"It is refused at once: {reason}.",
            "next_step": "Ask your admin to name another approver.",
        },
    )


async def post(parts: "Parts", db: Tx, approval_id: str, now: datetime, *, to: str | None = None) -> None:
    """Post the request in the project's channel, or a copy with the same key to one person."""
    row = await store.known(db, approval_id)
    key = keys.approval_request(approval_id)
    await say(
        db,
        parts.deps.ids,
        Say(
            key=f"{key}@{to}" if to else key,
            kind="approval_request",
            target_kind="dm" if to else "channel",
            target=to or parts.deps.config.projects[row.project].channel,
            facts=request_facts(row, "dm" if to else "channel"),
            subject=f"approval:{approval_id}:{to or 'channel'}",
            rank=NOTICE,
            project=row.project,
        ),
        now,
    )


def request_facts(row: Any, shown_in: str = "") -> dict[str, Any]:
    """What the request's message shows now; that it comes to them too is said to those it was escalated to alone."""
    facts = dict(row.facts) | {
        "cause": f"approval:{row.id}",
        "state": row.state,
        "expires_ms": to_ms(row.expires_at),
        "escalated": row.escalated_at is not None and shown_in != "channel",
        "notebook_id": row.notebook_id or "",
    }
    if row.state != "pending":
        facts |= {"decided_by": row.decided_by or "", "decided_ms": to_ms(row.decided_at), "answer": row.answer or ""}
    if row.granted:
        facts["granted"] = said_wish(row.granted)
    if row.outcome is not None:
        facts["outcome"] = row.outcome
    return facts


async def redraw(parts: "Parts", db: Tx, approval_id: str, now: datetime) -> None:
    """Every copy of the message tells the outcome, and what the requester was shown has no button any more."""
    row = await store.known(db, approval_id)
    if row.state != "pending":
        await _redraw_asked(parts, db, row, now)
    await redraw_copies(parts.deps, db, row, now)


async def redraw_copies(deps: "Deps", db: Tx, row: Any, now: datetime) -> None:
    """Every copy shows the request as it is."""
    for copy in await with_copies(db, keys.approval_request(row.id)):
        await say(
            db,
            deps.ids,
            Say(
                copy.key,
                copy.kind,
                copy.target_kind,
                copy.target,
                request_facts(row, copy.target_kind),
                copy.subject,
                RESULT,
                row.project,
            ),
            now,
        )


async def _redraw_asked(parts: "Parts", db: Tx, row: Any, now: datetime) -> None:
    """The requester's operation, which said that it was asked for."""
    shown = (await db.execute(select(outbox).where(outbox.c.key == keys.operation(row.work_id or "")))).first()
    if shown is None or shown.facts.get("state") != "asked" or shown.facts.get("answered") == row.state:
        return
    facts = dict(shown.facts) | {"answered": row.state}
    message = Say(shown.key, shown.kind, shown.target_kind, shown.target, facts, shown.subject, RESULT, row.project)
    await say(db, parts.deps.ids, message, now)


async def tell_requester(parts: "Parts", db: Tx, approval_id: str, now: datetime, **facts: Any) -> None:
    """`approval_settled`, to whoever asked; once they have left Slack nobody reads it."""
    row = await store.known(db, approval_id)
    if await people.has_left(db, parts.deps.team, row.requester):
        return
    told = {
        "cause": f"settled:{row.id}",
        "id": row.id,
        "project": row.project,
        "notebook_id": row.notebook_id or "",
        "name": row.facts["name"],
        "state": row.state,
        "decided_by": row.decided_by or "",
        "answer": row.answer or "",
    } | {key: value for key, value in facts.items() if value is not None}
    if row.granted:
        told["granted"] = said_wish(row.granted)
    await say(
        db,
        parts.deps.ids,
        Say(
            keys.approval_settled(row.id),
            "approval_settled",
            "dm",
            row.requester,
            told,
            f"approval:{row.id}:requester",
            NOTICE,
            row.project,
        ),
        now,
    )


async def ends(db: Tx, row: Any) -> datetime | None:
    """When the notebook of a request stops now: its lease may have been renewed while the request waited."""
    notebook = await notebooks.get(db, row.project, row.notebook_id) if row.notebook_id else None
    end: datetime | None = notebook.lease_end if notebook is not None else None
    return end


async def held(parts: "Parts", db: Tx, approval_id: str, now: datetime) -> None:
    """What was approved waits for the requester's credentials."""
    await store.note(db, approval_id, outcome="Waits until the requester has linked again.")
    await redraw(parts, db, approval_id, now)


async def concluded(
    parts: "Parts", db: Tx, approval_id: str, now: datetime, outcome: str, *, state: str = "approved", **facts: Any
) -> None:
    """What came of an approved request: on every copy of it, and to whoever asked."""
    await store.note(db, approval_id, outcome=outcome, state=state)
    await redraw(parts, db, approval_id, now)
    await tell_requester(parts, db, approval_id, now, outcome=outcome, **facts)


async def failed(parts: "Parts", db: Tx, approval_id: str, now: datetime, told: Mapping[str, str]) -> None:
    """It was approved, yet it could not be carried out."""
    why = f"{told['what']} {told.get('next_step', '')}".strip()
    await concluded(parts, db, approval_id, now, f"It could not be carried out: {told['what']}", failed=why)


async def record_audit(parts: "Parts", db: Tx, row: Any, actor: str, action: str, now: datetime, **data: Any) -> None:
    """Who decided what, and what they were shown."""
    entry = trail.Entry(
        row.project,
        actor,
        action,
        row.notebook_id,
        row.id,
        str(row.facts.get("why_asked", "")),
        {"requester": row.requester, "shown": request_facts(row), **data},
    )
    await trail.append(db, parts.audit_key, entry, now)


def said_wish(wish: dict[str, Any]) -> str:
    """`4 h`, or `until` an instant, which rendering shows from `until_ms`."""
    if wish.get("until_ms"):
        return f"until {from_ms(wish['until_ms']):%Y-%m-%d %H:%M} UTC"
    return format_duration(timedelta(seconds=wish.get("by_s") or wish.get("for_s") or 0))


def _wish(claim: Claim) -> dict[str, Any]:
    return {key: claim.data[key] for key in WISH if claim.data.get(key)}


async def _facts(
    db: Tx, parts: "Parts", claim: Claim, notebook: Notebook, row: Any, decision: AskApproval, kind: str, now: datetime
) -> dict[str, Any]:
    wish = _wish(claim)
    verdict = (row.verdict or {}) if row else {}
    since = row.running_since if row and row.running_since else notebook.created_at
    asked_for = (
        {"wish_s": wish["by_s"]}
        if wish.get("by_s")
        else {"until_ms": wish["until_ms"]}
        if wish.get("until_ms")
        else {"wish_s": wish.get("for_s") or 0}
    )
    base = notebook.lease_ends
    cost = cost_between(parts.deps, notebook.flavor, decision.new_end - (base or now))
    if kind == "start":
        cost = cost_between(parts.deps, notebook.flavor, timedelta(seconds=wish.get("for_s") or 0))
    return (
        {
            "kind": kind,
            "name": notebook.name,
            "notebook_id": notebook.id,
            "flavor": notebook.flavor,
            "wish": said_wish(wish),
            "why_asked": decision.why,
            "base_end_ms": ms(base),
            "new_end_ms": ms(decision.new_end),
            "idle_record": str(verdict.get("reason") or "Nothing is known about its use yet."),
            "renewals": await store.renewals_since(db, str(claim.data["project"]), notebook.id, since) if since else 0,
        }
        | asked_for
        | cost
    )


def cost_between(deps: "Deps", flavor: str, span: timedelta) -> dict[str, str]:
    """What so much more of it costs, nothing for what is no longer; empty without a price."""
    price = deps.config.prices.per_hour(flavor)
    return {} if price is None else {"cost": money(deps, price * hours(span))}


def _cost(op: "Operation", flavor: str, decision: AskApproval, now: datetime) -> dict[str, str]:
    return cost_between(op.deps, flavor, max(decision.new_end - now, HOUR))
