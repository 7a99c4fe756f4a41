"""A person proves a cloud identity on their private page; what is kept was accepted by a cloud call before."""

import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from bot.clock import to_ms
from bot.errors import (
    BadInput,
    BotError,
    CloudDown,
    CloudError,
    CloudThrottled,
    NotAllowed,
)
from bot.model import CloudIdentity, Credentials, KeyCredentials, PasswordCredentials, Person
from bot.operations.alerts import alert
from bot.operations.answers.privately import hand_over
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.base import Parts
from bot.operations.tab import refresh_home
from bot.operations.verbs import Verb
from bot.outbox import RESULT, Say, say
from bot.secrets import SealBroken
from bot.stores import identities, people, tickets, trail
from bot.stores.database import Tx
from bot.stores.identities import Place
from bot.stores.locks import lock
from bot.stores.schema import identities as table
from bot.work import Outcome, release_held

KINDS = ("password", "aksk", "temporary")
_NEEDS = {
    "password": ("domain", "user", "password"),
    "aksk": ("access_key", "secret_key"),
    "temporary": ("access_key", "secret_key", "security_token"),
}
_LABELS = {
    "domain": "account (domain)",
    "user": "user name",
    "password": "password",
    "access_key": "access key",
    "secret_key": "secret key",
    "security_token": "security token",
}
_LONGEST = {"security_token": 8192}
_KEY_TEXT = re.compile(r"[\x21-\x7e]+")  # what travels in a header: anything else would look like a cloud that is down


class Links(Reader):
    """`link` and `unlink`."""

    def table(self) -> dict[str, Verb]:
        return {"link": self.link, "unlink": self.unlink}

    async def link(self, ask: Ask, now: datetime) -> Outcome:
        """A one-time page, handed over at once and stored only as a hash."""
        project = self.one_project(ask)
        if not self.deps.public_url:
            raise NotAllowed(
                "No linking page is served here.",
                next_step="Ask your operator to link you from the command line with `leasebot link`.",
            )
        secret, csrf = self.deps.ids.secret(), self.deps.ids.secret()
        async with self.deps.db.begin() as db:
            expires = await tickets.add(
                db, secret, csrf, team=self.deps.team, user=ask.user, name=ask.person.name, project=project, now=now
            )
        url = f"{self.deps.public_url.rstrip('/')}/link/{secret}"
        facts = {"what": "link", "project": project, "url": url, "expires_ms": to_ms(expires)}
        return await hand_over(ask, facts, now, again="link")

    async def unlink(self, ask: Ask, now: datetime) -> Outcome:
        """Erase the credentials; what is held for want of them stays held."""
        async with self.deps.db.read() as db:
            rows = await identities.of_person(db, self.deps.team, ask.user)
        project = ask.args.get("project")
        meant = [row for row in rows if project in (None, row.project)]
        if not meant:
            none = "You have no cloud user linked" + (f" for {project}." if project else ".")
            raise BadInput(none, next_step="There is nothing to erase; `link` connects one.")
        if len(meant) > 1:
            names = ", ".join(row.project for row in meant)
            raise BadInput("You are linked in several projects.", next_step=f"Say which: `unlink` with one of {names}.")
        row = meant[0]

        async def write(db: Tx) -> None:
            await erase(self.parts, db, row, ask.user, now, "unlink")
            await refresh_home(db, self.deps, ask.user, now)

        return ask.done(
            "text",
            now,
            write=write,
            text=f"Your link to cloud user {row.cloud_user_name} for {row.project} is erased, credentials included.",
            next_step="`link` connects it again. To be sure, also revoke the keys in the cloud's console.",
        )


