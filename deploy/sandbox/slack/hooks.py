"""What the bot posts without a token: answers to a `response_url`, and the bytes of an upload."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deploy.sandbox.slack import web
from deploy.sandbox.slack.blocks import check_message
from deploy.sandbox.slack.capabilities import ResponseUrl
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.workspace import Channel, Message

GONE = frozenset({"invalid_url", "expired_url", "used_url"})


async def respond(core: Core, request: Request) -> Response:
    """Serve POST /response/{secret}."""
    body = await request.body()
    fault = core.faults.next_for("response_url")
    early = await web.before(fault)
    if early is not None:
        core.record(kind="response_url", body=None, status=early.status_code, error=None, fault=fault and fault.effect)
        return early
    error = _carry_out(core, str(request.path_params["secret"]), body)
    status = 200 if error is None else 404 if error in GONE else 400
    core.record(kind="response_url", body=_parsed(body), status=status, error=error, fault=fault and fault.effect)
    late = web.after(fault)
    if late is not None:
        return late
    return PlainTextResponse("ok") if error is None else JSONResponse({"ok": False, "error": error}, status)


def _carry_out(core: Core, secret: str, body: bytes) -> str | None:
    try:
        target = core.response_urls.spend(secret, core.clock.now_ms())
        given = _parsed(body)
        if given is None:
            return "invalid_payload"
        show(core, target, given)
    except Refused as refusal:
        return refusal.error
    core.changed()
    return None


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        given = json.loads(body)
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def show(core: Core, target: ResponseUrl, given: dict[str, Any]) -> Message | None:
    """Put an answer where `target` points: new, in place of the pressed message, or nothing but its removal."""
    channel = core.workspace.channels[target.channel]
    blocks, text = given.get("blocks") or [], str(given.get("text") or "")
    findings = check_message(blocks, text)
    core.report("response_url", findings)
    if any(finding.is_error for finding in findings):
        raise Refused("invalid_blocks")
    source = channel.message(target.ts) if target.ts else None
    if given.get("delete_original") and source is not None:
        channel.messages.remove(source)
    if not text and not blocks:
        if given.get("delete_original"):
            return None
        raise Refused("no_text")
    if given.get("replace_original") and source is not None:
        source.replace(text, core.workspace.with_block_ids(blocks))
        source.via_response_url = True
        return source
    return _post(core, channel, target.user, given)


def _post(core: Core, channel: Channel, user: str, given: dict[str, Any]) -> Message:
    public = given.get("response_type") == "in_channel"
    message = Message(
        ts=core.workspace.next_ts(channel),
        user=core.workspace.bot_user,
        text=str(given.get("text") or ""),
        posted_ms=core.clock.now_ms(),
        blocks=given.get("blocks") or [],
        metadata=given.get("metadata"),
        thread_ts=given.get("thread_ts"),
        via_response_url=True,
        ephemeral_to=None if public else user,
    )
    return core.workspace.add_message(channel, message)


async def upload(core: Core, request: Request) -> Response:
    """Serve POST /upload/{secret}: raw bytes or one multipart part, of exactly the announced length."""
    fault = core.faults.next_for("upload")
    early = await web.before(fault)
    if early is not None:
        return early
    secret = str(request.path_params["secret"])
    file = next((f for f in core.workspace.files.values() if f.secret == secret), None)
    if file is None:
        return PlainTextResponse("not found", 404)
    content = await _content(request)
    if len(content) != file.length:
        return PlainTextResponse("length mismatch", 400)
    file.content = content
    return web.after(fault) or PlainTextResponse(f"OK - {len(content)}")


async def _content(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form() as form:
        for part in form.values():
            return part.encode() if isinstance(part, str) else await part.read()
    return b""
