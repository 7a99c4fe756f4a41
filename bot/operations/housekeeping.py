"""What a pass does beside deciding: its own state, expiring and escalating requests, polls of evidence, digests."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, or_, select, union_all, update

from bot.clock import to_ms
from bot.config.policy import effective
from bot.errors import CloudError
from bot.idle import poll
from bot.operations import approvals, cannot_tell, deciders, digests, gather, records
from bot.operations.alerts import alert, numbered
from bot.operations.base import Parts
from bot.operations.decide import expire, pointless
from bot.operations.escalation import dead_letters, late_warnings
from bot.operations.gather import Project, Stored
from bot.operations.policies import policy_of
from bot.operations.upkeep import look_after_links
from bot.render.facts import at
from bot.rules import brakes, keys
from bot.stores import approvals as store
from bot.stores import notebooks, usage
from bot.stores.database import Tx
from bot.stores.messages import with_copies
from bot.stores.schema import notices, outbox, projects, tickets, work
from bot.stores.types import word
from bot.stores.upsert import drop, find, put
from bot.work import Item, record

if TYPE_CHECKING:
    from bot.operations.look import Looked
    from bot.operations.sweep import Decided

log = logging.getLogger(__name__)

CHUNK = 20  # notebooks per evidence work; the metrics service takes 20 at a time
UNREAD_MOST = timedelta(hours=2)  # a group that nobody can read is asked about no longer
KEEP_SETTLED = timedelta(days=30)
ADDRESS_LIFE = timedelta(minutes=30)
KEEP_ROUTINE = timedelta(hours=6)
KEEP_MESSAGES = timedelta(days=180)  # or as long as decisions are kept; after that nobody looks at their buttons
_DROP_ROUTINE = delete(work).where(
    work.c.state.in_(("done", "failed")), work.c.kind.in_(("pass", "evidence")),
    work.c.updated_at < bindparam("before"),
)  # fmt: skip
_CARRIERS = (notices.c.outbox_key, notices.c.escalated_key)
_NEEDED = union_all(*(select(each).where(each.is_not(None), notices.c.over_at.is_(None)) for each in _CARRIERS))
_OLD_MESSAGES = delete(outbox).where(
    or_(outbox.c.project == bindparam("of_project"), outbox.c.project.is_(None)),
    outbox.c.state.in_([word("sent"), word("void"), word("dead")]),
    outbox.c.due_at < bindparam("before", type_=outbox.c.due_at.type),
    outbox.c.base.not_in(_NEEDED),  # read once, not once for each message
)
_OLD_NOTICES = delete(notices).where(
    notices.c.project == bindparam("of_project"),
    notices.c.over_at < bindparam("before", type_=notices.c.over_at.type),
)
_PAST = (
    update(notices)
    .where(notices.c.over_at.is_(None), notices.c.state != "pending", notices.c.created_at < bindparam("before"))
    .values(over_at=bindparam("now"))
)
_OLD_ADDRESS = (
    (outbox.c.target_kind == word("response")) & (outbox.c.target != word(""))
    & (outbox.c.created_at < bindparam("before", type_=outbox.c.created_at.type))
)  # fmt: skip
_SOME_ADDRESS = select(outbox.c.id).where(_OLD_ADDRESS).limit(1)


async def passed(
    parts: Parts, db: Tx, project: str, looked: "Looked", brake: str | None, admins: frozenset[str], now: datetime
) -> None:
    """The pass's own record; a brake that trips pauses stops and asks an admin."""
    values: dict[str, Any] = {
        "name": project,
        "last_pass_at": now,
        "last_ok_at": now,
        "last_error": None,
        "config_hash": parts.deps.config.file_hash,
    }
    if looked.listing.complete:  # whatever has been stopped since it was read runs no more
        over = looked.stale | await notebooks.stopped_since(db, project, now)
        values["last_running"] = sum(each.id not in over for each in looked.running)
        if not looked.brief:
            values |= {"listed_at": now, "listed": len(looked.listing.notebooks)}
    if looked.unsettled:
        values["listed_at"] = None  # the next pass lists everything
    row = await find(db, projects, name=project)
    reason, since = (row.paused, row.paused_at) if row is not None else (None, None)
    # Whoever has paused or released them already is not overruled.
    if brake and reason is None and not _released(row, now, parts.deps.clock.now()):
        reason, since = brake, now
        values |= {"paused": reason, "paused_at": since}
    if brake and brakes.is_collapse(brake):
        values.pop("last_running", None)  # until it is released, the old figure is what we compare with
    await put(db, projects, values)
    if reason is not None and not brakes.is_by_hand(reason):
        await _ask_to_release(parts, db, project, reason, since or now, admins, now)


