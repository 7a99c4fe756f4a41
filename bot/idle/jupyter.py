"""Source `jupyter`: asks the notebook's own server, without our asking counting as activity."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.idle.fetch import Answer, Fetcher, Unreadable
from bot.idle.guard import Refused, Target, target
from bot.idle.jupyter_facts import ServerFacts, facts
from bot.idle.jupyter_verdict import NAME, cannot_tell, judge
from bot.idle.ports import Evidence, Malformed, Subject
from bot.model import NotebookId

UNTRACKED = "?no_track_activity=1"
AT_ONCE = 20  # notebooks read at the same time
AT_ONE_TIME = timedelta(minutes=1)  # answers of one reading are dated no further apart


@dataclass(frozen=True, slots=True)
class _Server:
    fetch: Fetcher
    at: Target
    address: str
    token: str

    async def get(self, path: str, *, absent: frozenset[int] = frozenset()) -> Answer:
        """The answer; an empty one where the status says that this server has no such thing."""
        try:
            return await self.fetch.get(self.at, self.address, path, self.token)
        except Unreadable as error:
            if error.status in absent:
                return Answer(None, None)
            raise


class Jupyter:
    """Kernels, terminals and sessions of a notebook, through its `url` and `token` (both re-read after each start).

    Source: Jupyter Server REST API; API digest 17.2.
    """

    name = NAME

    def __init__(self, fetch: Fetcher, clock: Clock, *, at_once: int = AT_ONCE) -> None:
        self._fetch, self._clock, self._slots = fetch, clock, asyncio.Semaphore(at_once)

    async def read(self, subjects: Sequence[Subject]) -> Mapping[NotebookId, Evidence]:
        """One reading for each subject; a failure is an unknown reading with its reason."""
        readings = await asyncio.gather(*(self._read(subject) for subject in subjects))
        return {subject.notebook.id: each for subject, each in zip(subjects, readings, strict=True)}

    async def _read(self, subject: Subject) -> Evidence:
        try:
            async with self._slots:
                server, date = await self._ask(subject)
            return judge(server, date, subject, self._clock.now())
        except Unreadable as error:
            status = {"http": str(error.status)} if error.status else {}
            return cannot_tell(str(error), subject.memory, status)
        except Refused as error:
            return cannot_tell(str(error), subject.memory, {"refused": "1"})
        except Malformed as error:
            return cannot_tell(f"the notebook's answer cannot be read ({error})", subject.memory)
        except Exception as error:  # a person's own server answers as it likes; the others are read all the same
            return cannot_tell(f"the notebook could not be read ({type(error).__name__})", subject.memory)

    async def _ask(self, subject: Subject) -> tuple[ServerFacts, datetime | None]:
        notebook = subject.notebook
        if not notebook.url or not notebook.token:
            raise Unreadable("the notebook's address is not known yet")
        at = target(notebook.url, subject.endpoint)
        server = _Server(self._fetch, at, await self._fetch.address(at), notebook.token)
        status = await server.get("/api/status")  # first: never counted, and says whether the token is good
        kernels, sessions, terminals, about = await _all(
            server.get("/api/kernels" + UNTRACKED),
            server.get("/api/sessions" + UNTRACKED),
            server.get("/api/terminals" + UNTRACKED, absent=frozenset({404})),
            server.get("/api", absent=frozenset({401, 403, 404})),
        )
        dates = [each.date for each in (status, kernels, sessions, terminals) if each.date is not None]
        if dates and (apart := max(dates) - min(dates)) > AT_ONE_TIME:  # one was kept somewhere on the way
            minutes = apart // timedelta(minutes=1)
            raise Unreadable(f"an answer of the notebook's is dated {minutes} min before another one", 200)
        date = status.date or min(dates, default=None)
        return facts(status.body, kernels.body, sessions.body, terminals.body, about.body), date


async def _all(*asked: Coroutine[Any, Any, Answer]) -> list[Answer]:
    """All the answers, or the first failure once none of the others is under way any more."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if isinstance(answer, Answer)]
