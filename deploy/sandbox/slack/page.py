"""The browser page's backend: what one person sees, what they do, and when anything changed."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from deploy.sandbox.asked import instant
from deploy.sandbox.slack import wire
from deploy.sandbox.slack.errors import NotThere
from deploy.sandbox.slack.interactions import Interactions
from deploy.sandbox.slack.outgoing import Answer
from deploy.sandbox.slack.workspace import Channel, Message

TRAFFIC, FINDINGS = 50, 100
HEARTBEAT_S = 15.0
KINDS = {"im": "im"}


def state(slack: Interactions, user: str, base: str) -> dict[str, Any]:
    """Everything the page draws for `user`; `base` is the page's own origin, for pictures."""
    team = slack.workspace
    if not slack.person(user).is_stranger:
        team.open_im(user)
    seen = [channel for channel in team.channels.values() if team.sees(user, channel)]
    home = slack.home(user)
    return {
        "now_ms": slack.clock.now_ms(),
        "command": slack.command_name,
        "bot_id": team.bot_user,
        "users": [
            {"id": u.id, "name": u.real_name, "role": u.role, "tz": u.tz, "avatar_color": u.avatar_color}
            for u in team.users.values()
        ],
        "channels": [_channel(slack, user, channel) for channel in seen],
        "messages": {c.id: [_message(slack, m, base) for m in c.messages if _shown(m, user)] for c in seen},
        "home": wire.view(slack, home) if home else None,
        "modals": [{**wire.view(slack, team.views[v]), "errors": team.views[v].errors}
                   for v in team.stacks.get(user, [])],
        "traffic": [_traffic(entry) for entry in slack.log if entry["kind"] == "request"][-TRAFFIC:],
        "findings": slack.findings[-FINDINGS:],
        "cloud_account": slack.cloud_accounts.get(user),
    }  # fmt: skip


def _shown(message: Message, user: str) -> bool:
    return message.ephemeral_to in (None, user)


def _channel(slack: Interactions, user: str, channel: Channel) -> dict[str, Any]:
    bot = slack.workspace.users[slack.workspace.bot_user]
    name = bot.name if channel.kind == "im" else channel.name
    read = slack.workspace.read_us.get((user, channel.id), 0)
    unread = sum(m.user != user and not m.ephemeral_to and _us(m.ts) > read for m in channel.messages)
    return {"id": channel.id, "name": name, "kind": KINDS.get(channel.kind, "channel"), "unread": unread}


def _us(ts: str) -> int:
    return int(ts.replace(".", ""))


def _message(slack: Interactions, message: Message, base: str) -> dict[str, Any]:
    files = [{"url": f"{base}/files/{f.secret}/{f.name}", "alt": f.alt or f.title, "title": f.title or f.name}
             for f in message.files]  # fmt: skip
    return {
        "ts": message.ts, "user": message.user, "text": message.text, "blocks": message.blocks,
        "metadata": message.metadata, "ephemeral": message.ephemeral_to is not None, "thread_ts": message.thread_ts,
        "edited": message.edited is not None, "files": files, "via_response_url": message.via_response_url,
        "reactions": {name: len(users) for name, users in message.reactions.items()},
    }  # fmt: skip


def _traffic(entry: dict[str, Any]) -> dict[str, Any]:
    ack = entry["latency_ms"] if entry["status"] else None
    return {"at_ms": entry["at_ms"], "label": entry["label"], "status": entry["status"], "ack_ms": ack,
            "ok": entry["ok"], "note": entry["note"]}  # fmt: skip