def _released(row: Any | None, begun: datetime, now: datetime) -> bool:
    """Whether an admin has let stops go on since this pass began: what it saw then is what they have looked at."""
    return row is not None and row.released_at is not None and bool(begun <= row.released_at <= now)


async def _ask_to_release(
    parts: Parts, db: Tx, project: str, reason: str, since: datetime, admins: frozenset[str], now: datetime
) -> None:
    """Each admin once for each time a brake trips; as long as it holds, whoever could not be named before too."""
    day = since.astimezone(parts.deps.config.timezone).date()
    await alert(
        parts,
        db,
        admins,
        "brake",
        await numbered(db, "brake", project, since, day),
        now,
        project=project,
        button="release",
        text=f"Stops in {project} are paused: {reason}.",
        next_step="Look whether this is right, then release the brake.",
        day=day,
        at_ms=to_ms(since),
        since_ms=to_ms(since),
    )


async def failed(parts: Parts, db: Tx, project: str, error: CloudError, admins: frozenset[str], now: datetime) -> None:
    """The cloud did not answer: on record; the next pass tries again. Admins hear of it when that has lasted."""
    row = await find(db, projects, name=project)
    since = row.last_ok_at if row is not None else now
    if since is None or now - since > brakes.late_after(parts.deps.poll):
        began = f"since {at(to_ms(since))}" if since is not None else "yet"
        await alert(
            parts,
            db,
            admins,
            "pass_fails",
            project,
            now,
            project=project,
            text=f"No pass of {project} has succeeded {began}: {error}. Until one does, nobody is warned of what "
            "happens there and nothing is stopped.",
            next_step="Run `leasebot check`: it says what is wrong and what to do.",
        )
    await put(
        db,
        projects,
        {"name": project, "last_pass_at": now, "last_error": str(error), "config_hash": parts.deps.config.file_hash},
    )


async def chores(parts: Parts, known: Stored, now: datetime) -> None:
    """What needs no listing: done also while the cloud does not answer.

    Each in a transaction of its own, so that one failing keeps none back.
    """
    of_state = (partial(part, parts, known, now) for part in (_prices, digests.due, _forget))
    by_name = (_requests, late_warnings, dead_letters, _addresses, look_after_links)
    for part in (*of_state, *(partial(part, parts, known.name, now) for part in by_name)):
        try:
            await part()
        except Exception:
            log.exception("%s of %s failed", part.func.__name__, known.name)


async def before(parts: Parts, known: Project, decided: Sequence["Decided"], now: datetime) -> None:
    """The chores, and what was seen: whether it could be told of each, and whose evidence is read next."""
    await chores(parts, known, now)
    await _meet(parts, known, decided)
    try:
        await cannot_tell.look(parts, known, decided, now)
    except Exception:
        log.exception("what cannot be told of %s is not looked at", known.name)
    await _polls(parts, known, decided, now)


async def _meet(parts: Parts, known: Project, decided: Sequence["Decided"]) -> None:
    """Owners of whom Slack has said nothing yet: where they live is needed before a warning may be due."""
    quiet = [each.owner for each in decided if each.facts.owner.quiet is not None and each.owner is not None]
    await parts.people.meet([user for user in quiet if user not in known.people])


async def _prices(parts: Parts, known: Stored, now: datetime) -> None:
    """The first pass under another policy file: time before it keeps the price it had."""
    if known.last_pass_at is None or known.config_hash == parts.deps.config.file_hash:
        return
    async with parts.deps.db.begin() as db:
        await usage.reprice(db, parts.deps.ids, known.name, parts.deps.config.prices, now)


async def _requests(parts: Parts, project: str, now: datetime) -> None:
    """Settle what nobody answered, or what is about a deleted notebook; escalate what waits too long, by DM."""
    async with parts.deps.db.read() as db:
        waiting = await store.pending(db, [project])
        copies = {row.id: await with_copies(db, keys.approval_request(row.id)) for row in waiting}
        gone = await notebooks.deleted_of(db, project, [row.notebook_id for row in waiting if row.notebook_id])
    for row in waiting:
        if over := expire if now >= row.expires_at else pointless if row.notebook_id in gone else None:
            async with parts.deps.db.begin() as db:
                await over(parts, db, row, now)
            continue
        if row.escalate_at and now >= row.escalate_at and not row.escalated_at:
            await _escalate(parts, row, now)
        await _ask_channel_again(parts, row, copies[row.id], now)


