"""`list`: one's own as the cloud says now; everybody's as last seen, for members of the project; and its pages."""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from bot.clock import to_ms
from bot.errors import CloudError, CloudLoginFailed, NotAllowed, NotLinked, Stale
from bot.model import Status
from bot.operations.answers.reader import Reader, finder, page_of
from bot.operations.answers.rows import Looker, row_facts
from bot.operations.ask import Ask
from bot.operations.base import Parts
from bot.operations.resolve import owns
from bot.operations.verbs import Verb
from bot.operations.whose import by_hint
from bot.stores import notebooks
from bot.stores.database import Tx
from bot.stores.schema import projects, work
from bot.work import Outcome

log = logging.getLogger(__name__)

PAGE = 15
OLD = timedelta(minutes=10)  # a listing older than this is said to be of then
_TITLES = {"all": "Everyone's notebooks", "running": "Running notebooks", "stopped": "Stopped notebooks"}


@dataclass(slots=True)
class Live:
    """What the cloud said just now: ids by project (None: not all of them), and where it did not answer."""

    listed: dict[str, frozenset[str] | None] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def has(self, row: Any) -> bool:
        """False for what a complete listing no longer holds."""
        ids = self.listed.get(row.project)
        return ids is None or row.id in ids


class List(Reader):
    """`list` and the buttons that turn its pages, and those of `images`."""

    def __init__(self, parts: Parts, turned: dict[str, Verb] | None = None) -> None:
        super().__init__(parts)
        self._turned = {"list": self.listing, **(turned or {})}

    def table(self) -> dict[str, Verb]:
        return {"list": self.listing, "page": self.page}

    async def page(self, ask: Ask, now: datetime) -> Outcome:
        """Continue the request whose page it was; only its author may, and with today's rights."""
        async with self.deps.db.read() as db:
            row = (await db.execute(select(work).where(work.c.id == str(ask.args.get("request"))))).first()
        if row is None or row.data.get("verb") not in self._turned:
            raise Stale("That list is too old to be turned. Ask for it again.")
        if row.author != ask.user:
            raise NotAllowed("That list belongs to somebody else's command.")
        args = dict(row.data.get("args") or {}) | {"page": ask.args.get("page") or 1, "request": row.id}
        return await self._turned[str(row.data["verb"])](replace(ask, args=args), now)

    async def listing(self, ask: Ask, now: datetime) -> Outcome:
        """Own ones live, adopting what is seen; the others from the last pass."""
        scope, words = str(ask.args.get("scope") or "mine"), str(ask.args.get("words") or "")
        if not ask.projects:
            raise NotAllowed(
                "You are in no project's channel, so I cannot show you its notebooks.",
                next_step="Join the project's channel, then try again.",
            )
        seen = await self._look(ask, now) if scope == "mine" else Live()
        looker = Looker(ask.person, await powers(self.parts, ask), len(ask.projects) > 1)
        async with self.deps.db.read() as db:
            rows = [row for row in await self._rows(db, ask, scope) if seen.has(row) and finder(words)(_searched(row))]
            shown, page, pages = page_of(rows, int(ask.args.get("page") or 1), PAGE)
            facts = [await row_facts(db, self.deps, row, looker, now) for row in shown]
            as_of = await self._as_of(db, ask, scope, seen.failed, now)
        told: dict[str, Any] = {"as_of_ms": to_ms(as_of)} if as_of else {}
        return ask.done(
            "list",
            now,
            cause=ask.claim.id,
            request=str(ask.args.get("request") or ask.claim.id),
            title=self._title(ask, scope),
            filtered=bool(words) or scope != "mine",
            rows=facts,
            page=page,
            pages=pages,
            total=len(rows),
            failed=seen.failed,
            **told,
        )

    async def _look(self, ask: Ask, now: datetime) -> Live:
        """List one's own in each linked project. Raises NotLinked if that is possible in none."""
        live = Live()
        unlinked: NotLinked | None = None
        linked = [name for name in ask.projects if name in ask.person.cloud_users]
        for project in linked or ask.projects[:1]:
            try:
                live.listed[project] = await self.look(ask, project, now)
            except NotLinked as error:
                unlinked = error
                live.failed.append(project)
            except CloudError as error:
                log.warning("own notebooks in %s: %s", project, error)
                live.failed.append(project)
        if unlinked is not None and not live.listed:
            raise unlinked
        return live

    async def look(self, ask: Ask, project: str, now: datetime) -> frozenset[str] | None:
        """Adopt one's own as the cloud lists them now; their ids, if it listed all. Raises NotLinked, CloudError."""
        try:
            cloud = await self.parts.tokens.of(ask.user, project)
            listing = await cloud.list_own()
        except CloudLoginFailed as error:
            raise await self.refused(ask, project, error) from error
        await self.adopt(project, listing.notebooks, now)
        return frozenset(notebook.id for notebook in listing.notebooks) if listing.complete else None

    async def _rows(self, db: Tx, ask: Ask, scope: str) -> list[Any]:
        rows = await notebooks.of_projects(db, ask.projects)
        match scope:
            case "mine":
                return [row for row in rows if owns(ask.person, row)]
            case "running":
                return [row for row in rows if Status(row.status).runs]
            case "stopped":
                return [row for row in rows if row.status == Status.STOPPED]
            case "all":
                return rows
        return await self._of(db, ask, rows, scope.removeprefix("@"))

    async def _of(self, db: Tx, ask: Ask, rows: list[Any], user: str) -> list[Any]:
        """Somebody's: by their links, else as an admin or the policy file says."""
        person = await self.parts.people.get(user)
        hinted = {name: await by_hint(db, self.deps, name) for name in ask.projects}

        def named(row: Any) -> str | None:
            return None if person.cloud_users.get(row.project) else hinted[row.project](row.owner_id, row.owner_name)

        return [row for row in rows if owns(person, row) or named(row) == user]

    def _title(self, ask: Ask, scope: str) -> str:
        where = f" in {ask.projects[0]}" if len(ask.projects) == 1 else ""
        if scope == "mine":
            return "Your notebooks"
        return _TITLES.get(scope, "Their notebooks") + where

    async def _as_of(self, db: Tx, ask: Ask, scope: str, failed: list[str], now: datetime) -> datetime | None:
        """When what is shown was seen; None while that is fresh."""
        old = failed if scope == "mine" else list(ask.projects)
        asked, passed = projects.c.listed_at, projects.c.last_ok_at
        last = func.coalesce(asked, passed) if scope == "stopped" else passed  # passes may list only what runs
        rows = await db.execute(select(last.label("at")).where(projects.c.name.in_(old)))
        seen = min((row.at for row in rows if row.at), default=None)
        return seen if seen and (failed or now - seen > OLD) else None


async def powers(parts: Parts, ask: Ask) -> frozenset[str]:
    """The projects in which the person may act on the notebooks of others."""
    found = set()
    for project in ask.projects:
        for role in ("leads", "admins"):
            if await parts.people.has_role(ask.user, role, project):
                found.add(project)
    return frozenset(found)


def _searched(row: Any) -> str:
    """What the words of a search are looked for in."""
    image = row.snapshot.get("image_name") or ""
    return " ".join((row.name, row.id, row.flavor, row.owner_name, row.status, image, row.project))
