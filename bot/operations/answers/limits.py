"""`policy [NAME]`: what holds, and where each value comes from."""

from datetime import datetime, time, timedelta
from typing import Any

from bot.config.policy import EffectivePolicy
from bot.config.policy_keys import POLICY_KEYS
from bot.operations import gather
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.policies import policy_of
from bot.operations.verbs import Verb
from bot.rules.durations import format_duration
from bot.stores import notebooks
from bot.work import Outcome


class Limits(Reader):
    """`policy`: of a notebook, or of the project."""

    def table(self) -> dict[str, Verb]:
        return {"policy": self.policy}

    async def policy(self, ask: Ask, now: datetime) -> Outcome:
        more: dict[str, Any] = {}
        if ask.args.get("name") or ask.args.get("notebook"):
            row = await self.target(ask)
            project, more["name"] = row.project, row.name
            async with self.deps.db.read() as db:
                known = await gather.project(db, self.deps, project, now, only=row.id)
            notebook = notebooks.load(row.snapshot)
            found = gather.policy_for(self.deps, known, notebook, gather.owner_id(self.deps, known, notebook))
        else:
            project = self.one_project(ask)
            async with self.deps.db.read() as db:
                found = await policy_of(db, self.deps, project, None)
        return ask.done(
            "policy", now, project=project, rows=policy_rows(found), hash=self.deps.config.file_hash[:12], **more
        )


def policy_rows(policy: EffectivePolicy) -> list[dict[str, str]]:
    """Every key with its value and source."""
    return [
        {"key": key.name, "value": said(getattr(policy, key.name)), "source": policy.sources[key.name]}
        for key in POLICY_KEYS
    ]


def said(value: object) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case timedelta():
            return format_duration(value)
        case time():
            return f"{value:%H:%M}"
        case tuple():
            return ", ".join(said(each) for each in value) or "none"
    return str(value)
