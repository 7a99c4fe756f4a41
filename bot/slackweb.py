"""Slack's Web API through `slack_sdk`: one call each, no retries of its own (the outbox has them), errors by class.

A post whose answer was lost may have happened: those errors are `SlackAnswerLost`, and only those.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import http
from bot.clock import Clock, http_date, to_ms
from bot.errors import SlackAnswerLost, SlackBusy, SlackDown, SlackError
from bot.paces import Turns
from bot.slack import Message, Posted, SlackPerson, View
from bot.slackcodes import error_for
from bot.storable import storable

log = logging.getLogger(__name__)

TIMEOUT_S = 15
GROUP_LIFE, MEMBERS_LIFE = timedelta(minutes=5), timedelta(minutes=1)
PAGE, HISTORY_PAGES, MEMBER_PAGES = 200, 5, 50
CLOCKS_AGREE = timedelta(seconds=2)  # `Date` is to the second
FURTHEST = timedelta(days=36_500)  # a clock that is further off is off no more than this: sums stay within `datetime`
LONGEST_NAME, LONGEST_ZONE, LONGEST_ID = 200, 64, 32  # characters
_TS = re.compile(r"[0-9]{1,11}\.[0-9]{1,9}")  # an instant, within `datetime`
HOOK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
UPLOAD_SUFFIXES = (".slack.com", ".slack-gov.com")
DEFAULT_API = "https://slack.com/api/"


class SlackWeb:
    """`bot.slack.Slack`. Its connections live until `close`, in one event loop."""

    def __init__(
        self, token: str, clock: Clock, *, base_url: str = DEFAULT_API, timeout_s: int = TIMEOUT_S,
        turns: Turns | None = None,
    ) -> None:  # fmt: skip
        """`turns`: paces what is looked up; what is sent is paced by the outbox."""
        self._turns = turns
        self._clock, self._base, self._timeout = clock, http.URL(base_url), timeout_s
        self.client = AsyncWebClient(
            token, base_url=base_url, timeout=timeout_s, retry_handlers=[], logger=_quiet_logger()
        )
        local = self._base.host in LOOPBACK
        if local:  # the SDK takes HTTP_PROXY from the environment and knows no exceptions
            self.client.proxy = None
        self._trust_env = not local
        self._groups: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._skew: timedelta | None = None

    @cached_property
    def _hooks(self) -> http.Client:
        """For addresses that Slack hands out; made when the first one is used (its certificates take 20 ms)."""
        return http.Client(timeout=self._timeout, follow_redirects=False, trust_env=self._trust_env)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if "_hooks" in self.__dict__:
            await self._hooks.aclose()
        if self.client.session is not None:
            await self.client.session.close()
            self.client.session = None

    # --- messages ------------------------------------------------------------------------------

    async def post(self, channel: str, message: Message, metadata: Mapping[str, Any]) -> Posted:
        """Post a new message; nothing in it is unfurled. Raises SlackAnswerLost when it may have been posted."""
        answer = await self._call(
            "chat.postMessage",
            writes=True,
            json={
                "channel": channel,
                **_content(message),
                "metadata": dict(metadata),
                "unfurl_links": False,
                "unfurl_media": False,
            },
        )
        if (ts := _stamp(answer)) is None or not _word(answer, "channel"):
            raise _unreadable(writes=True)  # without a `ts` nothing was delivered (contract 2); the history will tell
        return Posted(str(answer["channel"]), ts)

    async def update(self, channel: str, ts: str, message: Message, metadata: Mapping[str, Any]) -> None:
        """Redraw a message of ours. Repeating it is harmless."""
        await self._call(
            "chat.update",
            json={"channel": channel, "ts": ts, **_content(message, always=True), "metadata": dict(metadata)},
        )

    async def find(self, channel: str, key: str, oldest: datetime) -> str | None:
        """The `ts` of the message with this key among the newest thousand since `oldest`.

        Slack has no search by metadata for bots; source: conversations.history, `include_all_metadata`.
        """
        wanted, cursor = key.partition("@")[0], ""
        for _ in range(HISTORY_PAGES):
            params = {
                "channel": channel,
                "oldest": _ts(self._theirs(oldest)),
                "inclusive": "true",
                "limit": str(PAGE),
                "include_all_metadata": "true",
            } | ({"cursor": cursor} if cursor else {})
            answer = await self._call("conversations.history", params=params)
            for message in _entries(answer, "messages"):
                if isinstance(message, dict) and wanted in _keys(message) and (ts := _stamp(message)):
                    return ts
            if not (cursor := _cursor(answer)):
                break
        return None

    async def respond(self, url: str, message: Message, *, replace: bool = False) -> None:
        """Answer through a response_url; only to Slack's hook hosts or the origin of the API (contract 6)."""
        if not self._is_hook(url):
            raise SlackError("forbidden_url", "That response_url is none of Slack's.")
        body = {"response_type": "ephemeral", "replace_original": replace, **_content(message)}
        response = await self._send("POST", url, json=body)
        if response.status_code != 200 or _said(response) not in ("ok", ""):
            raise error_for(_said(response), response.status_code, response.headers, writes=False)

    async def open_dm(self, user: str) -> str:
        """The id of the conversation with `user`."""
        answer = await self._call("conversations.open", params={"users": user})
        return _needed(_part(answer, "channel"), "id")

    # --- views ---------------------------------------------------------------------------------

    async def open_view(self, trigger_id: str, view: View) -> str:
        """Open a modal within the trigger's three seconds; returns its id."""
        answer = await self._call("views.open", json={"trigger_id": trigger_id, "view": view})
        return _needed(_part(answer, "view"), "id")

    async def update_view(self, view_id: str, view: View) -> None:
        """Redraw a modal."""
        await self._call("views.update", json={"view_id": view_id, "view": view})

    async def publish_home(self, user: str, view: View) -> None:
        """Redraw somebody's App Home."""
        await self._call("views.publish", json={"user_id": user, "view": view})

    # --- files ---------------------------------------------------------------------------------

    async def upload(self, channel: str, thread_ts: str | None, png: bytes, *, title: str, alt: str) -> None:
        """Share a picture in a conversation, in the thread of `thread_ts` if given; three calls, as Slack wants it."""
        slot = await self._call(
            "files.getUploadURLExternal",
            params={"filename": "chart.png", "length": str(len(png)), "alt_txt": alt[:1000]},
        )
        await self._put_file(_needed(slot, "upload_url"), png)
        shared = {"files": [{"id": _needed(slot, "file_id"), "title": title}], "channel_id": channel}
        await self._call(
            "files.completeUploadExternal", writes=True, json=shared | ({"thread_ts": thread_ts} if thread_ts else {})
        )

    async def _put_file(self, url: str, png: bytes) -> None:
        target = http.URL(url)
        at_slack = target.scheme == "https" and target.host.endswith(UPLOAD_SUFFIXES)
        if not (at_slack or _origin(target) == _origin(self._base)):
            raise SlackError("forbidden_url", "That upload address is none of Slack's.")
        response = await self._send("POST", url, content=png, headers={"content-type": "application/octet-stream"})
        if response.status_code != 200:
            raise error_for("upload_failed", response.status_code, response.headers, writes=False)

    # --- people --------------------------------------------------------------------------------

    async def person(self, user: str) -> SlackPerson:
        """What Slack knows of somebody, now."""
        found = _part(await self._call("users.info", params={"user": user}), "user")
        profile, known_as = _part(found, "profile"), _needed(found, "id")[:LONGEST_ID]
        names = (_word(part, name) for part, name in ((profile, "display_name"), (profile, "real_name"),
                                                      (found, "real_name"), (found, "name")))  # fmt: skip
        zone = _word(found, "tz")
        return SlackPerson(
            id=known_as,
            team=_word(found, "team_id") or "",
            name=storable(next((name for name in names if name), known_as))[:LONGEST_NAME],
            zone=storable(zone) if zone and len(zone) <= LONGEST_ZONE else None,
            deleted=bool(found.get("deleted")),
            bot=bool(found.get("is_bot")),
            guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            stranger=bool(found.get("is_stranger")),
        )

    async def group(self, group: str, *, fresh: bool = False) -> frozenset[str]:
        """Members of a user group, at most five minutes old; `fresh`: as Slack says now."""

        async def read() -> frozenset[str]:
            answer = await self._call("usergroups.users.list", params={"usergroup": group})
            return frozenset(str(user) for user in _entries(answer, "users"))

        return await self._kept(group, timedelta(0) if fresh else GROUP_LIFE, read)

    async def members(self, channel: str) -> frozenset[str]:
        """Who is in a channel, at most a minute old."""

        async def read() -> frozenset[str]:
            found: set[str] = set()
            cursor = ""
            for _ in range(MEMBER_PAGES):
                params = {"channel": channel, "limit": "1000"} | ({"cursor": cursor} if cursor else {})
                answer = await self._call("conversations.members", params=params)
                found.update(str(user) for user in _entries(answer, "members"))
                if not (cursor := _cursor(answer)):
                    break
            return frozenset(found)

        return await self._kept(channel, MEMBERS_LIFE, read)

    async def whoami(self) -> Mapping[str, Any]:
        """`auth.test`, with `scopes` as granted and `date`, Slack's clock as its header says."""
        headers: dict[str, str] = {}
        answer = await self._call("auth.test", seen=headers)
        scopes = headers.get("x-oauth-scopes", "")
        return {
            **answer,
            "scopes": frozenset(scope.strip() for scope in scopes.split(",") if scope.strip()),
            "date": headers.get("date", ""),
        }

    # --- the wire ------------------------------------------------------------------------------

    async def _kept(self, name: str, life: timedelta, read: Callable[[], Awaitable[frozenset[str]]]) -> frozenset[str]:
        now = self._clock.now()
        known = self._groups.get(name)
        if known and timedelta(0) <= now - known[0] < life:
            return known[1]
        found = await read()
        self._groups[name] = (now, found)
        return found

    async def _call(
        self, method: str, *, writes: bool = False, seen: dict[str, str] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """One call. `writes`: repeating it would be seen, so a lost answer must be told from a refusal."""
        if self._turns is not None:
            await self._turns.take(method)
        self._connect()
        verb = "GET" if method in _READ_BY_GET else "POST"
        try:
            response = await self.client.api_call(method, http_verb=verb, **arguments)
        except SlackApiError as error:
            raise await self._noted(_refused(error, writes=writes), method) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise SlackDown("connection", f"Slack cannot be reached: {type(error).__name__}") from None
        except (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise _lost(error, writes=writes) from None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            # The SDK expects every answer to be an object. What it holds is told nowhere: it may be anything.
            log.warning("the answer to %s cannot be read: %s", method, type(error).__name__)
            raise _unreadable(writes=writes) from None
        self._hear(response.headers or {})
        if seen is not None:
            seen.update({str(name).lower(): str(value) for name, value in (response.headers or {}).items()})
        return _fields(response.data, writes=writes)

    async def _noted(self, error: SlackError, method: str) -> SlackError:
        """`Retry-After` counts per method."""
        if isinstance(error, SlackBusy):
            error.method = method
            if self._turns is not None and error.retry_after is not None:
                await self._turns.rest(method, error.retry_after)
        return error

    def _hear(self, headers: Mapping[str, Any]) -> None:
        """Its clock, to the second; a proxy that leaves `Date` out changes nothing."""
        said = next((str(value) for name, value in headers.items() if str(name).lower() == "date"), "")
        if (at := http_date(said)) is not None:
            skew = at - self._clock.now().replace(microsecond=0)
            self._skew = max(-FURTHEST, min(skew, FURTHEST))

    def skew(self) -> timedelta | None:
        """Slack's clock minus ours."""
        return self._skew

    def _theirs(self, at: datetime) -> datetime:
        """An instant of our clock by Slack's, where theirs is behind: it stamps what we look for."""
        skew = self._skew or timedelta(0)
        return at + skew - CLOCKS_AGREE if skew < -CLOCKS_AGREE else at

    def _connect(self) -> None:
        """A session for all calls, made in the loop that uses it."""
        if self.client.session is None or self.client.session.closed:
            limits = aiohttp.ClientTimeout(total=self._timeout, connect=5)
            self.client.session = aiohttp.ClientSession(timeout=limits)

    async def _send(self, verb: str, url: str, **arguments: Any) -> http.Response:
        try:
            return await self._hooks.request(verb, url, **arguments)
        except (http.ConnectError, http.ConnectTimeout, http.PoolTimeout) as error:
            raise SlackDown("connection", f"Slack cannot be reached: {type(error).__name__}") from None
        except (http.TransportError, http.DecodingError) as error:
            raise SlackAnswerLost("timeout", f"Slack's answer was lost: {type(error).__name__}") from None

    def _is_hook(self, url: str) -> bool:
        try:
            target = http.URL(url)
        except (ValueError, http.InvalidURL):
            return False
        at_slack = target.scheme == "https" and target.host in HOOK_HOSTS and target.port in (None, 443)
        return (at_slack or _origin(target) == _origin(self._base)) and not target.userinfo


_READ_BY_GET = frozenset({"users.info", "usergroups.users.list", "conversations.history", "conversations.members"})


def _content(message: Message, *, always: bool = False) -> dict[str, Any]:
    """Text and blocks; an update without blocks must take the old ones off."""
    body: dict[str, Any] = {"text": message.text}
    if message.blocks or always:
        body["blocks"] = list(message.blocks)
    return body


def _keys(message: Mapping[str, Any]) -> frozenset[str]:
    found = _part(_part(message, "metadata"), "event_payload")
    return frozenset(str(found.get("keys") or "").split(",")) | {str(found.get("key") or "")}


def _cursor(answer: Mapping[str, Any]) -> str:
    return _word(_part(answer, "response_metadata"), "next_cursor") or ""


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an answer; anything else is an empty one."""
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def _word(answer: Mapping[str, Any], name: str) -> str | None:
    """A text within an answer; anything else is absent."""
    found = answer.get(name)
    return found if isinstance(found, str) else None


def _stamp(answer: Mapping[str, Any]) -> str | None:
    """The `ts` of a message; anything else is absent."""
    ts = _word(answer, "ts")
    return ts if ts is not None and _TS.fullmatch(ts) else None


def _needed(answer: Mapping[str, Any], name: str) -> str:
    """A text that an answer is of no use without. Raises SlackDown."""
    if not (found := _word(answer, name)):
        raise _unreadable()
    return found


def _entries(answer: Mapping[str, Any], name: str) -> list[Any]:
    """A list that an answer is of no use without. Raises SlackDown: to be read as empty it would have to say so."""
    found = answer.get(name)
    if not isinstance(found, list):
        raise _unreadable()
    return found


def _ts(at: datetime) -> str:
    ms = to_ms(at)
    return f"{ms // 1000}.{ms % 1000:03d}000"


def _origin(url: http.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _said(response: http.Response) -> str:
    """What a hook answers: `ok`, an error's name, or JSON that holds one."""
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return response.text.strip()[:80]
    if isinstance(parsed, dict):
        return "ok" if parsed.get("ok") else str(parsed.get("error") or "")
    return response.text.strip()[:80]


def _fields(data: Any, *, writes: bool) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _unreadable(writes=writes)
    return data


def _unreadable(*, writes: bool = False) -> SlackError:
    """The error for an answer that is none, or lacks what it is needed for."""
    return (SlackAnswerLost if writes else SlackDown)("garbled", "Slack's answer could not be read.")


def _refused(error: SlackApiError, *, writes: bool) -> SlackError:
    response = error.response
    status: Any = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    said = data if isinstance(data, dict) else {}
    return error_for(
        str(said.get("error") or "garbled"),
        int(status),
        getattr(response, "headers", None) or {},
        writes=writes,
        said=said,
    )


def _lost(error: BaseException, *, writes: bool) -> SlackError:
    kind = SlackAnswerLost if writes else SlackDown
    return kind(
        "timeout" if isinstance(error, TimeoutError) else "connection",
        f"Slack's answer was lost: {type(error).__name__}",
    )


def _quiet_logger() -> logging.Logger:
    """The SDK's debug lines hold whole messages, httpx's information whole addresses: a response_url is a secret."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logger = logging.getLogger("leasebot.slack")
    logger.setLevel(logging.WARNING)
    return logger
