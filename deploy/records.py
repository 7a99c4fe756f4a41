"""`leasebot audit verify`, `why` and `plan`: what is on record, for whoever runs the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.clock import from_ms
from bot.config.model import Config
from bot.errors import Ambiguous, NotFound
from bot.operations import records
from bot.operations.answers.reasons import Reasons, plan_facts
from bot.rules.durations import parse_instant
from bot.secrets import Sealer
from bot.settings import Settings
from bot.stores import notebooks, trail
from bot.stores.database import Database, Tx
from bot.stores.migrate import ready
from bot.stores.schema import audit
from bot.stores.vault import audit_key


@dataclass(frozen=True, slots=True)
class Chain:
    """One project's audit. `broken`: number of the first entry that does not verify; `head`: mac of the last."""

    project: str
    entries: int
    head: str
    broken: int | None


async def verify(settings: Settings) -> list[Chain]:
    """Check every chain."""
    sealer = Sealer({key.id: key.secret for key in settings.key_ring})
    db = Database(settings.engine_url)
    try:
        await ready(db)
        key = await audit_key(db, sealer)
        async with db.read() as tx:
            names = (await tx.execute(select(audit.c.project).distinct().order_by(audit.c.project))).scalars()
            return [await _chain(tx, name, key) for name in list(names)]
    finally:
        await db.dispose()


async def _chain(tx: Tx, project: str, key: bytes) -> Chain:
    count, head = await trail.head(tx, project)
    return Chain(project, count, head, await trail.broken_at(tx, key, project))


async def why(settings: Settings, config: Config, name: str) -> list[str]:
    """The latest warnings and decisions about a notebook, newest first. Raises NotFound."""
    db = Database(settings.engine_url)
    try:
        await ready(db)
        async with db.read() as tx:
            row = await _once(tx, config, name)
            found = await records.about(tx, row.project, row.id)
            warned = await records.announced(tx, row.project, row.id)
    finally:
        await db.dispose()
    lines = [f"{row.name} ({row.id}) in {row.project}: {'deleted' if row.deleted_at else row.status}"]
    lines += [f"{_instant(records.became_at(each))}: {records.became(each)}" for each in warned]
    return lines + [line for record in found for line in _told(record)]


def _told(record: Any) -> list[str]:
    until = f", still so {_instant(record.confirmed_at)}" if record.confirmed_at > record.at else ""
    said = [f"{_instant(record.at)}{until}: {record.outcome}: {record.because}", f"    rule: {record.rule or 'none'}"]
    return said + _evidence(record.evidence)


def _evidence(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return [f"    {each['source']}: {each['state']}, {each['text']}" for each in rows]


async def plan(settings: Settings, config: Config, name: str, at: str | None) -> list[str]:
    """What would happen to a notebook until an instant, as `/notebook plan` says it. Raises NotFound, BadInput."""
    from deploy.compose import bot, greet

    async with bot(settings, config) as running:
        await greet(running)
        now = running.clock.now()
        then = parse_instant(at, now, config.timezone) if at else now
        async with running.db.read() as tx:
            row = await _notebook(tx, config, name)
        told = await plan_facts(Reasons(running.parts), row, then, now, named=at is not None)
    said = [f"{row.name} ({row.id}) in {row.project} at {_instant(then)}: {told['outcome']}"]
    said += [f"    rule: {told['rule']}", *_evidence(told["evidence"])]
    said += [f"ahead, {_instant(from_ms(step['at_ms']))}: {step['text']} ({step['rule']})" for step in told["ahead"]]
    return [*said, f"This assumes {told['assumes']}."]


async def _notebook(tx: Tx, config: Config, name: str) -> Any:
    found = await notebooks.matching(tx, list(config.projects), name)
    if not found:
        raise NotFound(f"No notebook is called {name} or begins so.", next_step="The last pass may be older than it.")
    if len(found) > 1:
        choices = tuple((str(row.id), f"{row.name} ({row.id}) in {row.project}") for row in found)
        raise Ambiguous(f"Several notebooks fit {name}: {', '.join(label for _id, label in choices)}.", choices)
    return found[0]


async def _once(tx: Tx, config: Config, name: str) -> Any:
    """Also one that is deleted."""
    try:
        return await _notebook(tx, config, name)
    except NotFound:
        row = await notebooks.once(tx, list(config.projects), name)
        if row is None:
            raise
        return row


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
