"""Who is told where the owner cannot be: the leads, else the channel; and, of whatever was refused, the admins."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_, select, update

from bot.config.model import Config
from bot.config.policy import EffectivePolicy, effective
from bot.next_message import copied
from bot.operations.alerts import alert
from bot.operations.base import Parts
from bot.operations.notices import WARNINGS
from bot.operations.policies import policy_of
from bot.operations.refusals import Refused, next_step, said, topic
from bot.outbox import NOTICE, Say, TargetKind, say
from bot.rules.keys import base_of
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.messages import with_copies
from bot.stores.notebooks import chunks
from bot.stores.schema import notices, outbox
from bot.stores.types import word

SINCE = timedelta(days=1)
OWED = timedelta(days=8)  # no warning is owed for longer: no lease and no run's memory is
TOLD_MOST = 200  # refused messages looked at for one alert
RULES = {"escalate_to", "escalate_after"}


class Targets(NamedTuple):
    """Whom it goes to: people, else the channel. `there`: those of whom Slack has lately shown that they are."""

    people: frozenset[str]
    channel: str
    there: frozenset[str] = frozenset()


Whom = Mapping[tuple[str, ...], Targets]  # by the policy's `escalate_to`


async def whom(parts: Parts, project: str, policies: Iterable[EffectivePolicy]) -> Whom:
    """Who is told under each of these policies, by its `escalate_to`: a rule may name others for some notebooks."""
    named = dict.fromkeys(policy.escalate_to for policy in policies)
    return {escalate_to: await _targets(parts, project, escalate_to) for escalate_to in named}


async def _targets(parts: Parts, project: str, escalate_to: tuple[str, ...]) -> Targets:
    """`escalate_to`, else the leads, as far as they can be told; else the channel.

    Of whom Slack says nothing right now may be told: should it refuse them then, it goes further.
    """
    known = parts.deps.config.projects[project]
    for named in (escalate_to, known.roles.leads):
        reach = await parts.people.reach_each(await parts.people.expand(named))
        if told := frozenset(user for user, state in reach.items() if state is not False):
            return Targets(told, known.channel, frozenset(user for user, state in reach.items() if state))
    return Targets(frozenset(), known.channel)


def copies(to: Targets, *, surely: bool = False) -> list[tuple[TargetKind, str]]:
    """Where each copy goes. `surely`: to the channel as well, if of the people nobody knows whether they are there."""
    direct: list[tuple[TargetKind, str]] = [("dm", user) for user in sorted(to.people)]
    return direct if direct and (to.people & to.there or not surely) else [*direct, ("channel", to.channel)]


def without(to: Targets, owner: str | None) -> Targets:
    """An owner who is a lead as well has been tried already."""
    return to._replace(people=to.people - {owner or ""})


# --- warnings that nobody got --------------------------------------------------------------------


async def late_warnings(parts: Parts, project: str, now: datetime) -> None:
    """What is owed goes one step further: from the owner to the leads, from the leads to the channel.

    From the owner: a lease warning that Slack refused or that waits for longer than `escalate_after` (idle warnings
    are escalated by the pass's own decision). From the leads: what Slack refused to all of them. A channel that
    refused is asked again after each `escalate_after`: somebody may have invited the bot.
    """
    async with parts.deps.db.read() as db:
        soonest = now - _shortest(parts.deps.config, project)
        given = {"project": project, "now": now, "owed": now - OWED, "patience": soonest}
        found = await _owed(db, project, [row.key for row in await db.execute(_TROUBLED, given)])
        policies = {base: await _policies(db, parts, project, rows[0]) for base, rows in found.items()}
    if not found:
        return
    asked = [policy for base, rows in found.items() if _from_owner(rows) for policy in policies[base]]
    told = await whom(parts, project, asked)
    channel = parts.deps.config.projects[project].channel
    async with parts.deps.db.begin() as db:
        for base, rows in found.items():
            patience = now - min(policy.escalate_after for policy in policies[base])
            if (owner := _from_owner(rows)) and owner.state == "pending" and owner.created_at > patience:
                continue
            everybody = [told[each.escalate_to].people for each in policies[base] if each.escalate_to in told]
            await _further(db, parts, base, rows, Targets(frozenset().union(*everybody), channel), now, patience)


def _shortest(config: Config, project: str) -> timedelta:
    """After which time a message of the project may be late at the earliest."""
    given = [rule.settings["escalate_after"] for rule in config.rules if "escalate_after" in rule.settings]
    every: list[Any] = [effective(config, project).escalate_after, *(setting.value for setting in given)]
    shortest: timedelta = min(every)
    return shortest


async def _policies(db: Tx, parts: Parts, project: str, row: Any) -> list[EffectivePolicy]:
    """Of the notebooks a message speaks of; where no rule differs, without looking up what the rules depend on."""
    config = parts.deps.config
    if not any(RULES & rule.settings.keys() for rule in config.rules):
        return [effective(config, project)]
    items = row.facts.get("items") or [row.facts]
    known = [await notebooks.get(db, project, item["notebook_id"]) for item in items]
    found = [await policy_of(db, parts.deps, project, notebooks.load(each.snapshot)) for each in known if each]
    return found or [effective(config, project)]


def _put_together() -> Any:
    """Warnings that were refused, and lease warnings that wait for long."""
    now, owed, patience = (bindparam(name, type_=outbox.c.due_at.type) for name in ("now", "owed", "patience"))
    refused = (outbox.c.state == word("dead")) & (outbox.c.due_at > owed)
    direct = (outbox.c.kind == word("lease_warning")) & (outbox.c.target_kind == word("dm"))
    waits = (outbox.c.state == word("pending")) & direct & (outbox.c.created_at <= patience)
    return (
        select(outbox.c.key)
        .where(
            outbox.c.project == bindparam("project"),
            or_(*(outbox.c.kind == word(kind) for kind in WARNINGS)),
            outbox.c.sent_rev == 0,
            or_(outbox.c.expires_at.is_(None), outbox.c.expires_at > now),
            or_(refused, waits),
        )
        .order_by(outbox.c.seq)
    )


_TROUBLED = _put_together()


async def _owed(db: Tx, project: str, troubled: Sequence[str]) -> dict[str, list[Any]]:
    """Key of a message whose notices still wait -> the message and its copies."""
    found: dict[str, list[Any]] = {}
    bases = list(dict.fromkeys(base_of(key) for key in troubled))
    for some in chunks(bases):
        waiting = notices.c.outbox_key.in_(some), notices.c.state == "pending", notices.c.over_at.is_(None)
        keys = await db.execute(select(notices.c.outbox_key).where(notices.c.project == project, *waiting).distinct())
        for base in sorted(row.outbox_key for row in keys):
            found[base] = await with_copies(db, base)
    return found


def _from_owner(rows: Sequence[Any]) -> Any | None:
    """The owner's lease warning, if nobody else has been told of it yet."""
    alone = len(rows) == 1 and "@" not in rows[0].key and rows[0].kind == "lease_warning"
    return rows[0] if alone else None


async def _further(
    db: Tx, parts: Parts, base: str, rows: Sequence[Any], to: Targets, now: datetime, patience: datetime
) -> None:
    """Under the same key; whoever gets it first makes it delivered."""
    if owner := _from_owner(rows):
        facts = owner.facts | {"owner": f"<@{owner.target}>"}
        for kind, target in copies(without(to, owner.target)):
            await _copy(db, parts, owner, base, owner.subject, facts, kind, target, now)
        waiting = notices.c.outbox_key == base, notices.c.state == "pending"
        await db.execute(update(notices).where(*waiting).values(escalated_key=base))
        return
    shared = [row for row in rows if "@" in row.key]
    posted = [row for row in shared if row.target_kind == "channel"]
    if shared and not posted and all(row.state == "dead" for row in shared):
        one = shared[0]
        await _copy(
            db, parts, one, base, one.subject.removesuffix(f":{one.target}"), one.facts, "channel", to.channel, now
        )
    for row in posted:
        if row.state == "dead" and row.due_at <= patience:
            again = {"state": "pending", "due_at": now, "tries": 0, "failing_since": None, "attempted_at": None}
            await db.execute(update(outbox).where(outbox.c.id == row.id, outbox.c.state == "dead").values(**again))


async def _copy(
    db: Tx, parts: Parts, row: Any, base: str, subject: str, facts: Mapping[str, Any], kind: TargetKind, target: str,
    now: datetime,
) -> None:  # fmt: skip
    copy = Say(
        f"{base}@{target}", row.kind, kind, target, facts, copied(subject, target), NOTICE, row.project,
        expires=row.expires_at,
    )  # fmt: skip
    await say(db, parts.deps.ids, copy, now)


# --- what Slack will not take --------------------------------------------------------------------


_REFUSED = (
    select(
        outbox.c.key, outbox.c.kind, outbox.c.reason, outbox.c.target_kind, outbox.c.target, outbox.c.project,
        outbox.c.facts, outbox.c.due_at,
    )
    .where(
        outbox.c.state == word("dead"),
        outbox.c.kind != word("alert"),
        outbox.c.due_at > bindparam("since", type_=outbox.c.due_at.type),
        or_(outbox.c.project == bindparam("project"), outbox.c.project.is_(None)),
    )
    .order_by(outbox.c.seq)
    .limit(TOLD_MOST)
)  # fmt: skip


async def dead_letters(parts: Parts, project: str, now: datetime) -> None:
    """Messages that Slack will not take are told to the admins: what was refused, and the one next step.

    One alert a day for each of: warnings that did not reach a person, messages to the channel, everything else.
    What belongs to no project is told to the admins of everything, whichever project's pass comes first.
    """
    async with parts.deps.db.read() as db:
        rows = list(await db.execute(_REFUSED, {"project": project, "since": now - SINCE}))
    grouped: dict[tuple[str | None, str, date], list[Refused]] = {}
    for row in rows:
        day = row.due_at.astimezone(parts.deps.config.timezone).date()
        letter = Refused(row.kind, row.reason or "", row.target_kind, row.target, row.facts)
        grouped.setdefault((row.project, topic(letter), day), []).append(letter)
    for (where, about, day), letters in grouped.items():
        await _tell(parts, where, about, day, letters, now)


async def _tell(
    parts: Parts, project: str | None, about: str, day: date, letters: Sequence[Refused], now: datetime
) -> None:
    admins = await parts.people.admins(project)
    async with parts.deps.db.begin() as db:
        await alert(
            parts, db, admins, "undelivered", f"{project or 'workspace'}:{about}", now, project=project, day=day,
            text=said(letters, about), next_step=next_step(letters),
        )  # fmt: skip
