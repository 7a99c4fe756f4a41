"""Words for people: escaping, dates, durations, lengths. Functions return Slack's mrkdwn unless they say plain."""

import re
from datetime import UTC, datetime, timedelta

from bot.clock import from_ms, to_ms
from bot.rules.durations import format_duration

NAME_LIMIT = 64
REASON_LIMIT = 500
MESSAGE_LIMIT = 3900  # `chat.update` refuses more than 4,000

_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_SPACES = re.compile(r"\s+")
_AT = re.compile(r"\[\[at:(\d{1,14})\]\]")
_UTC = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")
_GROUP = re.compile(r"S[A-Z0-9]{2,20}")
_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})>")
_COMMAND_WORD = re.compile(r"`([a-z]+)((?: [^`]*)?)`")


def escape(raw: str) -> str:
    """`raw` so that Slack reads no mention, link or entity in it."""
    return raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(plain: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis if something is missing."""
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def clip(mrkdwn: str, limit: int) -> str:
    """The same for escaped text: never in the middle of an entity or of a `<...>` token."""
    if len(mrkdwn) <= limit:
        return mrkdwn
    kept = re.sub(r"&[a-z]{0,4}$", "", mrkdwn[: limit - 1])
    if kept.rfind("<") > kept.rfind(">"):
        kept = kept[: kept.rfind("<")]
    return kept.rstrip() + "…"


def plain_name(raw: str, limit: int = NAME_LIMIT) -> str:
    """A name for plain text: one line, no control or direction characters, no backticks."""
    seen = _SPACES.sub(" ", _UNSEEN.sub(" ", raw.replace("`", ""))).strip()
    return cut(seen, limit) or "(no name)"


def name(raw: str, limit: int = NAME_LIMIT) -> str:
    """A name, escaped."""
    return escape(plain_name(raw, limit))


def typed_name(raw: str) -> str:
    """A name as an argument of a command that can be typed."""
    word = name(raw)
    return f'"{word}"' if " " in word else word


def bold(raw: str) -> str:
    """A name, in bold."""
    return f"*{name(raw).replace('*', '∗')}*"


def code(raw: str, limit: int = NAME_LIMIT) -> str:
    """A key, an id or a path, in fixed width."""
    return f"`{name(raw, limit)}`"


def prose(raw: str, limit: int = 1500) -> str:
    """A sentence of ours with foreign words in it: escaped; instants (`facts.at`, `… UTC`) become dates."""
    flat = _UNSEEN.sub(" ", raw.replace("\n", " ")).strip()
    said = _UTC.sub(lambda found: _instant(found[1]) or found[0], clip(escape(flat), limit))
    return _AT.sub(lambda found: when(int(found[1])), said)


def _instant(written: str) -> str:
    try:
        return when(to_ms(datetime.strptime(written, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)))
    except ValueError:
        return ""


def plain_prose(raw: str, limit: int = 1500) -> str:
    """The same where no mrkdwn is read: instants are in UTC."""
    flat = _UNSEEN.sub(" ", raw.replace("\n", " ")).strip()
    return cut(_AT.sub(lambda found: utc(int(found[1])), flat), limit)


def quote(raw: str, limit: int = REASON_LIMIT) -> str:
    """What a person wrote, as a quotation of at most five lines."""
    lines = [line for line in (_UNSEEN.sub(" ", part).strip() for part in cut(raw, limit).splitlines()) if line]
    return "\n".join(f"> {escape(line)}" for line in lines[:5]) or "> (nothing)"


def advice(raw: str, command: str) -> str:
    """A next step; `list` in it becomes what is really typed, `/notebook list`."""
    from bot.render.help import BY_NAME

    def typed(found: re.Match[str]) -> str:
        return f"`{command} {found[1]}{found[2]}`" if found[1] in BY_NAME else found[0]

    return _COMMAND_WORD.sub(typed, prose(raw))


def person(who: str) -> str:
    """A mention for a Slack id or a written mention; anything else is a name."""
    found = _MENTION.fullmatch(who)
    plain = found[1] if found else who
    return f"<@{plain}>" if _PERSON.fullmatch(plain) else name(who)


def people(who: str) -> str:
    """Several, as they were written: with commas."""
    return listed([person(each) for each in who.split(", ")[:10]])


def with_mentions(mrkdwn: str) -> str:
    """Escaped text with its mentions alive again. Only where a mention notifies nobody: in ephemeral answers."""
    return re.sub(r"&lt;@([UW][A-Z0-9]{2,20})&gt;", r"<@\1>", mrkdwn)


def mentioned(plain: str) -> str:
    """A list of ids as mentions, of people and of user groups; whatever else is in it as it is. Ephemeral only."""
    return ", ".join(_mention(each) for each in plain.split(", "))


def _mention(word: str) -> str:
    if _GROUP.fullmatch(word):
        return f"<!subteam^{word}>"
    return f"<@{word}>" if _PERSON.fullmatch(word) else escape(word)


def utc(ms: int) -> str:
    """Plain: `2026-01-01 00:00 UTC`."""
    return f"{_moment(ms):%Y-%m-%d %H:%M} UTC"


def when(ms: int) -> str:
    """A date that each reader sees in their own zone; as UTC where that is not possible."""
    return f"<!date^{to_ms(_moment(ms)) // 1000}^{{date_short_pretty}} at {{time}}|{utc(ms)}>"


def day(ms: int) -> str:
    """The day alone."""
    return f"<!date^{to_ms(_moment(ms)) // 1000}^{{date_short}}|{_moment(ms):%Y-%m-%d}>"


_LAST_MS = 253_402_300_799_000  # the end of the year 9999


def _moment(ms: int) -> datetime:
    return from_ms(min(max(ms, 0), _LAST_MS))


def duration(seconds: float) -> str:
    """`1 h 30 min`."""
    return format_duration(timedelta(seconds=seconds))


def between(from_ms_: int, to_ms_: int) -> str:
    """The length from one instant to another; never negative."""
    return duration(max(0, to_ms_ - from_ms_) / 1000)


def left(end_ms: int, now: datetime) -> str:
    """`55 min left`, or `time is up`."""
    rest = end_ms - to_ms(now)
    return f"{duration(rest / 1000)} left" if rest > 0 else "time is up"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 notebook`, `3 notebooks`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def capital(mrkdwn: str) -> str:
    """With a capital at its beginning."""
    return mrkdwn[:1].upper() + mrkdwn[1:]


def sentence(mrkdwn: str) -> str:
    """With a full stop at its end."""
    return mrkdwn if not mrkdwn or mrkdwn[-1] in ".?!…:" else mrkdwn + "."


STATUS_WORDS = {
    "INIT": "Being set up",
    "CREATING": "Being created",
    "STARTING": "Starting",
    "STOPPING": "Stopping",
    "DELETING": "Being deleted",
    "SNAPSHOTTING": "Running, saving an image",
    "RUNNING": "Running",
    "STOPPED": "Stopped",
    "CREATE_FAILED": "Could not be created",
    "START_FAILED": "Could not be started",
    "DELETE_FAILED": "Could not be deleted",
    "ERROR": "Broken",
    "FROZEN": "Frozen by the cloud",
    "DELETED": "Deleted",
    "UNKNOWN": "State unknown",
}


def price(known: str | None, flavor: str) -> str:
    """What a flavor costs, or that nobody has said (contract 9)."""
    return escape(known) if known else f"no price for {name(flavor)}" if flavor else "no price known"


def status(word: str) -> str:
    """A notebook's state in words."""
    return STATUS_WORDS.get(word, STATUS_WORDS["UNKNOWN"])


def listed_facts(*parts: str) -> str:
    """Those that are known, escaped, with commas."""
    return ", ".join(escape(part) for part in parts if part)
