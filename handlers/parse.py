"""The grammar of the command: what was typed -> what is wanted. Pure; every slip becomes a BadInput that helps.

Instants stay as typed (`Until`) until the person's zone is known; durations are seconds, names are raw.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import to_ms
from bot.errors import BadInput
from bot.render import ids
from bot.rules.durations import WEEKDAYS, parse_duration, parse_instant
from handlers import words
from handlers.fields import check_disk, check_name
from handlers.words import Typed

HELP = "help"


@dataclass(frozen=True, slots=True)
class Request:
    """Something to be carried out: a verb and its arguments."""

    verb: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Help:
    """The help page, or one command in full."""

    topic: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """A modal to be opened, with what is known already."""

    callback: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Until:
    """An instant as it was typed."""

    text: str


Wish = Request | Help | Form
_Rule = Callable[[Typed], Wish]


def parse(text: str) -> Wish:
    """What the command wants. Raises BadInput with what is wrong and how it is meant to be."""
    typed = words.read(text)
    if not typed.words:
        return Help(None)
    name = typed.words[0].text.lower()
    rule = _RULES.get(name)
    if rule is None:
        raise _unknown(typed)
    return rule(typed)


def needs_zone(wish: Wish) -> bool:
    """Whether an instant in it waits for the person's zone."""
    return isinstance(wish, Request) and any(isinstance(value, Until) for value in wish.args.values())


def settle(wish: Wish, now: datetime, zone: ZoneInfo) -> Wish:
    """The same with its instants as milliseconds. Raises BadInput for an instant that is none, or has passed."""
    if not isinstance(wish, Request):
        return wish
    return replace(
        wish,
        args={
            name: to_ms(parse_instant(value.text, now, zone)) if isinstance(value, Until) else value
            for name, value in wish.args.items()
        },
    )


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """What was probably meant."""
    found = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return found[0] if found else None


def _unknown(typed: Typed) -> BadInput:
    word = typed.words[0].text
    if (meant := nearest(word, tuple(_RULES))) is None:
        return BadInput(f'I do not know "{word}".')
    return BadInput(f'I do not know "{word}". Did you mean "{" ".join(filter(None, (meant, typed.rest(1))))}"?')


# --- names -------------------------------------------------------------------------------------


def _named(verb: str) -> _Rule:
    """`verb NAME`: everything after the verb is the name."""
    return lambda typed: Request(verb, {"name": _name(typed, verb)})


def _name(typed: Typed, verb: str, end: int | None = None, example: str = "") -> str:
    name = typed.name(1, end).strip()
    if not name:
        raise BadInput(f"Which notebook? For example: {example or f'{verb} train-1'}")
    return name


def _plain(verb: str) -> _Rule:
    """`verb` alone."""

    def rule(typed: Typed) -> Wish:
        if len(typed.words) > 1:
            raise BadInput(f'"{verb}" takes nothing after it; I do not know what "{typed.rest(1)}" means.')
        return Request(verb, {})

    return rule


def _optional(verb: str, key: str) -> _Rule:
    """`verb [WORD…]`."""
    return lambda typed: Request(verb, {key: typed.name(1)} if len(typed.words) > 1 else {})


def _delete(typed: Typed) -> Wish:
    return Form(ids.VIEW_DELETE, {"name": _name(typed, "delete")})


# --- time --------------------------------------------------------------------------------------


def _start(typed: Typed) -> Wish:
    found = typed.words
    last = found[-1].text
    if len(found) > 2 and last.lower().startswith("for="):
        return Request("start", {"name": _name(typed, "start", -1), "for_s": _seconds(last[4:])})
    if len(found) > 2 and found[-2].text.lower() == "for":
        if len(found) == 3:
            raise BadInput("Which notebook? For example: start train-1 for 4h")
        return Request("start", {"name": _name(typed, "start", -2), "for_s": _seconds(last)})
    if len(found) > 2 and last.lower() == "for":
        raise BadInput("For how long? For example: start train-1 for 4h")
    if len(found) == 3 and _LENGTH.match(last):
        return Request("start", {"name": _name(typed, "start", 2), "for_s": _seconds(last)})
    return Request("start", {"name": _name(typed, "start")})


def _extend(typed: Typed) -> Wish:
    example = "extend train-1 2h, or extend train-1 until 18:00"
    name, length, reason = _span(typed, "extend", example)
    return Request("extend", {"name": name, **length, "reason": reason})


def _keep(typed: Typed) -> Wish:
    example = "keep train-1 until 23:00 waiting for data"
    name, length, reason = _span(typed, "keep", example)
    if not reason:
        raise BadInput(f"Why? The team can see it. For example: {example}")
    return Request("keep", {"name": name, **length, "reason": reason})


