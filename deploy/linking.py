"""`leasebot link`: the linking page's proof, from a terminal."""

from collections.abc import Mapping

from bot.config.model import Config
from bot.config.values import slack_user
from bot.errors import BadInput, SlackDown
from bot.operations import links
from bot.settings import Settings
from deploy.compose import bot, greet

_FIELDS = {
    "password": ("domain", "user", "password"),
    "aksk": ("access_key", "secret_key"),
    "temporary": ("access_key", "secret_key", "security_token"),
}


def fields_of(kind: str) -> tuple[str, ...]:
    """What has to be typed. Raises BadInput for an unknown kind."""
    if kind not in _FIELDS:
        raise BadInput(f"--kind {kind}: it must be {', '.join(_FIELDS)}.")
    return _FIELDS[kind]


def check(config: Config, person: str, project: str) -> None:
    """Before anything is typed. Raises BadInput."""
    slack_user(person)
    if project not in config.projects:
        raise BadInput(f"--project {project}: there is none of that name; there are: {', '.join(config.projects)}.")


async def listed(settings: Settings, config: Config) -> list[str]:
    """Who is linked, to what, until when; no secrets."""
    async with bot(settings, config) as running:
        rows = await links.list_links(running.parts)
    if not rows:
        return ["nobody is linked yet"]
    return [
        f"{row['slack']} in {row['project']}: {row['cloud_user']} of {row['domain']} ({row['kind']}, {row['state']}), "
        f"linked {row['linked_at']}, " + (f"until {row['expires_at']}" if row["expires_at"] else "no end known")
        for row in rows
    ]


async def linked(settings: Settings, config: Config, person: str, project: str, form: Mapping[str, str]) -> str:
    """Prove the credentials by a cloud call and keep them. Raises BadInput, NotAllowed, CloudError, SlackDown."""
    credentials = links.credentials_of(form)
    async with bot(settings, config) as running:
        if not await greet(running):
            raise SlackDown("connection", "Slack does not say which workspace this is.")
        done = await links.link_person(running.parts, person, project, credentials)
    if done.state == "waiting":
        return f"{done.cloud_user} is somebody else's already: the link of {person} waits for an admin to confirm it"
    return f"{person} is linked to {done.cloud_user} in {done.project}"
