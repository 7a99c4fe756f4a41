"""Slack person -> the cloud as that person; the scheduler -> the cloud as the project's service account."""

from datetime import timedelta

from bot.cloud.port import Cloud
from bot.errors import CloudLoginFailed, LinkWaits, NotLinked, SlackDown
from bot.operations.deps import Deps
from bot.stores import identities
from bot.stores.identities import Place

EXPIRES_SOON = timedelta(minutes=1)


class Tokens:
    """Gives clouds. Tokens themselves are cached, renewed early and single-flighted by the adapter."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def of(self, user: str, project: str) -> Cloud:
        """The cloud as this person. Raises NotLinked if they have not linked, or their credentials are dead;
        SlackDown while it is not known which workspace this is.
        """
        if not self._deps.team:  # it is not known yet where to look: that says nothing of them
            raise SlackDown("team_unknown", "Slack has not said yet which workspace this is.")
        place = Place(self._deps.team, user, project)
        async with self._deps.db.read() as db:
            row = await identities.get(db, place)
        if row is None:
            raise NotLinked(f"You have not linked a cloud user for {project} yet.")
        if row.state == "waiting":
            raise LinkWaits(f"Your link for {project} waits for an admin to confirm it.")
        if row.state == "broken" or (row.expires_at and row.expires_at <= self._deps.clock.now() + EXPIRES_SOON):
            raise NotLinked(
                f"Your cloud credentials for {project} no longer work.",
                next_step=f"Link again with `{self._deps.command} link`.",
            )
        credentials = identities.opened(self._deps.sealer, place, row)
        return self._deps.clouds.connect(self._deps.config.projects[project].endpoint, credentials)

    def service(self, project: str) -> Cloud:
        """The cloud as the project's service account, behind commands in the rate limit."""
        known = self._deps.config.projects[project]
        return self._deps.clouds.connect(known.endpoint, known.service_account, interactive=False)

    async def broken(self, user: str, project: str, error: CloudLoginFailed) -> NotLinked:
        """The cloud refused the person's credentials: remember, and say what to do."""
        async with self._deps.db.begin() as db:
            await identities.mark_broken(db, Place(self._deps.team, user, project), self._deps.clock.now())
        return NotLinked(
            f"The cloud no longer accepts your credentials for {project}: {error}",
            next_step=f"Link again with `{self._deps.command} link`.",
        )
