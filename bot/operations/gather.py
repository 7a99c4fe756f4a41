"""What the rules look at, for one notebook, from what is stored."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, select

from bot.config.policy import EffectivePolicy, IdleMode, effective
from bot.errors import BadInput
from bot.model import Flavor, Notebook
from bot.operations import owners
from bot.operations.deps import Deps
from bot.operations.notices import REFUSED
from bot.operations.whose import hinted
from bot.rules import idle
from bot.rules.facts import NotebookFacts, NoticeState, OwnerFacts, PendingRequest
from bot.rules.idle import Verdict
from bot.rules.quiet import QuietHours, parse_quiet_hours
from bot.stores import catalogues, notebooks
from bot.stores.database import Tx
from bot.stores.schema import approvals, notices, outbox, projects, stops
from bot.stores.upsert import find, find_all

_NOTICE = (
    notices.c.key, notices.c.notebook_id, notices.c.state, notices.c.escalated_key, notices.c.created_at,
    notices.c.delivered_at, notices.c.voided_at, notices.c.settled_at, notices.c.reason,
)  # fmt: skip
_NOTICES = select(*_NOTICE).where(notices.c.project == bindparam("of_project"), notices.c.over_at.is_(None))
_NOTICES_OF = _NOTICES.where(notices.c.notebook_id.in_(bindparam("ids", expanding=True)))
_PROMISES = (
    select(outbox.c.key, outbox.c.base, outbox.c.target, outbox.c.facts, outbox.c.ts)
    .join(notices, notices.c.outbox_key == outbox.c.base)
    .where(notices.c.project == bindparam("of_project"), notices.c.kind == "idle_warning",
           notices.c.over_at.is_(None), notices.c.settled_at.is_(None), notices.c.voided_at.is_(None))
)  # fmt: skip
_PROMISES_OF = _PROMISES.where(notices.c.notebook_id.in_(bindparam("ids", expanding=True)))
_SHADOWED = select(stops.c.key).where(
    stops.c.project == bindparam("of_project"), stops.c.cause == "shadow", stops.c.at > bindparam("young")
)
RUN_MEMORY = timedelta(days=8)  # what shadow mode would have stopped in a run older than any lease is of no use


@dataclass(slots=True)
class Project:
    """Everything stored about a project that its notebooks' facts are drawn from: read once per pass."""

    name: str
    mode: IdleMode | None
    paused: str | None
    last_running: int | None
    released_at: datetime | None
    last_ok_at: datetime | None
    last_pass_at: datetime | None
    config_hash: str | None  # of the policy file at the last pass
    flavors: Mapping[str, Flavor]
    flavors_at: datetime | None  # when they were listed
    notices: dict[str, dict[str, NoticeState]]
    requests: dict[str, PendingRequest]
    shadowed: frozenset[str]
    owners: dict[str, str]  # cloud user id -> Slack id
    people: dict[str, Any]
    mapped: Mapping[str, str] = field(default_factory=dict)  # cloud user -> Slack id, as an admin said
    rows: dict[str, Any] = field(default_factory=dict)
    policies: dict[tuple[Any, ...], EffectivePolicy] = field(default_factory=dict)  # worked out so far
    told: dict[tuple[str | None, str], str | None] = field(default_factory=dict)  # of (owner's id, name): who is told
    owner_facts: dict[tuple[Any, ...], OwnerFacts] = field(default_factory=dict)
    clock_ahead: timedelta = timedelta(0)  # the cloud's minus ours, where it is the cloud's by which is decided


@dataclass(frozen=True, slots=True)
class Standing:
    """The same of the project alone: for what is done without a listing."""

    name: str
    mode: IdleMode | None
    last_pass_at: datetime | None
    config_hash: str | None


Stored = Project | Standing


async def standing(db: Tx, name: str) -> Standing:
    """How the last pass has left it."""
    state = await find(db, projects, name=name)
    return Standing(name, state.mode, state.last_pass_at, state.config_hash) if state else Standing(name, *[None] * 3)


