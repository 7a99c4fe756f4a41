"""`open`: the private link, read at the click with its owner's own credentials, handed over once, never stored."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bot.clock import to_ms
from bot.errors import CloudError, CloudLoginFailed, NotAllowed, NotLinked
from bot.model import Notebook, NotebookId, Status
from bot.operations.answers.privately import hand_over
from bot.operations.answers.reader import Reader
from bot.operations.ask import Ask
from bot.operations.report import oops
from bot.operations.resolve import owns
from bot.operations.verbs import Verb
from bot.stores import trail
from bot.work import Outcome


class Open(Reader):
    """`open NAME` and the Open buttons; only for the owner."""

    def table(self) -> dict[str, Verb]:
        return {"open": self.open}

    async def open(self, ask: Ask, now: datetime) -> Outcome:
        row = await self.target(ask)
        if not owns(ask.person, row):
            if row.project not in ask.person.cloud_users:
                raise NotLinked(f"I do not know your cloud user in {row.project} yet.")
            raise NotAllowed(f"Only the owner of {row.name} gets its link.", next_step="Ask them.")
        try:
            notebook = await self._read(ask, row)
        except CloudLoginFailed as error:
            raise await self.refused(ask, row.project, error) from error
        except CloudError as error:  # tried again later, it would come when nobody waits for it
            return ask.done("error", now, oops=oops(error, ask.claim.id))
        await self.adopt(row.project, (notebook,), now)
        if notebook.owner_id != ask.person.cloud_users[row.project]:
            raise NotAllowed(f"Only the owner of {row.name} gets its link.", next_step="Ask them.")
        if notebook.status is not Status.RUNNING or not notebook.url:
            return self._closed(ask, notebook, now)
        async with self.deps.db.begin() as db:
            entry = trail.Entry(row.project, ask.user, "open", row.id, ask.claim.id)
            await trail.append_once(db, self.parts.audit_key, entry, now)
        facts = {
            "what": "open",
            "name": notebook.name,
            "project": row.project,
            "url": private_url(notebook),
            "end_ms": to_ms(notebook.lease_ends) if notebook.lease_ends else None,
        }
        return await hand_over(ask, facts, now, again=f"open {row.name}")

    async def _read(self, ask: Ask, row: Any) -> Notebook:
        cloud = await self.parts.tokens.of(ask.user, row.project)
        return await cloud.show(NotebookId(row.id))

    def _closed(self, ask: Ask, notebook: Notebook, now: datetime) -> Outcome:
        if notebook.status.transient or notebook.status is Status.RUNNING:
            return ask.done(
                "text", now, text=f"{notebook.name} is not ready yet: {notebook.status.said}.",
                next_step=f"Try `open {notebook.name}` again in a minute.",
            )  # fmt: skip
        return ask.done(
            "text", now, text=f"{notebook.name} does not run: {notebook.status.said}.",
            next_step=f"`start {notebook.name}` starts it.",
        )  # fmt: skip


def private_url(notebook: Notebook) -> str:
    """Its address with its token, as the console opens it."""
    parts = urlsplit(notebook.url or "")
    query = dict(parse_qsl(parts.query))
    if notebook.token:
        query["token"] = notebook.token
    return urlunsplit(parts._replace(query=urlencode(query)))
