"""chat.*: posting, changing and taking back messages."""

from typing import Any

from deploy.sandbox.slack import limits, wire
from deploy.sandbox.slack.api.call import Answer, Call, Method
from deploy.sandbox.slack.blocks import check_message
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.workspace import Channel, Message


def post_message(call: Call) -> Answer:
    """Post into a channel the bot is in, or into its direct conversation with a U… id."""
    channel = _target(call)
    text, blocks = _content(call)
    metadata = call.metadata()
    message = Message(
        ts="", user=call.workspace.bot_user, text=text[: limits.TEXT_CUT], blocks=blocks, metadata=metadata,
        posted_ms=call.core.clock.now_ms(), thread_ts=_thread(call, channel), broadcast=call.flag("reply_broadcast"),
    )  # fmt: skip
    message.ts = call.workspace.next_ts(channel)
    call.workspace.add_message(channel, message)
    return {"channel": channel.id, "ts": message.ts, "message": wire.message(call.core, message), **_warnings(call)}


def _target(call: Call) -> Channel:
    wanted = call.need("channel")
    if wanted[0] in "UW":
        user = call.workspace.users.get(wanted)
        if user is None:
            raise Refused("channel_not_found")
        _reachable(call, wanted)
        return call.workspace.open_im(wanted)
    channel = call.channel()
    if channel.kind == "im":
        _reachable(call, next(m for m in channel.members if m != call.workspace.bot_user))
    if channel.kind == "channel" and not channel.is_archived and "chat:write.public" in call.core.scopes:
        return channel
    return call.joined(channel)


def _reachable(call: Call, user_id: str) -> None:
    if not call.core.messages_tab_enabled:
        raise Refused("messages_tab_disabled")
    user = call.user(user_id)
    if user.is_bot:
        raise Refused("cannot_dm_bot")
    if user.deleted:
        raise Refused("user_disabled")


def _content(call: Call) -> tuple[str, list[dict[str, Any]]]:
    text, blocks, markdown = call.text("text"), call.blocks(), call.text("markdown_text")
    if markdown and (text or blocks):
        raise Refused("markdown_text_conflict")
    if len(markdown) > limits.MARKDOWN_TOTAL:
        raise Refused("msg_too_long")
    if not text and not blocks and not markdown and not call.value("attachments"):
        raise Refused("no_text")
    call.check([f for f in check_message(blocks, text or markdown) if not f.is_error], "invalid_blocks")
    return text or markdown, blocks


def _warnings(call: Call) -> Answer:
    if call.value("blocks") and not call.text("text"):
        return {"warning": "missing_text_in_message", "response_metadata": {"warnings": ["missing_text_in_message"]}}
    if len(call.text("text")) > limits.TEXT_CUT:
        return {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    return {}


def _thread(call: Call, channel: Channel) -> str | None:
    thread = call.text("thread_ts")
    if thread and channel.message(thread) is None:
        raise Refused("thread_not_found")
    return thread or None


def update(call: Call) -> Answer:
    """Change one of the bot's own messages; text alone takes the blocks off, metadata stays unless given."""
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    window = call.core.edit_window_s
    if window is not None and call.core.clock.now_ms() - message.posted_ms > window * 1000:
        raise Refused("edit_window_closed")
    if len(call.text("text")) > limits.UPDATE_TEXT:
        raise Refused("msg_too_long")
    text, blocks = _content(call)
    if call.value("metadata") is not None:
        message.metadata = call.metadata()
    message.replace(text, call.workspace.with_block_ids(blocks))
    if not blocks:
        message.edited = {"user": message.user, "ts": f"{call.core.clock.now_ms() // 1000}.000000"}
    shown = wire.message(call.core, message)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": shown, **_warnings(call)}


def _own(call: Call, channel: Channel, error: str) -> Message:
    message = call.message(channel, call.need("ts"))
    if message.user != call.workspace.bot_user:
        raise Refused(error)
    return message


def delete(call: Call) -> Answer:
    """Take back one of the bot's own messages."""
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    channel.messages.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(call: Call) -> Answer:
    """Show something to one member of a channel; it cannot be updated or found afterwards."""
    channel = call.joined(call.channel())
    user = call.need("user")
    if user not in channel.members or call.user(user).deleted:
        raise Refused("user_not_in_channel")
    text, blocks = _content(call)
    message = Message(
        ts=call.workspace.next_ts(channel), user=call.workspace.bot_user, text=text, blocks=blocks,
        posted_ms=call.core.clock.now_ms(), ephemeral_to=user, thread_ts=_thread(call, channel),
    )  # fmt: skip
    call.workspace.add_message(channel, message)
    return {"message_ts": message.ts, **_warnings(call)}


def get_permalink(call: Call) -> Answer:
    """The address of a message."""
    channel = call.channel()
    message = call.message(channel, call.need("message_ts"))
    return {"channel": channel.id, "permalink": f"{call.core.url}/archives/{channel.id}/p{message.ts.replace('.', '')}"}


METHODS = {
    "chat.postMessage": Method(post_message, "chat:write"),
    "chat.update": Method(update, "chat:write"),
    "chat.delete": Method(delete, "chat:write"),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write"),
    "chat.getPermalink": Method(get_permalink),
}