async def erase(parts: Parts, db: Tx, row: Any, actor: str, now: datetime, action: str) -> None:
    """Forget a link, its credentials and the login they had; on record."""
    place = Place(row.team, row.slack, row.project)
    project = parts.deps.config.projects.get(row.project)
    if project is not None:
        with suppress(SealBroken, KeyError):  # what cannot be opened has no login here either
            parts.deps.clouds.forget(project.endpoint, identities.opened(parts.deps.sealer, place, row))
    await identities.forget(db, place)
    data = {"of": row.slack, "cloud_user": row.cloud_user_name}
    await trail.append(db, parts.audit_key, trail.Entry(row.project, actor, action, data=data), now)


# --- proving -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """What the form shows. `person` is who will be able to act."""

    user: str
    person: str
    projects: tuple[str, ...]
    project: str
    csrf: str
    endpoints: Mapping[str, str]  # project -> where the credentials go


@dataclass(frozen=True, slots=True)
class Linked:
    """How it ended. `waiting`: an admin must confirm."""

    state: Literal["linked", "waiting"]
    project: str
    cloud_user: str


class Refused(BotError):
    """Check what you typed and send it again."""

    def __init__(self, what: str, *, next_step: str = "", left: int = 0) -> None:
        super().__init__(what, next_step=next_step)
        self.left = left  # attempts


class TicketGone(BotError):
    """Type `link` in Slack again: it gives you a new page."""