_LENGTH = re.compile(r"\d+(?:[.,]\d+)?[a-z]*(?:\d+[a-z]*)*$", re.IGNORECASE)


def _span(typed: Typed, verb: str, example: str) -> tuple[str, dict[str, Any], str]:
    """`NAME (D | [for|by] D | until T) [reason]`: the name is what stands before the first length or `until`."""
    _name(typed, verb, example=example)
    for at in range(2, len(typed.words)):
        word = typed.words[at]
        if word.quoted:
            continue
        if word.text.lower() == "until":
            text, after = _instant(typed, at + 1, example)
            return _name(typed, verb, at), {"until_ms": Until(text)}, typed.rest(after)
        if _LENGTH.match(word.text):
            _whole(typed, at)
            end = at - 1 if at > 2 and typed.words[at - 1].text.lower() in ("for", "by") else at
            return _name(typed, verb, end), {"by_s": _seconds(word.text)}, typed.rest(at + 1)
    raise BadInput(f"For how long? For example: {example}")


_PARTS = re.compile(r"\d+d \d+h(?:\d+m)?|(?:\d+d)?\d+h \d+m|\d+d \d+m", re.IGNORECASE)


def _whole(typed: Typed, at: int) -> None:
    """`1h 30m` is no hour for the reason `30m`. Raises BadInput."""
    if at + 1 >= len(typed.words) or typed.words[at + 1].quoted:
        return
    both = f"{typed.words[at].text} {typed.words[at + 1].text}"
    if _PARTS.fullmatch(both):
        raise BadInput(f'"{both}" is two words; did you mean {both.replace(" ", "")}?')


_DAYS = ("today", "tomorrow", *WEEKDAYS, "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}$")


def _instant(typed: Typed, at: int, example: str) -> tuple[str, int]:
    """The instant that begins at word `at`, and the word after it: a day takes the time that follows along."""
    if at >= len(typed.words):
        raise BadInput(f"Until when? For example: {example}")
    first = typed.words[at].text
    if typed.words[at].quoted or not (first.lower() in _DAYS or _DATE.match(first)):
        return first, at + 1
    if at + 1 >= len(typed.words):
        raise BadInput(f'At what time on "{first}"? For example: until {first} 18:00')
    return f"{first} {typed.words[at + 1].text}", at + 2


def _plan(typed: Typed) -> Wish:
    for at in range(len(typed.words) - 1, 1, -1):
        if typed.words[at].text.lower() == "at":
            text, after = _instant(typed, at + 1, "plan train-1 at 23:00")
            if after < len(typed.words):
                raise BadInput(f'I do not know what "{typed.rest(after)}" means after the time.')
            return Request("plan", {"name": _name(typed, "plan", at), "at_ms": Until(text)})
    return Request("plan", {"name": _name(typed, "plan")})


def _seconds(text: str) -> int:
    return parse_duration(text) // timedelta(seconds=1)


# --- looking -----------------------------------------------------------------------------------


_SCOPES = ("mine", "all", "running", "stopped")


def _list(typed: Typed) -> Wish:
    scope, at = "mine", 1
    if len(typed.words) > 1:
        first = typed.words[1].text
        if (person := words.mention(first)) is not None:
            scope, at = f"@{person}", 2
        elif first.startswith("@"):
            raise _who(first)
        elif first.lower() in _SCOPES and not typed.words[1].quoted:
            scope, at = first.lower(), 2
    return Request("list", {"scope": scope, "words": typed.name(at), "page": 1})


_CATEGORIES = ("cpu", "gpu", "npu")


def _flavors(typed: Typed) -> Wish:
    word = typed.name(1).lower()
    if not word:
        return Request("flavors", {})
    if word not in _CATEGORIES:
        raise BadInput(f'"{typed.name(1)}" is no category: flavors cpu, flavors gpu or flavors npu.')
    return Request("flavors", {"category": word})


_PERIODS = ("7d", "30d", "month")


def _cost(typed: Typed) -> Wish:
    scope, period = "me", "30d"
    for word in typed.words[1:]:
        lower = word.text.lower()
        if (person := words.mention(word.text)) is not None:
            scope = f"@{person}"
        elif lower in ("me", "team"):
            scope = lower
        elif lower in _PERIODS:
            period = lower
        elif lower.startswith("@"):
            raise _who(word.text)
        else:
            meant = nearest(word.text, ("me", "team", *_PERIODS))
            hint = f' Did you mean "{meant}"?' if meant else ""
            raise BadInput(f'I do not know "{word.text}" here: cost [me|team|@user] [7d|30d|month].{hint}')
    return Request("cost", {"scope": scope, "period": period})


def _who(word: str) -> BadInput:
    return BadInput(f'I cannot tell who "{word}" is: pick the person from the list that Slack offers after the @.')


