"""Who somebody is, which projects they belong to, and what role they have; asked of Slack, remembered for a while."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.clock import SKEW
from bot.config.model import Roles
from bot.errors import SlackBusy, SlackDown, SlackError, SlackUnreachable
from bot.model import Person, SlackUserId
from bot.operations.deps import Deps
from bot.paces import PACED
from bot.slack import SlackPerson
from bot.stores import people as store

Ask = Callable[[str], Awaitable[frozenset[str]]]

log = logging.getLogger(__name__)

FRESH = timedelta(hours=1)  # contract 2: an owner counts as reachable on what Slack said at most this long ago
MEMBERS_FRESH = timedelta(minutes=5)
JUST = timedelta(minutes=1)  # whoever is in no channel is looked for again in lists older than that
MET_MOST = 10  # in one pass


class People:
    """Answers from the store; asks Slack when the answer is old. What cannot be read means no."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._members: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._groups: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._met: dict[str, datetime] = {}

    async def get(self, user: str) -> Person:
        """The person; what Slack said at most an hour ago, or the last it ever said if it does not answer now."""
        return (await self._latest(user))[0]

    async def _latest(self, user: str) -> tuple[Person, datetime | None]:
        """The person, and when Slack said so; None: never."""
        team, now = self._deps.team, self._deps.clock.now()
        async with self._deps.db.read() as db:
            known = await store.get(db, team, user)
        if known and _fresh(known[1], now):
            return known
        if (said := await self._refresh(user, now)) is not None:
            return said, now
        return known or (Person(team, SlackUserId(user)), None)

    async def meet(self, users: Iterable[str]) -> None:
        """Ask about people of whom Slack has said nothing yet: a few at a time, and of each at most once an hour."""
        now = self._deps.clock.now()
        for user in [user for user in dict.fromkeys(users) if not _fresh(self._met.get(user), now)][:MET_MOST]:
            self._met[user] = now
            await self.get(user)

    async def acting(self, user: str) -> Person:
        """Whoever wants something done. Raises SlackError if Slack has never said who they are and does not now."""
        async with self._deps.db.read() as db:
            known = await store.get(db, self._deps.team, user)
        if known and known[1]:
            return await self.get(user)
        return await self._ask(user, self._deps.clock.now())

    async def _refresh(self, user: str, now: datetime) -> Person | None:
        try:
            return await self._ask(user, now)
        except SlackError as error:
            if error.code != PACED:  # there may be many, and their turn comes with the next pass
                log.warning("users.info: %s", error.code)
            return None

    async def _ask(self, user: str, now: datetime) -> Person:
        try:
            said = await self._deps.slack.person(user)
        except SlackUnreachable:  # Slack has answered: there is nobody of that id
            said = SlackPerson(user, "", user, None, deleted=True, guest=False, stranger=False, bot=False)
        async with self._deps.db.begin() as db:
            await store.save(db, self._deps.team, said, now)
            fresh = await store.get(db, self._deps.team, user)
        return fresh[0] if fresh else Person(self._deps.team, SlackUserId(user))

    async def slack_answers(self) -> bool:
        """Whether Slack answers right now: while it does not, nobody is told anything and nothing is stopped."""
        try:
            await self._deps.slack.whoami()
        except SlackError as error:
            log.warning("Slack does not answer: %s", error.code)
            return False
        return True

    async def reach(self, user: str) -> bool | None:
        """Whether Slack, asked at most an hour ago, shows an active member; None if Slack does not say."""
        person, at = await self._latest(user)
        if not _fresh(at, self._deps.clock.now()):
            return None
        return not (person.deleted or person.guest or person.stranger)

    async def reach_each(self, users: Iterable[str]) -> dict[str, bool | None]:
        """The same of many: those whom Slack has told of lately are looked up together."""
        wanted, now = dict.fromkeys(users), self._deps.clock.now()
        if not wanted:
            return {}
        async with self._deps.db.read() as db:
            rows = await store.told_of(db, self._deps.team, wanted)
        found = {
            row.slack: not (row.deleted or row.guest or row.stranger) for row in rows if _fresh(row.checked_at, now)
        }
        return {user: found[user] if user in found else await self.reach(user) for user in wanted}

    async def reachable(self, user: str) -> bool:
        """The same, where not knowing means no."""
        return await self.reach(user) is True

    async def zone(self, user: str) -> ZoneInfo:
        """Their own choice, else Slack's, else the policy file's."""
        person = await self.get(user)
        async with self._deps.db.read() as db:
            chosen = (await store.settings(db, self._deps.team, user)).get("zone")
        for name in (chosen, person.zone):
            if name:
                try:
                    return ZoneInfo(name)
                except (ZoneInfoNotFoundError, ValueError, OSError):
                    continue
        return self._deps.config.timezone

    async def members(self, project: str, *, sure: bool = False) -> frozenset[str]:
        """Who is in the project's channel; if Slack cannot say and never did, nobody, or with `sure` a SlackDown."""
        channel = self._deps.config.projects[project].channel
        return await self._cached(self._members, channel, self._deps.slack.members, MEMBERS_FRESH, sure=sure)

    async def projects(self, user: str, *, sure: bool = False) -> tuple[str, ...]:
        """The projects they belong to: in the channel, and no guest. `sure`: rather SlackDown than fewer."""
        person = await self.get(user)
        if person.guest or person.stranger or person.deleted:
            return ()
        names = self._deps.config.projects
        found = tuple([name for name in names if user in await self.members(name, sure=sure)])
        if found or not sure:
            return found
        self._members = {key: kept for key, kept in self._members.items() if self._just(kept[0])}
        return tuple([name for name in names if user in await self.members(name)])  # they may have joined just now

    def _just(self, at: datetime) -> bool:
        return self._deps.clock.now() - at < JUST

    async def among(self, user: str, entries: Iterable[str]) -> bool:
        """Whether `user` is named by `entries`, people `U…` or groups `S…`. An unreadable group means no."""
        return user in await self.expand(entries)

    async def expand(self, entries: Iterable[str]) -> frozenset[str]:
        """Everybody named by `entries`; an unreadable group counts for nobody."""
        found: set[str] = set()
        for entry in entries:
            if entry.startswith("S"):
                found |= await self._cached(self._groups, entry, self._deps.slack.group, MEMBERS_FRESH, stale=False)
            else:
                found.add(entry)
        return frozenset(found)

    async def admins(self, project: str | None = None) -> frozenset[str]:
        """Admins of everything and of `project`."""
        return await self.expand(self.roles(project).admins)

    async def is_admin(self, user: str, project: str | None = None) -> bool:
        return user in await self.admins(project)

    async def has_role(self, user: str, role: str, project: str) -> bool:
        """`role` is admins, leads or auditors."""
        roles = self.roles(project)
        return await self.among(user, {"admins": roles.admins, "leads": roles.leads, "auditors": roles.auditors}[role])

    async def group(self, group: str, *, fresh: bool = False) -> frozenset[str] | None:
        """Members of a user group; None if it cannot be read now and was not lately. `fresh`: as Slack says now."""
        now = self._deps.clock.now()
        if fresh:
            return await self._asked(group, now)
        await self._cached(self._groups, group, self._deps.slack.group, MEMBERS_FRESH, stale=False)
        known = self._groups.get(group)
        return known[1] if known and now - known[0] < MEMBERS_FRESH else None

    async def _asked(self, group: str, now: datetime) -> frozenset[str] | None:
        """Raises SlackBusy where it is not our turn yet: whoever asks comes again in a few seconds."""
        try:
            found = await self._deps.slack.group(group, fresh=True)
        except SlackError as error:
            if error.code == PACED:
                raise
            log.warning("who is in %s: %s", group, error.code)
            return None
        self._groups[group] = (now, found)
        return found

    def roles(self, project: str | None) -> Roles:
        """Roles of a project, or the general ones."""
        return self._deps.config.projects[project].roles if project else self._deps.config.roles

    async def _cached(
        self,
        cache: dict[str, tuple[datetime, frozenset[str]]],
        key: str,
        ask: Ask,
        fresh: timedelta,
        *,
        stale: bool = True,
        sure: bool = False,
    ) -> frozenset[str]:
        now = self._deps.clock.now()
        known = cache.get(key)
        if known and -SKEW < now - known[0] < fresh:
            return known[1]
        try:
            cache[key] = (now, await ask(key))
        except SlackError as error:
            log.warning("who is in %s: %s", key, error.code)
            if sure and known is None and isinstance(error, SlackDown | SlackBusy):
                raise
            return known[1] if known and stale else frozenset()
        return cache[key][1]


def _fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and -SKEW < now - at < FRESH
