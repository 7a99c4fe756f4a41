"""`whoami` and `settings`: who the bot takes a person for, and what they chose."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.clock import to_ms
from bot.config.policy import effective
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.base import Parts
from bot.operations.tab import refresh_home
from bot.operations.told import MUTABLE
from bot.operations.verbs import Verb
from bot.render.answer_facts import NoticeSetting
from bot.stores import identities, people
from bot.stores.database import Tx
from bot.work import Outcome

_KINDS = {"password": "password", "aksk": "access key", "temporary": "temporary access key"}
_ROLES = {"leads": "lead", "admins": "admin", "auditors": "auditor"}
_STATES = {"active": "working", "broken": "refused", "waiting": "waiting"}


class Myself(Reader):
    """`whoami`, `settings`, and the settings form sent off."""

    def table(self) -> dict[str, Verb]:
        return {"whoami": self.whoami, "settings": self.settings, "settings_save": self.save}

    async def whoami(self, ask: Ask, now: datetime) -> Outcome:
        async with self.deps.db.read() as db:
            links = await identities.of_person(db, self.deps.team, ask.user)
        zone = await self.parts.people.zone(ask.user)
        return ask.done(
            "whoami",
            now,
            user=ask.user,
            zone=zone.key,
            links=[link_facts(row, now) for row in links],
            roles=await self._roles(ask),
            projects=list(ask.projects),
        )

    async def _roles(self, ask: Ask) -> list[str]:
        """By project; an approver is one by the project's general policy."""
        found = []
        for project in self.deps.config.projects:
            if project in ask.projects:
                found.append(f"member of {project}")
            for role, said in _ROLES.items():
                if await self.parts.people.has_role(ask.user, role, project):
                    found += [f"{said} of {project}"]
            approvers = effective(self.deps.config, project).approvers
            if await self.parts.people.among(ask.user, approvers):
                found.append(f"approver of {project}")
        return found

    async def settings(self, ask: Ask, now: datetime) -> Outcome:
        facts = await settings_facts(self.parts, ask.user)
        return ask.done("settings", now, cause=ask.claim.id, **facts)

    async def save(self, ask: Ask, now: datetime) -> Outcome:
        """An empty field, or one left as it was, is the project's quiet hours; what cannot be muted is not muted."""
        quiet, wanted = str(ask.args.get("quiet") or ""), ask.args.get("notices")
        if await self._left(ask.user, quiet):
            quiet = ""

        async def write(db: Tx) -> None:
            chosen = await people.settings(db, self.deps.team, ask.user)
            chosen.pop("quiet", None)
            if quiet:
                chosen["quiet"] = quiet
            if wanted is not None:
                chosen["muted"] = [key for key in MUTABLE if key not in wanted]
            await people.save_settings(db, self.deps.team, ask.user, chosen)
            await refresh_home(db, self.deps, ask.user, now)

        words = {"": "Quiet hours: as the project has them.", "off": "No quiet hours."}
        said = words.get(quiet, f"Quiet hours: {quiet}.")
        return ask.done("text", now, write=write, text=f"Your settings are saved. {said}")

    async def _left(self, user: str, quiet: str) -> bool:
        """Whether these are the project's quiet hours, as the form showed them to somebody who has chosen none."""
        async with self.deps.db.read() as db:
            chosen = await people.settings(db, self.deps.team, user)
        return "quiet" not in chosen and quiet == (await quiet_of(self.parts, user, {}) or "off")


def link_facts(row: Any, now: datetime) -> dict[str, Any]:
    """A person's identity in one project; no secret."""
    state = _STATES[row.state]
    if row.expires_at and row.expires_at <= now and row.state != "waiting":
        state = "expired"
    facts = {
        "project": row.project,
        "cloud_user": row.cloud_user_name,
        "domain": row.domain_name,
        "kind": _KINDS.get(row.kind, row.kind),
        "state": state,
    }
    return facts | ({"expires_ms": to_ms(row.expires_at)} if row.expires_at else {})


async def settings_facts(parts: Parts, user: str) -> dict[str, Any]:
    """Zone with its source, quiet hours that hold, and which notices are wanted."""
    person, zone = await parts.people.get(user), await parts.people.zone(user)
    async with parts.deps.db.read() as db:
        chosen = await people.settings(db, parts.deps.team, user)
    return {
        "zone": zone.key,
        "zone_source": _zone_source(chosen.get("zone"), person.zone),
        "quiet": await quiet_of(parts, user, chosen),
        "notices": notices_of(chosen),
    }


def _zone_source(chosen: str | None, in_slack: str | None) -> str:
    if chosen and _is_zone(chosen):
        return "your own choice"
    return "from your Slack profile" if in_slack and _is_zone(in_slack) else "leasebot's default"


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


async def quiet_of(parts: Parts, user: str, chosen: dict[str, Any]) -> str:
    """The person's own quiet hours, else those of their first project; empty for none."""
    if (own := chosen.get("quiet")) is not None:
        return "" if own == "off" else str(own)
    mine = await parts.people.projects(user)
    hours = effective(parts.deps.config, mine[0]).quiet_hours if mine else None
    return str(hours) if hours else ""


def notices_of(chosen: dict[str, Any]) -> list[NoticeSetting]:
    """Only what warns of nothing can be muted."""
    muted = chosen.get("muted") or []
    return [{"key": key, "label": label, "on": key not in muted} for key, label in MUTABLE.items()]