def _help(typed: Typed) -> Wish:
    topic = typed.name(1).lower()
    if not topic:
        return Help(None)
    if topic in _RULES:
        return Help(topic)
    meant = nearest(topic, tuple(_RULES))
    raise BadInput(f'There is no command "{topic}".' + (f' Did you mean "help {meant}"?' if meant else ""))


# --- create and admin --------------------------------------------------------------------------


_KEYS = ("image", "flavor", "disk", "for", "project", "description", "idle", "name")


def _create(typed: Typed) -> Wish:
    if len(typed.words) == 1:
        return Form(ids.VIEW_CREATE, {})
    args = _create_args(typed)
    if "name" not in args:
        raise BadInput(
            "What is it to be called? For example: create train-1 image=pytorch1.8 "
            "flavor=modelarts.vm.cpu.2u; create alone opens a form."
        )
    check_name(args["name"])
    missing = [key for key in ("image", "flavor") if not args.get(key)]
    if missing:
        raise BadInput(
            f"{' and '.join(missing)} missing: add {' '.join(f'{key}=…' for key in missing)}; "
            "create alone opens a form."
        )
    return Request("create", args)


def _create_args(typed: Typed) -> dict[str, Any]:
    args: dict[str, Any] = {}
    at = 1
    while at < len(typed.words):
        word = typed.words[at]
        key, equals, value = word.text.partition("=")
        if equals and not word.quoted:
            _create_key(args, key.lower(), value)
        elif word.text.lower() == "idle" and "name" in args:
            args["idle"] = True
        elif word.text.lower() == "for" and "name" in args:
            at += 1
            _create_key(args, "for", typed.words[at].text if at < len(typed.words) else "")
        elif "name" in args:
            raise BadInput(
                f'I do not know what "{word.text}" means here: a notebook\'s name is one word, the rest is '
                "written like image=… flavor=… disk=50 for=4h."
            )
        else:
            args["name"] = word.text
        at += 1
    return args


def _create_key(args: dict[str, Any], key: str, value: str) -> None:
    if key not in _KEYS:
        meant = nearest(key, _KEYS)
        raise BadInput(f'I do not know "{key}=".' + (f' Did you mean "{meant}="?' if meant else ""))
    if key == "for":
        args["for_s"] = _seconds(value)
    elif key == "disk":
        args["disk"] = check_disk(value)
    elif key == "idle":
        args["idle"] = _yes(value)
    else:
        args[key] = value


def _yes(value: str) -> bool:
    if value.lower() in ("", "yes", "true", "on", "1"):
        return True
    if value.lower() in ("no", "false", "off", "0"):
        return False
    raise BadInput(f'"{value}" is neither yes nor no: write idle alone to let the cloud stop it when it is idle.')


_ADMIN = ("enforce", "shadow", "pause", "release", "map")


def _admin(typed: Typed) -> Wish:
    what = typed.words[1].text.lower() if len(typed.words) > 1 else ""
    if what not in _ADMIN:
        meant = nearest(what, _ADMIN)
        hint = f' Did you mean "admin {meant}"?' if meant else ""
        raise BadInput(f"admin needs one of: {', '.join(_ADMIN)}.{hint}")
    if what == "map":
        return _admin_map(typed)
    return Request("admin", {"what": what} | ({"project": typed.name(2)} if len(typed.words) > 2 else {}))


def _admin_map(typed: Typed) -> Wish:
    example = "admin map @ana ana-cloud"
    if len(typed.words) < 4:
        raise BadInput(f"Who, and which cloud user? For example: {example}")
    person = words.mention(typed.words[2].text)
    if person is None:
        raise _who(typed.words[2].text)
    args = {"what": "map", "user": person, "cloud_user": typed.words[3].text}
    return Request("admin", args | ({"project": typed.name(4)} if len(typed.words) > 4 else {}))


_RULES: dict[str, _Rule] = {
    HELP: _help,
    "list": _list,
    "show": _named("show"),
    "create": _create,
    "start": _start,
    "stop": _named("stop"),
    "delete": _delete,
    "extend": _extend,
    "keep": _keep,
    "open": _named("open"),
    "why": _named("why"),
    "plan": _plan,
    "images": lambda typed: Request("images", {"words": typed.name(1), "page": 1}),
    "flavors": _flavors,
    "approvals": _plain("approvals"),
    "policy": _optional("policy", "name"),
    "cost": _cost,
    "audit": _named("audit"),
    "link": _optional("link", "project"),
    "unlink": _optional("unlink", "project"),
    "whoami": _plain("whoami"),
    "settings": _plain("settings"),
    "admin": _admin,
}

COMMANDS: tuple[str, ...] = tuple(_RULES)
