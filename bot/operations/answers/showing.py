"""`show`: everything about one notebook, read afresh where the person may."""

import logging
from datetime import datetime, timedelta
from typing import Any

from bot.config.policy import EffectivePolicy
from bot.errors import CloudError, CloudLoginFailed, CloudNotFound, NotFound, NotLinked
from bot.model import LeaseType, Notebook, NotebookId
from bot.operations.answers.listing import powers
from bot.operations.answers.reader import Reader
from bot.operations.answers.rows import Looker, actions, disk, owner_name, row_facts
from bot.operations.approvals import request_facts
from bot.operations.ask import Ask
from bot.operations.costs import bill
from bot.operations.facts import ms
from bot.operations.policies import policy_of
from bot.operations.resolve import owns
from bot.operations.verbs import Verb
from bot.render.answer_facts import RowAction
from bot.render.facts import at
from bot.rules import idle
from bot.rules.costs import month_of
from bot.rules.lease import API_LONGEST
from bot.stores import approvals, notebooks
from bot.stores.database import Tx
from bot.work import Outcome

log = logging.getLogger(__name__)

_VERDICTS = {"active": "in use", "idle": "idle", "unknown": "cannot tell"}


class Show(Reader):
    """`show NAME`."""

    def table(self) -> dict[str, Verb]:
        return {"show": self.show}

    async def show(self, ask: Ask, now: datetime) -> Outcome:
        row = await self.target(ask)
        if owns(ask.person, row):
            row = await self._fresh(ask, row, now)
        looker = Looker(ask.person, await powers(self.parts, ask))
        async with self.deps.db.read() as db:
            facts = await self._facts(db, ask, row, looker, now)
        return ask.done("show", now, **{key: value for key, value in facts.items() if value is not None})

    async def _fresh(self, ask: Ask, row: Any, now: datetime) -> Any:
        """As the cloud says now; as last seen where it does not answer. Raises NotFound if it is gone."""
        try:
            cloud = await self.parts.tokens.of(ask.user, row.project)
            notebook = await cloud.show(NotebookId(row.id))
        except CloudNotFound as error:
            raise NotFound(f"{row.name} no longer exists.", next_step="`list` shows what is there.") from error
        except CloudLoginFailed as error:
            await self.refused(ask, row.project, error)
            return row
        except (NotLinked, CloudError) as error:
            log.warning("notebook %s as last seen: %s", row.id, error)
            return row
        await self.adopt(row.project, (notebook,), now)
        async with self.deps.db.read() as db:
            return await notebooks.get(db, row.project, row.id) or row

    async def _facts(self, db: Tx, ask: Ask, row: Any, looker: Looker, now: datetime) -> dict[str, Any]:
        notebook = notebooks.load(row.snapshot)
        policy = await policy_of(db, self.deps, row.project, notebook)
        shown = await row_facts(db, self.deps, row, looker, now)
        shown["actions"] = _all_actions(row, looker)
        month = month_of(now, self.deps.config.timezone)
        spent = await bill(db, self.deps, [row.project], month, now, mine=lambda each: each.notebook_id == row.id)
        return {
            "cause": ask.claim.id,
            "notebook_id": row.id,
            "row": shown,
            "description": notebook.description or None,
            "image": notebook.image_name or None,
            "disk": disk(row),
            "created_ms": ms(notebook.created_at),
            "running_since_ms": ms(row.running_since),
            "lease_kind": lease_kind(notebook),
            "free_until_ms": ms(free_until(row.lease_end, row.running_since, policy, now)),
            "evidence": evidence(row),
            "verdict": verdict_said(row),
            "month_cost": spent.total.said(self.deps.config.prices.currency),
            "fail_reason": notebook.fail_reason or None,
            "may": _may(await owner_name(db, self.deps, row)),
            "pending": await self._pending(db, row, now),
        }

    async def _pending(self, db: Tx, row: Any, now: datetime) -> str | None:
        for kind in ("extension", "start"):
            if waiting := await approvals.waiting_for(db, row.project, row.id, kind, now):
                facts = request_facts(waiting)
                return f"a request for {facts['wish']}; it expires {at(facts['expires_ms'])}"
        return None


def _all_actions(row: Any, looker: Looker) -> list[RowAction]:
    """Here there is room for more of them."""
    found = actions(row, looker)
    extra: list[RowAction] = ["keep", "why"] if "extend" in found else ["why"]
    return [*found, *(each for each in extra if each not in found)]


def lease_kind(notebook: Notebook) -> str:
    """timed, idle (the cloud stops it when it finds it idle), or none."""
    lease = notebook.lease
    if lease is None or not lease.enabled:
        return "none"
    return "idle" if lease.kind is LeaseType.IDLE else "timed"


def free_until(
    end: datetime | None, running_since: datetime | None, policy: EffectivePolicy, now: datetime
) -> datetime | None:
    """How far it may be extended without asking; None where nothing is free any more, or it has no timed end."""
    if end is None or running_since is None:
        return None
    free = min(end + policy.max_extension, running_since + policy.free_total, ceiling(policy, now))
    return free if free > end else None


def ceiling(policy: EffectivePolicy, now: datetime) -> datetime:
    """No lease reaches further, approved or not."""
    longest: timedelta = min(policy.lease_max, API_LONGEST)
    return now + longest


def evidence(row: Any) -> list[dict[str, str]] | None:
    """Each source's word, as last read."""
    verdict = idle.decode(row.verdict) if row.verdict else None
    return [{"source": r.source, "state": r.state, "text": r.reason} for r in verdict.readings] if verdict else None


def verdict_said(row: Any) -> str | None:
    """`in use: …`, `idle: …`, `cannot tell: …`; None before it was first looked at."""
    verdict = idle.decode(row.verdict) if row.verdict else None
    return f"{_VERDICTS[verdict.state]}: {verdict.reason}" if verdict else None


def _may(owner: str) -> list[str]:
    who = "" if owner.startswith("U") and owner.isalnum() else f" ({owner})"
    return [
        f"Owner{who}: open, extend, keep, start, stop, delete",
        "Leads and admins, with cloud rights of their own: extend, keep, start, stop, delete",
        "Members of the project: show, why, plan",
        "Owner, leads, admins, auditors: audit",
    ]
