"""files.*: the three steps of an upload (the second is a plain POST, see `web.py`)."""

import secrets
from typing import Any

from deploy.sandbox.slack import wire
from deploy.sandbox.slack.api.call import Answer, Call, Method
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.workspace import Channel, File, Message

ALT_TEXT = 1000


def get_upload_url(call: Call) -> Answer:
    """First step: announce name and exact length in bytes."""
    if not call.text("filename") or call.text("length") in ("", "0"):
        raise Refused("missing_argument")
    if len(call.text("alt_txt")) > ALT_TEXT:
        raise Refused("alt_txt_too_large")
    file = File(
        call.workspace.ids.new("F"), call.text("filename"), call.number("length", 0, 2**31),
        call.text("alt_txt"), secrets.token_urlsafe(18),
    )  # fmt: skip
    call.workspace.files[file.id] = file
    return {"file_id": file.id, "upload_url": f"{call.core.url}/upload/{file.secret}"}


def complete(call: Call) -> Answer:
    """Third step: share what was uploaded, as a message in a channel or thread."""
    files = [_uploaded(call, item) for item in call.value("files") or []]
    if not files:
        raise Refused("invalid_arguments")
    channels = call.words("channels") or ([call.text("channel_id")] if call.text("channel_id") else [])
    targets = [_target(call, channel) for channel in channels]
    blocks = call.blocks()
    for channel in targets:
        _share(call, channel, files, blocks)
    for file in files:
        file.completed = True
    return {"files": [wire.file(call.core, file) for file in files]}


def _uploaded(call: Call, item: Any) -> File:
    file = call.workspace.files.get(item.get("id", "")) if isinstance(item, dict) else None
    if file is None:
        raise Refused("file_not_found")
    if file.content is None or file.completed:
        raise Refused("file_update_failed" if file.completed else "file_not_found")
    file.title = str(item.get("title") or file.name)
    return file


def _target(call: Call, channel_id: str) -> Channel:
    found = call.workspace.channels.get(channel_id)
    if found is None or (found.kind != "channel" and call.workspace.bot_user not in found.members):
        raise Refused("channel_not_found")
    return call.joined(found)


def _share(call: Call, channel: Channel, files: list[File], blocks: list[dict[str, Any]]) -> None:
    thread = call.text("thread_ts")
    if thread and channel.message(thread) is None:
        raise Refused("thread_not_found")
    message = Message(
        call.workspace.next_ts(channel), call.workspace.bot_user, call.text("initial_comment"),
        call.core.clock.now_ms(), blocks=blocks, files=list(files), thread_ts=thread or None,
    )  # fmt: skip
    call.workspace.add_message(channel, message)
    for file in files:
        file.shares.append((channel.id, message.ts))


def info(call: Call) -> Answer:
    """A file, with where it was shared."""
    file = call.workspace.files.get(call.need("file"))
    if file is None:
        raise Refused("file_not_found")
    return {"file": wire.file(call.core, file)}


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(complete, "files:write"),
    "files.info": Method(info, "files:read"),
}
