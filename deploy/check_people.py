"""Whom the policy names: user groups and people, as Slack knows them."""

from collections.abc import AsyncIterator, Iterable, Mapping

from bot.config.model import Config, Setting
from bot.config.policy import effective
from bot.errors import SlackError
from bot.slack import SlackPerson
from bot.slackweb import SlackWeb
from deploy.findings import Finding, note, ok, wrong

_KEYS = ("approvers", "escalate_to")  # of [policy], where people stand


async def people_findings(slack: SlackWeb, config: Config) -> AsyncIterator[Finding]:
    """Each user group and each person that a role, a key of the policy or [[people]] names."""
    named = _named(config)
    for group in sorted(each for each in named if each.startswith("S")):
        try:
            people = await slack.group(group)
        except SlackError as error:
            yield wrong("Slack", f"user group {group}: {error.code}", "correct it in the policy; as it is it means no")
        else:
            yield ok("Slack", f"user group {group}, {len(people)} people")
    persons = sorted(each for each in named if not each.startswith("S"))
    found = [finding for each in persons if (finding := await _person(slack, each)) is not None]
    for finding in found:
        yield finding
    if persons and not found:
        yield ok("Slack", f"{len(persons)} people are named in the policy, all of them active members")


async def _person(slack: SlackWeb, user: str) -> Finding | None:
    try:
        known = await slack.person(user)
    except SlackError as error:
        return wrong("Slack", f"{user}, named in the policy: {error.code}",
                     "correct it in the policy; as it is it stands for nobody")  # fmt: skip
    what = _not_a_member(known)
    return note("Slack", f"{known.name} ({user}), named in the policy, {what}", "name somebody else") if what else None


def _not_a_member(person: SlackPerson) -> str:
    """Why this account can decide nothing and is told nothing; empty if it can."""
    kinds = {"is deactivated": person.deleted, "is a bot": person.bot, "is a guest": person.guest,
             "is of another workspace": person.stranger}  # fmt: skip
    return next((what for what, so in kinds.items() if so), "")


def _named(config: Config) -> frozenset[str]:
    """Every U… and S… of the file, those of rules included."""
    named = {str(hint.slack) for hint in config.people}
    for name, project in config.projects.items():
        policy, roles = effective(config, name), project.roles
        named.update((*policy.approvers, *policy.escalate_to, *roles.admins, *roles.leads, *roles.auditors))
    for rule in config.rules:
        named.update(_of(rule.settings))
    return frozenset(named)


def _of(settings: Mapping[str, Setting]) -> Iterable[str]:
    for key in _KEYS:
        value = settings[key].value if key in settings else ()
        yield from (str(each) for each in value) if isinstance(value, tuple) else ()