class Linking:
    """Behind the page: shows a ticket without spending it, and proves what is sent in."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps

    async def page(self, ticket: str) -> Page:
        """What to show. Raises TicketGone for one that is used, expired or unknown."""
        row = await self._ticket(ticket)
        person = await self.parts.people.get(row.slack)
        projects = self._projects(row, await self.parts.people.projects(row.slack))
        endpoints = {name: self.deps.config.projects[name].endpoint.iam for name in projects}
        chosen = row.project if row.project in projects else projects[0] if projects else ""
        return Page(row.slack, person.name or row.name or row.slack, projects, chosen, row.csrf, endpoints)

    def _projects(self, row: Any, mine: tuple[str, ...]) -> tuple[str, ...]:
        """Those whose channel the person is in now."""
        return tuple(name for name in mine if name in self.deps.config.projects)

    async def _ticket(self, ticket: str) -> Any:
        async with self.deps.db.read() as db:
            row = await tickets.usable(db, ticket, self.deps.clock.now())
        if row is None:
            raise TicketGone("This page has been used or has expired.")
        return row

    async def prove(self, ticket: str, form: Mapping[str, str]) -> Linked:
        """Ask the cloud who these credentials are, then keep them. Raises TicketGone, Refused.

        Every attempt is counted before the cloud is asked; the third failure spends the ticket.
        """
        row = await self._ticket(ticket)
        async with self.deps.db.begin() as db:
            if not await tickets.attempt(db, ticket, self.deps.clock.now()):
                raise TicketGone("This page has been used or has expired.")
        left = tickets.ATTEMPTS - row.failures - 1
        try:
            return await self._prove(row, ticket, form)
        except (CloudDown, CloudThrottled) as error:
            async with self.deps.db.begin() as db:
                await tickets.give_back(db, ticket)
            raise Refused(f"The cloud does not answer: {error}", next_step="Try again.", left=left + 1) from error
        except (BadInput, NotAllowed, CloudError) as error:
            raise await self._failed(ticket, error, left) from error

    async def _failed(self, ticket: str, error: BotError, left: int) -> Refused:
        if left > 0:
            again = "Check what you typed and send it again." if isinstance(error, CloudError) else error.next_step
            return Refused(str(error), next_step=again, left=left)
        async with self.deps.db.begin() as db:
            await tickets.spend(db, ticket, self.deps.clock.now())
        return Refused(str(error), next_step="That was the last try: type `link` in Slack again for a new page.")

    async def _prove(self, row: Any, ticket: str, form: Mapping[str, str]) -> Linked:
        if not hmac.compare_digest(form.get("csrf", "").encode(), row.csrf.encode()):
            raise BadInput("The form was not sent from this page.", next_step="Open the page again and send its form.")
        credentials = credentials_of(form)
        person = await self.parts.people.get(row.slack)
        if person.deleted or person.guest or person.stranger:
            raise NotAllowed("Guests and people who left cannot link a cloud user.")
        project = str(form.get("project") or row.project or "")
        if project not in self._projects(row, await self.parts.people.projects(row.slack)):
            raise NotAllowed("You are not in the channel of that project.", next_step="Join it, then try again.")
        who = await whoami(self.parts, project, credentials)
        return await keep(self.parts, person, project, credentials, who, self.deps.clock.now(), ticket=ticket)


def credentials_of(form: Mapping[str, str]) -> Credentials:
    """What was typed. Raises BadInput for what is missing or too long to be any; secrets are taken to the letter."""
    kind = form.get("kind") or "password"
    if kind not in KINDS:
        raise BadInput("Pick what kind of credentials you have.")
    given = {name: form.get(name, "") for name in _NEEDS[kind]}
    given |= {name: value.strip() for name, value in given.items() if name != "password"}
    missing = [_LABELS[name] for name, value in given.items() if not value]
    if missing:
        raise BadInput(f"Missing: {', '.join(missing)}.", next_step="Fill it in and send the form again.")
    if any(len(value) > _LONGEST.get(name, 512) for name, value in given.items()):
        raise BadInput("Something there is far too long.")
    if kind == "password":
        return PasswordCredentials(given["domain"], given["user"], given["password"])
    if odd := [_LABELS[name] for name, value in given.items() if not _KEY_TEXT.fullmatch(value)]:
        raise BadInput(f"No {odd[0]} holds such characters.", next_step="Copy it once more, without line breaks.")
    return KeyCredentials(given["access_key"], given["secret_key"], given.get("security_token"))


async def whoami(parts: Parts, project: str, credentials: Credentials) -> CloudIdentity:
    """Whose credentials these are, proven by the cloud now. Raises CloudError."""
    endpoint = parts.deps.config.projects[project].endpoint
    return await parts.deps.clouds.connect(endpoint, credentials).whoami()


async def keep(
    parts: Parts,
    person: Person,
    project: str,
    credentials: Credentials,
    who: CloudIdentity,
    now: datetime,
    *,
    ticket: str | None = None,
) -> Linked:
    """Store a proven link in one transaction with everything that follows from it.

    One cloud user is linked to one Slack person: a second one waits for an admin, and the first is told.
    """
    deps, place = parts.deps, Place(parts.deps.team, person.slack, project)
    admins = await parts.people.admins(project)
    async with deps.db.begin() as db:
        await lock(db, f"cloud user {who.user_id}")
        if ticket is not None and not await tickets.spend(db, ticket, now):
            raise TicketGone("This page has been used already.")
        holder = await _holder(db, who.user_id, person.slack)
        state: Literal["linked", "waiting"] = "linked" if holder is None else "waiting"
        await identities.save(
            db, deps.sealer, place, credentials, who, state="active" if holder is None else "waiting", now=now
        )
        data = {"cloud_user": who.user_name, "kind": "password" if _is_password(credentials) else "keys"}
        action = "link" if holder is None else "link_waiting"
        await trail.append(db, parts.audit_key, trail.Entry(project, person.slack, action, data=data), now)
        if holder is None:
            await welcome(parts, db, person.slack, project, who.user_name, now)
        else:
            await _warn_holder(parts, db, holder, person.slack, project, who.user_name, now)
            await ask_admins(parts, db, await identities.get(db, place), admins, now)
    return Linked(state, project, who.user_name)


def _is_password(credentials: Credentials) -> bool:
    return isinstance(credentials, PasswordCredentials)


async def _holder(db: Tx, cloud_user: str, but: str) -> Any | None:
    """Somebody else who holds this cloud user, in whatever project."""
    return (
        await db.execute(
            select(table).where(table.c.cloud_user_id == cloud_user, table.c.slack != but, table.c.state != "waiting")
        )
    ).first()


async def welcome(parts: Parts, db: Tx, user: str, project: str, cloud_user: str, now: datetime) -> None:
    """What waited for the link goes on, and the person is told."""
    freed = await release_held(db, user, project, now)
    more = f" What waited for it goes on now ({freed})." if freed else ""
    await tell(parts, db, user, f"You are linked to cloud user {cloud_user} for {project}.{more}", now)
    await refresh_home(db, parts.deps, user, now)


async def tell(parts: Parts, db: Tx, user: str, text: str, now: datetime, next_step: str = "") -> None:
    """A sentence in the person's DM."""
    key = f"answer:link-{parts.deps.ids.new()}"
    facts = {"what": "text", "text": text, "next_step": next_step}
    await say(db, parts.deps.ids, Say(key, "answer", "dm", user, facts, f"links:{user}", RESULT), now)