async def _escalate(parts: Parts, row: Any, now: datetime) -> None:
    """To whom the policy of its own notebook (or flavor, where there is none yet) names."""
    async with parts.deps.db.read() as db:
        seen = await notebooks.get(db, row.project, row.notebook_id) if row.notebook_id else None
        about = notebooks.load(seen.snapshot) if seen else None
        policy = await policy_of(
            db, parts.deps, row.project, about, str(row.facts.get("flavor") or ""), asked_by=row.requester
        )
    patience = now < row.escalate_at + UNREAD_MOST
    to, everybody = await deciders.escalated_to(parts, row, policy, patience=patience)
    async with parts.deps.db.begin() as db:
        told = {copy.target for copy in await with_copies(db, keys.approval_request(row.id))}
        if everybody or not patience:  # else those in a group that could not be read are asked for again
            await store.note(db, row.id, escalated_at=now)
        for user in sorted(to - told):
            await approvals.post(parts, db, row.id, now, to=user)
        await approvals.redraw(parts, db, row.id, now)


async def _ask_channel_again(parts: Parts, row: Any, copies: Sequence[Any], now: datetime) -> None:
    """After each `escalate_after`, where the channel refused the request: somebody may have invited the bot."""
    refused = [copy for copy in copies if copy.target_kind == "channel" and copy.state == "dead" and not copy.sent_rev]
    patience = effective(parts.deps.config, row.project).escalate_after
    if any(now - copy.due_at >= patience for copy in refused):
        async with parts.deps.db.begin() as db:
            await approvals.post(parts, db, row.id, now)


async def _polls(parts: Parts, known: Project, decided: Sequence["Decided"], now: datetime) -> None:
    """Read evidence of those whose time has come; the next reading is set by the reading itself."""
    project = known.name
    running = [each for each in decided if each.facts.notebook.status.runs and each.policy.idle_mode != "off"]
    due = [each for each in running if _due(known.rows.get(each.facts.notebook.id), each, now)]
    if not due:
        return
    async with parts.deps.db.begin() as db:
        for start in range(0, len(due), CHUNK):
            ids = [each.facts.notebook.id for each in due[start : start + CHUNK]]
            await record(
                db,
                parts.deps.ids,
                Item(
                    "evidence",
                    f"evidence:{project}:{to_ms(now)}:{start}",
                    f"evidence:{project}:{start}",
                    {"project": project, "notebooks": ids},
                ),
                now,
            )
        await notebooks.polls(
            db, project, {each.facts.notebook.id: now + poll.interval(each.policy.idle_after) for each in due}
        )


def _due(row: Any, each: "Decided", now: datetime) -> bool:
    if row is None:
        return False
    since = row.running_since or now
    at = row.poll_at or poll.first_poll(each.facts.notebook.id, since, each.policy.idle_after)
    return poll.due(at, now, each.policy.idle_after)


async def _forget(parts: Parts, known: Stored, now: datetime) -> None:
    """What nobody needs any more, once an hour. Audit and usage stay."""
    if known.last_pass_at is not None and _hour(known.last_pass_at) == _hour(now):
        return
    async with parts.deps.db.begin() as db:
        keep = effective(parts.deps.config, known.name).keep_decisions
        await records.forget(db, known.name, now - keep)
        old = {"of_project": known.name, "before": now - max(KEEP_MESSAGES, keep)}
        await db.execute(_OLD_NOTICES, old)
        await db.execute(_OLD_MESSAGES, old)
        await db.execute(_DROP_ROUTINE, {"before": now - KEEP_ROUTINE})
        await drop(db, tickets, "expires_at", now - KEEP_SETTLED)
        await db.execute(_PAST, {"before": now - gather.RUN_MEMORY, "now": now})


def _hour(at: datetime) -> datetime:
    """The hour of that day."""
    return at.replace(minute=0, second=0, microsecond=0)


async def _addresses(parts: Parts, _project: str, now: datetime) -> None:
    """Addresses of answers that have run out are erased (contract 10)."""
    before = {"before": now - ADDRESS_LIFE}
    async with parts.deps.db.read() as db:
        if (await db.execute(_SOME_ADDRESS, before)).first() is None:
            return
    async with parts.deps.db.begin() as db:
        await db.execute(update(outbox).where(_OLD_ADDRESS).values(target=""), before)
