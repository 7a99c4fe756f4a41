"""`/link/{ticket}`: the only place where cloud credentials are given. Plain HTML that fetches nothing."""

import base64
import hashlib
import logging
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.errors import StoreDown
from bot.operations.base import Parts
from bot.operations.links import Linked, Linking, Page, Refused, TicketGone
from bot.render.text import plain_name, plain_prose

log = logging.getLogger(__name__)

MOST = 64 * 1024  # bytes of a form
FORM = "application/x-www-form-urlencoded"

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1c1d; --soft: #616061; --line: #b5b4b5; --card: #fff; --ground: #f4f5f7;
  --accent: #0b5c8a; --bad: #a3122f; --badground: #fdecef }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --soft: #ababad; --line: #57595d; --card: #222529;
  --ground: #15171a; --accent: #5fb3e0; --bad: #ff8fa3; --badground: #3a1d24 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 3rem auto; padding: 2rem; background: var(--card); border-radius: 12px;
  border: 1px solid var(--line) }
h1 { font-size: 1.4rem; margin: 0 0 .5rem }
p { margin: .5rem 0 } .soft { color: var(--soft); font-size: .9rem }
fieldset { border: 1px solid var(--line); border-radius: 8px; margin: 1rem 0; padding: .75rem 1rem 1rem }
legend { font-weight: 600; padding: 0 .35rem }
label { display: block; margin-top: .6rem }
label.choice { margin-top: 0; display: inline }
input[type=text], input[type=password], select { width: 100%; padding: .5rem .6rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--line); border-radius: 6px }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px }
form:has(#kind-password:checked) .keys, form:has(#kind-aksk:checked) .login, form:has(#kind-temporary:checked) .login,
form:has(#kind-aksk:checked) .token { display: none }
button { margin-top: 1rem; padding: .6rem 1.4rem; font: inherit; font-weight: 600; color: #fff; background: #0b5c8a;
  border: 0; border-radius: 6px; cursor: pointer }
.bad { color: var(--bad); background: var(--badground); border-radius: 6px; padding: .6rem .8rem }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}

_KINDS = {
    "password": "IAM user and password",
    "aksk": "Permanent access key",
    "temporary": "Temporary access key with a security token",
}
_FIELDS = (  # shown for which kinds, name, label, type, autocomplete
    ("login", "domain", "Account (domain) name", "text", "organization"),
    ("login", "user", "IAM user name", "text", "username"),
    ("login", "password", "Password", "password", "current-password"),
    ("keys", "access_key", "Access key (AK)", "text", "off"),
    ("keys", "secret_key", "Secret key (SK)", "password", "off"),
    ("keys token", "security_token", "Security token (temporary keys only)", "password", "off"),
)


def link_routes(parts: Parts) -> list[Route]:
    """The routes, to be mounted beside the others."""
    door = _Door(Linking(parts))
    return [
        Route("/link/{ticket}", door.show, methods=["GET"]),
        Route("/link/{ticket}", door.take, methods=["POST"]),
    ]


class _Door:
    """GET shows and never spends; POST proves."""

    def __init__(self, linking: Linking) -> None:
        self._linking = linking

    async def show(self, request: Request) -> Response:
        try:
            return _html(200, form(await self._linking.page(request.path_params["ticket"])))
        except TicketGone as error:
            return _gone(error)
        except (SQLAlchemyError, StoreDown):
            return _down()

    async def take(self, request: Request) -> Response:
        ticket = request.path_params["ticket"]
        try:
            fields = await _fields(request)
            return _ended(await self._linking.prove(ticket, fields))
        except TicketGone as error:
            return _gone(error)
        except Refused as error:
            return await self._again(ticket, error, fields)
        except (SQLAlchemyError, StoreDown):
            return _down()

    async def _again(self, ticket: str, error: Refused, fields: Mapping[str, str]) -> Response:
        """The form once more with what is wrong; without it after the last try. Secrets are never sent back."""
        if error.left > 0:
            try:
                return _html(422, form(await self._linking.page(ticket), error=error, before=fields))
            except TicketGone:
                pass  # spent meanwhile by another request: only the reason is left to be told
        return _html(422, _page("Not accepted", f'<p class="bad">{_said(error)}</p>'))


async def _fields(request: Request) -> dict[str, str]:
    """The form's fields; an empty one for a body of another kind or size, which is then refused like any other."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        return {}
    return dict(pairs)


def _html(status: int, text: str) -> Response:
    return HTMLResponse(text, status, headers=HEADERS)


def _ended(done: Linked) -> Response:
    who, project = escape(done.cloud_user), escape(done.project)
    if done.state == "waiting":
        text = (
            f"<p>Your credentials are right, but cloud user <strong>{who}</strong> is linked to somebody else. "
            f"An admin of <strong>{project}</strong> must confirm it; I tell you in Slack.</p>"
        )
        return _html(202, _page("An admin must confirm", text))
    text = (
        f"<p>You are linked to cloud user <strong>{who}</strong> for <strong>{project}</strong>.</p>"
        "<p>You can close this page and go back to Slack; what waited for this goes on by itself.</p>"
    )
    return _html(200, _page("Linked", text))


def _gone(error: TicketGone) -> Response:
    return _html(410, _page("This page is over", f"<p>{_said(error)}</p>"))


def _down() -> Response:
    log.exception("the linking page cannot reach the store")
    text = "<p>Nothing was stored. Try again in a minute; the page stays valid.</p>"
    return _html(503, _page("Not now", text))


def _said(error: Exception) -> str:
    step = str(getattr(error, "next_step", "")).replace("`", "")
    return escape(plain_prose(f"{error} {step}".strip(), 600))


# --- the page ----------------------------------------------------------------------------------


def form(page: Page, *, error: Refused | None = None, before: Mapping[str, str] | None = None) -> str:
    """The form, with who will be able to act above it. `before` fills in again what is no secret."""
    known = dict(before or {})
    kind = known["kind"] if known.get("kind") in _KINDS else "password"
    wrong = f'<p class="bad" role="alert">{_said(error)} {_left(error)}</p>' if error else ""
    body = (
        f"<p><strong>{escape(plain_name(page.person))}</strong> ({escape(page.user)}) in Slack will be able to start, "
        "stop, extend, create and delete notebooks as the cloud user you give here. "
        "If that is not you, close this page.</p>"
        f"{wrong}"
        '<form method="post" autocomplete="off">'
        f'<input type="hidden" name="csrf" value="{escape(page.csrf)}">'
        f"{_project(page, known)}"
        f"<fieldset><legend>What you have</legend>{''.join(_choice(each, kind) for each in _KINDS)}</fieldset>"
        f"{''.join(_input(*field, known) for field in _FIELDS)}"
        '<button type="submit">Check and connect</button></form>'
        '<p class="soft">They are proven by one call to the cloud, then stored encrypted for you alone. '
        "<code>unlink</code> in Slack erases them. Nobody asks you for them in Slack.</p>"
    )
    return _page("Connect your cloud user", body)


def _left(error: Refused) -> str:
    return f"{error.left} {'try' if error.left == 1 else 'tries'} left." if error.left else ""


def _project(page: Page, known: Mapping[str, str]) -> str:
    chosen = known.get("project") if known.get("project") in page.projects else page.project
    options = "".join(
        f'<option value="{escape(name)}"{" selected" if name == chosen else ""}>{escape(name)}</option>'
        for name in page.projects
    )
    where = page.endpoints.get(str(chosen), "")
    to = f'<p class="soft">They are sent to {escape(where)} and nowhere else.</p>' if len(page.projects) == 1 else ""
    return f'<label for="project">Project</label><select id="project" name="project">{options}</select>{to}'


def _choice(kind: str, chosen: str) -> str:
    """One way to prove it; the fields of the others fold away where the browser can."""
    checked = " checked" if kind == chosen else ""
    return (
        f'<div><input type="radio" id="kind-{kind}" name="kind" value="{kind}"{checked}> '
        f'<label class="choice" for="kind-{kind}">{_KINDS[kind]}</label></div>'
    )


def _input(shown: str, name: str, label: str, type_: str, complete: str, known: Mapping[str, str]) -> str:
    """Secrets are never filled in again."""
    value = f' value="{escape(known[name])}"' if type_ == "text" and known.get(name) else ""
    return (
        f'<div class="{shown}"><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{type_}"{value} '
        f'autocomplete="{complete}" spellcheck="false" autocapitalize="none"></div>'
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} - leasebot</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