async def _warn_holder(
    parts: Parts, db: Tx, holder: Any, user: str, project: str, cloud_user: str, now: datetime
) -> None:
    person = await _named(parts, db, user)
    await alert(
        parts,
        db,
        frozenset({holder.slack}),
        "second_link",
        f"{project}:{cloud_user}:{user}",
        now,
        project=project,
        text=f"{person} proved to have credentials of your cloud user {cloud_user}. "
        "Nothing of yours has changed, and nothing will unless an admin confirms it.",
        next_step="If that is not right, change the password or revoke the keys, and tell your admin.",
    )


async def ask_admins(parts: Parts, db: Tx, link: Any, admins: frozenset[str], now: datetime) -> None:
    """Tell them that it waits for one of them. Where nobody can be named now, a later pass does."""
    holder = await _holder(db, link.cloud_user_id, link.slack)
    if holder is None or not admins - {link.slack}:
        return
    person, first = await _named(parts, db, link.slack), await _named(parts, db, holder.slack)
    await alert(
        parts,
        db,
        admins - {link.slack},
        "second_link_waits",
        f"{link.project}:{link.cloud_user_name}:{link.slack}",
        now,
        project=link.project,
        text=f"{person} proved to have credentials of cloud user {link.cloud_user_name}, which is linked to {first}. "
        "Their link waits.",
        next_step=f"If it should move to {person}, type `admin map @{person} {link.cloud_user_name} {link.project}` "
        f"with them picked from Slack's list after the @; {first} loses the link then.",
    )
    await identities.note_told(db, Place(link.team, link.slack, link.project), now)


async def _named(parts: Parts, db: Tx, user: str) -> str:
    """Their name in Slack; the id where none is known."""
    known = await people.get(db, parts.deps.team, user)
    return (known[0].name if known else "") or user


# --- the command line --------------------------------------------------------------------------


async def link_person(parts: Parts, user: str, project: str, credentials: Credentials) -> Linked:
    """`leasebot link`: the same proof where no page can be served. Raises BadInput, NotAllowed, CloudError."""
    if project not in parts.deps.config.projects:
        raise BadInput(f"There is no project “{project}” in the policy file.")
    person = await parts.people.get(user)
    if person.deleted or person.guest or person.stranger:
        raise NotAllowed("Guests and people who left cannot be linked.")
    who = await whoami(parts, project, credentials)
    return await keep(parts, person, project, credentials, who, parts.deps.clock.now())


async def list_links(parts: Parts) -> list[dict[str, Any]]:
    """`leasebot link --list`: who is linked, to what, until when. No secrets."""
    async with parts.deps.db.read() as db:
        rows = await identities.everyone(db)
    return [
        {
            "slack": row.slack,
            "project": row.project,
            "cloud_user": row.cloud_user_name,
            "domain": row.domain_name,
            "kind": row.kind,
            "state": row.state,
            "linked_at": row.linked_at.isoformat(),
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        }
        for row in rows
    ]


__all__ = [
    "Linked",
    "Linking",
    "Links",
    "Page",
    "Refused",
    "TicketGone",
    "credentials_of",
    "link_person",
    "list_links",
]
