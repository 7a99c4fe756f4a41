"""Who could decide on a request, as Slack and the links say."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.config.policy import EffectivePolicy
from bot.operations.whose import owner_of
from bot.rules import approvals as rules
from bot.stores import identities, notebooks
from bot.stores.database import Tx

if TYPE_CHECKING:
    from bot.operations.base import Parts


async def roster(parts: "Parts", project: str, policy: EffectivePolicy, *, fresh: bool = False) -> rules.Roster:
    """Who holds what; a group that cannot be read is left out, and means no. `fresh`: as Slack says right now."""
    admins = parts.people.roles(project).admins
    entries = {*policy.approvers, *policy.escalate_to, *admins}
    groups = {entry: await parts.people.group(entry, fresh=fresh) for entry in entries if entry.startswith("S")}
    async with parts.deps.db.read() as db:
        linked = await identities.linked(db)
    parties: dict[str, frozenset[str]] = {}
    for row in linked:  # whoever they are in any project: a cloud user has one id in all of them
        parties[row.slack] = parties.get(row.slack, frozenset()) | {row.cloud_user_id}
    return rules.Roster(policy.approvers, policy.escalate_to, admins, groups, parties)


async def whose(db: Tx, parts: "Parts", project: str, notebook_id: str | None) -> str | None:
    """Whose notebook it is in Slack, as an admin or the policy file may have said too."""
    row = await notebooks.get(db, project, notebook_id) if notebook_id else None
    return await owner_of(db, parts.deps, project, notebooks.load(row.snapshot)) if row is not None else None


async def request_of(db: Tx, parts: "Parts", row: Any, who: rules.Roster) -> rules.Request:
    """A row as the rules see it. The owner is every Slack person linked to the owner's cloud user, and that user.

    Both are also who they were when it was asked, whatever they have unlinked since.
    """
    theirs = await whose(db, parts, row.project, row.notebook_id)
    owner = rules.Party(theirs, frozenset({row.owner_cloud_id} - {None}))
    now, then = who.party(row.requester), frozenset(row.facts.get("requester_then") or ())
    requester, owner_then = rules.Party(now.slack, now.cloud_users | then), rules.Party(row.facts.get("owner_then"))
    state = rules.State(row.state)
    return rules.Request(row.id, requester, owner, row.needs, state, row.expires_at, owner_then)


async def routed(parts: "Parts", request: rules.Request, who: rules.Roster) -> rules.Route | rules.Refused:
    """Whom it goes to; who is known to have left Slack could not decide. Of whom Slack says nothing may be asked."""
    while isinstance(found := rules.route(request, who), rules.Route) and (gone := await _gone(parts, found)):
        who = replace(who, gone=who.gone | gone)
    return found


async def _gone(parts: "Parts", route: rules.Route) -> frozenset[str]:
    """Those who are; of approvers, who see it in the channel, one who is there is enough."""
    gone: set[str] = set()
    for user in sorted(route.people):
        if await parts.people.reach(user) is False:
            gone.add(user)
        elif route.to == "approvers":
            return frozenset()
    return frozenset(gone)


async def escalated_to(
    parts: "Parts", row: Any, policy: EffectivePolicy, *, patience: bool
) -> tuple[frozenset[str], bool]:
    """Who is told of a request that nobody has answered, and whether that is everybody.

    It is not where a group cannot be read, of the admins' if nobody else is told; with `patience` nobody is told in the
    stead of those who may be in it.
    """
    who = await roster(parts, row.project, policy)
    async with parts.deps.db.read() as db:
        request = await request_of(db, parts, row, who)
    unread = bool(who.unread(policy.escalate_to))
    if unread and patience:
        who = replace(who, admins=())
    while gone := await _those_gone(parts, found := rules.escalation(request, who)):
        who = replace(who, gone=who.gone | gone)
    return found, bool(found or not who.unread(who.admins)) and not unread


async def _those_gone(parts: "Parts", users: frozenset[str]) -> frozenset[str]:
    return frozenset([user for user in sorted(users) if await parts.people.reach(user) is False])
