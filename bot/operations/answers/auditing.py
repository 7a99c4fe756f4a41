"""`audit NAME`: who did what, when, on whose request; for its owner, leads, admins and auditors."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from bot.clock import to_ms
from bot.errors import NotAllowed
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.resolve import owns
from bot.operations.verbs import Verb
from bot.render.facts import at
from bot.rules.durations import format_duration
from bot.stores import trail
from bot.stores.schema import audit
from bot.work import Outcome

SHOWN = 25
_ROLES = ("leads", "admins", "auditors")
_SYSTEM = {"scheduler": "leasebot"}
_ACTIONS = {
    "create": "created it",
    "create_failed": "tried to create it; it did not come up",
    "start": "started it",
    "start_failed": "tried to start it; it did not come up",
    "stop": "stopped it",
    "idle_stop": "stopped it, because it was idle",
    "delete": "deleted it",
    "extend": "extended its lease",
    "renew": "extended its lease, as approved",
    "hold": "bridged its lease while a request waits",
    "keep": "kept it running",
    "ask": "asked for an approval",
    "approve": "approved a request",
    "denied": "denied a request",
    "withdrawn": "withdrew a request",
    "expire": "let a request expire",
    "false_stop": "said that the stop was wrong",
    "open": "was given the private link",
}


class Auditing(Reader):
    """`audit NAME`; it also knows notebooks that are deleted."""

    def table(self) -> dict[str, Verb]:
        return {"audit": self.audit}

    async def audit(self, ask: Ask, now: datetime) -> Outcome:
        row = await self._row(ask)
        if not owns(ask.person, row) and row.project not in await self._trusted(ask):
            raise NotAllowed(
                f"Only the owner of {row.name}, leads, admins and auditors may see this.",
                next_step="Ask one of them, or your admin.",
            )
        mine = (audit.c.project == row.project) & (audit.c.notebook_id == row.id)
        async with self.deps.db.read() as db:
            entries = await trail.of_notebook(db, row.project, row.id, SHOWN)
            total = (await db.execute(select(func.count()).select_from(audit).where(mine))).scalar_one()
            head = (await trail.head(db, row.project))[1]
        return ask.done(
            "audit",
            now,
            notebook_id=row.id,
            name=row.name,
            project=row.project,
            rows=[entry_facts(entry) for entry in entries],
            head=head[:12],
            more=max(0, total - len(entries)),
        )

    async def _trusted(self, ask: Ask) -> frozenset[str]:
        """Projects whose records the person may read; an auditor need not be in the channel."""
        found = set()
        for project in self.deps.config.projects:
            for role in _ROLES:
                if await self.parts.people.has_role(ask.user, role, project):
                    found.add(project)
        return frozenset(found)

    async def _row(self, ask: Ask) -> Any:
        projects = tuple(dict.fromkeys([*ask.projects, *sorted(await self._trusted(ask))]))
        return await self.once(ask, projects)


def entry_facts(entry: Any) -> dict[str, Any]:
    """One record; what somebody was shown when they decided is told in short."""
    data = dict(entry.data or {})
    shown = data.get("shown") or {}
    facts = {
        "at_ms": to_ms(entry.at),
        "actor": _SYSTEM.get(entry.actor, entry.actor),
        "action": _ACTIONS.get(entry.action, entry.action.replace("_", " ")),
        "on_request_of": data.get("requester") if data.get("requester") != entry.actor else None,
        "rule": entry.rule or None,
        "result": _result(data) or None,
        "shown": _shown(shown) or None,
    }
    return {key: value for key, value in facts.items() if value is not None}


_LABELS = {"end_ms": "lease until", "why": "because", "approval": "request"}
_UNSAID = ("shown", "requester", "notice", "notebook", "before_ms", "after_ms", "granted")


def _result(data: dict[str, Any]) -> str:
    """Instants as every reader's own time, the rest in words; keys of messages mean nothing to a reader."""
    parts = [_moved(data.get("before_ms"), data.get("after_ms")), _granted(data.get("granted") or {})]
    for key, value in data.items():
        if key not in _UNSAID and value not in (None, "", {}, []):
            label = _LABELS.get(key, key.removesuffix("_ms").replace("_", " "))
            instant = key.endswith("_ms") and isinstance(value, int)
            parts.append(f"{label} {at(value) if instant else value}")
    return ", ".join(part for part in parts if part)


def _moved(before_ms: int | None, after_ms: int | None) -> str:
    if after_ms is None:
        return ""
    return f"lease from {at(before_ms)} to {at(after_ms)}" if before_ms else f"lease until {at(after_ms)}"


def _granted(wish: dict[str, Any]) -> str:
    until, seconds = wish.get("until_ms"), wish.get("by_s") or wish.get("for_s")
    amount = f"until {at(until)}" if until else format_duration(timedelta(seconds=seconds)) if seconds else ""
    return f"granted {amount}" if amount else ""


def _shown(shown: dict[str, Any]) -> str:
    wanted = ("wish", "cost", "why_asked", "idle_record", "renewals", "reason")
    return "; ".join(f"{key.replace('_', ' ')}: {shown[key]}" for key in wanted if shown.get(key))