async def project(
    db: Tx,
    deps: Deps,
    name: str,
    now: datetime,
    only: str | Collection[str] | None = None,
    rows: dict[str, Any] | None = None,
) -> Project:
    """Read it. `only`: for one stored notebook, or for some. `rows`: of `stores.notebooks.known`, if just read."""
    some = [only] if isinstance(only, str) else only
    state = await find(db, projects, name=name)
    entries, at = await catalogues.get(db, name, "flavors")
    whose = await owners.read(db, deps, name, some)
    return Project(
        name=name,
        mode=state.mode if state else None,
        paused=state.paused if state else None,
        last_running=state.last_running if state else None,
        released_at=state.released_at if state else None,
        last_ok_at=state.last_ok_at if state else None,
        last_pass_at=state.last_pass_at if state else None,
        config_hash=state.config_hash if state else None,
        flavors={flavor.id: flavor for flavor in catalogues.flavors(entries)},
        flavors_at=at,
        notices=await _notices(db, name, some),
        requests=await _requests(db, name),
        shadowed=await _shadowed(db, name, now),
        owners=whose.linked,
        people=whose.people,
        mapped=whose.mapped,
        rows=await notebooks.known(db, name, some) if rows is None else rows,
    )


async def again(db: Tx, known: Project, only: Collection[str]) -> Project:
    """What changes from one moment to the next, read anew for some; what belongs to the project stays as it is."""
    return replace(
        known,
        notices=await _notices(db, known.name, only),
        rows=await notebooks.known(db, known.name, only),
    )


async def _notices(db: Tx, name: str, only: Collection[str] | None) -> dict[str, dict[str, NoticeState]]:
    """Those of the present lease ends and runs."""
    found: dict[str, dict[str, NoticeState]] = {}
    query, which = (_NOTICES, {}) if only is None else (_NOTICES_OF, {"ids": list(only)})
    rows = list(await db.execute(query, {"of_project": name, **which}))
    promised = await _promised(db, name, only)
    for row in rows:
        escalated = row.escalated_key is not None
        found.setdefault(row.notebook_id, {})[row.key] = NoticeState(
            created_at=row.created_at,
            delivered_at=None if escalated else row.delivered_at,
            void=row.state == "void",
            voided_at=row.voided_at,
            escalated=escalated,
            escalation_delivered_at=row.delivered_at if escalated else None,
            settled_at=row.settled_at,
            refused=row.state == "pending" and (row.reason or "").startswith(REFUSED),
            **promised.get(row.key, {}),
        )
    return found


async def _promised(db: Tx, name: str, only: Collection[str] | None) -> dict[str, dict[str, Any]]:
    """What idle warnings that count still say of the grace, to which owner they went, and when Slack took them."""
    found: dict[str, dict[str, Any]] = {}
    query, which = (_PROMISES, {}) if only is None else (_PROMISES_OF, {"ids": list(only)})
    for row in await db.execute(query, {"of_project": name, **which}):
        told = found.setdefault(row.base, {"grace": timedelta(0), "to": None, "posted_at": None})
        told["grace"] = max(told["grace"], timedelta(seconds=row.facts.get("grace_s", 0)))
        if row.key == row.base:
            told["to"] = row.target
        if row.ts:
            posted = datetime.fromtimestamp(float(row.ts), UTC)
            told["posted_at"] = max(posted, told["posted_at"] or posted)
    return found


async def _requests(db: Tx, name: str) -> dict[str, PendingRequest]:
    rows = await find_all(db, approvals, project=name, state="pending", kind="extension")
    return {
        row.notebook_id: PendingRequest(row.id, row.base_end, row.expires_at, row.held_until)
        for row in sorted(rows, key=lambda row: row.expires_at)  # an older one may have expired
        if row.base_end is not None
    }


async def _shadowed(db: Tx, name: str, now: datetime) -> frozenset[str]:
    rows = await db.execute(_SHADOWED, {"of_project": name, "young": now - RUN_MEMORY})
    return frozenset(row.key.removeprefix("shadow:") for row in rows)


