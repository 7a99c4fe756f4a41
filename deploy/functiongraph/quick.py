"""The calls to Slack that a function makes before it answers, by Slack's synchronous SDK, loaded when needed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bot.errors import SlackDown, SlackError
from bot.slack import Message, Posted, SlackPerson, View

TIMEOUT_S = 2
HOOK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
T = TypeVar("T")


class QuickSlack:
    """`handlers.ports.Quick`, and who the token is."""

    def __init__(self, token: str, api_url: str) -> None:
        self._token, self._api = token, api_url

    async def open_view(self, trigger_id: str, view: View) -> str:
        """Open a modal; returns its id."""
        answer = await self._call("views.open", json={"trigger_id": trigger_id, "view": view})
        return str(answer["view"]["id"])

    async def update_view(self, view_id: str, view: View) -> None:
        """Redraw a modal."""
        await self._call("views.update", json={"view_id": view_id, "view": view})

    async def team(self) -> str:
        """The workspace of the token."""
        return str((await self._call("auth.test"))["team_id"])

    async def person(self, user: str) -> SlackPerson:
        """What Slack knows of somebody, now."""
        found = (await self._call("users.info", params={"user": user}))["user"]
        profile = found.get("profile") or {}
        name = profile.get("display_name") or profile.get("real_name") or found.get("name")
        return SlackPerson(
            id=str(found["id"]), team=str(found.get("team_id") or ""), name=str(name or found["id"]),
            zone=found.get("tz") or None, deleted=bool(found.get("deleted")), bot=bool(found.get("is_bot")),
            guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            stranger=bool(found.get("is_stranger")),
        )  # fmt: skip

    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None:
        """Answer through a response_url; only to Slack's hook hosts or the origin of the API."""
        if not self._is_hook(url):
            raise SlackError("forbidden_url", "That response_url is none of Slack's.")
        body: dict[str, Any] = {"response_type": "ephemeral", "replace_original": replace, "text": message.text}
        if message.blocks:
            body["blocks"] = list(message.blocks)

        def send() -> int:
            from slack_sdk.webhook import WebhookClient

            return WebhookClient(url, timeout=TIMEOUT_S, retry_handlers=[]).send_dict(body).status_code

        if (status := await _in_thread(send)) != 200:
            raise SlackError(f"http_{status}")

    async def tell(self, user: str, message: Message, metadata: Mapping[str, Any]) -> Posted:
        """Post a message to somebody's DM."""
        opened = await self._call("conversations.open", json={"users": user})
        body = {"channel": opened["channel"]["id"], "text": message.text, "metadata": dict(metadata)}
        if message.blocks:
            body["blocks"] = list(message.blocks)
        answer = await self._call("chat.postMessage", json=body | {"unfurl_links": False, "unfurl_media": False})
        return Posted(str(answer["channel"]), str(answer["ts"]))

    async def group(self, group: str) -> frozenset[str]:
        """Who is in a user group."""
        return frozenset((await self._call("usergroups.users.list", params={"usergroup": group}))["users"])

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            from slack_sdk.errors import SlackApiError
            from slack_sdk.web import WebClient

            client = WebClient(self._token, base_url=self._api, timeout=TIMEOUT_S, retry_handlers=[])
            try:
                return dict(client.api_call(method, **arguments).data)  # type: ignore[arg-type]
            except SlackApiError as error:
                raise SlackError(str(error.response.get("error") or "garbled")) from None

        return await _in_thread(call)

    def _is_hook(self, url: str) -> bool:
        target, base = urlsplit(url), urlsplit(self._api)
        at_slack = target.scheme == "https" and target.netloc in HOOK_HOSTS
        return at_slack or (target.scheme, target.netloc) == (base.scheme, base.netloc)


async def _in_thread(work: Callable[[], T]) -> T:
    """The SDK waits; the loop does not. Raises SlackDown when Slack cannot be reached."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise SlackDown("connection", f"Slack cannot be reached: {type(error).__name__}") from None