class Page:
    """The endpoints under /_page; each takes JSON and answers JSON, `error` naming what went wrong.

    What is refused is still answered with 200: a browser writes every other status on its console.
    """

    def __init__(self, slack: Interactions) -> None:
        self._slack = slack

    async def serve(self, request: Request) -> Response:
        """GET state, events, cloud; POST the rest."""
        name = str(request.path_params["name"])
        if request.method == "GET":
            return await self._get(name, request)
        act = getattr(self, f"_post_{name}", None)
        if act is None:
            return JSONResponse({"error": "not_found"}, 404)
        try:
            answer = await act(await request.json())
        except NotThere as missing:
            answer = {"error": str(missing)}
        except (KeyError, ValueError) as bad:
            answer = {"error": f"bad request: {bad}"}
        return JSONResponse(answer)

    async def _get(self, name: str, request: Request) -> Response:
        if name == "state":
            user = request.query_params.get("user", "")
            if user not in self._slack.workspace.users:
                return JSONResponse({"error": f"no user {user}"})
            return JSONResponse(state(self._slack, user, str(request.base_url).rstrip("/")))
        if name == "events":
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            return StreamingResponse(self._events(), media_type="text/event-stream", headers=headers)
        if name == "cloud":
            return JSONResponse(await self._slack.cloud_view() if self._slack.cloud_view else [])
        return JSONResponse({"error": "not_found"}, 404)

    async def _events(self) -> AsyncIterator[str]:
        told = -1
        while not self._slack.closed:
            if told != self._slack.rev:
                told = self._slack.rev
                yield f'data: {{"rev": {told}}}\n\n'
            else:
                yield ": still here\n\n"
            await self._slack.next_change(told, HEARTBEAT_S)

    async def _post_command(self, body: dict[str, Any]) -> dict[str, Any]:
        self._mark_read(body["user"], body["channel"])
        return _told(await self._slack.command(body["user"], body["text"], channel=body["channel"]))

    def _mark_read(self, user: str, channel: str) -> None:
        where = self._slack.workspace.channels.get(channel)
        if where is None or not self._slack.workspace.sees(user, where):
            raise NotThere(f"{user} has no channel {channel}")
        self._slack.workspace.read_us[user, channel] = max((_us(m.ts) for m in where.messages), default=0)

    async def _post_action(self, body: dict[str, Any]) -> dict[str, Any]:
        place = body["container"]
        where = (
            {"view": place["view_id"]} if place["type"] == "view" else {"channel": place["channel"], "ts": place["ts"]}
        )
        chosen = {key: value for key, value in body.items() if key.startswith("selected_")}
        answer = await self._slack.click(
            body["user"], body["action_id"], block_id=body.get("block_id"), value=body.get("value"),
            selected=chosen or None, state=body.get("state"), **where,
        )  # fmt: skip
        return _told(answer)

    async def _post_submit(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._slack.submit(body["user"], body["view_id"], body.get("state") or {})
        errors = self._slack.workspace.views[body["view_id"]].errors
        return {**(_told(answer) if answer.note != "form" else {}), **({"errors": errors} if errors else {})}

    async def _post_close(self, body: dict[str, Any]) -> dict[str, Any]:
        await self._slack.close_view(body["user"], body["view_id"])
        return {}

    async def _post_suggest(self, body: dict[str, Any]) -> dict[str, Any]:
        place = body.get("container") or {}
        at = {"channel": place["channel"], "ts": place["ts"]} if place.get("type") == "message" else {}
        view, query = body.get("view_id"), body.get("query", "")
        answer = await self._slack.suggest(body["user"], view, body["block_id"], body["action_id"], query, **at)
        given = answer.body if isinstance(answer.body, dict) else {}
        groups = given.get("option_groups") or []
        options = given.get("options") or [option for group in groups for option in group["options"]]
        return {"options": options, **({"option_groups": groups} if groups else {})}

    async def _post_home(self, body: dict[str, Any]) -> dict[str, Any]:
        self._slack.person(body["user"])
        return _told(await self._slack.open_home(body["user"]))

    async def _post_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        now = self._slack.clock.now_ms()
        await self._slack.push_clock(instant({"advance_ms": body["advance_ms"]}, now) - now)
        return {"now_ms": self._slack.clock.now_ms()}

    async def _post_cloud(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["activity"] not in ("busy", "idle"):
            raise ValueError("activity is busy or idle")
        if self._slack.set_activity is not None:
            await self._slack.set_activity(str(body["notebook_id"]), body["activity"])
        self._slack.changed()
        return {}


def _told(answer: Answer) -> dict[str, Any]:
    """Status and Slack's line for a failure; the traffic list says it too, so it is no `error`."""
    return {"status": answer.status, "ack_ms": answer.latency_ms, "note": answer.note}
