"""The Web API's door: arguments from query, form and JSON; token, scopes, faults, log."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deploy.sandbox.slack.api import chat, conversations, files, general, people, views
from deploy.sandbox.slack.api.call import Call, Method
from deploy.sandbox.slack.core import Core
from deploy.sandbox.slack.dropped import Dropped
from deploy.sandbox.slack.errors import Refused
from deploy.sandbox.slack.faults import Fault

METHODS: dict[str, Method] = {
    **chat.METHODS, **conversations.METHODS, **files.METHODS, **general.METHODS, **people.METHODS, **views.METHODS,
}  # fmt: skip


async def api(core: Core, request: Request) -> Response:
    """Serve /api/{method}."""
    name = str(request.path_params["method"])
    args = merged_args(request, await request.body())
    token = _token(request, args)
    fault = core.faults.next_for(name)
    early = await before(fault)
    if early is not None:
        core.record(kind="api", method=name, args=args, status=early.status_code, answer=None, fault=_effect(fault))
        return early
    answer = _carry_out(core, name, args, token)
    core.record(kind="api", method=name, args=args, status=200, answer=answer, fault=_effect(fault))
    late = after(fault)
    if late is not None:
        return late
    scopes = ",".join(sorted(core.scopes))
    return JSONResponse(answer, headers={"X-OAuth-Scopes": scopes, "X-Accepted-OAuth-Scopes": _scope(name)})


def merged_args(request: Request, body: bytes) -> dict[str, Any]:
    """Query, then form or JSON body; empty and null values count as absent."""
    args: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/json" and body:
        try:
            given = json.loads(body)
        except ValueError:
            given = {}
        args |= given if isinstance(given, dict) else {}
    elif body:
        args |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return {name: value for name, value in args.items() if value is not None}


def _token(request: Request, args: dict[str, Any]) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else str(args.get("token", ""))
    args.pop("token", None)
    return given


def _carry_out(core: Core, name: str, args: dict[str, Any], token: str) -> dict[str, Any]:
    try:
        method = METHODS.get(name)
        if method is None:
            raise Refused("unknown_method")
        call = Call(core, name, args)
        _admit(core, method, call, token)
        answer = {"ok": True, **method.run(call)}
    except Refused as refusal:
        return refusal.answer()
    core.changed()
    return answer


def _admit(core: Core, method: Method, call: Call, token: str) -> None:
    if method.token == "none":  # noqa: S105 - a kind, not a token
        return
    if not token:
        raise Refused("not_authed")
    if token not in (core.bot_token, core.app_token):
        raise Refused("invalid_auth")
    if token != (core.bot_token if method.token == "bot" else core.app_token):  # noqa: S105
        raise Refused("not_allowed_token_type")
    if method.scope:
        call.need_scope(method.scope)


def _scope(name: str) -> str:
    method = METHODS.get(name)
    return (method.scope or "") if method else ""


def _effect(fault: Fault | None) -> str | None:
    return fault.effect if fault else None


async def before(fault: Fault | None) -> Response | None:
    """What happens to a call before it is carried out; an answer means that it is not."""
    match fault:
        case Fault(effect="slow"):
            await asyncio.sleep(fault.seconds)
        case Fault(effect="reset"):
            return Dropped(at_once=True)
        case Fault(effect="ratelimited"):
            body = {"ok": False, "error": "ratelimited"}
            return JSONResponse(body, 429, headers={"Retry-After": str(fault.retry_after)})
        case Fault(effect="error"):
            return JSONResponse({"ok": False, "error": fault.error})
        case Fault(effect="status"):
            return PlainTextResponse("<html>Something went wrong</html>", fault.status, media_type="text/html")
    return None


def after(fault: Fault | None) -> Response | None:
    """What happens to a call once it is carried out; an answer stands in for the real one."""
    if fault is not None and fault.effect in ("lost", "hang"):
        return Dropped(at_once=fault.effect == "lost")
    return None
