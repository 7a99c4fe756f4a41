"""Which message may be sent next, and when: asked of the store, after every message."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, or_, select

from bot.clock import SKEW
from bot.paces import OPEN, UPDATE, holds, instants, method, resting, used_up
from bot.stores.schema import outbox, paces
from bot.stores.types import word

UNKNOWN, BROKEN = "history", "broken"  # `error` of what may have arrived, and of what a fault of ours cannot draw
SEVERAL = "notebooks:"
DEAD_AFTER = timedelta(hours=24)  # of failing without a break
LONGEST_WAIT = timedelta(hours=1)  # between two tries; what is put off for longer was put off by a wrong clock


def asked_at(now: datetime) -> dict[str, datetime]:
    """What `DUE` is asked with."""
    return instants(now) | {"far": now + LONGEST_WAIT}


def mended(row: Any, now: datetime) -> dict[str, Any]:
    """Instead of instants of a clock that was ahead; when it was tried before is not known any more."""
    ahead = now + SKEW
    right: dict[str, Any] = {}
    if row.due_at > ahead:
        right["due_at"] = now
    if row.created_at > ahead:
        right["created_at"] = now
    if row.attempted_at and row.attempted_at > ahead:
        right["attempted_at"] = now - DEAD_AFTER
    if row.failing_since and row.failing_since > ahead:
        right["failing_since"] = None
    return right


def several(target: Any) -> Any:
    """The subject of a message to `target` about several notebooks: whatever speaks to them of one comes after it."""
    return SEVERAL + target


def copied(subject: str, target: str) -> str:
    """The subject of a copy to `target`: what one reader does not get holds back nobody else's."""
    return str(several(target)) if subject.startswith(SEVERAL) else f"{subject}:{target}"


def _behind() -> Any:
    """Something for the same reader about the same subject waits that is more urgent, or older: it goes first.

    A redrawing that Slack does not take now holds back nothing: what it changes has been read. Neither does a message
    that cannot be drawn, nor one that may have arrived as long as that cannot be looked up. What is told of several
    notebooks goes after whatever this reader is still to be told of any one.
    """
    other, single = outbox.alias("before"), outbox.alias("single")
    together = case((outbox.c.subject.like(word("notebook:%")), several(outbox.c.target)), else_=outbox.c.subject)
    redrawn = and_(other.c.failing_since.is_(None), ~exists().where(used_up(UPDATE)))
    same = other.c.subject.in_([outbox.c.subject, together])
    one_of_them = single.c.subject.like(word("notebook:%")), single.c.sent_rev == 0
    return or_(
        exists().where(same, *_goes_first(other), or_(other.c.sent_rev == 0, redrawn)),
        and_(
            outbox.c.subject.like(word(SEVERAL + "%")), outbox.c.sent_rev == 0,
            exists().where(*_goes_first(single), *one_of_them),
        ),
    )  # fmt: skip


def _goes_first(other: Any) -> tuple[Any, ...]:
    """It waits for the same reader, and is more urgent or older."""
    return (
        other.c.target == outbox.c.target,
        other.c.id != outbox.c.id,
        other.c.state == word("pending"),
        or_(other.c.rank < outbox.c.rank, and_(other.c.rank == outbox.c.rank, other.c.seq < outbox.c.seq)),
        or_(other.c.error.is_(None), other.c.error.not_in([UNKNOWN, BROKEN])),
    )


def _due() -> Any:
    """What may be sent at `now`."""
    now, other = bindparam("now", type_=outbox.c.due_at.type), outbox.alias("other")
    ahead = bindparam("ahead", type_=outbox.c.due_at.type)
    busy = and_(other.c.claim_until > now, or_(other.c.attempted_at.is_(None), other.c.attempted_at <= ahead))
    sending = exists().where(other.c.subject == outbox.c.subject, other.c.id != outbox.c.id, busy)
    paced = exists().where(paces.c.name == outbox.c.target, paces.c.next_at > now, holds(paces))
    # What a clock that was ahead has stamped is due now, and claimed by nobody.
    early = or_(
        outbox.c.created_at > ahead, outbox.c.failing_since > ahead, outbox.c.attempted_at > ahead,
        and_(outbox.c.tries == 0, outbox.c.due_at > ahead),  # what is not tried again waits for a few seconds at most
        outbox.c.due_at > bindparam("far", type_=outbox.c.due_at.type),
    )  # fmt: skip
    return (
        select(outbox, method().label("method"))
        .where(
            outbox.c.state == word("pending"),
            or_(outbox.c.due_at <= now, early),
            ~_behind(),
            ~sending,
            or_(outbox.c.claim_until.is_(None), outbox.c.claim_until <= now, outbox.c.attempted_at > ahead),
            or_(outbox.c.sent_rev > 0, ~paced),
            ~resting(),
        )
        .order_by(outbox.c.rank, outbox.c.due_at, outbox.c.seq)
        .limit(1)
        .with_for_update(skip_locked=True, of=outbox)
    )


def _waiting() -> Any:
    """Everything that waits, with what holds it back."""
    channel, tier, opening = paces.alias("channel"), paces.alias("tier"), paces.alias("opening")
    return (
        select(outbox.c.due_at, outbox.c.claim_until, outbox.c.sent_rev, method().label("method"),
               channel.c.next_at, tier.c.next_at.label("method_at"), outbox.c.target_kind,
               opening.c.next_at.label("open_at"), outbox.c.channel.label("known_channel"))
        .select_from(
            outbox.outerjoin(channel, channel.c.name == outbox.c.target)
            .outerjoin(tier, tier.c.name == method()).outerjoin(opening, opening.c.name == OPEN)
        )
        .where(outbox.c.state == word("pending"), ~_behind())
        .order_by(outbox.c.due_at)
        .limit(50)
    )  # fmt: skip


DUE, WAITING = _due(), _waiting()  # put together once