def policy_for(deps: Deps, known: Project, notebook: Notebook, owner: str | None) -> EffectivePolicy:
    """The effective policy of one notebook; whose it is counts only if a rule asks for that."""
    whose = (notebook.owner_id, notebook.owner_name, owner) if deps.config.rules_by_owner else None
    alike = (notebook.flavor, whose, notebook.workspace, notebook.tags)
    found = known.policies.get(alike)
    if found is None:
        flavor = known.flavors.get(notebook.flavor)
        found = effective(deps.config, known.name, notebook, flavor, owner_slack=owner, stored_mode=known.mode)
        known.policies[alike] = found
    return found


def owner_id(deps: Deps, known: Project, notebook: Notebook) -> str | None:
    """Who is told: the linked person, else the one an admin or the policy file names."""
    who = (notebook.owner_id, notebook.owner_name)
    if who not in known.told:
        known.told[who] = _owner_id(deps, known, notebook)
    return known.told[who]


def _owner_id(deps: Deps, known: Project, notebook: Notebook) -> str | None:
    if notebook.owner_id and notebook.owner_id in known.owners:
        return known.owners[notebook.owner_id]
    return hinted(deps, known.mapped, notebook.owner_id, notebook.owner_name)


def facts(
    deps: Deps,
    known: Project,
    notebook: Notebook,
    policy: EffectivePolicy,
    *,
    owner: str | None,
    reachable: bool | None,
    slack_up: bool,
) -> NotebookFacts:
    """The facts of one notebook at this instant."""
    row = known.rows.get(notebook.id)
    return NotebookFacts(
        notebook=notebook,
        owner=_owner(deps, known, policy, owner, reachable),
        verdict=verdict_of(row),
        keep_until=row.keep_until if row is not None else None,
        keep_reason=(row.keep_reason or "") if row is not None else "",
        notices=known.notices.get(notebook.id, {}),
        shadowed=known.shadowed,
        paused=known.paused,
        undo_until=row.undo_until if row is not None else None,
        slack_up=slack_up,
        running_since=row.running_since if row is not None else None,
        seen_first_at=row.lease_seen_at if row is not None else None,
        request=known.requests.get(notebook.id),
        pass_interval=deps.poll,
        clock_ahead=known.clock_ahead,
        slack_ahead=deps.slack.skew(),
    )


def verdict_of(row: Any | None) -> Verdict | None:
    """The last verdict of a row of `stores.notebooks.known`."""
    return _decoded(row.verdict) if row is not None and row.verdict else None


@lru_cache(maxsize=32_768)  # most are the same in every pass between two readings
def _decoded(text: str) -> Verdict | None:
    return idle.decode(json.loads(text))


def _owner(
    deps: Deps, known: Project, policy: EffectivePolicy, owner: str | None, reachable: bool | None
) -> OwnerFacts:
    alike = (owner, policy, reachable)
    if alike not in known.owner_facts:
        known.owner_facts[alike] = _owner_facts(deps, known, policy, owner, reachable)
    return known.owner_facts[alike]


def _owner_facts(
    deps: Deps, known: Project, policy: EffectivePolicy, owner: str | None, reachable: bool | None
) -> OwnerFacts:
    if owner is None:
        return OwnerFacts(None, deps.config.timezone, policy.quiet_hours, reachable=False)
    person = known.people.get(owner)
    chosen = dict(person.settings or {}) if person is not None else {}
    zone = _zone(chosen.get("zone")) or _zone(person.zone if person is not None else None) or deps.config.timezone
    return OwnerFacts(owner, zone, _quiet(chosen.get("quiet"), policy.quiet_hours), reachable)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return None


def _quiet(chosen: str | None, otherwise: QuietHours | None) -> QuietHours | None:
    try:
        return otherwise if chosen is None else parse_quiet_hours(chosen)
    except BadInput:
        return otherwise
