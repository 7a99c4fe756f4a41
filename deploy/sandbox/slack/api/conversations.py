"""conversations.*: what the bot can see of channels and direct conversations."""

from deploy.sandbox.slack import wire
from deploy.sandbox.slack.api.call import HISTORY, READ, Answer, Call, Method
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.workspace import Channel, Message


def open_(call: Call) -> Answer:
    """Open the direct conversation with one person, or a group one with up to eight."""
    if call.text("channel"):
        return _opened(call, call.channel())
    users = call.words("users")
    if not 1 <= len(users) <= 8:
        raise Refused("users_list_not_supplied" if not users else "too_many_users")
    call.need_scope("im:write" if len(users) == 1 else "mpim:write")
    for user in users:
        _may_open(call, user)
    if len(users) == 1:
        return _opened(call, call.workspace.open_im(users[0]))
    return _opened(call, _open_group(call, sorted({*users, call.workspace.bot_user})))


def _may_open(call: Call, user_id: str) -> None:
    user = call.user(user_id)
    if user.is_bot:
        raise Refused("cannot_dm_bot")
    if user.deleted:
        raise Refused("user_disabled")
    if user.is_stranger:
        raise Refused("user_not_visible")


def _open_group(call: Call, members: list[str]) -> Channel:
    for channel in call.workspace.channels.values():
        if channel.kind == "mpim" and sorted(channel.members) == members:
            return channel
    channel = Channel(call.workspace.ids.new("G"), "mpdm", "mpim", members)
    call.workspace.channels[channel.id] = channel
    return channel


def _opened(call: Call, channel: Channel) -> Answer:
    full = call.flag("return_im")
    return {"channel": wire.channel(call.core, channel) if full else {"id": channel.id}}


def info(call: Call) -> Answer:
    """A conversation, with the bot's membership."""
    channel = call.channel(family=READ)
    shown = wire.channel(call.core, channel)
    return {"channel": shown | ({"num_members": len(channel.members)} if call.flag("include_num_members") else {})}


def list_(call: Call) -> Answer:
    """The conversations of the kinds asked for (`types`, public channels unless said)."""
    kinds = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
    wanted = {kinds.get(word, "") for word in call.words("types") or ["public_channel"]} - {""}
    for kind in sorted(wanted):
        call.need_scope(READ[kind])
    bot = call.workspace.bot_user
    found = [
        c for c in call.workspace.channels.values() if c.kind in wanted and (c.kind == "channel" or bot in c.members)
    ]
    if call.flag("exclude_archived"):
        found = [channel for channel in found if not channel.is_archived]
    page, cursor = call.page(found)
    return {"channels": [wire.channel(call.core, c) for c in page], "response_metadata": {"next_cursor": cursor}}


def members(call: Call) -> Answer:
    """The ids of everyone in a conversation, in pages."""
    page, cursor = call.page(call.channel(family=READ).members)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def join(call: Call) -> Answer:
    """Join a public channel."""
    channel = call.channel()
    if channel.kind != "channel":
        raise Refused("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise Refused("is_archived")
    if call.workspace.bot_user not in channel.members:
        channel.members.append(call.workspace.bot_user)
    return {"channel": wire.channel(call.core, channel)}


def history(call: Call) -> Answer:
    """Messages newest first between `oldest` and `latest` (exclusive unless `inclusive`), without replies."""
    channel = call.channel(family=HISTORY)
    if call.workspace.bot_user not in channel.members:
        raise Refused("not_in_channel")
    found = [m for m in channel.messages if m.thread_ts in (None, m.ts) or m.broadcast]
    return _listing(call, _between(call, found)[::-1])


def replies(call: Call) -> Answer:
    """A thread, oldest first, its first message included."""
    channel = call.channel(family=HISTORY)
    if call.workspace.bot_user not in channel.members:
        raise Refused("not_in_channel")
    parent = channel.message(call.need("ts"))
    if parent is None:
        raise Refused("thread_not_found")
    root = parent.thread_ts or parent.ts
    found = [m for m in channel.messages if m.thread_ts == root and m.ts != root]
    first = [m for m in channel.messages if m.ts == root]
    return _listing(call, first + _between(call, found))


def _between(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = _micros(call, "oldest", 0), _micros(call, "latest", 10**18)
    edge = 0 if call.flag("inclusive") else 1
    return [m for m in messages if oldest + edge <= _us(m.ts) <= latest - edge and not m.ephemeral_to]


def _micros(call: Call, name: str, default: int) -> int:
    text = call.text(name)
    try:
        return _us(text) if text and text != "now" else default
    except ValueError:
        raise Refused(f"invalid_ts_{name}") from None


def _us(ts: str) -> int:
    seconds, _, rest = ts.partition(".")
    return int(seconds) * 1_000_000 + int((rest + "000000")[:6])


def _listing(call: Call, found: list[Message]) -> Answer:
    page, cursor = call.page(found, default=100, most=999)
    with_metadata = call.flag("include_all_metadata")
    return {
        "messages": [wire.message(call.core, m, metadata=with_metadata) for m in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


METHODS = {
    "conversations.open": Method(open_),
    "conversations.info": Method(info),
    "conversations.list": Method(list_),
    "conversations.members": Method(members),
    "conversations.join": Method(join, "channels:join"),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
}
