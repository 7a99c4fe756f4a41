"""users.*, usergroups.*, dnd.*, reactions.*: people and their groups."""

from deploy.sandbox.slack import wire
from deploy.sandbox.slack.api.call import Answer, Call, Method
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.workspace import Message

EMOJI_LENGTH = 100


def info(call: Call) -> Answer:
    """One person, foreign and departed ones included."""
    return {"user": wire.user(call.core, call.user(call.need("user")), locale=call.flag("include_locale"))}


def list_(call: Call) -> Answer:
    """Everyone, in pages."""
    page, cursor = call.page(list(call.workspace.users.values()))
    return {"members": [wire.user(call.core, user) for user in page], "response_metadata": {"next_cursor": cursor}}


def lookup_by_email(call: Call) -> Answer:
    """The active person with that address."""
    email = call.need("email").lower()
    for user in call.workspace.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"user": wire.user(call.core, user)}
    raise Refused("users_not_found")


def groups(call: Call) -> Answer:
    """All user groups; disabled ones and members only when asked for."""
    shown = [g for g in call.workspace.groups.values() if not g.disabled or call.flag("include_disabled")]
    return {"usergroups": [wire.group(group, users=call.flag("include_users")) for group in shown]}


def group_users(call: Call) -> Answer:
    """The members of one group."""
    group = call.workspace.groups.get(call.need("usergroup"))
    if group is None or (group.disabled and not call.flag("include_disabled")):
        raise Refused("no_such_subteam")
    return {"users": list(group.users)}


def dnd_info(call: Call) -> Answer:
    """A person's do-not-disturb window; times in unix seconds."""
    user = call.user(call.text("user") or call.workspace.bot_user)
    defaults = {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1, "snooze_enabled": False}
    return {**defaults, **user.dnd}


def _reacted(call: Call) -> tuple[Message, str]:
    message = call.message(call.joined(call.channel()), call.need("timestamp"))
    name = call.need("name")
    if ":" in name or len(name) > EMOJI_LENGTH:
        raise Refused("invalid_name")
    return message, name


def add_reaction(call: Call) -> Answer:
    """Put an emoji on a message."""
    message, name = _reacted(call)
    users = message.reactions.setdefault(name, [])
    if call.workspace.bot_user in users:
        raise Refused("already_reacted")
    users.append(call.workspace.bot_user)
    return {}


def remove_reaction(call: Call) -> Answer:
    """Take the bot's emoji off a message."""
    message, name = _reacted(call)
    if call.workspace.bot_user not in message.reactions.get(name, []):
        raise Refused("no_reaction")
    message.reactions[name].remove(call.workspace.bot_user)
    if not message.reactions[name]:
        del message.reactions[name]
    return {}


METHODS = {
    "users.info": Method(info, "users:read"),
    "users.list": Method(list_, "users:read"),
    "users.lookupByEmail": Method(lookup_by_email, "users:read.email"),
    "usergroups.list": Method(groups, "usergroups:read"),
    "usergroups.users.list": Method(group_users, "usergroups:read"),
    "dnd.info": Method(dnd_info, "dnd:read"),
    "reactions.add": Method(add_reaction, "reactions:write"),
    "reactions.remove": Method(remove_reaction, "reactions:write"),
}
