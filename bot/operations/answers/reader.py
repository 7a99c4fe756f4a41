"""What every answer shares: which notebook and which project are meant, and the cloud as whoever asks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.cloud.port import Cloud
from bot.errors import CloudLoginFailed, NotAllowed, NotFound, NotLinked
from bot.model import Notebook
from bot.operations.ask import Ask
from bot.operations.base import Operation, Parts
from bot.operations.told import observe
from bot.operations.verbs import Verb, Verbs
from bot.stores import notebooks

Matches = Callable[[str], bool]


class Reader:
    """Base of the answers."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.deps = parts, parts.deps
        self.verbs = Verbs(parts)
        self.operation = Operation(parts)  # for what operations share, like the catalogues

    def table(self) -> dict[str, Verb]:
        """Verb -> function."""
        raise AssertionError("each subject has its own table")

    async def target(self, ask: Ask) -> Any:
        """The row of the notebook meant; only in projects whose channel the person is in."""
        return await self.verbs.target(ask)

    async def target_in(self, ask: Ask, projects: tuple[str, ...]) -> Any:
        """The same over other projects: an auditor need not be in the channel."""
        return await self.verbs.target(replace(ask, projects=projects))

    async def once(self, ask: Ask, projects: tuple[str, ...]) -> Any:
        """The same, for what is on record: also of one that is deleted."""
        try:
            return await self.target_in(ask, projects)
        except NotFound:
            async with self.deps.db.read() as db:
                row = await notebooks.once(db, projects, str(ask.args.get("notebook") or ask.args.get("name")))
            if row is None:
                raise
            return row

    def one_project(self, ask: Ask) -> str:
        """Named, the channel's, one that is linked, else the first. Raises NotAllowed if there is none."""
        named = ask.args.get("project")
        if named and named not in ask.projects:
            raise NotAllowed(
                f"You are not in the channel of a project “{named}”.",
                next_step=f"Your projects: {', '.join(ask.projects) or 'none'}.",
            )
        if not ask.projects:
            raise NotAllowed("You are in no project's channel.", next_step="Join one, then try again.")
        here = self.project_here(ask)
        linked = [name for name in ask.projects if name in ask.person.cloud_users]
        return str(named or here or (linked or ask.projects)[0])

    def project_here(self, ask: Ask) -> str | None:
        """The project whose channel it was asked in, if the person belongs to it."""
        channels = {name: self.deps.config.projects[name].channel for name in ask.projects}
        return next((name for name, channel in channels.items() if channel == ask.channel), None)

    async def cloud(self, ask: Ask, project: str) -> Cloud:
        """The cloud as the person, else as the project's service account: for what everybody may know."""
        try:
            return await self.parts.tokens.of(ask.user, project)
        except NotLinked:
            return self.parts.tokens.service(project)

    async def refused(self, ask: Ask, project: str, error: CloudLoginFailed) -> NotLinked:
        """The cloud did not accept the person's credentials: remembered, and said."""
        return await self.parts.tokens.broken(ask.user, project, error)

    async def adopt(self, project: str, notebooks: tuple[Notebook, ...], now: datetime) -> None:
        """Take over what was just seen."""
        async with self.deps.db.begin() as db:
            for notebook in notebooks:
                await observe(db, self.deps, project, notebook, now)


def finder(words: str) -> Matches:
    """Whether a text holds every one of the words, in any case."""
    wanted = words.casefold().split()
    return lambda text: all(word in text.casefold() for word in wanted)


def page_of(rows: list[Any], page: int, size: int) -> tuple[list[Any], int, int]:
    """The rows of a page, its number (from 1, within what there is), and how many pages there are."""
    pages = max(1, -(-len(rows) // size))
    number = min(max(1, page), pages)
    return rows[(number - 1) * size : number * size], number, pages
